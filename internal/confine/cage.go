package confine

import (
	"errors"
	"os"
	"os/exec"
)

// Cage is for one program and all that it starts. Make one with Policy.Cage;
// End it in any case, also when Start has failed. A nil Cage does not confine.
type Cage struct{ jail jail }

// jail is a way to make a cage: the kernel's domains, or a container.
type jail interface {
	Start(*exec.Cmd) error
	End()
	Breach() string
}

// watcher is a jail whose limits we watch.
type watcher interface{ Look() }

// holder is a jail that knows the sockets of its programs.
type holder interface{ Holds(socket uint32) bool }

// forker is a jail that a fork of a running interpreter can enter.
type forker interface {
	Fork() *Fork
	Forking(pid int) error
	Forked() error
}

// Cage makes a cage for one program; that of a nil policy is nil.
func (p *Policy) Cage() (*Cage, error) {
	if p == nil {
		return nil, nil // a nil cage does not confine
	}
	made := p.kernel
	if p.container != nil {
		made = p.box
	}
	j, err := made()
	if err != nil {
		return nil, err
	}
	return &Cage{j}, nil
}

// Start starts cmd confined, at the head of a process group of its own. Its streams
// are files or nil. Wait for it as for any command.
func (c *Cage) Start(cmd *exec.Cmd) error { return c.jail.Start(cmd) }

// Look looks once more whether a limit is broken, and ends the watch. A program can
// end by itself at a limit of the kernel's, as a shell does that cannot fork, before
// the watch has come round: called before what it left is killed, Breach tells that
// too. It may be called more than once.
func (c *Cage) Look() {
	if c == nil {
		return
	}
	if w, ok := c.jail.(watcher); ok {
		w.Look()
	}
}

// End kills everything in the cage and returns when it is done. It may be
// called more than once.
func (c *Cage) End() {
	if c != nil {
		c.jail.End()
	}
}

// Breach is the limit that the program broke, as a sentence; empty for none.
func (c *Cage) Breach() string {
	if c == nil {
		return ""
	}
	return c.jail.Breach()
}

// Holds reports whether a program in the cage has a socket open, which is named by
// the number of its inode. known is false where nobody can tell: nothing is
// confined, or in a container.
func (c *Cage) Holds(socket uint32) (holds, known bool) {
	if c == nil {
		return false, false
	}
	h, ok := c.jail.(holder)
	return ok && h.Holds(socket), ok
}

// Forks reports whether a fork of a running interpreter can enter the cage.
func (c *Cage) Forks() bool {
	if c == nil {
		return true
	}
	_, ok := c.jail.(forker)
	return ok
}

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
	Open     int      `json:"open"` // files at a time
	FileSize int64    `json:"fileSize"`
	Outer    *os.File `json:"-"`
	Inner    *os.File `json:"-"`
	In, Out  *os.File `json:"-"`
}

// Fork describes the cage to a process that confines itself; nil where none can.
// Call Forking when the process has been made and before it is told what to run,
// Forked once it is told.
func (c *Cage) Fork() *Fork {
	if f, ok := c.jail.(forker); ok {
		return f.Fork()
	}
	return nil
}

// Forking looks at a process that was made and has run nothing of the program's.
// After an error it must be killed.
func (c *Cage) Forking(pid int) error {
	if f, ok := c.jail.(forker); ok {
		return f.Forking(pid)
	}
	return errors.New("nothing can be forked into a container")
}

// Forked waits until the process has its keeper and begins to watch. After an
// error the process may be confined or not and must be killed.
func (c *Cage) Forked() error {
	if f, ok := c.jail.(forker); ok {
		return f.Forked()
	}
	return errors.New("nothing can be forked into a container")
}
