// Package drivertest is what every driver of internal/emulator must pass: an
// emulator comes up, holds a stack, does what its capabilities say and refuses
// the rest, ends, and leaves nothing behind, whatever happens to it.
package drivertest

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/loopback"
)

// Options say what is particular about a driver.
type Options struct {
	// Keeps says that the driver keeps state in emulator.Options.Dir. Others must
	// refuse a folder or be given none.
	Keeps bool
	// Shared says that every start reaches the same emulator.
	Shared bool
	// Fixed says that the driver chooses the address itself.
	Fixed bool
	// Kill ends what does the work behind an emulator, without warning; nil where
	// that is this very process.
	Kill func(t testing.TB, e emulator.Emulator)
	// Leftovers lists what the driver has made outside of this process and its
	// children, such as containers; nil when there is no such thing.
	Leftovers func(t testing.TB) []string
}

// patience bounds everything that must not hang; it only matters when a test
// fails.
const patience = 2 * time.Minute

// Run runs the suite. It sets the folder for temporary files, so the test that
// calls it must not be parallel.
func Run(t *testing.T, d emulator.Driver, o Options) {
	t.Helper()
	// Others on this machine make temporary files too.
	t.Setenv("TMPDIR", t.TempDir())
	s := &suite{driver: d, o: o, dir: t.TempDir()}
	for _, c := range []struct {
		name string
		test func(*testing.T)
	}{
		{"comes up and goes", s.comesAndGoes},
		{"holds a stack", s.holdsAStack},
		{"does what it says", s.doesWhatItSays},
		{"is emptied", s.isEmptied},
		{"starts again", s.startsAgain},
		{"two at once", s.twoAtOnce},
		{"closed to pages", s.closedToPages},
		{"port taken", s.portTaken},
		{"start called off", s.startCalledOff},
		{"killed", s.killed},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := s.left(t)
			c.test(t)
			// What an earlier test has left may end meanwhile.
			added := slices.DeleteFunc(s.left(t), func(name string) bool { return slices.Contains(before, name) })
			require.Empty(t, added, "something was left behind")
		})
	}
}

type suite struct {
	driver emulator.Driver
	o      Options
	dir    string // for state
}

// left is what there is of temporary files, child processes and the driver's
// own.
func (s *suite) left(t testing.TB) []string {
	t.Helper()
	out, err := filepath.Glob(filepath.Join(os.TempDir(), "*"))
	require.NoError(t, err)
	children, err := filepath.Glob("/proc/self/task/*/children") // none where there is no such file system
	require.NoError(t, err)
	for _, file := range children {
		b, err := os.ReadFile(file)
		if err == nil { // a thread that has ended has no children
			for _, pid := range strings.Fields(string(b)) {
				out = append(out, "process "+pid)
			}
		}
	}
	if s.o.Leftovers != nil {
		out = append(out, s.o.Leftovers(t)...)
	}
	slices.Sort(out)
	return out
}

func (s *suite) start(t testing.TB, o emulator.Options) emulator.Emulator {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	e, err := s.driver.Start(ctx, o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = e.Close() }) // was closed unless the test failed
	return e
}

func (s *suite) comesAndGoes(t *testing.T) {
	require.NotEmpty(t, s.driver.Name())
	e := s.start(t, emulator.Options{})
	u, err := url.Parse(e.Endpoint().URL)
	require.NoError(t, err)
	ip := net.ParseIP(u.Hostname())
	require.True(t, ip != nil && ip.IsLoopback(), "%s can be reached from outside", u.Host)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.Endpoint().URL+"/_localstack/health", http.NoBody)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	requireAccount(ctx, t, e)
	for _, c := range e.Capabilities() {
		require.Contains(t, emulator.KnownCapabilities(), c)
	}
	require.NoError(t, e.Close())
	require.NoError(t, e.Close(), "to close twice is to close once")
	_, err = new(net.Dialer).DialContext(ctx, "tcp", u.Host)
	require.ErrorIs(t, err, syscall.ECONNREFUSED, "the port is still taken")
}

func (s *suite) startsAgain(t *testing.T) {
	if !s.o.Keeps {
		if !s.o.Shared {
			e := s.start(t, emulator.Options{})
			putBucket(t, e, "kept")
			require.NoError(t, e.Close())
			e = s.start(t, emulator.Options{})
			require.Empty(t, buckets(t, e), "what keeps no state begins empty")
			require.NoError(t, e.Close())
		}
		return
	}
	e := s.start(t, emulator.Options{Dir: s.dir})
	putBucket(t, e, "kept")
	was := e.Endpoint().URL
	if s.o.Kill != nil {
		s.o.Kill(t, e)
	}
	_ = e.Close() // what was killed may say so
	e = s.start(t, emulator.Options{Dir: s.dir, Addr: strings.TrimPrefix(was, "http://")})
	require.Equal(t, was, e.Endpoint().URL)
	require.Equal(t, []string{"kept"}, buckets(t, e))
	require.NoError(t, e.Close())
}

func (s *suite) twoAtOnce(t *testing.T) {
	one, two := s.start(t, emulator.Options{}), s.start(t, emulator.Options{})
	require.NotEqual(t, one.Endpoint().URL, two.Endpoint().URL)
	putBucket(t, one, "ones-own")
	if s.o.Shared {
		require.Contains(t, buckets(t, two), "ones-own")
		dropBucket(t, two, "ones-own")
	} else {
		require.NotContains(t, buckets(t, two), "ones-own")
	}
	require.NoError(t, one.Close())
	requireAccount(t.Context(), t, two)
	require.NoError(t, two.Close())
}

func (s *suite) portTaken(t *testing.T) {
	if s.o.Fixed {
		return
	}
	listener, err := loopback.Listen(t.Context(), "")
	require.NoError(t, err)
	defer listener.Close()
	_, err = s.driver.Start(t.Context(), emulator.Options{Addr: listener.Addr().String()})
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	_, err = s.driver.Start(t.Context(), emulator.Options{Addr: "0.0.0.0:0"})
	require.ErrorContains(t, err, "loopback")
}

func (s *suite) startCalledOff(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	e, err := s.driver.Start(ctx, emulator.Options{})
	if err == nil { // it was quicker
		require.NoError(t, e.Close())
	}
}

// killed: calls fail, and soon; so does control; and it can still be closed.
func (s *suite) killed(t *testing.T) {
	if s.o.Kill == nil {
		return
	}
	e := s.start(t, emulator.Options{})
	putBucket(t, e, "lost")
	if s.o.Shared {
		dropBucket(t, e, "lost")
	}
	s.o.Kill(t, e)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.Error(t, account(ctx, e))
	_, err := e.Control().LastCall(ctx)
	require.Error(t, err)
	require.NoError(t, ctx.Err(), "it hung")
	_ = e.Close() // what was killed may say so
}
