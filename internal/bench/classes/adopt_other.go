//go:build !linux

package main

import (
	"errors"
	"os"
	"os/exec"
	"time"
)

// adopt runs a command; what it leaves behind is not told here, nor what that took.
func adopt(args []string) (ran, error) {
	cmd := exec.Command(args[0], args[1:]...) //nolint:noctx // who has started this process ends it
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	began := time.Now()
	err := cmd.Run()
	r := ran{Took: time.Since(began)}
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		r.Exit, err = exit.ExitCode(), nil
	}
	if cmd.ProcessState != nil {
		r.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	return r, err
}

func mkfifo(string) error { return errors.ErrUnsupported }
