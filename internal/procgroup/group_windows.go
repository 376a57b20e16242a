package procgroup

import (
	"os/exec"
	"strconv"
	"syscall"
)

// Own makes the program the head of a process group; call it before Start.
func Own(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// End kills the process with this number and its children. There are no signals to groups here;
// taskkill walks the tree of processes.
func End(pid int) {
	_ = exec.Command("taskkill", "/T", "/F", "/PID", strconv.Itoa(pid)).Run() // an error means that none is left
}
