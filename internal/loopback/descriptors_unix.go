//go:build unix

package loopback

import "syscall"

// descriptors is how many files this process may have open. The runtime has raised
// the limit as far as it goes.
func descriptors() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return mostConnections * shareOfDescriptors
	}
	return int(min(uint64(limit.Cur), 1<<30)) //nolint:unconvert // the type is signed on some systems
}
