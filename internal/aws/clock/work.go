package clock

import (
	"context"
	"time"
)

// settleLimit is how much machine time a move of the clock gives to the work
// that it set off. A function that waits for the clock itself would otherwise
// stop it for ever.
const settleLimit = 5 * time.Second

// work counts what goes on in the background: the workers that are doing
// something, as opposed to waiting for the clock or for a signal, and the calls
// of timers. Its fields are guarded by the clock's mutex.
type work struct {
	busy   int
	firing int
	// stuck is how many workers have outlasted settleLimit: later moves of the
	// clock do not wait for those again.
	stuck int
	less  chan struct{} // closed when a count falls; nil when nobody waits
}

// Begin counts a worker that has something to do. Whoever wakes a worker calls
// it for the worker, so that there is no moment in which work is due and nobody
// counts.
func (c *Clock) Begin() {
	c.mu.Lock()
	c.work.busy++
	c.mu.Unlock()
}

// End is the reverse of Begin, when the worker waits or is done.
func (c *Clock) End() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.work.busy--
	c.work.stuck = min(c.work.stuck, c.work.busy)
	c.work.fell()
}

func (w *work) fell() {
	if w.less != nil {
		close(w.less)
		w.less = nil
	}
}

// fired ends the call of a timer.
func (c *Clock) fired() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.work.firing--
	c.work.fell()
}

// Idle waits until no worker is busy, or ctx ends.
func (c *Clock) Idle(ctx context.Context) error {
	return c.until(ctx, func() bool { return c.work.busy == 0 })
}

// Busy reports whether a worker, or the call of a timer, is at work.
func (c *Clock) Busy() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.work.busy > 0 || c.work.firing > 0
}

// until waits for a condition that the end of work may bring about.
func (c *Clock) until(ctx context.Context, holds func() bool) error {
	for {
		c.mu.Lock()
		if holds() {
			c.mu.Unlock()
			return nil
		}
		if c.work.less == nil {
			c.work.less = make(chan struct{})
		}
		less := c.work.less
		c.mu.Unlock()
		select {
		case <-less:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Settle is for the calls of timers that set workers to work: a move of the
// clock goes on when their work is done, or has taken too long.
func (c *Clock) Settle() {
	ctx, cancel := context.WithTimeout(context.Background(), settleLimit) // machine time
	defer cancel()
	if c.until(ctx, func() bool { return c.work.busy <= c.work.stuck }) != nil {
		c.mu.Lock()
		c.work.stuck = c.work.busy
		c.mu.Unlock()
	}
}

// Pass returns when d has passed on this clock. While something works in the
// background it waits; once nothing does, the rest is skipped: the same things
// happen in the same order as if everybody had waited, only sooner.
func (c *Clock) Pass(ctx context.Context, d time.Duration) error {
	target := c.Now().Add(d)
	for {
		rest := target.Sub(c.Now())
		if rest <= 0 {
			return ctx.Err()
		}
		limited, cancel := context.WithTimeout(ctx, rest) // machine time
		err := c.until(limited, func() bool {
			return c.work.busy == 0 && c.work.firing == 0 && (len(c.timers) == 0 || c.timers[0].at.After(c.now()))
		})
		cancel()
		if err == nil {
			return c.Advance(ctx, max(target.Sub(c.Now()), 0))
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}
