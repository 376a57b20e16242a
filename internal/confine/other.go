//go:build !linux || !(amd64 || arm64)

package confine

import "runtime"

// Available says how the kernel of this machine can confine programs.
func Available() (Mode, string) {
	return None, "the kernel confines programs on Linux (amd64, arm64) only, not on " + runtime.GOOS + "/" + runtime.GOARCH
}

func (p *Policy) kernel() (jail, error) { return nil, ErrUnavailable }
