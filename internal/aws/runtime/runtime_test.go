package runtime_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/aws/runtime"
	"github.com/pipelab/pipelab/internal/confine"
)

// fleet is a fleet on the machine's clock, with functions of one file.
type fleet struct {
	*runtime.Fleet
	t   *testing.T
	dir string
}

func newFleet(t *testing.T, limit int, change ...func(*runtime.Machine)) *fleet {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("functions of this test are in Python, which is not on PATH")
	}
	clk := clock.New()
	scratch := t.TempDir()
	machine := runtime.Machine{Scratch: func() (string, error) { return scratch, nil },
		Endpoint: func() string { return "http://127.0.0.1:1" }, Limit: limit}
	for _, c := range change {
		c(&machine)
	}
	f := runtime.NewFleet(clk, machine)
	t.Cleanup(func() {
		f.Close()
		clk.Close()
	})
	return &fleet{Fleet: f, t: t, dir: t.TempDir()}
}

// lines are a log.
type lines struct {
	mu   sync.Mutex
	text []string
}

func (l *lines) Event(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, text)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.text, "")
}

// python returns what starts a function in Python.
func (f *fleet) python(code string, change ...func(*runtime.Spec)) func() (runtime.Spec, error) {
	f.t.Helper()
	dir, err := os.MkdirTemp(f.dir, "code-")
	require.NoError(f.t, err)
	require.NoError(f.t, os.WriteFile(filepath.Join(dir, "app.py"), []byte(code), 0o600))
	s := runtime.Spec{Runtime: "python3.12", Handler: "app.handler", Code: dir, Memory: 512, Sink: &lines{},
		Env: []string{"SHARED=" + f.dir, "AWS_LAMBDA_FUNCTION_NAME=f", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
			"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512", "AWS_LAMBDA_LOG_GROUP_NAME=g", "AWS_LAMBDA_LOG_STREAM_NAME=s"}}
	for _, c := range change {
		c(&s)
	}
	return func() (runtime.Spec, error) { return s, nil }
}

// invoke runs one invocation as the lambda service does.
func (f *fleet) invoke(key string, spec func() (runtime.Spec, error),
	change ...func(*runtime.Invocation)) runtime.Outcome {
	f.t.Helper()
	env, err := f.Acquire(f.t.Context(), key, spec)
	require.NoError(f.t, err)
	defer f.Release(env)
	inv := runtime.Invocation{ID: "11111111-2222-3333-4444-555555555555", ARN: "arn:aws:lambda:::f", Payload: []byte(`{}`),
		Timeout: time.Minute}
	for _, c := range change {
		c(&inv)
	}
	out, err := env.Invoke(f.t.Context(), inv)
	require.NoError(f.t, err)
	return out
}

func faultOf(t *testing.T, out runtime.Outcome) (kind, message string) {
	t.Helper()
	require.True(t, out.Failed, string(out.Payload))
	var f struct {
		Kind string `json:"errorType"`
		Text string `json:"errorMessage"`
	}
	require.NoError(t, json.Unmarshal(out.Payload, &f))
	return f.Kind, f.Text
}

const counts = "n = 0\ndef handler(e, c):\n    global n\n    n += 1\n    return n\n"

func TestFleet_keepsEnvironmentsWarm(t *testing.T) {
	f := newFleet(t, 2)
	spec := f.python(counts)
	cold := f.invoke("f", spec)
	require.Equal(t, "1", string(cold.Payload))
	require.Positive(t, cold.Init)
	warm := f.invoke("f", spec)
	require.Equal(t, "2", string(warm.Payload), "the same process")
	require.Zero(t, warm.Init)
	require.Equal(t, "1", string(f.invoke("g", f.python(counts)).Payload), "another function has another process")
}

func TestFleet_startsChangedCodeAnew(t *testing.T) {
	f := newFleet(t, 2)
	ended := make(chan struct{})
	old := f.python("def handler(e, c): return 'old'", func(s *runtime.Spec) { s.Ended = func() { close(ended) } })
	require.Equal(t, `"old"`, string(f.invoke("f:1", old).Payload))
	f.Retire("f:1")
	<-ended
	require.Equal(t, `"new"`, string(f.invoke("f:2", f.python("def handler(e, c): return 'new'")).Payload))
}

// An environment at work when its function changes finishes, and is not used again.
func TestFleet_retiresWhatIsAtWorkAfterwards(t *testing.T) {
	f := newFleet(t, 2)
	ended := make(chan struct{})
	spec := f.python(counts, func(s *runtime.Spec) { s.Ended = func() { close(ended) } })
	env, err := f.Acquire(t.Context(), "f", spec)
	require.NoError(t, err)
	f.Retire("f")
	out, err := env.Invoke(t.Context(), runtime.Invocation{ID: "1", Payload: []byte(`{}`), Timeout: time.Minute})
	require.NoError(t, err)
	require.Equal(t, "1", string(out.Payload))
	select {
	case <-ended:
		t.Fatal("it was ended while it was in use")
	default:
	}
	f.Release(env)
	<-ended
	require.Equal(t, "1", string(f.invoke("f", f.python(counts)).Payload))
}

// holds is a Python program that holds a lock for as long as its process is there,
// which only the kernel releases, and counts who else does.
const holds = `
import fcntl, glob, os
mine = open(os.environ["SHARED"] + "/%d.lock" % os.getpid(), "w")
fcntl.flock(mine, fcntl.LOCK_EX)
def living():
    n = 0
    for name in glob.glob(os.environ["SHARED"] + "/*.lock"):
        with open(name) as f:
            try:
                fcntl.flock(f, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                n += 1
    return n
`

// living is how many processes hold such a lock.
func (f *fleet) living() int {
	f.t.Helper()
	cmd := exec.Command("python3", "-c", holds+"mine.close()\nprint(living())")
	cmd.Env = append(os.Environ(), "SHARED="+f.dir)
	out, err := cmd.Output()
	require.NoError(f.t, err)
	var n int
	require.NoError(f.t, json.Unmarshal(out, &n))
	return n
}

func TestFleet_holdsItsLimitInABurst(t *testing.T) {
	f := newFleet(t, 8)
	spec := f.python(holds + "import time\ndef handler(e, c):\n    time.sleep(0.02)\n    return living()\n")
	most, starts := make([]int, 40), make([]bool, 40)
	var group sync.WaitGroup
	for i := range most {
		group.Go(func() {
			out := f.invoke("f", spec)
			if out.Failed || json.Unmarshal(out.Payload, &most[i]) != nil {
				most[i] = -1
			}
			starts[i] = out.Init > 0
		})
	}
	group.Wait()
	for _, n := range most {
		require.Positive(t, n, "an invocation failed")
		require.LessOrEqual(t, n, 8, "processes at a time")
	}
	require.Contains(t, starts, false, "processes are used again")
}

// One function's idle processes make room for another function.
func TestFleet_makesRoomForOthers(t *testing.T) {
	f := newFleet(t, 1)
	code := holds + "def handler(e, c): return living()"
	for _, key := range []string{"f", "g", "f"} {
		require.Equal(t, "1", string(f.invoke(key, f.python(code)).Payload))
	}
}

// Functions that wait for one another would do so for ever at the limit.
func TestFleet_startsOneMoreWhenNothingMoves(t *testing.T) {
	f := newFleet(t, 1)
	env, err := f.Acquire(t.Context(), "caller", f.python(counts))
	require.NoError(t, err)
	require.Equal(t, "1", string(f.invoke("called", f.python(counts)).Payload))
	f.Release(env)
}

func TestFleet_waitsForATurnUntilTheCallerIsGone(t *testing.T) {
	f := newFleet(t, 1)
	env, err := f.Acquire(t.Context(), "f", f.python(counts))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = f.Acquire(ctx, "g", f.python(counts))
	require.ErrorIs(t, err, context.Canceled)
	f.Release(env)
}

func TestFleet_aTimeoutEndsTheWholeGroup(t *testing.T) {
	f := newFleet(t, 1)
	spec := f.python(holds + `
import subprocess, sys, time
def handler(e, c):
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"], pass_fds=[mine.fileno()])
    time.sleep(1000)
`)
	out := f.invoke("f", spec, func(i *runtime.Invocation) { i.Timeout = time.Second })
	require.True(t, out.TimedOut)
	kind, message := faultOf(t, out)
	require.Equal(t, "Sandbox.Timedout", kind)
	require.Contains(t, message, "Task timed out after 1.00 seconds")
	f.Close()
	require.Zero(t, f.living(), "the child had the lock too")
}

func TestFleet_holdsTheMemoryLimit(t *testing.T) {
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("memory is watched on Linux only")
	}
	f := newFleet(t, 1)
	spec := f.python("def handler(e, c):\n    return len(bytearray(b'x' * (300 << 20)))",
		func(s *runtime.Spec) { s.Memory = 128 })
	kind, message := faultOf(t, f.invoke("f", spec))
	require.Equal(t, "Runtime.ExitError", kind)
	require.Contains(t, message, "signal: killed")
}

func TestFleet_replacesAProcessThatCrashed(t *testing.T) {
	f := newFleet(t, 1)
	spec := f.python("import os\nn = 0\ndef handler(e, c):\n    global n\n    n += 1\n    if e.get('crash'): " +
		"os._exit(3)\n" +
		"    return n\n")
	crash := func(i *runtime.Invocation) { i.Payload = []byte(`{"crash":true}`) }
	require.Equal(t, "1", string(f.invoke("f", spec).Payload))
	kind, message := faultOf(t, f.invoke("f", spec, crash))
	require.Equal(t, "Runtime.ExitError", kind)
	require.Contains(t, message, "exit status 3")
	require.Equal(t, "1", string(f.invoke("f", spec).Payload), "a new process")
	for _, at := range []runtime.Crash{runtime.CrashBefore, runtime.CrashAfter} {
		kind, _ = faultOf(t, f.invoke("f", spec, func(i *runtime.Invocation) { i.Crash = at }))
		require.Equal(t, "Runtime.ExitError", kind)
	}
}

func TestFleet_closeEndsWhatIsAtWork(t *testing.T) {
	f := newFleet(t, 4)
	spec := f.python(holds + "import time\ndef handler(e, c):\n    time.sleep(1000)\n")
	begun := make(chan *runtime.Environment, 4)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			env, err := f.Acquire(t.Context(), "f", spec)
			if err != nil {
				return
			}
			defer f.Release(env)
			begun <- env
			_, _ = env.Invoke(t.Context(), runtime.Invocation{ID: "1", Payload: []byte(`{}`), Timeout: time.Hour})
		})
	}
	<-begun
	f.Close()
	require.Zero(t, f.living())
	group.Wait()
	_, err := f.Acquire(t.Context(), "f", spec)
	require.ErrorIs(t, err, runtime.ErrClosed)
	f.Open()
	require.Equal(t, "1", string(f.invoke("g", f.python(counts)).Payload), "every slot was given back")
}

func TestFleet_givesASlotBackWhenAProcessCannotBeStarted(t *testing.T) {
	f := newFleet(t, 1)
	for range 3 {
		ended := false
		_, err := f.Acquire(t.Context(), "f", func() (runtime.Spec, error) {
			return runtime.Spec{Runtime: "cobol85", Ended: func() { ended = true }}, nil
		})
		require.ErrorIs(t, err, runtime.ErrUnsupported)
		require.True(t, ended)
	}
	require.Equal(t, "1", string(f.invoke("f", f.python(counts)).Payload))
}

// A process that cannot be started takes nobody else's with it: each try starts a
// server for the process to ask first.
func TestFleet_aProcessThatCannotBeStartedEndsNothing(t *testing.T) {
	f := newFleet(t, 2)
	for range 20 {
		_, err := f.Acquire(t.Context(), "gone", f.python("", func(s *runtime.Spec) { s.Code = "/nowhere" }))
		require.ErrorContains(t, err, "start function")
	}
	out := f.invoke("nul", f.python(counts, func(s *runtime.Spec) { s.Env = append(s.Env, "A=x\x00y") }))
	kind, message := faultOf(t, out)
	require.Equal(t, "Runtime.InvalidEntrypoint", kind)
	require.Contains(t, message, "NUL")
	require.Equal(t, "1", string(f.invoke("fine", f.python(counts)).Payload))
}

// A function that crashes after each event gets a new environment each time; what
// it prints counts for all of them, and empty lines are not for nothing.
func TestFleet_keepsABoundedLogOfAllEnvironmentsTogether(t *testing.T) {
	policy, err := confine.New(t.Context())
	if err != nil {
		t.Skip(err)
	}
	for name, test := range map[string]struct {
		print  string
		events int
	}{
		"long lines":  {`"x" * (20 << 20)`, 10},
		"empty lines": {`"\n" * (200 << 10)`, 4},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFleet(t, 2, func(m *runtime.Machine) { m.Confine = policy })
			log := &lines{}
			spec := f.python("import os\ndef handler(e, c):\n    os.write(1, ("+test.print+").encode())\n    os._exit(1)\n",
				func(s *runtime.Spec) { s.Sink = log })
			for range test.events {
				require.True(t, f.invoke("f", spec).Failed)
			}
			require.Contains(t, log.String(), "[WARN] more than 64 MiB were printed")
			require.Less(t, len(log.String())+256*len(log.text), 66<<20)
			f.Close()
			f.Open() // as a reset does
			before := len(log.text)
			require.True(t, f.invoke("f", spec).Failed)
			require.Greater(t, len(log.text), before)
		})
	}
}
