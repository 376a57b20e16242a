//go:build unix

package sandbox_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/sandbox"
)

func run(t *testing.T, s sandbox.Spec, script string) sandbox.Result {
	t.Helper()
	s.Command = []string{"sh", "-c", script}
	r, err := sandbox.Run(context.Background(), s)
	require.NoError(t, err)
	return r
}

func TestRun_givesNothingOfOurEnvironment(t *testing.T) {
	t.Setenv("SECRET_OF_OURS", "x")
	r := run(t, sandbox.Spec{Env: []string{"A=1"}, Stdin: strings.NewReader("in")},
		`cat; echo " $A $SECRET_OF_OURS."; exit 3`)
	require.Equal(t, "in 1 .\n", r.Stdout)
	require.Equal(t, 3, r.Exit)
}

func TestRun_endsChildrenAtTheTimeout(t *testing.T) {
	r := run(t, sandbox.Spec{Timeout: 100 * time.Millisecond}, `sleep 60 & sleep 60`)
	require.True(t, r.TimedOut)
	require.Equal(t, -1, r.Exit)
}

func TestRun_killsWhenTold(t *testing.T) {
	kill := make(chan struct{})
	close(kill)
	require.True(t, run(t, sandbox.Spec{Kill: kill}, `sleep 60`).Killed)
}

func TestRun_capsOutputWithoutBlocking(t *testing.T) {
	r := run(t, sandbox.Spec{Output: 10}, `i=0; while [ $i -lt 1000 ]; do echo 0123456789; i=$((i+1)); done`)
	require.Equal(t, 0, r.Exit)
	require.Len(t, r.Stdout, 10)
	require.True(t, r.Truncated)
}

func TestRun_reportsAProgramThatIsNotThere(t *testing.T) {
	_, err := sandbox.Run(context.Background(), sandbox.Spec{Command: []string{"no-such-program-here"}})
	require.ErrorContains(t, err, "start no-such-program-here")
}
