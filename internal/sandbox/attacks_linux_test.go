package sandbox_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/sandbox"
)

// direct makes system calls by their numbers, which are those of one machine.
const direct = `
import struct, errno
C = ctypes.CDLL(None, use_errno=True)
numbers = {"x86_64": 0, "aarch64": 1}[os.uname().machine]
def check(result):
    if result == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
def call(name, *arguments):
    return check(C.syscall(CALLS[name][numbers], *arguments))
CALLS = {"clone": (56, 220), "fallocate": (285, 47), "landlock": (444, 444), "vmsplice": (278, 75)}
`

// attacks runs a program that prints DONE for what it managed, and demands how each
// attempt was refused.
func attacks(t *testing.T, script string, want map[string]string) {
	t.Helper()
	python(t, direct+script, func(t *testing.T, h *hostile, run func() sandbox.Result) {
		r := run()
		require.Equal(t, 0, r.Exit, r.Stdout+r.Stderr)
		require.NotContains(t, r.Stdout+r.Stderr, "SECRET")
		got := map[string]string{}
		for line := range strings.Lines(r.Stdout) {
			if name, ok := strings.CutPrefix(line, "refused "); ok {
				name, why, _ := strings.Cut(name, ": ")
				got[name] = strings.TrimSpace(why)
			} else {
				name, _, _ := strings.Cut(strings.TrimPrefix(line, "DONE "), ": ")
				got[name] = strings.TrimSpace(line)
			}
		}
		require.Equal(t, want, got, r.Stderr)
	})
}

// trying names the attempts, and how they were refused by the kernel's own words.
const trying = `
def attempt(name, act):
    try:
        print("DONE %s: %s" % (name, act()), flush=True)
    except OSError as error:
        print("refused %s: %s" % (name, errno.errorcode[error.errno]), flush=True)
`

// What is the kernel's is taken by one call each, and counts for nobody.
func TestHostile_takesWhatTheKernelHolds(t *testing.T) {
	attacks(t, trying+`
attempt("futexes", lambda: check(C.prctl(78, 1, 1 << 24, 0, 0)))
attempt("an option of tomorrow", lambda: check(C.prctl(500, 1, 0, 0, 0)))
big = os.open("big", os.O_CREAT | os.O_RDWR)
for name, mode in (("room beyond the end", 1), ("a hole", 3), ("zeros beyond the end", 0x11)):
    attempt(name, lambda: call("fallocate", big, mode, 0, ctypes.c_long(2 << 30)))
attempt("room beyond the limit", lambda: os.posix_fallocate(big, 0, 2 << 30))
attempt("rules", lambda: call("landlock", ctypes.create_string_buffer(24), 24, 0))
attempt("pages in a pipe", lambda: call("vmsplice", 1, None, 0, 0))
attempt("a lock of a descriptor", lambda: fcntl.fcntl(big, 37, struct.pack("hhqqi", 1, 0, 0, 1, 0)))
attempt("an own lock", lambda: bool(fcntl.fcntl(big, 6, struct.pack("hhqqi", 1, 0, 0, 1, 0))))
attempt("own name", lambda: check(C.prctl(15, b"me", 0, 0, 0)))
attempt("own room", lambda: os.posix_fallocate(big, 0, 4096))
attempt("blocks", lambda: os.fstat(big).st_blocks < 100)
`, map[string]string{"futexes": "EINVAL", "an option of tomorrow": "EINVAL", "room beyond the end": "ENOTSUP",
		"a hole": "ENOTSUP", "zeros beyond the end": "ENOTSUP", "room beyond the limit": "EFBIG", "rules": "EPERM",
		"pages in a pipe": "EPERM", "a lock of a descriptor": "EPERM", "an own lock": "DONE an own lock: True",
		"own name": "DONE own name: 0", "own room": "DONE own room: None", "blocks": "DONE blocks: True",
	})
}

// A file that others need is held, or the user's share of something is used up.
func TestHostile_keepsOthersWaiting(t *testing.T) {
	attacks(t, trying+`
mine = os.open("mine", os.O_CREAT | os.O_RDONLY)
attempt("lease", lambda: fcntl.fcntl(mine, 1024, 1))
attempt("lease on what is read", lambda: fcntl.fcntl(os.open(os.__file__, os.O_RDONLY), 1024, 1))
attempt("delegation", lambda: fcntl.fcntl(os.open(".", os.O_RDONLY), 1040, struct.pack("IHH", 0, 0, 0)))
attempt("faster", lambda: os.nice(-5))
attempt("real time", lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)))
`, map[string]string{"lease": "EPERM", "lease on what is read": "EPERM", "delegation": "EPERM", "faster": "EPERM",
		"real time": "EPERM"})
}

// A process whose parent is not its maker is the judge's: nobody waits for it.
func TestHostile_leavesItsDeadToTheJudge(t *testing.T) {
	python(t, direct+`
for _ in range(20):
    try:
        if call("clone", 0x8000 | 17, 0, 0, 0, 0) == 0:
            os._exit(0)
        print("DONE")
    except OSError:
        print("refused it")
`, func(t *testing.T, _ *hostile, run func() sandbox.Result) {
		before := children(t)
		refused(t, run(), 20)
		require.Less(t, children(t), before+10, "the keeper may be about to be waited for")
	})
}

// children are the processes that are this one's to wait for.
func children(t *testing.T) (n int) {
	t.Helper()
	tasks, err := filepath.Glob("/proc/self/task/*/children")
	require.NoError(t, err)
	for _, task := range tasks {
		b, err := os.ReadFile(task)
		if err == nil {
			n += len(strings.Fields(string(b)))
		}
	}
	return n
}

func TestHostile_locksPartsOfFilesWithoutEnd(t *testing.T) {
	python(t, direct+`
held = []
for n in range(100):
    f = os.open("l%d" % n, os.O_CREAT | os.O_RDWR)
    held.append(f)
    for i in range(500):
        fcntl.fcntl(f, 6, struct.pack("hhqqi", 1, 0, 2 * i, 1, 0))
time.sleep(600)
`, func(t *testing.T, h *hostile, run func() sandbox.Result) {
		h.policy.Memory = 200 << 20
		require.Contains(t, run().Breach, "more than 200 MiB of memory")
	})
}
