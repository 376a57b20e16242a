//go:build unix

package grade

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// leastSpace is what a disk must have left after a submission has run. With
// less, a write has likely failed, and what came of it is nobody's grade.
const leastSpace = 16 << 20

// noSpace says which of the folders is on a disk that is full; "" for none.
func noSpace(dirs ...string) string {
	for _, dir := range dirs {
		var s unix.Statfs_t
		if unix.Statfs(dir, &s) == nil &&
			uint64(s.Bavail)*uint64(s.Bsize) < leastSpace { //nolint:unconvert // the types differ between systems
			return fmt.Sprintf("the disk that holds %s is full", dir)
		}
	}
	return ""
}
