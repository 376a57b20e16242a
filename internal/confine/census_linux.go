//go:build amd64 || arm64

package confine

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// census is which processes there are: to list all of a machine's takes long, so
// only those are asked about that have come since the last look.
type census struct {
	members []int // the cage's at the last look
	newest  int   // number given last until then; 0 before the first look
	older   int   // the same at the look before
	looks   int
	user    uint32 // the cage's own, once it is known; 0 where it has none

	clocks []int64 // what members had had of the processors' time before the last look, in nanoseconds
	same   bool    // they had had the same before the look before that
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

// still reports whether no member has run since before the look before the last one:
// then another look would find what the last one found, and to ask for their clocks
// takes a tenth of its time. A process that is no member yet was made by one that ran,
// and the last look would have told it, see newcomers.
func (s *census) still() bool {
	now, ok := s.clocksNow()
	return ok && s.same && slices.Equal(now, s.clocks)
}

// note keeps the members' clocks: it comes before a look.
func (s *census) note() {
	now, ok := s.clocksNow()
	s.same = ok && slices.Equal(now, s.clocks)
	s.clocks = now
}

// clocksNow is what each member has had of the processors' time; false if there is
// no member, or one is gone.
func (s *census) clocksNow() ([]int64, bool) {
	out := make([]int64, 0, len(s.members))
	for _, pid := range s.members {
		var spent unix.Timespec
		if unix.ClockGettime(clockOf(pid), &spent) != nil {
			return nil, false
		}
		out = append(out, spent.Nano())
	}
	return out, len(out) > 0
}

// isNone reports whether a number is surely no member's: its process has ended, or is
// another cage's. The keeper is a shell, and to ask it about everything that comes and
// goes on a machine would take more than all the rest, where somebody makes processes
// as fast as can be above all.
func (s *census) isNone(pid int) bool {
	if unix.Kill(pid, 0) == unix.ESRCH {
		return true
	}
	if s.user == 0 {
		return false
	}
	user := owner(pid) // root where a process does not let itself be looked into
	return user != s.user && user != 0
}

// learn finds out which user the cage has, from processes that are in it. One that is
// just becoming another user is still ours.
func (s *census) learn(members []int) {
	if s.user != 0 {
		return
	}
	for _, pid := range members {
		if user := owner(pid); user >= nobody {
			s.user = user
			return
		}
	}
}

// owner is the user of a process; 0 if it is gone.
func owner(pid int) uint32 {
	var st unix.Stat_t
	if unix.Stat("/proc/"+strconv.Itoa(pid), &st) != nil {
		return 0
	}
	return st.Uid
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
	seen.note()
	ask, err := seen.newcomers()
	if err != nil {
		return 0, err
	}
	if ask = slices.DeleteFunc(ask, seen.isNone); len(ask) > 0 {
		found, err := c.keeper.members(ask)
		if err != nil {
			return 0, err
		}
		seen.members = append(seen.members, found...)
		seen.learn(found)
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
