package confine

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// inside runs a Python program beside the tunnel in a network of its own, as in
// a container, and returns what it prints.
func inside(t *testing.T, ports []int, program string) string {
	t.Helper()
	if err := exec.Command("unshare", "-rn", "true").Run(); err != nil {
		t.Skip("a network of its own is not allowed here: ", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	names := strings.Trim(fmt.Sprint(ports), "[]")
	// The program prints on standard error; its end ends the tunnel.
	cmd := exec.CommandContext(ctx, "unshare", "-rn", "python3", "-c", `
import fcntl, os, socket, struct, subprocess, sys
control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
name = struct.pack("16sh", b"lo", 0x41)  # up and running
fcntl.ioctl(control, 0x8914, name)  # SIOCSIFFLAGS
tunnel = subprocess.Popen([sys.executable, "-c", sys.argv[1], *sys.argv[3].split()])
program = subprocess.run([sys.executable, "-c", sys.argv[2], *sys.argv[3].split()], stdin=subprocess.DEVNULL,
    stdout=sys.stderr)
tunnel.kill()
tunnel.wait()
sys.exit(program.returncode)
`, tunnelScript, program, names)
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	var said strings.Builder
	cmd.Stderr = &said
	require.NoError(t, cmd.Start())
	tunnel := newTunnel(in, out, ports)
	require.NoError(t, tunnel.await())
	tunnel.serve()
	require.NoError(t, cmd.Wait(), said.String())
	return said.String()
}

// connects tries until the tunnel listens.
const connects = `
import hashlib, os, socket, sys, threading, time, urllib.request, urllib.error, http.client
def connect(port):
    for _ in range(400):
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            time.sleep(0.01)
    raise SystemExit("nobody listens")
port = int(sys.argv[1])
connect(port).close()
`

func portOf(t *testing.T, s *httptest.Server) int {
	t.Helper()
	return s.Listener.Addr().(*net.TCPAddr).Port
}

func TestTunnel_carriesManyConnectionsAtOnce(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body) // the client may leave
	}))
	defer s.Close()
	out := inside(t, []int{portOf(t, s)}, connects+`
import concurrent.futures
def echo(n):
    body = os.urandom(n * 40_000)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", data=body) as answer:
        return answer.read() == body
with concurrent.futures.ThreadPoolExecutor(16) as pool:
    print(sum(pool.map(echo, range(64))))
`)
	require.Equal(t, "64\n", out)
}

// Somebody who does not read an answer must not hold up the others.
func TestTunnel_oneThatDoesNotReadHoldsNobodyUp(t *testing.T) {
	const size = 8 << 20
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(size))
		_, _ = w.Write(make([]byte, size)) // the client may leave
	}))
	defer s.Close()
	out := inside(t, []int{portOf(t, s)}, connects+`
slow = http.client.HTTPConnection("127.0.0.1", port)
slow.request("GET", "/")
answer = slow.getresponse()
with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as other:
    print(len(other.read()))
print(len(answer.read()))
`)
	require.Equal(t, "8388608\n8388608\n", out)
}

func TestTunnel_carriesTheEndOfEachSide(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				b, _ := io.ReadAll(c) // the test sees what came
				_, _ = fmt.Fprintf(c, "%d bytes", len(b))
				_ = c.Close()
			}()
		}
	}()
	out := inside(t, []int{l.Addr().(*net.TCPAddr).Port}, connects+`
c = connect(port)
c.sendall(b"x" * 100_000)
c.shutdown(socket.SHUT_WR)
print(c.recv(100), c.recv(100))
`)
	require.Equal(t, "b'100000 bytes' b''\n", out)
}

// Programs of a container can write what they like to the tunnel.
func TestTunnel_reachesNoOtherPort(t *testing.T) {
	asked := make(chan struct{}, 1)
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked <- struct{}{} }))
	defer s.Close()
	open := frame(frameOpen, 1, binary.BigEndian.AppendUint16(nil, uint16(portOf(t, s))))
	data := frame(frameData, 1, []byte("GET / HTTP/1.0\r\n\r\n"))
	tunnel := newTunnel(io.Discard, strings.NewReader(string(append(open, data...))), []int{1})
	tunnel.serve()
	require.Empty(t, tunnel.open)
	select {
	case <-asked:
		require.Fail(t, "a port was reached that is not the policy's")
	case <-time.After(200 * time.Millisecond):
	}
	for _, frame := range []string{"\x00\x00\x00\x00\x01\xff\xff\xff\xff", "\x09\x00\x00\x00\x01\x00\x00\x00\x00",
		"\x00"} {
		newTunnel(io.Discard, strings.NewReader(frame), []int{1}).serve() // ends
	}
}

// frame is one as a container writes it.
func frame(kind byte, number uint32, data []byte) []byte {
	out := binary.BigEndian.AppendUint32([]byte{kind}, number)
	out = binary.BigEndian.AppendUint32(out, uint32(len(data)))
	return append(out, data...)
}

// Whoever opens connections without end gets no more than the judge can bear.
func TestTunnel_boundsConnections(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	from, to := io.Pipe()
	refused := make(chan []byte, 1)
	answers, said := io.Pipe()
	go func() {
		head := make([]byte, 9)
		_, _ = io.ReadFull(answers, head)
		refused <- head
	}()
	tunnel := newTunnel(said, from, []int{port})
	ended := make(chan struct{})
	go func() { tunnel.serve(); close(ended) }()
	for n := range uint32(maxOpen + 1) {
		_, err := to.Write(frame(frameOpen, n, binary.BigEndian.AppendUint16(nil, uint16(port))))
		require.NoError(t, err)
	}
	require.Equal(t, frame(frameClose, maxOpen, nil), <-refused)
	require.NoError(t, to.Close())
	<-ended
	_ = answers.Close()
}

// What is sent to somebody who does not read waits outside of the judge's memory
// once it is much, and is forgotten with the connection.
func TestTunnel_boundsWhatWaits(t *testing.T) {
	t.Run("until the connection ends", func(t *testing.T) {
		boundsWhatWaits(t, func(_ *tunnel, c net.Conn) { require.NoError(t, c.Close()) }) // writing to it fails from now on
	})
	t.Run("until the tunnel ends", func(t *testing.T) {
		boundsWhatWaits(t, func(tunnel *tunnel, _ net.Conn) { tunnel.close() })
	})
}

func boundsWhatWaits(t *testing.T, how func(*tunnel, net.Conn)) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	from, to := io.Pipe()
	tunnel := newTunnel(io.Discard, from, []int{port})
	ended := make(chan struct{})
	go func() { tunnel.serve(); close(ended) }()
	_, err = to.Write(frame(frameOpen, 7, binary.BigEndian.AppendUint16(nil, uint16(port))))
	require.NoError(t, err)
	conn, err := l.Accept()
	require.NoError(t, err)
	defer conn.Close()
	sent := make(chan int, 1)
	go func() {
		data, n := make([]byte, maxFrame), 0
		for range 3 * maxBacklog / maxFrame {
			if _, err := to.Write(frame(frameData, 7, data)); err != nil {
				break
			}
			n++
		}
		sent <- n
	}()
	backlog := func() int {
		tunnel.mu.Lock()
		defer tunnel.mu.Unlock()
		return tunnel.backlog
	}
	require.Eventually(t, func() bool { return backlog() > maxBacklog }, time.Minute, time.Millisecond)
	select {
	case <-sent:
		t.Fatal("it took everything")
	case <-time.After(100 * time.Millisecond):
	}
	require.LessOrEqual(t, backlog(), maxBacklog+maxFrame)
	how(tunnel, conn)
	require.Equal(t, 3*maxBacklog/maxFrame, <-sent)
	require.NoError(t, to.Close())
	<-ended
	require.Eventually(t, func() bool { return backlog() == 0 }, time.Minute, time.Millisecond)
}
