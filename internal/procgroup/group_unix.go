//go:build unix

package procgroup

import (
	"os"
	"os/exec"
	"syscall"
)

// Own makes the program the head of a process group; call it before Start.
func Own(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// End kills a process and all its children that stayed in its group.
func End(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGKILL) } // an error means that none is left
