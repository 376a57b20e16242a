//go:build amd64 || arm64

package confine

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// Holds looks at the open files of all processes of the cage. Of one that does not
// let itself be looked into nothing is known, so it holds nothing.
// Source: proc_pid_fd(5)
func (c *domains) Holds(socket uint32) bool {
	all, err := processes()
	if err != nil {
		return false
	}
	members, err := c.keeper.members(all)
	if err != nil {
		return false
	}
	want := fmt.Sprintf("socket:[%d]", socket)
	for _, pid := range members {
		folder := filepath.Join("/proc", strconv.Itoa(pid), "fd")
		files, err := os.ReadDir(folder)
		if err != nil {
			continue // it has ended
		}
		for _, f := range files {
			if to, err := os.Readlink(filepath.Join(folder, f.Name())); err == nil && to == want {
				return true
			}
		}
	}
	return false
}
