//go:build amd64 || arm64

package confine

import (
	"bytes"
	"encoding/binary"
	"os"

	"golang.org/x/sys/unix"
)

// Fork describes the cage.
func (c *domains) Fork() *Fork {
	c.prepare()
	var program bytes.Buffer
	_ = binary.Write(&program, binary.NativeEndian, filter()) // numbers into memory
	return &Fork{
		Shell: shell, Keeper: detached, Judge: os.Getpid(), Restrict: unix.SYS_LANDLOCK_RESTRICT_SELF,
		CapGet: unix.SYS_CAPGET, CapSet: unix.SYS_CAPSET, Kept: kept, Filter: program.Bytes(),
		User: becomes(), Tasks: c.tasks(), Nice: yields, Memory: c.policy.memory() + spare, FileSize: c.policy.fileSize(),
		Open:  mostOpen,
		Outer: c.outer, Inner: c.inner, In: c.keeper.in, Out: c.keeper.out,
	}
}

// Forking looks at the process, which waits for its job.
func (c *domains) Forking(pid int) error {
	c.watch = c.begin(pid)
	return c.group.add(pid)
}

// Forked waits until the process has its keeper and begins to watch.
func (c *domains) Forked() error {
	if err := c.keeper.await(); err != nil {
		return err
	}
	c.watching.Go(c.watch.run)
	return nil
}
