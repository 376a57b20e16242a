package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// usage is what a process and all that it has started take.
type usage struct {
	// held is the most memory at a time, in bytes: what forks share counts once, in
	// parts, and pages of files not at all.
	held uint64
	own  uint64 // the most that the process itself had resident, in bytes
	// left is the time of processors that children have taken whose end the
	// process did not wait for, such as interpreters that serve many programs.
	left time.Duration
}

// watch samples until done.
func watch(pid int, done <-chan struct{}) (u usage) {
	for {
		now := sample(pid)
		u.held, u.own = max(u.held, now.held), max(u.own, now.own)
		if now.left > 0 {
			u.left = now.left
		}
		select {
		case <-done:
			return u
		case <-time.After(time.Second):
		}
	}
}

// tick is the unit of times in /proc on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// sample looks at the tree of processes below root; nothing where there is no
// /proc.
func sample(root int) (u usage) {
	parents, own := map[int]int{}, map[int]uint64{}
	list, _ := filepath.Glob("/proc/[0-9]*/status") // the pattern is right
	for _, name := range list {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(name))) // digits, by the pattern
		for _, line := range strings.Split(string(b), "\n") {
			key, value, _ := strings.Cut(line, ":")
			n, _ := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64) // other lines are not wanted
			switch key {
			case "PPid":
				parents[pid] = int(n) // a process id
			case "RssAnon":
				own[pid] = n << 10
			case "VmHWM":
				if pid == root {
					u.own = n << 10
				}
			}
		}
	}
	for pid, bytes := range own {
		for p := pid; p > 1; p = parents[p] {
			if p == root {
				u.held += anonymous(pid, bytes)
				break
			}
		}
		if parents[pid] == root {
			u.left += processors(pid)
		}
	}
	return u
}

// anonymous is a process' part of the memory that is no file's; resident where the
// kernel does not tell.
// Source: proc_pid_smaps(5)
func anonymous(pid int, resident uint64) uint64 {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "smaps_rollup"))
	if err != nil {
		return 0 // it has ended
	}
	_, rest, found := strings.Cut(string(b), "\nPss_Anon:")
	fields := strings.Fields(rest)
	if !found || len(fields) == 0 {
		return resident
	}
	n, _ := strconv.ParseUint(fields[0], 10, 64) // a number, by the page
	return n << 10
}

// processors is the time that a process and those it waited for have taken.
func processors(pid int) (d time.Duration) {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	fields := strings.Fields(rest)
	for i := 11; i <= 14 && i < len(fields); i++ { // utime, stime, cutime, cstime
		n, _ := strconv.ParseInt(fields[i], 10, 64) // numbers, by proc(5)
		d += time.Duration(n) * tick
	}
	return d
}
