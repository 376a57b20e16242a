package runtime

import (
	"context"
	"errors"
	"fmt"
	goruntime "runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/confine"
	"github.com/pipelab/pipelab/internal/prefork"
)

// keepWarm is how long an unused environment stays, in virtual time.
//
// AWS: does not say; minutes are usual.
const keepWarm = 7 * time.Minute

// patience is how long nothing may have moved before an invocation that waits for
// its turn gets a process beyond the limit: functions that wait for one another
// would otherwise do so until they time out.
const patience = 5 * time.Second

// Fleet holds the environments of all functions. Make one with NewFleet.
type Fleet struct {
	clock   *clock.Clock
	machine Machine
	// slots are taken before a process is started and given back when it is gone,
	// spare are those beyond the limit, see patience.
	slots, spare *semaphore.Weighted

	mu      sync.Mutex
	closed  bool
	idle    map[string][]*member
	members map[*Environment]*member
	broken  map[string]broken
	making  int           // environments that are no members yet
	moved   chan struct{} // closed when an environment is started, becomes idle or ends
	living  sync.WaitGroup
}

type member struct {
	env   *Environment
	key   string
	timer *clock.Timer
	stale bool                // its function has changed: not used again
	from  *semaphore.Weighted // where its slot goes
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
	// Limit is how many environments there are at a time, all functions together;
	// 0 for four to a core, eight at least.
	Limit int

	logs *atomic.Int64 // bytes of output that are still kept, of all environments
}

// NewFleet returns a fleet without environments.
//
// AWS: runs a thousand environments side by side. Here the machine sets the
// limit, and more invocations wait for their turn. Only when nothing has moved for
// a while, one more is started, up to as many again.
func NewFleet(clk *clock.Clock, machine Machine) *Fleet {
	limit := int64(machine.Limit)
	if limit < 1 {
		limit = int64(max(8, 4*goruntime.NumCPU()))
	}
	machine.logs = new(atomic.Int64)
	machine.logs.Store(allLogs)
	return &Fleet{clock: clk, machine: machine, slots: semaphore.NewWeighted(limit), spare: semaphore.NewWeighted(limit),
		idle: map[string][]*member{}, members: map[*Environment]*member{}, broken: map[string]broken{},
		moved: make(chan struct{})}
}

// ErrClosed is returned by Acquire after Close.
var ErrClosed = errors.New("no function runs: the emulator is stopping")

// Acquire gives an environment for key, a warm one or a new one made as spec
// says. Give it back with Release.
func (f *Fleet) Acquire(ctx context.Context, key string, spec func() (Spec, error)) (*Environment, error) {
	var before chan struct{} // what f.moved was when nothing began to move
	for late := false; ; {
		f.mu.Lock()
		if f.closed {
			f.mu.Unlock()
			return nil, ErrClosed
		}
		if m := f.take(key); m != nil {
			f.mu.Unlock()
			return m.env, nil
		}
		from := f.room(late && f.moved == before && f.initialised())
		if from != nil {
			f.making++
			f.living.Add(1)
			f.mu.Unlock()
			return f.create(key, from, spec)
		}
		out := f.evict()
		before = f.moved
		f.mu.Unlock()
		if out != nil {
			f.end(out) // which makes room, for us or for another
			continue
		}
		var err error
		if late, err = f.still(ctx, before); err != nil {
			return nil, err
		}
	}
}

// room takes a slot, and returns where it goes again; nil when there is none. One
// beyond the limit is taken only where nothing moves. The caller holds f.mu.
func (f *Fleet) room(stuck bool) *semaphore.Weighted {
	switch {
	case f.slots.TryAcquire(1):
		return f.slots
	case stuck && f.spare.TryAcquire(1):
		f.move()
		return f.spare
	}
	return nil
}

// initialised reports whether every environment is past its start: on a busy
// machine that takes its time, and is no reason to start even more. The caller
// holds f.mu.
func (f *Fleet) initialised() bool {
	for env := range f.members {
		if !env.initialised() {
			return false
		}
	}
	return f.making == 0
}

// move tells whoever waits that something has changed; the caller holds f.mu.
func (f *Fleet) move() {
	close(f.moved)
	f.moved = make(chan struct{})
}

// still waits until something moves, and reports whether nothing did for as long
// as patience lasts.
func (f *Fleet) still(ctx context.Context, moved <-chan struct{}) (bool, error) {
	wait, cancel := context.WithCancel(ctx)
	defer cancel()
	late := make(chan struct{})
	go func() {
		if f.clock.SleepMachine(wait, patience) == nil {
			close(late)
		}
	}()
	select {
	case <-moved:
		return false, nil
	case <-late:
		return true, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// end closes an environment that is no member any more, and gives its slot back
// once the process is gone.
func (f *Fleet) end(m *member) {
	m.env.close()
	f.leave(m.from)
}

// leave gives a slot back.
func (f *Fleet) leave(from *semaphore.Weighted) {
	from.Release(1)
	f.mu.Lock()
	f.move()
	f.mu.Unlock()
	f.living.Done()
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
		go f.end(m)
	}
	return nil
}

// evict removes some idle environment; the caller holds f.mu, and ends it later.
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

// create starts an environment for which there is a slot.
func (f *Fleet) create(key string, from *semaphore.Weighted, spec func() (Spec, error)) (*Environment, error) {
	env, err := f.start(key, spec)
	m := &member{env: env, key: key, from: from}
	f.mu.Lock()
	f.making--
	closed := f.closed
	if err == nil && !closed {
		f.members[env] = m
	}
	f.mu.Unlock()
	switch {
	case err != nil:
		f.leave(from)
		return nil, err
	case closed:
		f.end(m)
		return nil, ErrClosed
	}
	return env, nil
}

// start runs a process, or refuses to where the last ones have all come to grief.
func (f *Fleet) start(key string, spec func() (Spec, error)) (env *Environment, err error) {
	s, err := spec()
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil && s.Ended != nil {
			s.Ended()
		}
	}()
	dir, err := f.machine.Scratch()
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	last := f.broken[key]
	f.mu.Unlock()
	if last.times < enough {
		return f.machine.start(f.clock, dir, s)
	}
	return f.machine.refuse(f.clock, s, "Runtime.ExitError", fmt.Sprintf("%s; so did %d in a row, and no more are started",
		last.text, last.times)), nil
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
	f.move()
	f.mu.Unlock()
	switch {
	case keep:
	case m == nil: // whoever has taken it out gives its slot back
		env.close()
	default:
		f.end(m)
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
		f.end(m)
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
		f.end(m)
	}
}

// Open lets a closed fleet start environments again. It was closed for a reset, or
// to go back to an earlier state: what was logged since is gone.
func (f *Fleet) Open() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = false
	f.machine.logs.Store(allLogs)
}

// Close ends all environments, those at work and those being started too, and
// waits for them.
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
	for _, m := range all {
		go f.end(m)
	}
	f.living.Wait() // for those that are being started, too
}
