package clock_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/clock"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func TestAdvance_firesInOrderAndWhatFallsDueOnTheWay(t *testing.T) {
	t.Parallel()
	c := clock.NewManual(epoch)
	var fired []string
	note := func(s string) { fired = append(fired, s+" "+c.Now().Sub(epoch).String()) }
	c.AfterFunc(3*time.Second, func() { note("third") })
	c.AfterFunc(time.Second, func() {
		note("first")
		c.AfterFunc(time.Second, func() { note("second, made by first") })
	})
	stopped := c.AfterFunc(2*time.Second, func() { note("stopped") })
	require.True(t, stopped.Stop())
	c.AfterFunc(time.Hour, func() { note("too late") })
	require.NoError(t, c.Advance(context.Background(), 10*time.Second))
	require.Equal(t, []string{"first 1s", "second, made by first 2s", "third 3s"}, fired)
	require.Equal(t, epoch.Add(10*time.Second), c.Now())
	require.Error(t, c.Advance(context.Background(), -1))
}

func TestNew_runsByItselfAndCanBeMoved(t *testing.T) {
	t.Parallel()
	c := clock.New()
	defer c.Close()
	soon := make(chan struct{})
	c.AfterFunc(time.Millisecond, func() { close(soon) })
	<-soon
	before := c.Now()
	require.NoError(t, c.Advance(context.Background(), 25*time.Hour))
	require.GreaterOrEqual(t, c.Now().Sub(before), 25*time.Hour)
	again := clock.New()
	defer again.Close()
	again.Resume(c.Shifts())
	require.Equal(t, c.Offset(), again.Offset())
	require.Equal(t, before.Add(-time.Hour), c.Virtual(before.Add(-time.Hour)), "signed before the move: no offset then")
}

func TestHold_standsStillUntilItIsReleased(t *testing.T) {
	t.Parallel()
	c := clock.New()
	defer c.Close()
	c.Hold()
	c.Hold()
	require.True(t, c.Held())
	at := c.Now()
	fired := make(chan struct{})
	c.AfterFunc(time.Microsecond, func() { close(fired) })
	require.NoError(t, c.SleepMachine(context.Background(), 3*time.Millisecond))
	require.Equal(t, at, c.Now(), "machine time passes, the clock's does not")
	select {
	case <-fired:
		require.Fail(t, "a timer fired while the clock stood still")
	default:
	}
	require.NoError(t, c.Advance(context.Background(), time.Hour))
	require.Equal(t, at.Add(time.Hour), c.Now(), "it is moved to the nanosecond")
	<-fired
	late := make(chan struct{})
	c.AfterFunc(time.Microsecond, func() { close(late) })
	c.Release()
	require.False(t, c.Held())
	<-late
	require.False(t, c.Now().Before(at.Add(time.Hour+3*time.Millisecond)), "what was held back has passed")
}

func TestBeforeMove_keepsAMoveBackAndNothingElse(t *testing.T) {
	t.Parallel()
	c := clock.New()
	defer c.Close()
	var at []time.Duration
	before := c.Now()
	hold := func() { at = append(at, c.Now().Sub(before).Truncate(time.Hour)) }
	c.BeforeMove(hold)
	passed := make(chan struct{})
	c.AfterFunc(0, func() { close(passed) })
	<-passed
	require.Empty(t, at, "time that passes by itself waits for nobody")
	c.AfterFunc(time.Hour, func() { c.BeforeMove(hold) })
	require.NoError(t, c.Advance(context.Background(), 3*time.Hour))
	require.Equal(t, []time.Duration{0, time.Hour}, at)
	require.NoError(t, c.Advance(context.Background(), time.Hour))
	require.Len(t, at, 2, "a hold holds once")
}

func TestSleep_endsWithItsContextOrTheClock(t *testing.T) {
	t.Parallel()
	c := clock.New()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, c.Sleep(ctx, time.Hour), context.Canceled)
	c.Close()
	require.ErrorIs(t, c.Sleep(context.Background(), time.Hour), clock.ErrClosed)
}

func TestPass_waitsForWorkAndSkipsTheRest(t *testing.T) {
	t.Parallel()
	c := clock.New()
	defer c.Close()
	ctx := context.Background()
	before, machine := c.Now(), c.Stopwatch()
	fired := false
	c.AfterFunc(30*time.Minute, func() { fired = true })
	require.NoError(t, c.Pass(ctx, time.Hour))
	require.True(t, fired, "what falls due happens")
	require.GreaterOrEqual(t, c.Now().Sub(before), time.Hour)
	require.Less(t, machine(), time.Hour)

	c.Begin() // a worker at work: time is waited for, not skipped
	before, machine = c.Now(), c.Stopwatch()
	require.NoError(t, c.Pass(ctx, 50*time.Millisecond))
	require.GreaterOrEqual(t, machine(), 50*time.Millisecond)

	ended, cancel := context.WithCancel(ctx)
	cancel()
	require.ErrorIs(t, c.Pass(ended, time.Hour), context.Canceled)
	require.Less(t, c.Now().Sub(before), time.Hour)

	passed := make(chan error, 1)
	go func() { passed <- c.Pass(ctx, 100*time.Hour) }()
	c.AfterFunc(0, func() { // a timer's call is work too, and what it wakes
		c.Begin()
		c.End()
	})
	c.End()
	require.NoError(t, <-passed, "the last worker is done: the rest is skipped")
}

func TestAt_keepsItsPointWhileTheClockIsMoved(t *testing.T) {
	t.Parallel()
	const timers = 20_000
	c := clock.NewManual(epoch)
	done, moved := make(chan struct{}), make(chan error, 1)
	go func() { // many small moves: some come while a timer is being made
		for {
			select {
			case <-done:
				moved <- nil
				return
			default:
			}
			if err := c.Advance(context.Background(), 1); err != nil {
				moved <- err
				return
			}
		}
	}()
	due, fired := epoch.Add(time.Hour), 0
	for range timers {
		c.At(due, func() { fired++ })
	}
	close(done)
	require.NoError(t, <-moved)
	require.NoError(t, c.Advance(context.Background(), due.Sub(c.Now())))
	require.Equal(t, timers, fired, "none is late by what the clock was moved meanwhile")
}
