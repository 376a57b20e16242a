// Package worker is the background work of one service between its start and
// its stop: timers on the virtual clock, goroutines, and work that callers
// have begun and a stop has to wait for. A service embeds a Worker and so has
// Start and Stop; what it does in between is tied to a context that ends with
// Stop, so nothing of an earlier run touches state that a reset or a restore
// has put in place since.
//
// A worker keeps nothing that a restart may not forget. What has to happen
// stands in the store, and the function given to New schedules it anew.
package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/pipelab/pipelab/internal/aws/clock"
)

// Worker runs the background work of one service. Make one with New. It is
// safe for concurrent use.
type Worker struct {
	name   string
	clock  *clock.Clock
	log    *slog.Logger
	resume func(context.Context) error

	mu  sync.Mutex
	run *run // from Start until Stop has returned
}

// run is what lies between one Start and its Stop.
type run struct {
	ctx    context.Context
	cancel context.CancelFunc
	ended  bool // no work begins any more; guarded by Worker.mu
	timers map[*Timer]bool
	work   sync.WaitGroup // added to under Worker.mu, and never once ended is set
}

// New returns a worker that is not started. The name is for the log. Start
// calls resume, which schedules what the store says is still to be done; nil schedules
// nothing.
func New(name string, clk *clock.Clock, log *slog.Logger, resume func(context.Context) error) *Worker {
	return &Worker{name: name, clock: clk, log: log, resume: resume}
}

// Start lets work begin and takes up what is left. It may be called again
// after Stop.
func (w *Worker) Start(ctx context.Context) error {
	w.mu.Lock()
	if w.run != nil {
		w.mu.Unlock()
		return fmt.Errorf("%s is started already", w.name)
	}
	r := &run{timers: map[*Timer]bool{}}
	r.ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	w.run = r
	w.mu.Unlock()
	if w.resume == nil {
		return nil
	}
	return w.resume(r.ctx)
}

// Cancel ends the context of all work and drops the timers, so that no more
// work begins. It waits for nothing.
func (w *Worker) Cancel() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.run == nil || w.run.ended {
		return
	}
	w.run.ended = true
	w.run.cancel()
	for t := range w.run.timers {
		t.timer.Stop()
	}
	clear(w.run.timers)
}

// Stop is Cancel, and returns when the work that had begun is over.
func (w *Worker) Stop() {
	w.Cancel()
	w.mu.Lock()
	r := w.run
	w.mu.Unlock()
	if r == nil {
		return
	}
	r.work.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.run == r {
		w.run = nil
	}
}

// Context ends when the worker stops; between Stop and Start it has ended
// already.
func (w *Worker) Context() context.Context {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.run == nil {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		return ended
	}
	return w.run.ctx
}

// track counts a piece of work that Stop has to wait for; nil says that none
// may begin.
func (w *Worker) track() *run {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.run == nil || w.run.ended {
		return nil
	}
	w.run.work.Add(1)
	return w.run
}

// Begin is for work that a caller does itself and that a stop has to wait for.
// The context that it returns has the values of ctx, such as the call at hand,
// but ends with the worker rather than with ctx. The caller calls end when the
// work is over. ok is false when the worker is not running, and nothing else
// is set then.
func (w *Worker) Begin(ctx context.Context) (work context.Context, end func(), ok bool) {
	r := w.track()
	if r == nil {
		return nil, nil, false
	}
	return join(r.ctx, ctx), r.work.Done, true
}

// Go runs fn in a goroutine that moves of the clock and Stop wait for. It
// reports false, and runs nothing, when the worker is not running. A panic of
// fn ends fn alone.
func (w *Worker) Go(what string, fn func(ctx context.Context)) bool {
	r := w.track()
	if r == nil {
		return false
	}
	w.clock.Begin()
	go func() {
		defer r.work.Done()
		defer w.clock.End()
		_ = w.Guard(what, func() { fn(r.ctx) }) // was logged
	}()
	return true
}

// ErrPanic is what Guard's errors wrap.
var ErrPanic = errors.New("panicked")

// Guard calls fn and returns a panic of it as an error, after it was logged
// with its stack; what is for the log.
func (w *Worker) Guard(what string, fn func()) (err error) {
	defer func() {
		if p := recover(); p != nil {
			w.log.Error("background work panicked", "service", w.name, "work", what, "panic", p,
				"stack", string(debug.Stack()))
			err = fmt.Errorf("%s: %w: %v", what, ErrPanic, p)
		}
	}()
	fn()
	return nil
}

// Backoff is the wait before attempt n+1 after n failures: first, doubled each
// time, most at the longest.
func Backoff(n int, first, most time.Duration) time.Duration {
	wait := first
	for range n - 1 {
		if wait >= most/2 {
			return most
		}
		wait *= 2
	}
	return min(wait, most)
}

// join returns a context that ends with run and has the values of both,
// those of ctx first.
func join(run, ctx context.Context) context.Context {
	return joined{run, context.WithoutCancel(ctx)}
}

type joined struct {
	context.Context
	values context.Context
}

// Value implements context.Context.
func (o joined) Value(key any) any {
	if v := o.values.Value(key); v != nil {
		return v
	}
	return o.Context.Value(key)
}
