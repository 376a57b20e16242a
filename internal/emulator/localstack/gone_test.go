package localstack

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/emulator"
)

// relay stands in front of the engine's socket and can take it away: a test must
// not end the engine that others use.
type relay struct {
	net.Listener
	mu    sync.Mutex
	conns []net.Conn
	stall chan struct{} // closed when nothing is passed on any more
}

func newRelay(t *testing.T, e *engine) *relay {
	t.Helper()
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "e.sock"))
	require.NoError(t, err)
	r := &relay{Listener: listener, stall: make(chan struct{})}
	t.Cleanup(r.gone)
	go func() {
		for {
			near, err := r.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("unix", strings.TrimPrefix(e.DaemonHost(), "unix://"))
			if err != nil {
				_ = near.Close() // the engine is gone, and so are we
				continue
			}
			r.mu.Lock()
			r.conns = append(r.conns, near, far)
			r.mu.Unlock()
			go r.copy(far, near)
			go r.copy(near, far)
		}
	}()
	return r
}

func (r *relay) copy(to, from net.Conn) {
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		select {
		case <-r.stall:
			return
		default:
		}
		if _, failed := to.Write(b[:n]); err != nil || failed != nil {
			_ = to.Close() // one end is enough to end both
			return
		}
	}
}

// gone is an engine that was killed.
func (r *relay) gone() {
	_ = r.Close() // may be closed
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.conns {
		_ = c.Close() // as above
	}
}

// hangs is an engine that takes calls and answers none.
func (r *relay) hangs() { close(r.stall) }

// The engine goes away, or hangs, while a container runs: closing ends soon and
// says so, and what is left is removed when there is an engine again.
func TestClose_endsWithoutTheEngine(t *testing.T) {
	if os.Getenv("PIPELAB_ENGINE_GOES") != "" {
		running, err := (&Driver{Kind: emulator.MiniStack}).Start(context.Background(), emulator.Options{})
		fmt.Println("started:", err)
		if err == nil {
			_, _ = bufio.NewReader(os.Stdin).ReadString('\n') // until the engine is gone
			fmt.Println("closed:", running.Close())
		}
		os.Exit(0)
	}
	e := needs(t, emulator.MiniStack)
	if !strings.HasPrefix(e.DaemonHost(), "unix://") {
		t.Skip("the engine is not at a socket of this machine")
	}
	whole := t
	for name, goes := range map[string]func(*relay){"killed": (*relay).gone, "hanging": (*relay).hangs} {
		t.Run(name, func(t *testing.T) {
			r := newRelay(t, e)
			cmd := again(whole, "PIPELAB_ENGINE_GOES=1", "DOCKER_HOST=unix://"+r.Addr().String())
			in, err := cmd.StdinPipe()
			require.NoError(t, err)
			out, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			said := bufio.NewReader(out)
			line, err := said.ReadString('\n')
			require.NoError(t, err)
			require.Equal(t, "started: <nil>\n", line)
			goes(r)
			began := time.Now()
			_, err = in.Write([]byte("\n"))
			require.NoError(t, err)
			rest, err := io.ReadAll(said)
			require.NoError(t, err)
			require.NoError(t, cmd.Wait())
			require.Contains(t, string(rest), "closed: ")
			require.NotContains(t, string(rest), "<nil>", "the container is still there")
			require.Less(t, time.Since(began), time.Minute)
			require.NotEmpty(t, orphans(t, e))
			_, err = Sweep(t.Context())
			require.NoError(t, err)
			require.Empty(t, orphans(t, e))
		})
	}
}
