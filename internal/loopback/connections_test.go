package loopback_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/loopback"
)

// served is a server whose requests for /wait do not end before release.
type served struct {
	t       *testing.T
	addr    string
	waiting chan struct{} // gets one for each request that waits
}

func newServed(t *testing.T) *served {
	t.Helper()
	listener, err := loopback.Listen(t.Context(), "")
	require.NoError(t, err)
	s := &served{t: t, addr: listener.Addr().String(), waiting: make(chan struct{}, 4000)}
	server := loopback.Server(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/wait" {
			s.waiting <- struct{}{}
			<-req.Context().Done()
		}
		_, _ = io.WriteString(w, "answer")
	}), slog.New(slog.DiscardHandler))
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	return s
}

// dial opens a connection that is closed when the test ends, and sends what it is given.
func (s *served) dial(send string) net.Conn {
	s.t.Helper()
	conn, err := new(net.Dialer).DialContext(s.t.Context(), "tcp", s.addr)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = conn.Close() })
	_, err = io.WriteString(conn, send)
	require.NoError(s.t, err)
	return conn
}

func get(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n" }

// ask makes a request on a connection of its own, as the judge does beside a program.
func (s *served) ask() {
	s.t.Helper()
	conn := s.dial(get("/"))
	defer conn.Close()
	answered(s.t, conn)
}

func answered(t *testing.T, conn net.Conn) {
	t.Helper()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, "answer", string(body))
}

// open counts those of some connections that the server has not closed.
func open(t *testing.T, conns []net.Conn) (n int) {
	t.Helper()
	for _, c := range conns {
		require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Millisecond)))
		if _, err := c.Read(make([]byte, 1)); err != nil {
			if timeout, ok := err.(net.Error); ok && timeout.Timeout() { //nolint:errorlint // as the connection returns it
				n++
			}
		}
	}
	return n
}

// A program that holds connections takes the process' descriptors; whoever comes after
// it is served all the same.
func TestServer_keepsAThousandConnectionsAtMost(t *testing.T) {
	const many, most = 1500, 1000
	for name, send := range map[string]string{
		"connected and silent": "", "half a header": "GET / HTTP/1.1\r\nHo", "a poll": get("/wait"),
	} {
		t.Run(name, func(t *testing.T) {
			s := newServed(t)
			var held []net.Conn
			for n := range many {
				held = append(held, s.dial(send))
				if send == get("/wait") {
					<-s.waiting // in their order
				}
				if n%500 == 499 {
					s.ask()
				}
			}
			s.ask()
			require.Eventually(t, func() bool { return open(t, held) <= most }, time.Minute, time.Millisecond)
		})
	}
}

// Of those that have a request under way none goes while others are silent.
func TestServer_closesSilentConnectionsFirst(t *testing.T) {
	s := newServed(t)
	var polls, silent []net.Conn
	for range 200 {
		polls = append(polls, s.dial(get("/wait")))
		<-s.waiting
	}
	for range 1200 {
		silent = append(silent, s.dial(""))
		s.ask()
	}
	require.Eventually(t, func() bool { return open(t, silent) <= 800 }, time.Minute, time.Millisecond)
	require.Equal(t, 200, open(t, polls))
}

func TestServer_keepsTheConnectionsOfAnHonestProgram(t *testing.T) {
	s := newServed(t)
	var conns []net.Conn
	for range 200 {
		conns = append(conns, s.dial(get("/")))
	}
	for range 3 {
		for _, c := range conns {
			answered(t, c)
		}
		for _, c := range conns {
			_, err := fmt.Fprint(c, get("/"))
			require.NoError(t, err)
		}
	}
	for _, c := range conns {
		answered(t, c)
	}
}
