//go:build amd64 || arm64

package confine

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// How often is looked: at processes, and every so many times at the folders and at
// all processes of the machine. A program can take what it gets in between beyond
// its limits.
const (
	interval     = 20 * time.Millisecond
	foldersEvery = 5
	allEvery     = 25
	manyNew      = 1000 // numbers to ask about rather than listing all
)

// guard watches until it is told to end, when it counts the processes once more, or
// until a limit is broken, which ends the cage.
func (c *domains) guard() {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	before := c.policy.diskUse()
	var seen census
	// What processes share takes long to tell, and the more of them there are the
	// longer: meanwhile their number is watched.
	shares, asked := make(chan int64, 1), false
	for look := 0; ; look++ {
		text := ""
		select {
		case <-c.done:
			if _, err := c.count(&seen); err == nil {
				c.say(c.tooMany(len(seen.members)))
			}
			return
		case sum := <-shares:
			asked = false
			if sum > c.policy.memory() {
				text = fmt.Sprintf("it took more than %d MiB of memory", c.policy.memory()>>20)
			}
		case <-ticker.C:
			memory, err := c.count(&seen)
			switch {
			case err != nil: // without /proc nothing can be counted; or it is being ended
			case c.tooMany(len(seen.members)) != "":
				text = c.tooMany(len(seen.members))
			case memory > c.policy.memory() && !asked:
				members := slices.Clone(seen.members)
				asked = true
				go func() { shares <- share(members) }()
			}
			if text == "" && look%foldersEvery == 0 {
				if grown := c.policy.diskUse() - before; grown > c.policy.disk() {
					text = fmt.Sprintf("it wrote more than %d MiB", c.policy.disk()>>20)
				}
			}
		}
		if text != "" {
			c.say(text)
			c.keeper.kill()
			return
		}
	}
}

// tooMany says that there are more processes than the policy allows; empty when
// there are not.
func (c *domains) tooMany(processes int) string {
	if processes <= c.policy.processes() {
		return ""
	}
	return fmt.Sprintf("it started more than %d processes", c.policy.processes())
}

// say makes a text the breach.
func (c *domains) say(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.breach = text
}

// census is which processes there are: to list all of a machine's takes long, so
// only those are asked about that have come since the last look.
type census struct {
	members []int // the cage's at the last look
	newest  int   // number given last until then; 0 before the first look
	older   int   // the same at the look before
	looks   int
}

// newcomers are the processes that may have become the cage's: whatever has got a
// number since the look before the last one, since a process that was just being
// made then could not be told yet; now and then all, since numbers begin again, and
// then nobody is a member yet.
func (s *census) newcomers() ([]int, error) {
	newest, err := newestProcess()
	first, since := s.older+1, newest-s.older
	s.looks++
	all := err != nil || s.newest == 0 || newest < s.newest || since > manyNew || s.looks%allEvery == 0
	s.older, s.newest = s.newest, newest
	if all {
		s.members = nil
		return processes()
	}
	var out []int
	for pid := first; pid <= newest; pid++ {
		if !slices.Contains(s.members, pid) {
			out = append(out, pid)
		}
	}
	return out, nil
}

// newestProcess is the number that a process or thread got last.
// Source: proc_loadavg(5)
func newestProcess() (int, error) {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(b))
	if len(fields) < 5 {
		return 0, fmt.Errorf("/proc/loadavg is %q", b)
	}
	return strconv.Atoi(fields[4])
}

// count brings the members up to date and returns the memory that they have, what
// they share counted for each.
func (c *domains) count(seen *census) (memory int64, err error) {
	ask, err := seen.newcomers()
	if err != nil {
		return 0, err
	}
	if len(ask) > 0 {
		found, err := c.keeper.members(ask)
		if err != nil {
			return 0, err
		}
		seen.members = append(seen.members, found...)
	}
	seen.members = slices.DeleteFunc(seen.members, func(pid int) bool {
		resident, ok := process(pid)
		memory += resident
		return !ok
	})
	return memory, nil
}

// processes lists the machine's.
func processes() ([]int, error) {
	proc, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer proc.Close()
	names, err := proc.Readdirnames(-1)
	var out []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			out = append(out, pid)
		}
	}
	return out, err
}

// share is the memory of processes where what they share, with one another or
// with the interpreter that they were forked from, counts in parts. It takes the
// kernel longer to tell than resident.
// Source: proc_pid_smaps(5)
func share(pids []int) (sum int64) {
	for _, pid := range pids {
		b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/smaps_rollup")
		if err != nil {
			resident, _ := process(pid) // gone, or not ours to look into
			sum += resident
			continue
		}
		_, rest, _ := strings.Cut(string(b), "\nPss:")
		if fields := strings.Fields(rest); len(fields) > 0 {
			kib, _ := strconv.ParseInt(fields[0], 10, 64) // the kernel writes numbers
			sum += kib << 10
		}
	}
	return sum
}

// process is the memory that a process has, in bytes, shared or not; false if it has
// ended, or if the number is that of another of a process' threads.
// Source: proc_pid_status(5)
func process(pid int) (resident int64, ok bool) {
	number := strconv.Itoa(pid)
	b, err := os.ReadFile("/proc/" + number + "/status")
	text := string(b)
	if err != nil || !strings.Contains(text, "\nTgid:\t"+number+"\n") {
		return 0, false
	}
	_, rest, _ := strings.Cut(text, "\nVmRSS:") // a process that is ending has none
	if fields := strings.Fields(rest); len(fields) > 0 {
		kib, _ := strconv.ParseInt(fields[0], 10, 64) // the kernel writes numbers
		resident = kib << 10
	}
	return resident, true
}
