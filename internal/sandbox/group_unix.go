//go:build unix

package sandbox

import (
	"os"
	"os/exec"
	"syscall"
)

// ownGroup makes the program the head of a process group.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// endGroup kills a process and all its children that stayed in its group.
func endGroup(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGKILL) } // an error means that none is left
