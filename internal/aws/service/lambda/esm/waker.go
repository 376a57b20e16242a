package esm

import (
	"context"
	"sync"
	"time"

	"github.com/pipelab/pipelab/internal/aws/clock"
)

// waker lets one busy worker wait for a poke or a point in time and counts it
// as idle meanwhile. A poke that comes while nobody waits is kept.
type waker struct {
	clock *clock.Clock

	mu      sync.Mutex
	parked  chan struct{} // nil while the worker works
	pending bool
}

func newWaker(clk *clock.Clock) *waker { return &waker{clock: clk} }

func (w *waker) poke() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.parked == nil {
		w.pending = true
		return
	}
	w.clock.Begin()
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
			w.clock.Settle()
		})
		defer t.Stop()
	}
	w.clock.End()
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
	w.clock.Begin()
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
