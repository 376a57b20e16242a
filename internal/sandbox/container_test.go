//go:build linux

package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/confine"
	"github.com/pipelab/pipelab/internal/sandbox"
)

// boxed is the policy of containers of the image that is there for it.
var boxed = sync.OnceValues(func() (*sandbox.Policy, error) {
	image := os.Getenv("PIPELAB_SANDBOX_IMAGE")
	if image == "" {
		image = "pipelab/sandbox"
	}
	return confine.NewContainer(context.Background(), image)
})

// boxedRun runs a program in a container and makes sure that nothing is left.
func boxedRun(t *testing.T, script string, prepare func(h *hostile)) (*hostile, sandbox.Result) {
	t.Helper()
	if os.Getenv("PIPELAB_CONTAINERS") == "no" {
		t.Skip("PIPELAB_CONTAINERS=no")
	}
	policy, err := boxed()
	if errors.Is(err, confine.ErrUnavailable) && os.Getenv("PIPELAB_CONTAINERS") != "required" {
		t.Skip(err)
	}
	require.NoError(t, err)
	h := &hostile{policy: policy.With(nil, nil), workspace: t.TempDir(), outside: t.TempDir()}
	require.NoError(t, os.WriteFile(filepath.Join(h.outside, "result.json"), []byte("SECRET"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(h.workspace, "main.py"), []byte(holding+script), 0o600))
	if prepare != nil {
		prepare(h)
	}
	t.Setenv("SECRET_OF_OURS", "SECRET")
	r, err := sandbox.Run(t.Context(), sandbox.Spec{Command: []string{"python3", "main.py"}, Dir: h.workspace,
		Policy: h.policy, Timeout: 60 * time.Second,
		Stdin: strings.NewReader("to the program"), Env: []string{"OUTSIDE=" + h.outside, "ODD=a\nb=c d"}})
	require.NoError(t, err)
	h.free(t)
	for _, tool := range []string{"docker", "podman"} {
		if _, err := exec.LookPath(tool); err == nil {
			out, err := exec.Command(tool, "ps", "--all", "--quiet", "--filter", "label=pipelab=sandbox", "--filter", "volume="+
				h.workspace).Output()
			require.NoError(t, err)
			require.Empty(t, string(out), "a container is left")
			break
		}
	}
	return h, r
}

func TestContainer_programsWork(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		_, _ = fmt.Fprintf(w, `{"TableNames": [%q]}`, r.Header.Get("X-Amz-Target"))
	}))
	defer s.Close()
	h, r := boxedRun(t, fmt.Sprintf(`
import boto3, tempfile, subprocess, concurrent.futures
with tempfile.NamedTemporaryFile() as file:
    file.write(b"x")
open("made", "w").write(os.environ["ODD"])
client = boto3.client("dynamodb", endpoint_url=%q, region_name="us-east-1", aws_access_key_id="x",
    aws_secret_access_key="x")
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    answers = set(pool.map(lambda n: client.list_tables()["TableNames"][0], range(40)))
print(sys.stdin.read(), answers)
print("beside", file=sys.stderr)
sys.exit(7)
`, s.URL), func(h *hostile) { h.policy.Ports = []int{s.Listener.Addr().(*net.TCPAddr).Port} })
	require.Equal(t, "to the program {'DynamoDB_20120810.ListTables'}\n", r.Stdout, r.Stderr)
	require.Equal(t, "beside\n", r.Stderr)
	require.Equal(t, 7, r.Exit)
	require.Empty(t, r.Breach)
	b, err := os.ReadFile(filepath.Join(h.workspace, "made"))
	require.NoError(t, err)
	require.Equal(t, "a\nb=c d", string(b))
}

func TestContainer_keepsToItself(t *testing.T) {
	other, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer other.Close()
	h, r := boxedRun(t, fmt.Sprintf(`
outside = os.environ["OUTSIDE"]
attempt("read", lambda: open(outside + "/result.json").read())
attempt("list", lambda: os.listdir(outside))
attempt("create", lambda: open(outside + "/new", "w"))
attempt("code", lambda: open(os.__file__, "r+"))
attempt("system", lambda: open("/etc/passwd", "a"))
attempt("device", lambda: os.mknod("disk", 0o600 | 0o060000, os.makedev(8, 0)))
attempt("mount", lambda: ctypes.CDLL(None, use_errno=True).mount(b"none", b"/tmp", b"tmpfs", 0,
    None) and [][1:] or (_ for _ in ()).throw(OSError("mount")))
attempt("connect", lambda: socket.create_connection(("127.0.0.1", %d), 2))
attempt("the gateway", lambda: socket.create_connection(("172.17.0.1", %d), 2))
attempt("a name", lambda: socket.getaddrinfo("example.com", 80))
attempt("engine", lambda: socket.socket(socket.AF_UNIX).connect("/var/run/docker.sock"))
print([name for name, value in os.environ.items() if "SECRET" in value])
`, other.Addr().(*net.TCPAddr).Port, other.Addr().(*net.TCPAddr).Port), nil)
	refused(t, r, 11)
	require.Contains(t, r.Stdout, "[]\n")
	names, err := os.ReadDir(h.outside)
	require.NoError(t, err)
	require.Len(t, names, 1)
	require.NoError(t, other.(*net.TCPListener).SetDeadline(time.Now()))
	_, err = other.Accept()
	require.ErrorIs(t, err, os.ErrDeadlineExceeded) // nobody came
}

func TestContainer_takesWithoutEnd(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		_, r := boxedRun(t, "held = []\nwhile True:\n    held.append(bytearray(os.urandom(1 << 20)))\n", func(h *hostile) {
			h.policy.Memory = 100 << 20
		})
		require.Contains(t, r.Breach, "more than 100 MiB of memory")
		require.NotEqual(t, 0, r.Exit)
	})
	t.Run("disk", func(t *testing.T) {
		_, r := boxedRun(t, "n = 0\nwhile True:\n    n += 1\n    open(str(n), 'wb').write(b'x' * (1 << 20))\n",
			func(h *hostile) { h.policy.Disk = 20 << 20 })
		require.Contains(t, r.Breach, "wrote more than 20 MiB")
	})
	t.Run("one file", func(t *testing.T) {
		_, r := boxedRun(t,
			"signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nattempt('write', lambda: open('big', 'wb').write(b'x' * (3 << "+
				"20)) < (3 << 20) and [][1])\n", func(h *hostile) { h.policy.FileSize = 1 << 20 })
		require.NotContains(t, r.Stdout, "DONE")
	})
	t.Run("processes", func(t *testing.T) {
		_, r := boxedRun(t, `
n = 0
try:
    while n < 2000:
        if os.fork() == 0:
            time.sleep(600)
        n += 1
except OSError as error:
    print("refused", error)
`, func(h *hostile) { h.policy.Processes = 20 })
		require.Contains(t, r.Stdout, "refused", r.Stderr)
	})
	t.Run("a daemon without the tunnel", func(t *testing.T) {
		_, r := boxedRun(t, `
if os.fork() == 0:
    os.setsid()
    for n in range(3):
        os.close(n)
    while True:
        time.sleep(0.01)
for process in os.listdir("/proc"):
    if process.isdigit() and int(process) not in (1, os.getpid()):
        try:
            os.kill(int(process), signal.SIGKILL)
        except OSError:
            pass
print("still here", flush=True)
time.sleep(20)
`, nil)
		require.NotEqual(t, 0, r.Exit) // its container ended with the tunnel
		require.False(t, r.TimedOut)
	})
}
