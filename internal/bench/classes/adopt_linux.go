package main

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// leaving is how long what a run has left may take to end: none of it is waited for.
const leaving = 2 * time.Second

// adopt runs a command as the parent of whatever that leaves behind, so that it can tell
// what all of it took and what does not end with it.
func adopt(args []string) (ran, error) {
	var r ran
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return r, err
	}
	began := time.Now()
	p, err := os.StartProcess(args[0], args, &os.ProcAttr{Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}})
	if err != nil {
		return r, err
	}
	for ended := false; !ended; {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, 0, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return r, err
		}
		if ended = pid == p.Pid; ended {
			r.Exit = status.ExitStatus() // -1 for a signal
		}
	}
	r.Took = time.Since(began)
	for until := time.Now().Add(leaving); ; time.Sleep(20 * time.Millisecond) {
		reap()
		if r.Left = children(); len(r.Left) == 0 || time.Now().After(until) {
			break
		}
	}
	for _, line := range r.Left {
		word, _, _ := strings.Cut(line, " ")
		if pid, err := strconv.Atoi(word); err == nil {
			_ = unix.Kill(pid, unix.SIGKILL) // it may end by itself
		}
	}
	var all unix.Rusage
	err = unix.Getrusage(unix.RUSAGE_CHILDREN, &all)
	r.CPU = time.Duration(all.Utime.Nano() + all.Stime.Nano())
	return r, err
}

// reap waits for those that have ended.
func reap() {
	for {
		if pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); err != nil || pid <= 0 {
			return
		}
	}
}

// children are those of this process, each with its number and command line.
func children() (out []string) {
	lists, _ := filepath.Glob("/proc/self/task/*/children") // the pattern is right
	for _, list := range lists {
		b, err := os.ReadFile(list)
		if err != nil {
			continue // the thread has ended
		}
		for _, pid := range strings.Fields(string(b)) {
			line, _ := os.ReadFile("/proc/" + pid + "/cmdline") // nothing for one that has ended
			out = append(out, pid+" "+strings.TrimSpace(strings.ReplaceAll(string(line), "\x00", " ")))
		}
	}
	return out
}

func mkfifo(name string) error { return unix.Mkfifo(name, 0o644) }
