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
program = subprocess.run([sys.executable, "-c", sys.argv[2], *sys.argv[3].split()], stdin=subprocess.DEVNULL, stdout=sys.stderr)
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
	open := binary.BigEndian.AppendUint32([]byte{frameOpen}, 1)
	open = binary.BigEndian.AppendUint32(open, 2)
	open = binary.BigEndian.AppendUint16(open, uint16(portOf(t, s)))
	data := binary.BigEndian.AppendUint32([]byte{frameData}, 1)
	data = binary.BigEndian.AppendUint32(data, 18)
	data = append(data, "GET / HTTP/1.0\r\n\r\n"...)
	tunnel := newTunnel(io.Discard, strings.NewReader(string(append(open, data...))), []int{1})
	tunnel.serve()
	require.Empty(t, tunnel.open)
	select {
	case <-asked:
		require.Fail(t, "a port was reached that is not the policy's")
	case <-time.After(200 * time.Millisecond):
	}
	for _, frame := range []string{"\x00\x00\x00\x00\x01\xff\xff\xff\xff", "\x09\x00\x00\x00\x01\x00\x00\x00\x00", "\x00"} {
		newTunnel(io.Discard, strings.NewReader(frame), []int{1}).serve() // ends
	}
}
