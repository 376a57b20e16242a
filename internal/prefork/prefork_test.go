package prefork_test

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/prefork"
)

// outcome is all that can be seen of a program.
type outcome struct {
	Exit     prefork.Exit
	Out, Err string
}

func run(t testing.TB, i *prefork.Interpreters, dir, stdin string, env, args []string) outcome {
	t.Helper()
	if args[0] == "python3" { // the interpreter itself, not a script that looks for it
		found, err := exec.Command("python3", "-c", "import sys; print(sys.executable)").Output()
		require.NoError(t, err)
		args[0] = strings.TrimSpace(string(found))
	}
	cmd := exec.Command(args[0], args[1:]...) // what the test runs
	cmd.Dir = dir
	// With a locale that is none, Python sets one.
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8"}, env...)
	pipe := func() (r, w *os.File) {
		r, w, err := os.Pipe()
		require.NoError(t, err)
		return r, w
	}
	in, feed := pipe()
	out, outEnd := pipe()
	errs, errEnd := pipe()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, outEnd, errEnd
	p, err := i.Start(cmd, nil)
	require.NoError(t, err)
	for _, f := range []*os.File{in, outEnd, errEnd} {
		require.NoError(t, f.Close())
	}
	_, err = feed.WriteString(stdin)
	require.NoError(t, err)
	require.NoError(t, feed.Close())
	read := func(f *os.File) string {
		b, err := io.ReadAll(f)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		return string(b)
	}
	o := outcome{Out: read(out), Err: read(errs)}
	o.Exit = p.Wait()
	return o
}

func write(t testing.TB, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
}

// written is what a program has left in its folder; the next begins without it.
func written(t testing.TB, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	require.NoError(t, err)
	for _, f := range files {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		out[filepath.Base(f)] = string(b)
		require.NoError(t, os.Remove(f))
	}
	return out
}

// Whatever a program can see of itself is the same in a fork as in an
// interpreter of its own.
func TestStart_isLikeAnInterpreterOfItsOwn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		script, stdin string
		args, env     []string
		files         map[string]string
	}{
		"environment, folder, arguments, input": {
			script: "import os, sys\nprint(sorted(os.environ.items()), os.getcwd(), sys.argv, sys.stdin.read(), __name__, " +
				"__file__)\nprint(sys.path[0], sys.stdout.encoding, sys.flags.optimize)",
			stdin: "some\nüml\n", args: []string{"a", "b c"}, env: []string{"X=1", "X=2", "Y=ä=ö"},
		},
		"an exception":    {script: "def f():\n    raise ValueError('no')\nf()\n"},
		"a syntax error":  {script: "print('never')\nif\n"},
		"an exit code":    {script: "import sys\nsys.exit(7)"},
		"an exit message": {script: "import sys\nsys.exit('bye')"},
		"the end of a signal": {script: "import os, signal\nprint('x', flush=True)\nos.kill(os.getpid(), " +
			"signal.SIGTERM)"},
		"a number that is no code": {script: "import sys\nsys.exit(300)"},
		"a file left open": {script: "f = open('out.txt', 'w')\nf.write('kept')\nimport " +
			"atexit\natexit.register(lambda: print(open('out.txt').read() == ''))"},
		"a module's file": {script: "import near\nnear.f.write('kept')",
			files: map[string]string{"near.py": "f = open('near.txt', 'w')"}},
		"destructors": {script: "class C:\n    def __del__(self):\n        print('gone')\nc = C()\nd = " +
			"[c]\nd.append(d)\nprint('end')"},
		"an end in a thread": {script: "import sys, threading\nthreading.Thread(target=lambda: sys.exit(3)).start()"},
		"a pool that still works": {script: "import time\nfrom concurrent.futures import ThreadPoolExecutor\np = " +
			"ThreadPoolExecutor(2)\nprint('end')\np.submit(lambda: (time.sleep(0.05), print('done')))"},
		"a closed output": {script: "import sys\nprint('x')\nsys.stdout.close()"},
		"another output":  {script: "import sys, io\nsys.stdout = io.StringIO()\nprint('x')"},
		"a session without options": {script: "import " +
			"boto3\nprint(boto3.DEFAULT_SESSION)\nboto3.setup_default_session(region_name='r')\n" +
			"print(boto3.client('sqs').meta.region_name)", env: []string{"AWS_ENDPOINT_URL=http://127.0.0.1:9"}},
		"a profile": {script: "import boto3\ntry:\n    print(boto3.client('sqs').meta.region_name)\nexcept Exception " +
			"as e:\n    print(type(e))", env: []string{"AWS_ENDPOINT_URL=http://127.0.0.1:9", "AWS_PROFILE=mine"}},
		"a configuration": {script: "import boto3\nprint(boto3.client('sqs').meta.region_name)",
			env:   []string{"AWS_ENDPOINT_URL=http://127.0.0.1:9", "AWS_CONFIG_FILE=src/config"},
			files: map[string]string{"config": "[default]\nregion = eu-south-1\n"}},
		"credentials": {script: "import boto3\nprint(boto3.Session().get_credentials().access_key, " +
			"boto3.client('s3')._request_signer._credentials.access_key)",
			env: []string{"AWS_ACCESS_KEY_ID=me", "AWS_SECRET_ACCESS_KEY=x", "AWS_DEFAULT_REGION=r",
				"AWS_ENDPOINT_URL=http://127.0.0.1:9"}},
		"no credentials": {script: "import boto3\ntry:\n    boto3.client('sqs').list_queues()\nexcept Exception as e:\n    " +
			"print(repr(e))", env: []string{"AWS_DEFAULT_REGION=r", "AWS_ENDPOINT_URL=http://127.0.0.1:9",
			"AWS_EC2_METADATA_DISABLED=true"}},
		"clients of one service": {script: `import boto3
from botocore.awsrequest import AWSResponse
class Body:
    def stream(self, *_, **__):
        yield b"{}"
a, b = boto3.client("dynamodb"), boto3.client("dynamodb", endpoint_url="http://127.0.0.1:8")
for name, c in ("a", a), ("b", b):
    c.meta.events.register("before-send", lambda request, name=name, **_:
        print(name, request.url) or AWSResponse(request.url, 200, {}, Body()))
a.list_tables(), b.list_tables()
print(type(a) is type(b), sorted(n for n in dir(a) if not n.startswith("_")) ==
    sorted(n for n in dir(b) if not n.startswith("_")))
print(a.put_item.__doc__ == b.put_item.__doc__, len(a.put_item.__doc__) > 1000, a.put_item.__name__)
type(a).list_tables = lambda self: "mine"
print(a.list_tables(), b.list_tables())
s = boto3.client("s3", endpoint_url="https://127.0.0.1:9", verify=False)
print(s.meta.endpoint_url, s.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"},
    ExpiresIn=1).split("?")[0])
`, env: []string{"AWS_ACCESS_KEY_ID=me", "AWS_SECRET_ACCESS_KEY=x", "AWS_DEFAULT_REGION=eu-west-3",
			"AWS_ENDPOINT_URL=http://127.0.0.1:9"}},
		"a module that is imported again": {script: "import sys, json\ndel sys.modules['json']\nimport json\njson.f = " +
			"open('out.txt', 'w')\njson.f.write('kept')"},
		"a hard end": {script: "import os\nprint('lost')\nos._exit(3)"},
		"what runs at the end": {script: "import atexit, threading, time\natexit.register(print, " +
			"'last')\nthreading.Thread(target=lambda: (time.sleep(0.05), print('thread'))).start()\nprint('first')"},
		"no such file":       {script: ""},
		"a module beside it": {script: "import near\nprint(near.x)", files: map[string]string{"near.py": "x = 5"}},
		"a module that it hides": {script: "import json\nprint(json.mine)",
			files: map[string]string{"json.py": "mine = 'own'"}},
		"its own boto3": {script: "import boto3\nprint(boto3.mine)",
			files: map[string]string{"boto3/__init__.py": "mine = 'own'"}},
		"PYTHONPATH": {script: "import far\nprint(far.x)", env: []string{"PYTHONPATH=lib"},
			files: map[string]string{"lib/far.py": "x = 6"}},
		"PYTHON variables":    {script: "import sys\nprint(sys.flags.optimize)", env: []string{"PYTHONOPTIMIZE=2"}},
		"a pickle of its own": {script: "import pickle\nclass C: pass\nprint(type(pickle.loads(pickle.dumps(C()))))"},
		"processes of its own": {script: "import multiprocessing as m, sys\ndef f(x):\n    return x * x\nif __name__ == " +
			"'__main__':\n    with m.Pool(2) as p:\n        print(p.map(f, [1, 2, 3]))"},
		"a program it starts": {script: "import subprocess\nprint(subprocess.run(['sh', '-c', 'echo hi; exit 4'], " +
			"capture_output=True))"},
		"a time zone": {script: "import time\nprint(time.tzname)", env: []string{"TZ=Asia/Kolkata"}},
		"an SDK client": {script: "import boto3\nprint(boto3.client('sqs').meta.endpoint_url, boto3.DEFAULT_SESSION is not " +
			"None)", env: []string{"AWS_REGION=x", "AWS_DEFAULT_REGION=eu-west-3", "AWS_ENDPOINT_URL=http://127.0.0.1:9"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := prefork.New()
			t.Cleanup(i.Close)
			dir := t.TempDir()
			if c.script != "" {
				write(t, dir, "src/main.py", c.script)
			}
			for file, text := range c.files {
				write(t, dir, filepath.Join("src", file), text)
			}
			if c.env != nil && strings.HasPrefix(c.env[0], "PYTHONPATH=") {
				c.env = []string{"PYTHONPATH=" + filepath.Join(dir, "src", "lib")}
			}
			args := append([]string{"python3", "src/main.py"}, c.args...)
			want := run(t, nil, dir, c.stdin, c.env, args)
			left := written(t, dir)
			require.Equal(t, want, run(t, i, dir, c.stdin, c.env, args))
			require.Equal(t, left, written(t, dir))
		})
	}
}

// Programs of checks and functions find a session that has read everything; a new
// one would cost them as much as all else.
func TestStart_hasASessionReady(t *testing.T) {
	t.Parallel()
	i := prefork.New()
	t.Cleanup(i.Close)
	dir := t.TempDir()
	write(t, dir, "main.py",
		"import boto3\nboto3.setup_default_session()\nprint(boto3.DEFAULT_SESSION._session._components._components.keys() "+
			">= {'credential_provider'})")
	key := "AWS_ACCESS_KEY_ID=test"
	for _, c := range []struct {
		want string
		env  []string
	}{
		{"True", []string{key}},
		{"True", []string{"AWS_EC2_METADATA_DISABLED=true"}},
		// as functions have it
		{"True", []string{key, "AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=" + os.DevNull,
			"AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull}},
		{"False", []string{key, "AWS_CONFIG_FILE=config"}},
		{"False", nil},
		{"False", []string{key, "AWS_METADATA_SERVICE_TIMEOUT=1"}},
	} {
		require.Equal(t, c.want+"\n", run(t, i, dir, "", c.env, []string{"python3", "main.py"}).Out, c.env)
	}
}

// A program is ended with what it has started, and with the interpreters.
func TestProcess_ends(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "main.py", "import os, time\nos.fork()\nos.write(1, b'x')\ntime.sleep(600)\n")
	for name, end := range map[string]func(*prefork.Interpreters, *prefork.Process){
		"with End":   func(_ *prefork.Interpreters, p *prefork.Process) { p.End() },
		"with Close": func(i *prefork.Interpreters, _ *prefork.Process) { i.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := prefork.New()
			t.Cleanup(i.Close)
			out, outEnd, err := os.Pipe()
			require.NoError(t, err)
			cmd := exec.Command("python3", "main.py")
			cmd.Dir, cmd.Stdout, cmd.Env = dir, outEnd, []string{"PATH=" + os.Getenv("PATH")}
			p, err := i.Start(cmd, nil)
			require.NoError(t, err)
			require.NoError(t, outEnd.Close())
			_, err = io.ReadFull(out, make([]byte, 2)) // both are there
			require.NoError(t, err)
			end(i, p)
			rest, err := io.ReadAll(out) // ends when neither holds the pipe any more
			require.NoError(t, err)
			require.Empty(t, rest)
			require.Equal(t, -1, p.Wait().Code)
			require.NoError(t, out.Close())
		})
	}
}

// An interpreter that is killed takes its programs with it; the next program
// starts all the same.
func TestStart_survivesTheInterpreter(t *testing.T) {
	t.Parallel()
	i := prefork.New()
	t.Cleanup(i.Close)
	dir := t.TempDir()
	write(t, dir, "kill.py", "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nimport time\ntime.sleep(600)\n")
	write(t, dir, "hello.py", "print('hello')")
	require.Equal(t, -1, run(t, i, dir, "", nil, []string{"python3", "kill.py"}).Exit.Code)
	for range 3 {
		o := run(t, i, dir, "", nil, []string{"python3", "hello.py"})
		require.Equal(t, outcome{Exit: prefork.Exit{Code: 0, Text: "exit status 0"}, Out: "hello\n"}, o)
	}
}

func BenchmarkStart(b *testing.B) {
	dir := b.TempDir()
	write(b, dir, "main.py", "import boto3\n")
	i := prefork.New()
	b.Cleanup(i.Close)
	for name, i := range map[string]*prefork.Interpreters{"forked": i, "started": nil} {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				require.Equal(b, 0, run(b, i, dir, "", nil, []string{"python3", "main.py"}).Exit.Code)
			}
		})
	}
}
