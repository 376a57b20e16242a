//go:build amd64 || arm64

package confine

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

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
