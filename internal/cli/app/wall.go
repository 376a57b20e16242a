package app

import (
	"context"
	"time"
)

// Wall is this machine's time, for judging programs that live in it.
type Wall struct{ now func() time.Time }

// Wall returns the clock that checks wait by.
func (a *App) Wall() Wall { return Wall{a.Now} }

// Now is the present.
func (w Wall) Now() time.Time { return w.now() }

// Sleep waits, or returns ctx's error.
func (Wall) Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
