//go:build amd64 || arm64

package confine

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// How often is looked: at processes, and every so many times at the folders.
// A program can take what it gets in between beyond its limits.
const (
	interval      = 20 * time.Millisecond
	foldersEvery  = 5
	strangersLast = 25 // looks after which a number may be another process
)

// guard watches until the cage ends or a limit is broken, which ends it.
func (c *domains) guard() {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	before := c.policy.diskUse()
	strangers := map[int]int{} // processes that were not ours at that look
	for look := 0; ; look++ {
		select {
		case <-c.done:
			return
		case <-ticker.C:
		}
		text := c.processesOver(strangers, look)
		if text == "" && look%foldersEvery == 0 {
			if grown := c.policy.diskUse() - before; grown > c.policy.disk() {
				text = fmt.Sprintf("it wrote more than %d MiB", c.policy.disk()>>20)
			}
		}
		if text != "" {
			c.mu.Lock()
			c.breach = text
			c.mu.Unlock()
			c.keeper.kill()
			return
		}
	}
}

// processesOver counts the cage's processes and their memory and returns what
// they are too much of.
func (c *domains) processesOver(strangers map[int]int, look int) string {
	names, err := pidNames()
	if err != nil {
		return "" // without /proc nothing can be counted
	}
	var ask []int
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if seen, ok := strangers[pid]; !ok || look-seen > strangersLast {
			ask = append(ask, pid)
		}
	}
	members, err := c.keeper.members(ask)
	if err != nil {
		return "" // it is being ended
	}
	ours := map[int]bool{}
	var memory int64
	for _, pid := range members {
		ours[pid] = true
		memory += resident(pid)
	}
	for _, pid := range ask {
		if !ours[pid] {
			strangers[pid] = look
		}
	}
	switch {
	case len(members) > c.policy.processes():
		return fmt.Sprintf("it started more than %d processes", c.policy.processes())
	case memory > c.policy.memory() && c.share(members) > c.policy.memory():
		return fmt.Sprintf("it took more than %d MiB of memory", c.policy.memory()>>20)
	}
	return ""
}

func pidNames() ([]string, error) {
	proc, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer proc.Close()
	return proc.Readdirnames(-1)
}

// share is the memory of processes where what they share, with one another or
// with the interpreter that they were forked from, counts in parts. It takes the
// kernel longer to tell than resident.
// Source: proc_pid_smaps(5)
func (c *domains) share(pids []int) (sum int64) {
	for _, pid := range pids {
		b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/smaps_rollup")
		if err != nil {
			sum += resident(pid) // gone, or not ours to look into
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

// resident is the memory of a process in bytes, shared or not; 0 for one that is
// gone.
// Source: proc_pid_statm(5)
func resident(pid int) int64 {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
