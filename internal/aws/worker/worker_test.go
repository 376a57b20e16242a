package worker_test

import (
	"bytes"
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/aws/worker"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func start(t *testing.T, resume func(context.Context) error) (*worker.Worker, *clock.Clock, *bytes.Buffer) {
	t.Helper()
	clk, log := clock.NewManual(epoch), &bytes.Buffer{}
	w := worker.New("test", clk, slog.New(slog.NewTextHandler(log, nil)), resume)
	require.NoError(t, w.Start(t.Context()))
	t.Cleanup(w.Stop)
	return w, clk, log
}

func TestAt_happensWhenItIsDueAndNotAfterStop(t *testing.T) {
	t.Parallel()
	w, clk, _ := start(t, nil)
	var done []string
	note := func(what string) func(context.Context) {
		return func(context.Context) { done = append(done, what) }
	}
	w.At(epoch.Add(2*time.Minute), "second", note("second"))
	w.After(time.Minute, "first", note("first"))
	dropped := w.After(time.Minute, "dropped", note("dropped"))
	require.True(t, dropped.Stop())
	require.False(t, dropped.Stop())
	w.At(epoch.Add(-time.Hour), "overdue", note("overdue"))
	require.NoError(t, clk.Advance(t.Context(), 90*time.Second))
	require.Equal(t, []string{"overdue", "first"}, done)
	w.Stop()
	require.Nil(t, w.After(0, "late", note("late")), "nothing is planned outside of a run")
	require.NoError(t, w.Start(t.Context()))
	require.NoError(t, clk.Advance(t.Context(), time.Hour))
	require.Equal(t, []string{"overdue", "first"}, done, "a plan belongs to its run")
}

func TestStart_takesUpWhatIsLeft(t *testing.T) {
	t.Parallel()
	var w *worker.Worker
	resumed := 0
	w, clk, _ := start(t, func(ctx context.Context) error {
		require.NoError(t, ctx.Err())
		resumed++
		return nil
	})
	require.Equal(t, 1, resumed)
	require.Error(t, w.Start(t.Context()), "it runs")
	w.Stop()
	w.Stop()
	require.Error(t, w.Context().Err())
	require.NoError(t, w.Start(t.Context()))
	require.NoError(t, w.Context().Err())
	require.Equal(t, 2, resumed)
	require.NoError(t, clk.Advance(t.Context(), time.Hour))
}

func TestPanic_endsOneCallAndIsTriedAgain(t *testing.T) {
	t.Parallel()
	w, clk, log := start(t, nil)
	var at []time.Duration
	w.After(time.Minute, "sweep", func(context.Context) {
		at = append(at, clk.Now().Sub(epoch))
		if len(at) < 4 {
			panic("at the disco")
		}
	})
	require.NoError(t, clk.Advance(t.Context(), time.Hour))
	require.Equal(t, []time.Duration{time.Minute, 61 * time.Second, 63 * time.Second, 67 * time.Second}, at)
	require.Contains(t, log.String(), "at the disco")
	require.Contains(t, log.String(), "worker_test.go", "the stack tells where")

	require.True(t, w.Go("one", func(context.Context) { panic("again") }))
	require.NoError(t, clk.Idle(t.Context()), "it counts as ended")
	require.ErrorIs(t, w.Guard("two", func() { panic("more") }), worker.ErrPanic)
	require.NoError(t, w.Guard("three", func() {}))
}

func TestStop_waitsForAllWorkAndLetsNoneBegin(t *testing.T) {
	t.Parallel()
	w, _, _ := start(t, nil)
	var over atomic.Int32
	slow := func(ctx context.Context) {
		<-ctx.Done() // the work is told to end
		over.Add(1)
	}
	require.True(t, w.Go("goroutine", slow))
	work, end, ok := w.Begin(t.Context())
	require.True(t, ok)
	go func() {
		slow(work)
		end()
	}()
	w.Stop()
	require.EqualValues(t, 2, over.Load())
	require.False(t, w.Go("late", slow))
	_, _, ok = w.Begin(t.Context())
	require.False(t, ok)
}

type key struct{}

func TestBegin_carriesTheCallersValuesButEndsWithTheWorker(t *testing.T) {
	t.Parallel()
	w, _, _ := start(t, nil)
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "call"))
	work, end, ok := w.Begin(ctx)
	require.True(t, ok)
	cancel()
	require.NoError(t, work.Err(), "a caller that goes away ends nothing")
	require.Equal(t, "call", work.Value(key{}))
	child, release := context.WithCancel(work)
	defer release()
	w.Cancel()
	<-child.Done()
	require.ErrorIs(t, work.Err(), context.Canceled)
	end()
}

// Begin beside Stop: run with -race, it finds a WaitGroup that is added to while
// somebody waits for it.
func TestBegin_besideStop(t *testing.T) {
	t.Parallel()
	w, _, _ := start(t, nil)
	stop := make(chan struct{})
	ended := make(chan struct{})
	for range 4 {
		go func() {
			defer func() { ended <- struct{}{} }()
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, end, ok := w.Begin(context.Background()); ok {
					end()
				}
			}
		}()
	}
	for range 200 {
		w.Stop()
		require.NoError(t, w.Start(context.Background()))
	}
	close(stop)
	for range 4 {
		<-ended
	}
}

func TestBackoff_doublesUpToALimit(t *testing.T) {
	t.Parallel()
	var got []time.Duration
	for n := 1; n <= 6; n++ {
		got = append(got, worker.Backoff(n, time.Second, 10*time.Second))
	}
	require.Equal(t, []time.Duration{1e9, 2e9, 4e9, 8e9, 10e9, 10e9}, got)
	require.Equal(t, time.Second, worker.Backoff(0, time.Second, time.Minute))
}
