package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// peak samples what a process and all that it has started hold in memory, in
// bytes, until done: pages of files are shared and do not count.
func peak(pid int, done <-chan struct{}) (most uint64) {
	for {
		most = max(most, held(pid))
		select {
		case <-done:
			return most
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// held is a sum over the tree of processes; 0 where there is no /proc.
func held(root int) (sum uint64) {
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
				parents[pid] = int(n) //nolint:gosec // a process id
			case "RssAnon":
				own[pid] = n << 10
			}
		}
	}
	for pid, bytes := range own {
		for p := pid; p > 1; p = parents[p] {
			if p == root {
				sum += bytes
				break
			}
		}
	}
	return sum
}
