//go:build linux

package sandbox_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/confine"
	"github.com/pipelab/pipelab/internal/prefork"
	"github.com/pipelab/pipelab/internal/sandbox"
)

// hostile is a place for programs that try to get out: a workspace, and beside
// it what they must not touch.
type hostile struct {
	policy    *sandbox.Policy
	workspace string
	outside   string // sealed/checks.yaml, other/answer.py, result.json
}

// warm ends with the test's process, whose end its server notices.
var warm = prefork.New()

// machine is the same policy for all tests: making one starts the interpreters.
var machine = sync.OnceValues(func() (*sandbox.Policy, error) { return sandbox.NewPolicy(context.Background()) })

func newHostile(t *testing.T) *hostile {
	t.Helper()
	if mode, reason := sandbox.Available(); mode != confine.Landlock {
		t.Skip("programs cannot be confined here: " + reason)
	}
	policy, err := machine()
	require.NoError(t, err)
	h := &hostile{policy: policy.With(nil, nil), workspace: t.TempDir(), outside: t.TempDir()}
	for name, text := range map[string]string{"sealed/checks.yaml": "SECRET", "other/answer.py": "SECRET",
		"result.json": "SECRET"} {
		file := filepath.Join(h.outside, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	}
	return h
}

// holding makes every process of a Python program hold a lock that is free when
// none of them is left, however they hide.
const holding = `
import fcntl, os, sys, time, socket, signal, ctypes
lock = open("lock", "w")
fcntl.flock(lock, fcntl.LOCK_SH)
def attempt(name, act):
    try:
        print("DONE", name, act(), flush=True)
    except (OSError, MemoryError, ValueError) as error:
        print("refused", name, error, flush=True)
`

// run runs a program and makes sure that nothing of it is left.
func (h *hostile) run(t *testing.T, i *prefork.Interpreters, command ...string) sandbox.Result {
	t.Helper()
	t.Setenv("SECRET_OF_OURS", "SECRET")
	var r sandbox.Result
	r, err := sandbox.Run(t.Context(), sandbox.Spec{Command: command, Dir: h.workspace, Policy: h.policy,
		Timeout: 20 * time.Second, Output: 1 << 20,
		Interpreters: i, Env: []string{"OUTSIDE=" + h.outside, fmt.Sprintf("JUDGE=%d", os.Getpid())}})
	require.NoError(t, err)
	h.free(t)
	return r
}

// free fails unless the lock that the program's processes hold can be had.
func (h *hostile) free(t *testing.T) {
	t.Helper()
	lock, err := os.Create(filepath.Join(h.workspace, "lock"))
	require.NoError(t, err)
	defer lock.Close()
	require.Eventually(t, func() bool { return syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil },
		10*time.Second, time.Millisecond, "a process of the program is left")
}

// python runs a Python program in both ways: in an interpreter of its own and
// in a fork of a warm one.
func python(t *testing.T, script string, check func(t *testing.T, h *hostile, run func() sandbox.Result)) {
	t.Helper()
	for name, i := range map[string]*prefork.Interpreters{"started": nil, "forked": warm} {
		t.Run(name, func(t *testing.T) {
			h := newHostile(t)
			require.NoError(t, os.WriteFile(filepath.Join(h.workspace, "main.py"), []byte(holding+script), 0o600))
			check(t, h, func() sandbox.Result { return h.run(t, i, "python3", "main.py") })
		})
	}
}

// refused fails when a program managed something, or did not try.
func refused(t *testing.T, r sandbox.Result, attempts int) {
	t.Helper()
	require.NotContains(t, r.Stdout, "DONE")
	require.NotContains(t, r.Stdout+r.Stderr, "SECRET")
	require.Equal(t, attempts, strings.Count(r.Stdout, "refused "), "%s%s", r.Stdout, r.Stderr)
	require.Equal(t, 0, r.Exit, r.Stderr)
}

func TestHostile_readsNothingOutside(t *testing.T) {
	python(t, `
outside, judge = os.environ["OUTSIDE"], os.environ["JUDGE"]
os.symlink(outside + "/sealed", "link")
places = [outside + "/sealed/checks.yaml", outside + "/other/answer.py", outside + "/result.json", "link/checks.yaml",
    os.path.relpath(outside) + "/result.json", "/etc/shadow", "/proc/1/environ", "/proc/self/root/etc/shadow",
    "/dev/mem", "/dev/kmsg"]
for process in (judge, str(os.getppid())):
    places += ["/proc/%s/%s" % (process, name) for name in ("environ", "cmdline", "maps", "mem", "status",
        "root/etc/shadow", "cwd/sandbox.go")]
for place in places:
    attempt(place, lambda: open(place, "rb").read(20))
for place in (outside, outside + "/sealed", "/root", "/home", "/proc", "/proc/" + judge + "/fd", "/tmp", "/var",
    "/etc"):
    attempt(place, lambda: os.listdir(place))
attempt("hard link", lambda: (os.link(outside + "/result.json", "mine"), open("mine").read()))
attempt("rename", lambda: (os.rename(outside + "/result.json", "mine"), open("mine").read()))
print([name for name, value in os.environ.items() if "SECRET" in value])
`, func(t *testing.T, _ *hostile, run func() sandbox.Result) {
		refused(t, run(), 10+14+9+2)
	})
}

func TestHostile_changesNothingOutside(t *testing.T) {
	python(t, `
outside = os.environ["OUTSIDE"]
result = outside + "/result.json"
for mode in ("w", "a", "r+"):
    attempt(mode, lambda: open(result, mode))
attempt("truncate", lambda: os.truncate(result, 0))
attempt("unlink", lambda: os.unlink(result))
attempt("replace", lambda: os.replace("main.py", result))
attempt("create", lambda: open(outside + "/new", "w"))
attempt("mkdir", lambda: os.mkdir(outside + "/new"))
attempt("symlink", lambda: os.symlink("/", outside + "/new"))
attempt("mkfifo", lambda: os.mkfifo(outside + "/new"))
attempt("device", lambda: os.mknod("disk", 0o600 | 0o060000, os.makedev(8, 0)))
attempt("chown", lambda: os.chown(result, 1, 1))
attempt("lchown", lambda: os.lchown(result, 1, 1))
attempt("xattr", lambda: os.setxattr(result, "user.x", b"x"))
attempt("code", lambda: open(os.__file__, "r+"))
attempt("shared memory", lambda: open("/dev/shm/left", "w"))
attempt("temporary", lambda: open("/tmp/left-by-a-program", "w"))
attempt("memory of nobody", lambda: os.memfd_create("x"))
for path in (result, os.__file__): # these do nothing
    os.chmod(path, 0)
    os.utime(path, (1, 1))
os.fchmod(os.open(os.__file__, os.O_RDONLY), 0)
`, func(t *testing.T, h *hostile, run func() sandbox.Result) {
		refused(t, run(), 18)
		b, err := os.ReadFile(filepath.Join(h.outside, "result.json"))
		require.NoError(t, err)
		require.Equal(t, "SECRET", string(b))
		info, err := os.Stat(filepath.Join(h.outside, "result.json"))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode())
		require.Greater(t, info.ModTime().Unix(), int64(1))
		names, err := os.ReadDir(h.outside)
		require.NoError(t, err)
		require.Len(t, names, 3)
	})
}

func TestHostile_forksWithoutEnd(t *testing.T) {
	for name, script := range map[string]string{
		"all stay": "while True:\n    try:\n        os.fork()\n    except OSError:\n        pass\n",
		"each in a session": "while True:\n    try:\n        if os.fork() == 0:\n            os.setsid()\n    except " +
			"OSError:\n        pass\n",
		"threads and forks": "import threading\ndef f():\n    while True:\n        try:\n            os.fork()\n        " +
			"except OSError:\n            pass\nfor _ in range(4):\n    threading.Thread(target=f).start()\n",
		"of a shell as well": "os.execv('/bin/sh', ['sh', '-c', 'exec 9<lock; f() { f | f & }; f; sleep 600'])\n",
	} {
		t.Run(name, func(t *testing.T) {
			python(t, script, func(t *testing.T, h *hostile, run func() sandbox.Result) {
				h.policy.Processes, h.policy.Memory = 20, 4<<30
				r := run()
				require.Contains(t, r.Breach, "more than 20 processes")
				require.Equal(t, -1, r.Exit)
			})
		})
	}
}

// Nobody can count a process that is gone as soon as it is seen.
func TestHostile_hopsFromProcessToProcess(t *testing.T) {
	python(t, `
while True:
    if os.fork():
        os._exit(0)
    os.setsid()
`, func(t *testing.T, _ *hostile, run func() sandbox.Result) {
		require.Equal(t, 0, run().Exit) // and run has made sure that it hops no more
	})
}

func TestHostile_leavesADaemon(t *testing.T) {
	python(t, `
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for n in range(3):
            os.close(n)
        os.environ.clear()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        while True:
            time.sleep(0.001)
    os._exit(0)
os.wait()
print("gone")
`, func(t *testing.T, _ *hostile, run func() sandbox.Result) {
		require.Equal(t, "gone\n", run().Stdout)
	})
}

func TestHostile_takesMemoryWithoutEnd(t *testing.T) {
	for name, script := range map[string]string{
		"one": "held = []\nwhile True:\n    held.append(bytearray(1 << 20))\n",
		"several": "for _ in range(7):\n    if os.fork() == 0:\n        break\nheld = []\nfor _ in range(60):\n    " +
			"held.append(bytearray(os.urandom(1 << 20)))\ntime.sleep(600)\n",
		"shared": "import mmap\nheld = []\nwhile True:\n    m = mmap.mmap(-1, 1 << 20)\n    m.write(b'x' * (1 << 20))\n    " +
			"held.append(m)\n",
	} {
		t.Run(name, func(t *testing.T) {
			python(t, script, func(t *testing.T, h *hostile, run func() sandbox.Result) {
				h.policy.Memory = 200 << 20
				r := run()
				require.Contains(t, r.Breach, "more than 200 MiB of memory", r.Stderr)
			})
		})
	}
	t.Run("at once", func(t *testing.T) {
		python(t, "attempt('reserve', lambda: len(bytearray(2 << 30)))\n",
			func(t *testing.T, h *hostile, run func() sandbox.Result) {
				h.policy.Memory = 200 << 20
				refused(t, run(), 1)
			})
	})
}

func TestHostile_fillsTheDisk(t *testing.T) {
	python(t, `
def sparse(size):
    with open("sparse", "wb") as file:
        file.truncate(size)
def single():
    with open("single", "wb") as file:
        while True:
            file.write(b"x" * 65536)
attempt("sparse", lambda: sparse(100 << 30))
attempt("single", single)
`, func(t *testing.T, h *hostile, run func() sandbox.Result) {
		h.policy.FileSize = 1 << 20
		refused(t, run(), 2)
	})
	for name, where := range map[string]string{"in the workspace": ".",
		"in the temporary folder": "os.environ['TMPDIR']"} {
		t.Run(name, func(t *testing.T) {
			script := "n = 0\nos.chdir(" + strings.ReplaceAll(where, ".", "'.'") +
				")\nwhile True:\n    n += 1\n    with open(str(n), 'wb') as file:\n        file.write(b'x' * (1 << 20))\n"
			script = strings.ReplaceAll(script, "os'.'environ", "os.environ")
			python(t, script, func(t *testing.T, h *hostile, run func() sandbox.Result) {
				h.policy.Disk = 20 << 20
				require.Contains(t, run().Breach, "wrote more than 20 MiB")
			})
		})
	}
}

func TestHostile_doesNotEnd(t *testing.T) {
	for name, command := range map[string][]string{
		"it loops": {"sh", "-c", "exec 9>lock; while :; do :; done"},
		"it ignores signals": {"sh", "-c",
			"exec 9>lock; trap '' TERM INT HUP QUIT; sleep 600 & setsid sleep 600 & while :; do wait; done"},
		"it prints":      {"sh", "-c", "exec 9>lock; while :; do echo 0123456789012345678901234567890123456789; done"},
		"it prints much": {"sh", "-c", "exec 9>lock; exec cat /dev/zero"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHostile(t)
			r, err := sandbox.Run(t.Context(), sandbox.Spec{Command: command, Dir: h.workspace, Policy: h.policy,
				Timeout: 300 * time.Millisecond, Output: 1000})
			require.NoError(t, err)
			require.True(t, r.TimedOut)
			require.LessOrEqual(t, len(r.Stdout), 1000)
			require.Equal(t, strings.HasPrefix(name, "it prints"), r.Truncated)
			h.free(t)
		})
	}
}

func TestHostile_reachesNoOtherService(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, listener.Close()) })
	allowed, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, allowed.Close()) })
	path := filepath.Join(t.TempDir(), "engine.sock")
	engine, err := new(net.ListenConfig).Listen(t.Context(), "unix", path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, engine.Close()) })
	abstract, err := new(net.ListenConfig).Listen(t.Context(), "unix", "@pipelab-"+filepath.Base(t.TempDir())+
		fmt.Sprint(os.Getpid()))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, abstract.Close()) })
	python(t, fmt.Sprintf(`
address = ("127.0.0.1", %d)
def tcp(protocol=0, family=socket.AF_INET):
    return socket.socket(family, socket.SOCK_STREAM, protocol)
attempt("connect", lambda: tcp().connect(address))
attempt("connect by IPv6", lambda: tcp(family=socket.AF_INET6).connect(("::ffff:127.0.0.1", address[1])))
attempt("first bytes", lambda: tcp().sendto(b"x", 0x20000000, address))
attempt("first message", lambda: tcp().sendmsg([b"x"], [], 0x20000000, address))
attempt("multipath", lambda: tcp(262).connect(address))
attempt("datagram", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", address))
attempt("raw", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))
attempt("packets", lambda: socket.socket(17, socket.SOCK_RAW))
attempt("engine", lambda: socket.socket(socket.AF_UNIX).connect(%q))
attempt("abstract", lambda: socket.socket(socket.AF_UNIX).connect(%q.replace("@", "\0")))
attempt("bind", lambda: tcp().bind(("127.0.0.1", 0)))
attempt("listen", lambda: tcp().listen())
a, b = socket.socketpair()
a.send(b"x")
tcp().connect(("127.0.0.1", %d))
`, listener.Addr().(*net.TCPAddr).Port, path, abstract.Addr().String(), allowed.Addr().(*net.TCPAddr).Port),
		func(t *testing.T, h *hostile, run func() sandbox.Result) {
			h.policy.Ports = []int{allowed.Addr().(*net.TCPAddr).Port}
			refused(t, run(), 12)
			require.NoError(t, listener.(*net.TCPListener).SetDeadline(time.Now()))
			_, err := listener.Accept()
			require.ErrorIs(t, err, os.ErrDeadlineExceeded) // nobody came
		})
}

func TestHostile_harmsNoOtherProcess(t *testing.T) {
	bystander := exec.Command("sleep", "600")
	require.NoError(t, bystander.Start())
	ended := make(chan error, 1)
	go func() { ended <- bystander.Wait() }()
	t.Cleanup(func() {
		require.NoError(t, bystander.Process.Kill())
		<-ended
	})
	python(t, fmt.Sprintf(`
C = ctypes.CDLL(None, use_errno=True)
def check(result):
    if result == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
buffer = ctypes.create_string_buffer(8)
class Part(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]
part = Part(ctypes.addressof(buffer), 8)
for victim in (os.getppid(), int(os.environ["JUDGE"]), %d, 1):
    attempt("kill", lambda: os.kill(victim, signal.SIGKILL))
    attempt("group", lambda: os.killpg(os.getpgid(victim) or int(os.environ["JUDGE"]), signal.SIGKILL))
    attempt("pidfd", lambda: signal.pidfd_send_signal(os.pidfd_open(victim), signal.SIGKILL))
    attempt("thread", lambda: check(C.syscall(%d, victim, victim, 9)))
    attempt("queue", lambda: check(C.sigqueue(victim, 9, 0)))
    attempt("ptrace", lambda: check(C.ptrace(16, victim, None, None)))
    attempt("seize", lambda: check(C.ptrace(0x4206, victim, None, None)))
    attempt("read", lambda: check(C.process_vm_readv(victim, ctypes.byref(part), 1, ctypes.byref(part), 1, 0)))
    attempt("write", lambda: check(C.process_vm_writev(victim, ctypes.byref(part), 1, ctypes.byref(part), 1, 0)))
    attempt("limit", lambda: check(C.prlimit(victim, 7, (ctypes.c_long * 2)(0, 0), None)))
    attempt("priority", lambda: os.setpriority(os.PRIO_PROCESS, victim, 19))
    attempt("affinity", lambda: os.sched_setaffinity(victim, {0}))
`, bystander.Process.Pid, syscall.SYS_TGKILL), func(t *testing.T, _ *hostile, run func() sandbox.Result) {
		refused(t, run(), 4*12)
		select {
		case err := <-ended:
			require.Fail(t, "the bystander has ended", "%v", err)
		default:
		}
	})
	for name, script := range map[string]string{"all that it may": "kill -9 -1", "its parent": "kill -9 $PPID",
		"its group": "kill -9 0"} {
		t.Run(name, func(t *testing.T) {
			h := newHostile(t)
			r := h.run(t, nil, "sh", "-c", "sleep 600 & "+script+"; echo still")
			require.Empty(t, r.Breach)
			require.Equal(t, []string{"", "still\n"}[len(r.Stdout)/6], r.Stdout)
			select {
			case err := <-ended:
				require.Fail(t, "the bystander has ended", "%v", err)
			default:
			}
		})
	}
}

func TestHostile_getsNoRightsBack(t *testing.T) {
	python(t, `
C = ctypes.CDLL(None, use_errno=True)
def check(result):
    if result == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
attempt("namespaces", lambda: check(C.unshare(0x10000000)))
attempt("clone", lambda: check(C.syscall(56, 0x10000000 | 17, 0, 0, 0, 0)))
attempt("chroot", lambda: os.chroot("."))
attempt("mount", lambda: check(C.mount(b"none", b".", b"tmpfs", 0, None)))
attempt("handle", lambda: check(C.open_by_handle_at(3, None, 0)))
attempt("keys", lambda: check(C.syscall(250, 0, -3, 0, 0, 0)))
attempt("System V", lambda: check(C.shmget(1, 4096, 0o1600)))
attempt("ring", lambda: check(C.syscall(425, 1, None)))
attempt("host name", lambda: socket.sethostname("mine"))
attempt("time", lambda: time.clock_settime(time.CLOCK_REALTIME, 0))
import resource
if os.getuid() == 0:
    print("DONE: root with root's processes")
attempt("user", lambda: os.setuid(0))
attempt("file size", lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1)))
attempt("core", lambda: resource.setrlimit(resource.RLIMIT_CORE, (-1, -1)))
`, func(t *testing.T, _ *hostile, run func() sandbox.Result) {
		refused(t, run(), 13)
	})
}

// What programs need is there all the same.
func TestConfined_programsWork(t *testing.T) {
	python(t, `
import json, ssl, sqlite3, subprocess, tempfile, threading, decimal, zoneinfo
import shutil, boto3, concurrent.futures, asyncio
import getpass
with tempfile.NamedTemporaryFile() as file:
    file.write(b"x")
open(os.path.expanduser("~/x"), "w").close()
shutil.copy("main.py", "copy.py")
os.rename("copy.py", "moved.py")
os.makedirs("a/b/c")
os.symlink("moved.py", "a/link")
assert subprocess.run(["sh", "-c", "cat moved.py | wc -c"], capture_output=True, check=True).stdout
assert subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True, check=True).stdout == b"1\n"
assert sqlite3.connect("db").execute("select 1").fetchone() == (1,)
with concurrent.futures.ThreadPoolExecutor(32) as pool:
    assert sum(pool.map(lambda n: n, range(100))) == 4950
asyncio.run(asyncio.sleep(0))
zoneinfo.ZoneInfo("Europe/Berlin")
ssl.create_default_context()
assert os.urandom(1) and open("/dev/null", "w").write("x") and getpass.getuser()
boto3.client("s3", endpoint_url="http://127.0.0.1:1", region_name="us-east-1", aws_access_key_id="x",
    aws_secret_access_key="x")
print("fine", os.getpid() == os.getpgid(0))
`, func(t *testing.T, h *hostile, run func() sandbox.Result) {
		r := run()
		require.Equal(t, "fine True\n", r.Stdout, r.Stderr)
		require.Equal(t, 0, r.Exit)
		require.Empty(t, r.Breach)
	})
	t.Run("Node.js", func(t *testing.T) {
		h := newHostile(t)
		if _, err := h.policy.LookPath("node"); err != nil {
			t.Skip("Node.js is not installed")
		}
		script := `const fs = require("fs"), cp = require("child_process"), os = require("os"), crypto = require("crypto");
fs.writeFileSync("x", crypto.randomBytes(10)); os.cpus(); os.networkInterfaces(); os.totalmem();
console.log(cp.execSync("echo child").toString().trim(), fs.readdirSync(".").length)
try { fs.readFileSync(process.env.OUTSIDE + "/result.json"); console.log("READ") } catch (e) { console.log(e.code) }`
		r := h.run(t, nil, "node", "-e", script)
		require.Equal(t, "child 1\nEACCES\n", r.Stdout, r.Stderr)
	})
}

func TestConfined_leavesNoTemporaryFiles(t *testing.T) {
	h := newHostile(t)
	r := h.run(t, nil, "sh", "-c",
		`mkdir "$TMPDIR/a"; echo x > "$TMPDIR/a/b"; mkdir -m 0 "$TMPDIR/a/c"; printf %s "$TMPDIR"`)
	require.Equal(t, 0, r.Exit, r.Stderr)
	require.NoDirExists(t, r.Stdout)
}

// A program that cannot be confined does not run at all.
func TestConfined_orNotAtAll(t *testing.T) {
	h := newHostile(t)
	h.policy.Read = []string{filepath.Join(h.outside, "not-there")}
	_, err := sandbox.Run(t.Context(), sandbox.Spec{Command: []string{"sh", "-c", "touch ran"}, Dir: h.workspace,
		Policy: h.policy})
	require.ErrorContains(t, err, "not-there")
	names, err := os.ReadDir(h.workspace)
	require.NoError(t, err)
	require.Empty(t, slices.Collect(func(yield func(string) bool) {
		for _, n := range names {
			yield(n.Name())
		}
	}))
}

// Programs ask whether they may before they do: git does, and shells.
func TestHostile_accessSaysWhatOpenDoes(t *testing.T) {
	h := newHostile(t)
	require.NoError(t, os.Chmod(h.workspace, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(h.workspace, "file"), []byte("x"), 0o600))
	const python = "import os; print('x' if os.access('file', os.R_OK) else 'no', end='')"
	require.Equal(t, "x", h.run(t, nil, "sh", "-c", "test -r file && cat file").Stdout)
	for _, i := range []*prefork.Interpreters{nil, warm} {
		require.Equal(t, "x", h.run(t, i, "python3", "-c", python).Stdout)
	}
}

// A kernel that is newer than the list of calls knows more ways to change files
// and priorities than the list refuses by name.
func TestHostile_callsThatNobodyHasLookedAtDoNotExist(t *testing.T) {
	h := newHostile(t)
	r := h.run(t, warm, "python3", "-c", holding+`
import errno
C = ctypes.CDLL(None, use_errno=True)
outside = os.environ["OUTSIDE"].encode()
def call(name, *arguments):
    if C.syscall(*arguments) == -1:
        print(name, errno.errorcode[ctypes.get_errno()])
    else:
        print("DONE", name)
value = ctypes.create_string_buffer(b"x")
arguments = ctypes.create_string_buffer((ctypes.addressof(value)).to_bytes(8, "little") + (1).to_bytes(4,
    "little") + bytes(4))
call("setxattrat", 463, -100, outside + b"/result.json", 0, b"user.planted", arguments, 16)
call("removexattrat", 466, -100, outside + b"/result.json", 0, b"user.planted")
call("open_tree_attr", 467, -100, outside, 0, None, 0)
call("file_setattr", 469, -100, outside + b"/result.json", bytes(24), 24, 0)
call("tomorrow", 600)
call("user's priority", {"x86_64": 141, "aarch64": 140}[os.uname().machine], 1, 0, 19)
call("user's disk priority", {"x86_64": 251, "aarch64": 30}[os.uname().machine], 3, 0, 3 << 13)
watch = C.inotify_init()
call("inotify", {"x86_64": 254, "aarch64": 27}[os.uname().machine], watch, b"/tmp", 0x100)
print("own priority", os.nice(1) > 0)
try:
    fcntl.fcntl(os.open("/usr", os.O_RDONLY), 1026, 4)
    print("DONE dnotify")
except OSError as error:
    print("dnotify", errno.errorcode[error.errno])
`)
	require.Empty(t, r.Stderr)
	require.Equal(t, []string{"setxattrat ENOSYS", "removexattrat ENOSYS", "open_tree_attr ENOSYS", "file_setattr ENOSYS",
		"tomorrow ENOSYS", "user's priority EPERM", "user's disk priority EPERM", "inotify EPERM", "own priority True",
		"dnotify EPERM"}, strings.Split(strings.TrimSpace(r.Stdout), "\n"))
}
