package check

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLateness_leavesLessTimeEachTime(t *testing.T) {
	var l lateness
	for _, want := range []time.Duration{40 * time.Second, 20 * time.Second, 10 * time.Second, 10 * time.Second} {
		require.Equal(t, want, l.limit(40*time.Second, leastForProgram))
		require.Equal(t, 3*time.Second, l.limit(3*time.Second, leastForProgram), "what is short stays as it is")
		l.again()
	}
	for range 100 {
		l.again()
	}
	require.Equal(t, 10*time.Second, l.limit(time.Hour, leastForProgram))
}
