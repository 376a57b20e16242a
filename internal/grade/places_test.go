package grade

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/trial"
)

// still is a clock on which all waiting is over at once, or never.
type still struct{ over bool }

func (still) Now() time.Time { return time.Time{} }

func (s still) Sleep(ctx context.Context, _ time.Duration) error {
	if !s.over {
		<-ctx.Done()
	}
	return ctx.Err()
}

// Submissions that never come to an end held all places, and everybody waited.
func TestPlaces_areGivenUpByWhatTakesLong(t *testing.T) {
	n := trial.AtOnce()
	for name, c := range map[string]struct {
		o    RunOptions
		fits int
	}{
		"all take long":         {RunOptions{Clock: still{over: true}}, n + n/2},
		"none takes long":       {RunOptions{Clock: still{}}, n},
		"a number is asked for": {RunOptions{Clock: still{over: true}, Parallel: 2}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlaces(c.o)
			var leave func()
			for range c.fits {
				var ok bool
				leave, ok = p.take(t.Context())
				require.True(t, ok)
			}
			over, cancel := context.WithCancel(t.Context())
			cancel()
			for range 100 { // a place that is free would be taken in one of four
				_, ok := p.take(over)
				require.False(t, ok, "more are run than there are places")
			}
			leave()
			_, ok := p.take(t.Context())
			require.True(t, ok)
		})
	}
}
