//go:build unix

package procgroup

import (
	"os/exec"
	"syscall"
)

// Own makes the program the head of a process group; call it before Start.
func Own(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// End kills the process with this number and all its children that stayed in its group.
// Numbers below 2 are no program's: to the kernel 0 is the caller's own group and -1 everybody.
func End(pid int) {
	if pid > 1 {
		_ = syscall.Kill(-pid, syscall.SIGKILL) // an error means that none is left
	}
}
