package sandbox_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/prefork"
	"github.com/pipelab/pipelab/internal/sandbox"
)

// Who has taken much of the processors' time, in whatever thread, goes behind the others.
func TestHostile_takesTheProcessorsWithoutEnd(t *testing.T) {
	for name, i := range map[string]*prefork.Interpreters{"started": nil, "forked": warm} {
		t.Run(name, func(t *testing.T) {
			h := newHostile(t)
			r, err := sandbox.Run(t.Context(), sandbox.Spec{Command: []string{"python3", "-c", busy}, Dir: h.workspace,
				Policy: h.policy, Timeout: 5 * time.Minute, Interpreters: i})
			require.NoError(t, err)
			require.Equal(t, "True\nTrue\nTrue\n", r.Stdout, r.Stderr)
		})
	}
}

// busy is a program that works until it has the lower priority.
const busy = `
import os, threading
def behind():
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == 15
def busy():
    while not behind():
        pass
    print(behind(), flush=True)
other = threading.Thread(target=busy)
other.start()
busy()
other.join()
if os.fork() == 0:
    print(behind(), flush=True)
    os._exit(0)
os.wait()
`
