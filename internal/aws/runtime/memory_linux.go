package runtime

import (
	"bytes"
	"os"
	"strconv"
)

// peakMemory is the largest resident set that a process has had, in MiB; 0
// when it cannot be told.
// Source: proc_pid_status(5), VmHWM
func peakMemory(pid int) int {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	_, rest, ok := bytes.Cut(status, []byte("VmHWM:"))
	if !ok {
		return 0
	}
	fields := bytes.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kib, err := strconv.Atoi(string(fields[0]))
	if err != nil {
		return 0
	}
	return (kib + 1023) / 1024
}
