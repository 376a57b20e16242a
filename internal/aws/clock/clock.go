// Package clock is the one source of time of the embedded AWS. It runs with
// the machine's clock by default and can be moved forward: everything that
// waits (visibility timeouts, retries, TTL, lifecycle rules, expiry) hangs on
// it and fires in order when it moves. It never goes backwards.
//
// Nothing outside this package may call time.Now, time.Sleep or start a timer.
package clock

import (
	"container/heap"
	"context"
	"errors"
	"sync"
	"time"
)

// ErrClosed is returned by waits that the clock's end cuts short.
var ErrClosed = errors.New("clock is closed")

// Clock is a virtual clock: the machine's time plus an offset that only grows.
// It is safe for concurrent use. Make one with New or NewManual.
type Clock struct {
	mu      sync.Mutex
	manual  bool
	base    time.Time // manual clocks only: the present
	offset  time.Duration
	shifts  []Shift
	timers  timerHeap
	first   []func()
	seq     uint64
	wake    chan struct{}
	closed  chan struct{}
	once    sync.Once
	running sync.WaitGroup
	advance sync.Mutex // one Advance at a time
	moving  bool
	work    work
	held    *time.Time // the present while the clock is held
}

// Shift is one move of the clock: from At, in machine time, the offset was
// Offset.
type Shift struct {
	At     time.Time
	Offset time.Duration
}

// New returns a clock that runs with the machine's.
func New() *Clock {
	c := newClock()
	go c.run()
	return c
}

// NewManual returns a clock that stands still at t until Advance moves it.
func NewManual(t time.Time) *Clock {
	c := newClock()
	c.manual, c.base = true, t
	return c
}

func newClock() *Clock {
	return &Clock{wake: make(chan struct{}, 1), closed: make(chan struct{})}
}

// Now returns the present in UTC, without a monotonic reading, so that stored
// and computed times compare equal.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

func (c *Clock) now() time.Time {
	if c.manual {
		return c.base
	}
	if c.held != nil {
		return *c.held
	}
	return time.Now().Add(c.offset).UTC().Round(0)
}

// Hold makes the clock stand still until Release; Advance still moves it. What
// a rate allows is then exact, however slow the machine: nothing refills while
// a program runs. Nothing happens on a clock that is held or manual already.
func (c *Clock) Hold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.manual && c.held == nil {
		now := c.now()
		c.held = &now
	}
}

// Release lets a held clock go on. It jumps over the time for which it was
// held: what fell due meanwhile is due at once.
func (c *Clock) Release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held = nil
	c.poke()
}

// Held reports whether the clock stands still.
func (c *Clock) Held() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held != nil
}

// Offset is how far the clock has been moved ahead of the machine's.
func (c *Clock) Offset() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.offset
}

// Shifts returns every move so far, oldest first, for Resume to take up again.
func (c *Clock) Shifts() []Shift {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Shift(nil), c.shifts...)
}

// Virtual converts a time that a client read from the machine's clock (the
// date of a signature) to this clock's time, by the offset that held then.
func (c *Clock) Virtual(machine time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	off := time.Duration(0)
	for _, s := range c.shifts {
		if s.At.After(machine) {
			break
		}
		off = s.Offset
	}
	return machine.Add(off).UTC()
}

// Machine is the machine's own time, for what a program on this machine reads
// from its own clock.
func (c *Clock) Machine() time.Time { return time.Now() }

// Stopwatch returns a function that tells how much machine time has passed
// since, whatever the virtual clock does: for the run time of real processes.
func (c *Clock) Stopwatch() func() time.Duration {
	start := time.Now()
	return func() time.Duration { return time.Since(start) }
}

// Timer is a pending call made by AfterFunc.
type Timer struct {
	clock *Clock
	at    time.Time
	seq   uint64
	index int // -1 when no longer pending
	fn    func()
	async bool // waits are only woken, never run to their end, by Advance
}

// Stop cancels the call. It reports false when it has already begun.
func (t *Timer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	if t.index < 0 {
		return false
	}
	heap.Remove(&t.clock.timers, t.index)
	return true
}

// AfterFunc calls fn once, d from now. While the clock runs by itself each
// call has its own goroutine; while Advance moves it, calls run one after the
// other in order of their times, and Advance waits for each to return.
func (c *Clock) AfterFunc(d time.Duration, fn func()) *Timer { return c.add(d, fn, false) }

// At is AfterFunc for a point in time; one that has passed is due at once. A
// move of the clock meanwhile does not shift that point: the present is not
// looked at before the timer is among the others.
func (c *Clock) At(t time.Time, fn func()) *Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); t.Before(now) {
		t = now
	}
	return c.plan(t, fn, false)
}

// BeforeMove makes the next move of the clock begin, or go on, only when fn has
// returned. Nothing else calls fn: time that passes by itself waits for nobody.
func (c *Clock) BeforeMove(fn func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.first = append(c.first, fn)
}

func (c *Clock) add(d time.Duration, fn func(), async bool) *Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.plan(c.now().Add(max(d, 0)), fn, async)
}

// plan adds a timer; the caller holds c.mu.
func (c *Clock) plan(at time.Time, fn func(), async bool) *Timer {
	c.seq++
	t := &Timer{clock: c, at: at, seq: c.seq, fn: fn, async: async}
	heap.Push(&c.timers, t)
	if t.index == 0 {
		c.poke()
	}
	return t
}

// Sleep waits until d has passed on this clock, ctx ends or the clock closes.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) error {
	done := make(chan struct{})
	t := c.add(d, func() { close(done) }, true)
	defer t.Stop()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-c.closed:
		return ErrClosed
	}
}

// Advance moves the clock d into the future and returns when every call that
// fell due has returned, those that they scheduled within d included. If ctx
// ends first the clock stays at the last call that was made.
func (c *Clock) Advance(ctx context.Context, d time.Duration) error {
	if d < 0 {
		return errors.New("a clock cannot be moved backwards")
	}
	c.advance.Lock()
	defer c.advance.Unlock()
	c.mu.Lock()
	target := c.now().Add(d)
	c.moving = true
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.moving = false
		c.mu.Unlock()
		c.poke()
	}()
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		c.mu.Lock()
		if len(c.first) > 0 {
			fn := c.first[0]
			c.first = c.first[1:]
			c.mu.Unlock()
			fn()
			continue
		}
		if len(c.timers) == 0 || c.timers[0].at.After(target) {
			c.moveTo(target)
			c.mu.Unlock()
			return nil
		}
		t := heap.Pop(&c.timers).(*Timer)
		c.moveTo(t.at)
		c.mu.Unlock()
		t.fn()
	}
}

// moveTo sets the present to t unless it is already past it.
func (c *Clock) moveTo(t time.Time) {
	d := t.Sub(c.now())
	if d <= 0 {
		return
	}
	if c.manual {
		c.base = t
		return
	}
	c.offset += d
	if c.held != nil {
		c.held = &t
	}
	now := time.Now()
	if n := len(c.shifts); n > 0 && now.Sub(c.shifts[n-1].At) < time.Millisecond {
		c.shifts[n-1].Offset = c.offset // one entry per move, not per timer
		return
	}
	c.shifts = append(c.shifts, Shift{At: now.UTC().Round(0), Offset: c.offset})
}

// Close ends the clock: no further call is made and waits return ErrClosed. It
// waits for the calls that are running.
func (c *Clock) Close() {
	c.once.Do(func() { close(c.closed) })
	c.running.Wait()
}

func (c *Clock) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// run fires timers of a clock that follows the machine's.
func (c *Clock) run() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(c.fireDue())
		select {
		case <-timer.C:
		case <-c.wake:
		case <-c.closed:
			return
		}
	}
}

// fireDue starts what is due and returns how long until the next timer.
func (c *Clock) fireDue() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.moving && len(c.timers) > 0 {
		wait := c.timers[0].at.Sub(c.now())
		if wait > 0 && c.held != nil {
			break // whoever moves the clock pokes
		}
		if wait > 0 {
			return wait
		}
		t := heap.Pop(&c.timers).(*Timer)
		if t.async {
			t.fn()
			continue
		}
		select {
		case <-c.closed:
			return time.Hour
		default:
		}
		c.work.firing++
		c.running.Go(func() {
			defer c.fired()
			t.fn()
		})
	}
	return time.Hour
}

// SleepMachine waits in machine time, whatever the clock does: for injected
// latency, which a program on this machine has to feel.
func (c *Clock) SleepMachine(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-c.closed:
		return ErrClosed
	}
}

// Resume takes up the moves of an earlier process. Call it before timers are made.
func (c *Clock) Resume(shifts []Shift) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shifts = append([]Shift(nil), shifts...)
	if n := len(shifts); n > 0 {
		c.offset = shifts[n-1].Offset
	}
}
