//go:build amd64 || arm64

package confine

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pipelab/pipelab/internal/procgroup"
)

// domains are a cage that the kernel makes.
type domains struct {
	policy       Policy
	outer, inner *os.File
	keeper       *keeper
	group        *group // nil where there is none

	before          chan start // how things are before the program runs
	looking, ending sync.Once
	done            chan struct{} // closed by Look: the watch ends
	watch           *watch        // of a fork, until it has its keeper
	watching        sync.WaitGroup

	mu     sync.Mutex
	breach string
}

// kernel makes a cage of the kernel's for one program.
func (p *Policy) kernel() (jail, error) {
	if mode, reason := Available(); mode == None {
		return nil, fmt.Errorf("%w: %s", ErrUnavailable, reason)
	}
	c := &domains{policy: *p, done: make(chan struct{})}
	var err error
	if c.outer, err = outer(); err != nil {
		return nil, err
	}
	if c.inner, err = p.inner(); err == nil {
		c.keeper, err = newKeeper()
	}
	if err == nil && p.Groups != "" {
		c.group, err = p.newGroup(p.Groups)
	}
	if err != nil {
		c.close()
		if c.keeper != nil {
			c.keeper.kill()
		}
		return nil, err
	}
	return c, nil
}

// close lets go of the domains, which the processes in them keep.
func (c *domains) close() { _, _ = c.outer.Close(), c.inner.Close() } // nothing is written to them

// Start starts cmd confined, at the head of a process group of its own. Its streams
// are files or nil. Wait for it as for any command.
func (c *domains) Start(cmd *exec.Cmd) error {
	if cmd.Err != nil {
		return cmd.Err
	}
	c.prepare()
	gate, open, err := os.Pipe()
	if err != nil {
		return err
	}
	defer open.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return errors.Join(err, gate.Close())
	}
	defer null.Close()
	if err := c.behindGate(cmd); err != nil {
		return errors.Join(err, gate.Close())
	}
	cmd.ExtraFiles = []*os.File{gate}
	procgroup.Own(cmd)
	// A stream that is left out would be opened by the confined thread.
	if cmd.Stdin == nil {
		cmd.Stdin = null
	}
	if cmd.Stdout == nil {
		cmd.Stdout = null
	}
	if cmd.Stderr == nil {
		cmd.Stderr = null
	}
	user := becomes() // a confined thread could not look
	err = onThreadOfItsOwn(func() error {
		if err := restrict(c.outer); err != nil {
			return err
		}
		if err := c.keeper.start(null); err != nil {
			return err
		}
		if err := restrict(c.inner); err != nil {
			return err
		}
		if err := takeRights(user); err != nil {
			return err
		}
		if err := filterCalls(); err != nil {
			return err
		}
		return cmd.Start()
	})
	if err = errors.Join(err, gate.Close()); err != nil {
		return err
	}
	// The thread that was in the program's domain, and could be traced from
	// there, is gone: only now the program may run.
	if err := c.group.add(cmd.Process.Pid); err != nil {
		return err
	}
	c.watching.Go(c.begin(cmd.Process.Pid).run)
	_, err = open.Write([]byte("\n"))
	return err
}

// shell is what every Linux has, for the few lines that a process runs before
// the program: limits of processes can only be set from within.
const shell = "/bin/sh"

// becoming is where the program that gives another its environment may be.
var becoming = []string{"/usr/bin/env", "/bin/env"}

// behindGate makes a command a shell that waits at the gate. Until it is opened a
// thread of ours is in the shell's domain, where it could be signalled, and no limit
// holds. So nothing of the learner's may run before: the shell has no environment, as
// the dynamic loader does what that says (LD_PRELOAD). What the program is given are
// arguments until the last step, where env(1) becomes the program with them.
func (c *domains) behindGate(cmd *exec.Cmd) error {
	i := slices.IndexFunc(becoming, func(path string) bool { _, err := os.Stat(path); return err == nil })
	if i < 0 {
		return fmt.Errorf("no %s on this machine, which gives a confined program its environment", becoming[0])
	}
	args := []string{"sh", "-c", c.prelude(), "sh", becoming[i], "-i", "--"}
	for _, v := range cmd.Env {
		if name, _, ok := strings.Cut(v, "="); !ok || name == "" {
			return fmt.Errorf("%.40q is no NAME=VALUE for a program's environment", v)
		}
	}
	args = append(args, cmd.Env...)
	if strings.Contains(cmd.Path, "=") { // env would take it for a variable
		args = append(args, shell, "-c", `exec "$@"`, "sh")
	}
	cmd.Args = slices.Concat(args, []string{cmd.Path}, cmd.Args[1:])
	cmd.Path, cmd.Env = shell, []string{}
	return nil
}

// prelude sets limits, waits until it may go on and becomes what its arguments
// say. POSIX counts files in half KiB, and Linux's shells memory in KiB.
func (c *domains) prelude() string {
	return strings.Join([]string{
		"ulimit -c 0",
		// The letter for processes differs among shells.
		fmt.Sprintf("ulimit -p %d 2>/dev/null || ulimit -u %d || exit 125", c.tasks(), c.tasks()),
		fmt.Sprintf("ulimit -f %d", (c.policy.fileSize()+511)/512),
		fmt.Sprintf("ulimit -d %d", (c.policy.memory()+spare)/1024),
		fmt.Sprintf("ulimit -n %d 2>/dev/null", mostOpen), // it fails where there are fewer
		"read -r go <&3 || exit 125",
		"exec 3<&-",
		`exec "$@"`,
	}, "\n")
}

// mostOpen is how many files a process may have open. It is what Lambda allows.
// Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const mostOpen = 1024

// spare is what one process may reserve beyond the memory of the policy:
// stacks of threads and the like, which are reserved and never used.
const spare = 256 << 20

// End kills everything in the cage and returns when it is done.
func (c *domains) End() {
	c.ending.Do(func() {
		c.Look()
		c.keeper.kill()
		c.group.end()
		c.close()
	})
}

// Look ends the watch, whose last deed is to count.
func (c *domains) Look() {
	c.looking.Do(func() {
		close(c.done)
		c.watching.Wait()
	})
}

// Breach is the limit that the program broke.
func (c *domains) Breach() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.breach
}

// onThreadOfItsOwn runs f on a thread of the operating system that ends
// afterwards, and waits for its end. Domains, capabilities and filters of calls
// belong to threads and are inherited by the processes that a thread starts.
func onThreadOfItsOwn(f func() error) error {
	type result struct {
		thread int
		err    error
	}
	answer := make(chan result, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		if unix.Gettid() != unix.Getpid() {
			answer <- result{unix.Gettid(), f()}
			return
		}
		// The main thread never ends. While it is held here, another is found.
		err := onThreadOfItsOwn(f)
		runtime.UnlockOSThread()
		answer <- result{0, err}
	}()
	r := <-answer
	for r.thread != 0 && unix.Tgkill(unix.Getpid(), r.thread, 0) == nil {
		time.Sleep(10 * time.Microsecond) // it is ending, there is nothing to wait on
	}
	return r.err
}

// restrict lets the thread enter a domain.
func restrict(rules *os.File) error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("give up new privileges: %w", err)
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_RESTRICT_SELF, rules.Fd(), 0, 0); errno != 0 {
		return fmt.Errorf("enter a Landlock domain: %w", errno)
	}
	return nil
}

// filterCalls puts the filter of system calls on the thread.
func filterCalls() error {
	f := filter()
	program := unix.SockFprog{Len: uint16(len(f)), Filter: &f[0]} // some two hundred
	if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0,
		0); err != nil {
		return fmt.Errorf("filter system calls: %w", err)
	}
	return nil
}
