package runtime

import (
	"context"
	"errors"
	"fmt"
	goruntime "runtime"
	"sync"
	"time"

	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/confine"
	"github.com/pipelab/pipelab/internal/prefork"
)

// keepWarm is how long an unused environment stays, in virtual time.
//
// AWS: does not say; minutes are usual.
const keepWarm = 7 * time.Minute

// patience is how long an invocation waits for another's process to end before
// it starts one beyond the limit: functions that call one another would
// otherwise wait for ever.
const patience = 5 * time.Second

// Fleet holds the environments of all functions. Make one with NewFleet.
type Fleet struct {
	clock   *clock.Clock
	machine Machine
	limit   int

	mu      sync.Mutex
	closed  bool
	idle    map[string][]*member
	members map[*Environment]*member
	broken  map[string]broken
	freed   chan struct{} // closed when an environment becomes idle or ends
}

type member struct {
	env   *Environment
	key   string
	timer *clock.Timer
	stale bool // its function has changed: not used again
}

// broken are processes of a function that, one after the other, broke a limit
// before any event had reached them, and how the last one ended.
type broken struct {
	times int
	text  string
}

// enough of them show that the next would do the same. AWS goes on for ever; here
// one function could keep a grader busy for minutes, since retries come without
// delay.
const enough = 3

// Machine is what environments run on.
type Machine struct {
	// Scratch gives a folder for their files.
	Scratch func() (string, error)
	// Endpoint is where the cloud answers.
	Endpoint func() string
	// Interpreters run Python functions; nil starts one for each.
	Interpreters *prefork.Interpreters
	// Confine says what functions may do beside what they need; nil leaves them
	// unconfined.
	Confine *confine.Policy
}

// NewFleet returns a fleet without environments.
//
// AWS: runs a thousand environments side by side. Here the machine sets the
// limit: four to a core, eight at least; more invocations wait for their turn.
func NewFleet(clk *clock.Clock, machine Machine) *Fleet {
	return &Fleet{clock: clk, machine: machine, limit: max(8, 4*goruntime.NumCPU()),
		idle: map[string][]*member{}, members: map[*Environment]*member{}, broken: map[string]broken{},
		freed: make(chan struct{})}
}

// ErrClosed is returned by Acquire after Close.
var ErrClosed = errors.New("no function runs: the emulator is stopping")

// Acquire gives an environment for key, a warm one or a new one made as spec
// says. Give it back with Release.
func (f *Fleet) Acquire(ctx context.Context, key string, spec func() (Spec, error)) (*Environment, error) {
	wait, cancel := context.WithCancel(ctx)
	defer cancel()
	late := make(chan struct{})
	waiting := false
	for {
		f.mu.Lock()
		if f.closed {
			f.mu.Unlock()
			return nil, ErrClosed
		}
		if m := f.take(key); m != nil {
			f.mu.Unlock()
			return m.env, nil
		}
		var spare *member
		over := len(f.members) >= f.limit
		if over {
			if spare = f.evict(); spare != nil {
				over = false
			}
		}
		freed := f.freed
		f.mu.Unlock()
		if spare != nil {
			spare.env.close()
		}
		if !over {
			return f.create(key, spec)
		}
		if !waiting {
			waiting = true
			go func() {
				if f.clock.SleepMachine(wait, patience) == nil {
					close(late)
				}
			}()
		}
		select {
		case <-freed:
		case <-late:
			return f.create(key, spec)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// take removes a usable idle environment of key; the caller holds f.mu.
func (f *Fleet) take(key string) *member {
	for n := len(f.idle[key]); n > 0; n = len(f.idle[key]) {
		m := f.idle[key][n-1]
		f.idle[key] = f.idle[key][:n-1]
		m.timer.Stop()
		if m.env.alive() && (m.env.spec.Expires.IsZero() || f.clock.Now().Before(m.env.spec.Expires)) {
			return m
		}
		delete(f.members, m.env)
		go m.env.close()
	}
	return nil
}

// evict removes some idle environment; the caller holds f.mu and closes it.
func (f *Fleet) evict() *member {
	for key, list := range f.idle {
		if len(list) == 0 {
			continue
		}
		m := list[0]
		f.idle[key] = list[1:]
		m.timer.Stop()
		delete(f.members, m.env)
		return m
	}
	return nil
}

func (f *Fleet) create(key string, spec func() (Spec, error)) (*Environment, error) {
	s, err := spec()
	if err != nil {
		return nil, err
	}
	dir, err := f.machine.Scratch()
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	last := f.broken[key]
	f.mu.Unlock()
	var env *Environment
	if last.times < enough {
		env, err = f.machine.start(f.clock, dir, s)
	} else {
		env = f.machine.refuse(f.clock, s, "Runtime.ExitError", fmt.Sprintf("%s; so did %d in a row, and no more are started",
			last.text, last.times))
	}
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		env.close()
		return nil, ErrClosed
	}
	f.members[env] = &member{env: env, key: key}
	return env, nil
}

// Release gives an environment back. One that is dead, or whose function has
// changed meanwhile, is closed.
func (f *Fleet) Release(env *Environment) {
	f.mu.Lock()
	m := f.members[env]
	keep := m != nil && !m.stale && !f.closed && env.alive()
	switch {
	case m == nil:
	case env.spent != "":
		f.broken[m.key] = broken{f.broken[m.key].times + 1, env.spent}
	case env.proc != nil:
		delete(f.broken, m.key)
	}
	if keep {
		f.idle[m.key] = append(f.idle[m.key], m)
		m.timer = f.clock.AfterFunc(keepWarm, func() { f.expire(m) })
	} else {
		delete(f.members, env)
	}
	close(f.freed)
	f.freed = make(chan struct{})
	f.mu.Unlock()
	if !keep {
		env.close()
	}
}

// expire ends an environment that nobody has used.
func (f *Fleet) expire(m *member) {
	f.mu.Lock()
	found := false
	for i, other := range f.idle[m.key] {
		if other == m {
			f.idle[m.key] = append(f.idle[m.key][:i:i], f.idle[m.key][i+1:]...)
			delete(f.members, m.env)
			found = true
			break
		}
	}
	f.mu.Unlock()
	if found {
		m.env.close()
	}
}

// Retire closes the environments of key, those at work when they are done.
func (f *Fleet) Retire(key string) {
	f.mu.Lock()
	list := f.idle[key]
	delete(f.idle, key)
	delete(f.broken, key)
	for _, m := range list {
		m.timer.Stop()
		delete(f.members, m.env)
	}
	for _, m := range f.members {
		m.stale = m.stale || m.key == key
	}
	f.mu.Unlock()
	for _, m := range list {
		m.env.close()
	}
}

// Open lets a closed fleet start environments again.
func (f *Fleet) Open() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = false
}

// Close ends all environments, those at work too, and waits for them.
func (f *Fleet) Close() {
	f.mu.Lock()
	f.closed = true
	var all []*member
	for _, m := range f.members {
		all = append(all, m)
		if m.timer != nil {
			m.timer.Stop()
		}
	}
	f.members, f.idle = map[*Environment]*member{}, map[string][]*member{}
	f.mu.Unlock()
	var group sync.WaitGroup
	for _, m := range all {
		group.Go(m.env.close)
	}
	group.Wait()
}
