//go:build amd64 || arm64

package confine

import (
	"os"
	"slices"
	"strconv"
	"strings"
)

// look is where the kernel tells about a process, and its status there; false if it is
// gone, or if the number is that of another of a process' threads. Of one whose
// first thread has ended while others go on the first tells nothing any more. One that
// has ended and that nobody has waited for is there and holds nothing.
// Source: proc_pid_status(5)
func look(pid int) (place, status string, ok bool) {
	number := strconv.Itoa(pid)
	place = "/proc/" + number
	b, err := os.ReadFile(place + "/status")
	status = string(b)
	if err != nil || field(status, "Tgid:") != number {
		return "", "", false
	}
	if !ended(status) {
		return place, status, true
	}
	threads, err := os.ReadDir(place + "/task")
	if err != nil {
		return place, status, true
	}
	for _, t := range threads {
		if b, err := os.ReadFile("/proc/" + t.Name() + "/status"); err == nil && !ended(string(b)) {
			return "/proc/" + t.Name(), string(b), true
		}
	}
	return place, status, true
}

// ended reports whether a status is that of a thread which has ended.
func ended(status string) bool { return slices.Contains([]string{"Z", "X"}, field(status, "State:")) }

// field is the first word behind a name in a text of the kernel's; empty if there is none.
func field(text, name string) string {
	if !strings.HasPrefix(text, name) {
		_, rest, ok := strings.Cut(text, "\n"+name)
		if !ok {
			return ""
		}
		text = rest
	} else {
		text = text[len(name):]
	}
	line, _, _ := strings.Cut(text, "\n")
	if words := strings.Fields(line); len(words) > 0 {
		return words[0]
	}
	return ""
}

// kib is a field that counts KiB, in bytes.
func kib(text, name string) int64 {
	n, _ := strconv.ParseInt(field(text, name), 10, 64) // the kernel writes numbers; none is 0
	return n << 10
}

// process is the memory that a process has, in bytes, shared or not, with what the
// kernel needs to keep it apart and what is swapped out; false if it is gone.
func process(pid int) (held int64, ok bool) {
	_, status, ok := look(pid)
	if !ok {
		return 0, false
	}
	return kib(status, "VmRSS:") + beyond(status), true // a process that is ending has none
}

// beyond is what a process holds beside what is resident: the tables of its pages,
// and pages that are swapped out.
func beyond(status string) int64 { return kib(status, "VmPTE:") + kib(status, "VmSwap:") }

// share is the memory of processes where what they share, with one another or with
// the interpreter that they were forked from, counts in parts; and how much of it is
// memory that has no file and that several can map. It takes the kernel longer to
// tell than resident.
// Source: proc_pid_smaps(5)
func share(pids []int) (sum, mapped int64) {
	for _, pid := range pids {
		place, status, ok := look(pid)
		if !ok {
			continue
		}
		b, err := os.ReadFile(place + "/smaps_rollup")
		rollup := string(b)
		if err != nil { // gone, or not ours to look into
			sum += kib(status, "VmRSS:") + beyond(status)
			mapped += kib(status, "RssShmem:")
			continue
		}
		sum += kib(rollup, "Pss:") + kib(rollup, "SwapPss:") + kib(status, "VmPTE:")
		mapped += kib(rollup, "Pss_Shmem:")
	}
	return sum, mapped
}
