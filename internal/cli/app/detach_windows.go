package app

import (
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/windows"
)

// detach gives the process a group of its own without a console, so that it
// survives the terminal.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.DETACHED_PROCESS}
}

// interrupt kills: there is no gentle signal, and the journal does not need one.
func interrupt(p *os.Process) error { return p.Kill() }
