package check

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A function that waits for its turn on a machine that others use seemed to have ended
// without doing anything.
func TestMoment_whatIsUnderWayIsNotStill(t *testing.T) {
	begun := moment{now: time.Unix(1000, 0), ahead: time.Minute}
	working := begun.later(begun.now.Add(8*time.Second), time.Minute)
	require.Equal(t, 2*time.Second, working.lasted, "the emulator waited for something")
	idle := begun.later(begun.now.Add(8*time.Second), time.Minute+8*time.Second)
	require.Equal(t, 8*time.Second, idle.lasted, "all of it was skipped")
	both := working.later(working.now.Add(9*time.Second), time.Minute+5*time.Second)
	require.Equal(t, 2*time.Second+5*time.Second+time.Second, both.lasted)
}
