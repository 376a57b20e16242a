package procgroup

import (
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// Own makes the program the head of a process group; call it before Start.
func Own(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// End kills a process and its children. There are no signals to groups here;
// taskkill walks the tree of processes.
func End(p *os.Process) {
	_ = exec.Command("taskkill", "/T", "/F", "/PID", strconv.Itoa(p.Pid)).Run() // an error means that none is left
}
