package prefork

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/pipelab/pipelab/internal/confine"
	"github.com/pipelab/pipelab/internal/procgroup"
)

// Interpreters keeps one server for each interpreter that was asked for. A nil
// one starts everything plainly. Make one with New, end it with Close.
type Interpreters struct {
	lender *lender // nil for those that start their own

	mu      sync.Mutex
	closed  bool
	servers map[string]*server
}

// New returns interpreters of which none runs yet.
func New() *Interpreters { return &Interpreters{servers: map[string]*server{}} }

// Process is a started program.
type Process struct {
	Pid  int
	cage atomic.Pointer[confine.Cage]
	done chan struct{}
	exit Exit
}

// Exit is how a program ended.
type Exit struct {
	Code int    // -1 when a signal ended it
	Text string // "exit status 1", "signal: killed"
}

// Wait returns when the program has ended. Any number may wait.
func (p *Process) Wait() Exit {
	<-p.done
	return p.exit
}

// End kills the program and all that is left of its process group or, where it
// has one, of its cage.
func (p *Process) End() {
	p.cage.Load().Look() // while all are there
	procgroup.End(p.Pid)
	p.cage.Load().End()
}

// Holds reports whether the program or what it has started has a socket open, see
// confine.Cage.
func (p *Process) Holds(socket uint32) (holds, known bool) { return p.cage.Load().Holds(socket) }

// Breach is the limit of its cage that the program broke, as a sentence; empty
// for none.
func (p *Process) Breach() string { return p.cage.Load().Breach() }

// Start starts cmd at the head of its own process group, in a cage unless that
// is nil. Its streams are files or nil, its environment is what it says, even
// when that is empty. The process owns the cage: End ends it, and so does an
// error.
func (i *Interpreters) Start(cmd *exec.Cmd, cage *confine.Cage) (p *Process, err error) {
	defer func() {
		if err != nil {
			cage.End()
		}
	}()
	if i != nil && cage.Forks() && python(cmd) {
		if s := i.server(cmd.Path); s != nil {
			p, err := s.start(cmd, cage)
			if err == nil || !errors.Is(err, errGone) {
				return p, err
			}
			i.forget(cmd.Path, s) // gone after a long idle time, or killed: start plainly, and a new one next time
		}
	}
	if cage != nil {
		err = cage.Start(cmd)
	} else {
		procgroup.Own(cmd)
		if cmd.Env == nil {
			cmd.Env = []string{}
		}
		err = cmd.Start()
	}
	if err != nil {
		return nil, err
	}
	p = &Process{Pid: cmd.Process.Pid, done: make(chan struct{})}
	p.cage.Store(cage)
	go func() {
		_ = cmd.Wait() // its state tells how it ended
		p.exit = Exit{Code: cmd.ProcessState.ExitCode(), Text: cmd.ProcessState.String()}
		close(p.done)
	}()
	return p, nil
}

// errGone is when an interpreter has not forked a program; it may be started
// plainly.
var errGone = errors.New("the interpreter has ended")

// python reports whether cmd runs a Python script, without options for the
// interpreter.
func python(cmd *exec.Cmd) bool {
	if cmd.Err != nil || len(cmd.Args) < 2 || strings.HasPrefix(cmd.Args[1], "-") {
		return false
	}
	name := strings.TrimPrefix(filepath.Base(cmd.Path), "python")
	return len(name) < len(filepath.Base(cmd.Path)) && strings.Trim(name, "0123456789.") == ""
}

// server returns the server of an interpreter, started if need be; nil when
// there can be none.
func (i *Interpreters) server(path string) *server {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed {
		return nil
	}
	s, ok := i.servers[path]
	if !ok {
		if s, err := i.lender.ask(path); err == nil {
			i.servers[path] = s
			return s
		}
		s, _ = launch(path) // an error means: start plainly
		i.servers[path] = s
	}
	return s
}

func (i *Interpreters) forget(path string, s *server) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.servers[path] == s {
		delete(i.servers, path)
	}
	s.close()
}

// Close ends the interpreters and the programs that run in them.
func (i *Interpreters) Close() {
	if i == nil {
		return
	}
	i.lender.close()
	i.mu.Lock()
	i.closed = true
	servers := i.servers
	i.servers = nil
	i.mu.Unlock()
	for _, s := range servers {
		if s != nil {
			s.close()
		}
	}
}

// streams opens what stands for the streams that cmd leaves out.
func streams(cmd *exec.Cmd) (files [3]*os.File, release func(), err error) {
	var opened []*os.File
	release = func() {
		for _, f := range opened {
			_ = f.Close() // the program has its own
		}
	}
	for n, stream := range []any{cmd.Stdin, cmd.Stdout, cmd.Stderr} {
		if f, ok := stream.(*os.File); ok {
			files[n] = f
			continue
		}
		if stream != nil {
			release()
			return files, nil, fmt.Errorf("stream %d of %s is no file", n, cmd.Path)
		}
		f, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
		if err != nil {
			release()
			return files, nil, err
		}
		opened = append(opened, f)
		files[n] = f
	}
	return files, release, nil
}
