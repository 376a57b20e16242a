package sandbox

import (
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// ownGroup makes the program the head of a process group.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// endGroup kills a process and its children. There are no signals to groups
// here; taskkill walks the tree of processes.
func endGroup(p *os.Process) {
	_ = exec.Command("taskkill", "/T", "/F", "/PID", strconv.Itoa(p.Pid)).Run() // an error means that none is left
}
