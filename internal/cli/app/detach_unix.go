//go:build unix

package app

import (
	"os"
	"os/exec"
	"syscall"
)

// detach gives the process a session of its own, so that it survives the
// terminal.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

func interrupt(p *os.Process) error { return p.Signal(syscall.SIGTERM) }
