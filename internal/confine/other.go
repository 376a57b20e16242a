//go:build !linux || !(amd64 || arm64)

package confine

import (
	"os"
	"os/exec"
	"runtime"
)

// Available says how programs can be confined on this machine.
func Available() (Mode, string) {
	return None, "PipeLab confines programs on Linux (amd64, arm64) only, not on " + runtime.GOOS + "/" + runtime.GOARCH
}

// Cage does not exist here.
type Cage struct{}

// Cage makes a cage for one program; here it cannot.
func (p *Policy) Cage() (*Cage, error) {
	if p == nil {
		return nil, nil //nolint:nilnil // a nil cage does not confine
	}
	return nil, ErrUnavailable
}

// Start starts cmd.
func (*Cage) Start(*exec.Cmd) error { return ErrUnavailable }

// End kills what runs in the cage.
func (*Cage) End() {}

// Breach is the limit that the program broke; empty for none.
func (*Cage) Breach() string { return "" }

// Fork is what a process needs that confines itself.
type Fork struct{ Outer, Inner, In, Out *os.File }

// Fork describes the cage.
func (*Cage) Fork() *Fork { return &Fork{} }

// Forked begins to watch.
func (*Cage) Forked() error { return ErrUnavailable }
