package sandbox_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/ordinary"
	"github.com/pipelab/pipelab/internal/sandbox"
)

// holder waits for ever, so that a limit ends it or the test's time.
const holder = "\nopen('held', 'w').close()\nwhile True:\n    time.sleep(1)\n"

// Files that no name in the folders shows, or a name that cannot be said.
func TestHostile_hidesWhatItWrites(t *testing.T) {
	for name, script := range map[string]string{
		"open without a name": `
held = []
for n in range(6):
    f = open("x", "wb")
    os.unlink("x")
    f.write(b"x" * (20 << 20))
    f.flush()
    held.append(f)
`, "never had a name": `
for n in range(6):
    os.write(os.open(".", os.O_TMPFILE | os.O_RDWR), b"x" * (20 << 20))
`, "in a child": `
if os.fork() == 0:
    os.setsid()
    for n in range(6):
        f = os.open("x", os.O_CREAT | os.O_RDWR)
        os.unlink("x")
        os.write(f, b"x" * (20 << 20))
    time.sleep(600)
`, "mapped": `
import mmap
held = []
for n in range(6):
    f = os.open("x", os.O_CREAT | os.O_RDWR)
    os.write(f, b"x" * (20 << 20))
    m = ctypes.CDLL(None).mmap
    m.restype = ctypes.c_void_p
    m.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long)
    assert m(None, 20 << 20, 1, 1, f, 0) not in (None, -1)
    os.unlink("x")
    os.close(f)
`, "below a path that is too long": `
for n in range(60):
    os.mkdir("d" * 200)
    os.chdir("d" * 200)
for n in range(6):
    open(str(n), "wb").write(b"x" * (20 << 20))
`, "deeper than anybody looks": `
for n in range(2000):
    os.mkdir("d")
    os.chdir("d")
for n in range(6):
    open(str(n), "wb").write(b"x" * (20 << 20))
`, "in a folder that cannot be listed": `
os.mkdir("closed", 0o300)
os.mkdir("closed/inner", 0o300)
for n in range(6):
    open("closed/inner/%d" % n, "wb").write(b"x" * (20 << 20))
`, "in names": `
for n in range(100_000):
    os.close(os.open("name%d" % n, os.O_CREAT))
`, "in a process that has no first thread": `
import threading
def work():
    for n in range(6):
        f = os.open("x", os.O_CREAT | os.O_RDWR)
        os.unlink("x")
        os.write(f, b"x" * (20 << 20))
    while True:
        time.sleep(1)
threading.Thread(target=work).start()
ctypes.CDLL(None).syscall({"x86_64": 60, "aarch64": 93}[os.uname().machine], 0)
`, "on its way": `
a, b = socket.socketpair()
for n in range(30):
    f = os.open("x", os.O_CREAT | os.O_RDWR)
    os.unlink("x")
    os.write(f, b"x" * (20 << 20))
    socket.send_fds(a, [b"x"], [f])
    os.close(f)
`,
	} {
		t.Run(name, func(t *testing.T) {
			python(t, script+holder, func(t *testing.T, h *hostile, run func() sandbox.Result) {
				h.policy.Disk = 20 << 20
				r := run()
				breach := "wrote more than 20 MiB"
				if name == "deeper than anybody looks" {
					breach = "more than 400 folders one in another"
				}
				require.Contains(t, r.Breach, breach, "%s%s", r.Stdout, r.Stderr)
			})
		})
	}
}

// Memory that is in no process' resident pages.
func TestHostile_hidesItsMemory(t *testing.T) {
	for name, script := range map[string]string{
		"in tables of pages": `
import mmap
with open("sparse", "wb") as f:
    f.truncate(200 << 20)
m = ctypes.CDLL(None).mmap
m.restype = ctypes.c_void_p
m.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long)
size = 150 << 30
at = m(None, size, 1, 0x4022, -1, 0) # to be read, and not reserved
assert at not in (None, -1)
ctypes.CDLL(None).madvise(ctypes.c_void_p(at), ctypes.c_size_t(size), 15) # no huge pages
for offset in range(0, size, 2 << 20):
    ctypes.c_char.from_address(at + offset).value
`, "in sockets": `
held = []
for child in range(3):
    if os.fork() == 0:
        break
for n in range(300):
    pair = socket.socketpair()
    for s in pair:
        s.setblocking(False)
        try:
            while True:
                s.send(b"x" * 65536)
        except BlockingIOError:
            pass
    held.append(pair)
`, "in pipes": `
for child in range(11):
    if os.fork() == 0:
        break
for n in range(450):
    r, w = os.pipe()
    os.set_blocking(w, False)
    try:
        os.write(w, b"x" * 65536)
    except BlockingIOError:
        pass
`, "shared and let go": `
import mmap
C = ctypes.CDLL(None)
for n in range(30):
    m = mmap.mmap(-1, 10 << 20)
    m.write(b"x" * (10 << 20))
    m.madvise(mmap.MADV_DONTNEED)
    globals()["m%d" % n] = m
`, "in a process that has no first thread": `
import threading
def work():
    held = []
    while True:
        held.append(bytearray(os.urandom(1 << 20)))
threading.Thread(target=work).start()
ctypes.CDLL(None).syscall({"x86_64": 60, "aarch64": 93}[os.uname().machine], 0)
`,
	} {
		t.Run(name, func(t *testing.T) {
			python(t, script+holder, func(t *testing.T, h *hostile, run func() sandbox.Result) {
				h.policy.Memory = 200 << 20
				r := run()
				require.Contains(t, r.Breach, "more than 200 MiB of memory", "%s%s", r.Stdout, r.Stderr)
			})
		})
	}
}

// Ways out of sight that there are none of.
func TestHostile_cannotBeHidden(t *testing.T) {
	python(t, `
import resource
C = ctypes.CDLL(None, use_errno=True)
def check(result):
    if result == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
class Part(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]
buffer = ctypes.create_string_buffer(4096)
part = Part(ctypes.addressof(buffer), 4096)
r, w = os.pipe()
attempt("not to be looked into", lambda: check(C.prctl(4, 0, 0, 0, 0)))
attempt("a table of its own", lambda: check(C.syscall(436, 1000, 1001, 2)))
attempt("a thread with files of its own", lambda: check(C.syscall({"x86_64": 56, "aarch64": 220}[os.uname().machine],
    0x10000 | 0x800 | 0x100, 0, 0, 0, 0)))
attempt("a larger pipe", lambda: fcntl.fcntl(w, 1031, 1 << 20))
attempt("its memory in a pipe", lambda: check(C.vmsplice(w, ctypes.byref(part), 1, 0)))
attempt("its memory in a socket", lambda: socket.socket().send(b"x", 0x4000000))
attempt("rules without end", lambda: check(C.syscall(444, None, 0, 1)))
attempt("more files", lambda: [os.dup(0) for _ in range(1100)])
attempt("a higher limit", lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (20000, 20000)))
`, func(t *testing.T, _ *hostile, run func() sandbox.Result) {
		refused(t, run(), 9)
	})
}

// What honest programs hold is no breach.
func TestConfined_mayHoldALot(t *testing.T) {
	python(t, `
import tempfile, mmap
held = [socket.socketpair() for _ in range(100)]
held += [os.pipe() for _ in range(100)]
file = tempfile.TemporaryFile()
file.write(b"x" * (5 << 20))
for n in range(200): # writes much, keeps little
    with open("again", "wb") as f:
        f.write(b"x" * (2 << 20))
os.makedirs("/".join("deep" for _ in range(100)))
for n in range(10):
    os.link("again", "link%d" % n) # one file
time.sleep(0.5)
print("fine")
`, func(t *testing.T, h *hostile, run func() sandbox.Result) {
		h.policy.Memory, h.policy.Disk = 200<<20, 20<<20
		r := run()
		require.Empty(t, r.Breach)
		require.Equal(t, "fine\n", r.Stdout, r.Stderr)
	})
}

func TestHostile_asAnOrdinaryUser(t *testing.T) {
	newHostile(t) // which skips where nothing can be confined
	ordinary.Rerun(t, "^TestHostile_(hides|cannotBeHidden|fills|takes|changes|reads)|^TestConfined_mayHold", "python3")
}
