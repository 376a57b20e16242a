//go:build amd64 || arm64

package confine

import (
	"bytes"
	"encoding/binary"
	"os"

	"golang.org/x/sys/unix"
)

// Fork is what a process needs that confines itself: a fork of an interpreter
// that runs already. It must do, before it runs anything of a learner's: give
// up new privileges, enter the domain Outer, start Shell with the script Keeper
// and the argument Judge, its streams In and Out, enter Inner, set the limits,
// drop the capabilities, install Filter, close the files. Numbers are those of
// the kernel, so that the process need not know them.
type Fork struct {
	Shell    string   `json:"shell"`
	Keeper   string   `json:"keeper"`
	Judge    int      `json:"judge"`
	Restrict int      `json:"restrict"` // number of the system call landlock_restrict_self
	CapGet   int      `json:"capget"`
	CapSet   int      `json:"capset"`
	Kept     uint32   `json:"kept"`  // capabilities that are kept, of the first 32
	User     int      `json:"user"`  // with its own number added, who to become; 0 for nobody else
	Tasks    int      `json:"tasks"` // processes and threads
	Nice     int      `json:"nice"`
	Filter   []byte   `json:"filter"`
	Memory   int64    `json:"memory"`
	FileSize int64    `json:"fileSize"`
	Outer    *os.File `json:"-"`
	Inner    *os.File `json:"-"`
	In, Out  *os.File `json:"-"`
}

// Fork describes the cage to a process that confines itself. Call Forked when
// the process has been made.
func (c *Cage) Fork() *Fork {
	var program bytes.Buffer
	_ = binary.Write(&program, binary.NativeEndian, filter()) // numbers into memory
	return &Fork{
		Shell: shell, Keeper: detached, Judge: os.Getpid(), Restrict: unix.SYS_LANDLOCK_RESTRICT_SELF,
		CapGet: unix.SYS_CAPGET, CapSet: unix.SYS_CAPSET, Kept: kept, Filter: program.Bytes(),
		User: becomes(), Tasks: c.tasks(), Nice: yields, Memory: c.policy.memory() + spare, FileSize: c.policy.fileSize(),
		Outer: c.outer, Inner: c.inner, In: c.keeper.in, Out: c.keeper.out,
	}
}

// Forked waits until the process has its keeper and begins to watch. After an
// error the process may be confined or not and must be killed.
func (c *Cage) Forked() error {
	if err := c.keeper.await(); err != nil {
		return err
	}
	c.watch.Go(c.guard)
	return nil
}
