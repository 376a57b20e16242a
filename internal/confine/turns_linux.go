//go:build amd64 || arm64

package confine

import (
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// fresh is the time of processors that a program may take at the priority that all have.
// Whoever has taken more lets those go first that have not: what never comes to an end
// would else take half of what there is from everybody beside it. Honest programs and
// functions need less, and nothing is lost where nobody waits.
const fresh = 5 * time.Second

// behind is the priority of who has taken more: a third of what all have, and not next to
// nothing, as an honest program may be among them.
const behind = 15

// turns is what processes of a cage have taken of the processors' time, also those that
// are gone.
type turns map[int]time.Duration

// give lowers the priority of processes that have taken much together.
func (t turns) give(pids []int) {
	for _, pid := range pids {
		var spent unix.Timespec
		if unix.ClockGettime(clockOf(pid), &spent) == nil {
			t[pid] = max(t[pid], time.Duration(spent.Nano()))
		}
	}
	var all time.Duration
	for _, d := range t {
		all += d
	}
	if all > fresh {
		for _, pid := range pids {
			lower(pid)
		}
	}
}

// clockOf is the clock of the processors' time that all threads of a process have taken.
// Source: clock_getcpuclockid(3), the kernel's linux/posix-timers_types.h
func clockOf(pid int) int32 {
	const ofProcess = 2 // CPUCLOCK_SCHED, and not of a thread
	return int32(^pid<<3 | ofProcess)
}

// lower gives all threads of a process the lower priority. It is no harm where one has
// ended.
func lower(pid int) {
	threads, err := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/task")
	if err != nil {
		return
	}
	for _, t := range threads {
		if id, err := strconv.Atoi(t.Name()); err == nil {
			if now, err := unix.Getpriority(unix.PRIO_PROCESS, id); err == nil && 20-now < behind {
				_ = unix.Setpriority(unix.PRIO_PROCESS, id, behind)
			}
		}
	}
}
