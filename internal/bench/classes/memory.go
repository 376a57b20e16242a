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
	own  uint64 // the most that its first child, which grades, had resident, in bytes
}

// watch samples until done.
func watch(pid int, done <-chan struct{}) (u usage) {
	first := 0
	for {
		now := sample(pid, &first)
		u.held, u.own = max(u.held, now.held), max(u.own, now.own)
		select {
		case <-done:
			return u
		case <-time.After(time.Second):
		}
	}
}

// sample looks at the tree of processes below root; nothing where there is no
// /proc. first is the child of root that was there first, 0 until there is one.
func sample(root int, first *int) (u usage) {
	parents, own, most := map[int]int{}, map[int]uint64{}, map[int]uint64{}
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
				most[pid] = n << 10
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
		if *first == 0 && parents[pid] == root {
			*first = pid
		}
	}
	u.own = most[*first]
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
