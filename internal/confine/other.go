//go:build !linux || !(amd64 || arm64)

package confine

import (
	"errors"
	"runtime"
)

// Available says how the kernel of this machine can confine programs.
func Available() (Mode, string) {
	return None, "the kernel confines programs on Linux (amd64, arm64) only, not on " + runtime.GOOS + "/" + runtime.GOARCH
}

func (p *Policy) kernel() (jail, error) { return nil, ErrUnavailable }

// ErrNoGroups is wrapped where programs get no control groups.
var ErrNoGroups = errors.New("no control groups")

// Groups says why programs get no control groups here.
func Groups() (string, error) { return "", ErrNoGroups }

// LeaveGroups undoes what Groups has made: nothing.
func LeaveGroups(string) {}
