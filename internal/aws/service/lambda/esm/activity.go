package esm

import (
	"context"
	"sync"
	"time"

	"github.com/pipelab/pipelab/internal/aws/clock"
)

// settleLimit is how much machine time a move of the clock gives to the work
// that it set off. A function that waits for the clock itself would otherwise
// stop it for ever.
const settleLimit = 5 * time.Second

// activity counts the workers that are doing something, as opposed to waiting
// for the clock or a source. A waker counts as soon as it wakes somebody, so
// there is no moment in which work is due and nobody counts.
type activity struct {
	mu   sync.Mutex
	busy int
	// stuck is how many of them have outlasted settleLimit: later moves of the
	// clock do not wait for those again.
	stuck int
	less  chan struct{} // closed when busy falls; nil when nobody waits
}

func (a *activity) begin() {
	a.mu.Lock()
	a.busy++
	a.mu.Unlock()
}

func (a *activity) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.busy--
	a.stuck = min(a.stuck, a.busy)
	if a.less != nil {
		close(a.less)
		a.less = nil
	}
}

// wait returns when nobody is busy, or ctx ends.
func (a *activity) wait(ctx context.Context) error {
	return a.until(ctx, func() bool { return a.busy == 0 })
}

// until waits for a condition that an end may bring about.
func (a *activity) until(ctx context.Context, holds func() bool) error {
	for {
		a.mu.Lock()
		if holds() {
			a.mu.Unlock()
			return nil
		}
		if a.less == nil {
			a.less = make(chan struct{})
		}
		less := a.less
		a.mu.Unlock()
		select {
		case <-less:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// settle is wait with a limit in machine time, for calls from the clock.
func (a *activity) settle(clk *clock.Clock) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		defer cancel()
		_ = clk.SleepMachine(ctx, settleLimit) // ends early with ctx
	}()
	if a.until(ctx, func() bool { return a.busy <= a.stuck }) != nil {
		a.mu.Lock()
		a.stuck = a.busy
		a.mu.Unlock()
	}
}

// waker lets one busy worker wait for a poke or a point in time and counts it
// as idle meanwhile. A poke that comes while nobody waits is kept.
type waker struct {
	act   *activity
	clock *clock.Clock

	mu      sync.Mutex
	parked  chan struct{} // nil while the worker works
	pending bool
}

func newWaker(act *activity, clk *clock.Clock) *waker { return &waker{act: act, clock: clk} }

func (w *waker) poke() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.parked == nil {
		w.pending = true
		return
	}
	w.act.begin()
	close(w.parked)
	w.parked = nil
}

// park waits for a poke, for the time until (zero: no time) or for the end of
// ctx, whose error it returns. While the clock is being moved it stands still
// until what the time set off is done.
func (w *waker) park(ctx context.Context, until time.Time) error {
	w.mu.Lock()
	if w.pending || !until.IsZero() && !until.After(w.clock.Now()) {
		w.pending = false
		w.mu.Unlock()
		return ctx.Err()
	}
	ch := make(chan struct{})
	w.parked = ch
	w.mu.Unlock()
	if !until.IsZero() {
		t := w.clock.At(until, func() {
			w.wake(ch)
			w.act.settle(w.clock)
		})
		defer t.Stop()
	}
	w.act.end()
	select {
	case <-ch:
	case <-ctx.Done():
		w.wake(ch)
		<-ch
	}
	return ctx.Err()
}

// wake ends one particular wait, if it is still on.
func (w *waker) wake(ch chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.parked != ch {
		return
	}
	w.act.begin()
	close(ch)
	w.parked = nil
}

// sleep waits until a time has come, whatever pokes arrive; they are kept.
func (w *waker) sleep(ctx context.Context, until time.Time) error {
	poked := false
	for until.After(w.clock.Now()) {
		if err := w.park(ctx, until); err != nil {
			return err
		}
		poked = poked || until.After(w.clock.Now())
	}
	if poked {
		w.poke()
	}
	return ctx.Err()
}
