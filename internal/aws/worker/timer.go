package worker

import (
	"context"
	"time"

	"github.com/pipelab/pipelab/internal/aws/clock"
)

// The wait after a panic, before what panicked is tried again.
const (
	firstRetry  = time.Second
	longestWait = 5 * time.Minute
)

// Timer is work that is scheduled for a point in time. Its methods do nothing on
// nil, which is what At returns while the worker is not running.
type Timer struct {
	worker *Worker
	run    *run
	what   string
	fn     func(context.Context)
	panics int
	timer  *clock.Timer // guarded by Worker.mu
}

// At schedules fn for a point in time, at once when it has passed, in the run of
// the worker that there is now: nothing is scheduled while there is none, because
// Start schedules what is left. While the clock is being moved, fn runs in the
// order of due times and the move waits for it; otherwise it has a goroutine of
// its own. When fn panics it is called again, after a wait that grows.
func (w *Worker) At(t time.Time, what string, fn func(ctx context.Context)) *Timer {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.run == nil || w.run.ended {
		return nil
	}
	out := &Timer{worker: w, run: w.run, what: what, fn: fn}
	out.schedule(t)
	return out
}

// After is At for a time from now.
func (w *Worker) After(d time.Duration, what string, fn func(ctx context.Context)) *Timer {
	return w.At(w.clock.Now().Add(d), what, fn)
}

// schedule sets the timer; the caller holds the worker's mutex.
func (t *Timer) schedule(at time.Time) {
	t.run.timers[t] = true
	t.timer = t.worker.clock.At(at, t.fire)
}

// Stop takes the work off the schedule. It reports false when it has begun, or is
// off already.
func (t *Timer) Stop() bool {
	if t == nil {
		return false
	}
	t.worker.mu.Lock()
	defer t.worker.mu.Unlock()
	if !t.run.timers[t] {
		return false
	}
	delete(t.run.timers, t)
	t.timer.Stop()
	return true
}

// fire is what the clock calls.
func (t *Timer) fire() {
	w := t.worker
	w.mu.Lock()
	if !t.run.timers[t] { // taken off, or the run is over
		w.mu.Unlock()
		return
	}
	delete(t.run.timers, t)
	t.run.work.Add(1)
	w.mu.Unlock()
	defer t.run.work.Done()
	if w.Guard(t.what, func() { t.fn(t.run.ctx) }) == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !t.run.ended {
		t.panics++
		t.schedule(w.clock.Now().Add(Backoff(t.panics, firstRetry, longestWait)))
	}
}
