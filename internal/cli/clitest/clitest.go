// Package clitest runs commands in a test's own process as the program does:
// arguments, streams, a folder and an environment in; output, messages and the
// exit code out. It replaces nothing: files, emulators and terminals are real.
package clitest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/cli"
	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/embedded"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/provision"
	"github.com/pipelab/pipelab/internal/workspace"
	"github.com/pipelab/pipelab/labs"
)

// Main is for the TestMain of a folder whose commands start this program again,
// as start does for the emulator: the test's binary is the program then.
func Main(m *testing.M) {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-") {
		//nolint:forbidigo // as cmd/pipelab does
		os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ(), time.Now))
	}
	os.Exit(m.Run()) //nolint:forbidigo // what a TestMain does
}

// Terminal is a place where commands run. Its fields may be changed between them.
type Terminal struct {
	Dir     string    // the folder
	Environ []string  // the later of two that name one variable counts
	Labs    fs.FS     // the catalogue, the real one if New made the terminal
	In      io.Reader // what is typed
	Out     io.Writer // where output goes instead of into the answer; nil for the answer
	Err     io.Writer // where messages go besides; nil for the answer alone
	Now     func() time.Time
}

// New returns a terminal in an empty folder, for somebody who has no keys and no
// attempts, without a HOME.
func New(t *testing.T, environ ...string) *Terminal {
	t.Helper()
	home := t.TempDir()
	return &Terminal{Dir: t.TempDir(), Labs: labs.FS(), In: strings.NewReader(""),
		Now: time.Now, //nolint:forbidigo // as main
		Environ: append([]string{"PATH=" + os.Getenv("PATH"), "PIPELAB_KEYS=" + filepath.Join(home, "keys"),
			"PIPELAB_STATE=" + filepath.Join(home, "state"), "PIPELAB_CACHE=" + filepath.Join(home, "cache")}, environ...)}
}

// Answer is what a command did.
type Answer struct {
	Code     int
	Out, Err string
}

// Run runs one command.
func (c *Terminal) Run(args ...string) Answer { return c.RunContext(context.Background(), args...) }

// RunContext runs one command, which is interrupted when ctx ends.
func (c *Terminal) RunContext(ctx context.Context, args ...string) Answer {
	var out, problems bytes.Buffer
	a := &app.App{In: c.In, Out: &out, Err: &problems, Environ: c.Environ, Now: c.Now, Dir: c.Dir, Labs: c.Labs,
		Version: "v0.0.0-test"}
	if c.Out != nil {
		a.Out = c.Out
	}
	if c.Err != nil {
		a.Err = io.MultiWriter(&problems, c.Err)
	}
	code := cli.Execute(ctx, a, args)
	return Answer{code, out.String(), problems.String()}
}

// Says runs one command that must fail: with this code, nothing on standard
// output, one line "error:" that holds text, and lines "hint:", one of which holds
// hint. An empty hint asks for none.
func (c *Terminal) Says(t *testing.T, code int, text, hint string, args ...string) {
	t.Helper()
	a := c.Run(args...)
	require.Equal(t, code, a.Code, "%v: %s", args, a.Err)
	if slices.Contains(args, "--json") {
		requireJSONError(t, a)
	} else {
		require.Empty(t, a.Out, "%v", args)
	}
	at := strings.LastIndex("\n"+a.Err, "\nerror: ") // what was done before may be told before
	require.GreaterOrEqual(t, at, 0, "%v: %s", args, a.Err)
	first, rest, _ := strings.Cut(a.Err[at:], "\n")
	require.Contains(t, first, text, "%v", args)
	require.Contains(t, rest, hint, "%v", args)
	for _, l := range strings.Split(strings.TrimSpace(rest), "\n") {
		require.True(t, l == "" || strings.HasPrefix(l, "hint: "), "%v: %q", args, l)
	}
}

// requireJSONError asks that standard output says what standard error says, for
// programs.
func requireJSONError(t *testing.T, a Answer) {
	t.Helper()
	var e struct {
		Error    string
		Hints    []string
		ExitCode int
	}
	require.NoError(t, json.Unmarshal([]byte(a.Out), &e), a.Out)
	require.Equal(t, a.Code, e.ExitCode)
	require.Contains(t, a.Err, "error: "+e.Error+"\n")
	for _, h := range e.Hints {
		require.Contains(t, a.Err, "hint: "+h+"\n")
	}
}

// Seen is a stream that calls Do with all that was written to it so far, after each
// write: how a test acts on what a command says while it runs.
type Seen struct {
	Do   func(all string)
	text strings.Builder
}

// Write implements io.Writer.
func (s *Seen) Write(p []byte) (int, error) {
	s.text.Write(p)
	s.Do(s.text.String())
	return len(p), nil
}

// Fits asks that no line of a command's output is wider than so many columns, but
// for single words, and for lines that hold one of these, such as a command to type.
func (c *Terminal) Fits(t *testing.T, columns int, line string, but ...string) string {
	t.Helper()
	return c.FitsWith(t, app.ExitOK, columns, line, but...)
}

// FitsWith is Fits for a command that ends with another exit code.
func (c *Terminal) FitsWith(t *testing.T, code, columns int, line string, but ...string) string {
	t.Helper()
	a := c.RunWide(t, columns, strings.Fields(line)...)
	require.Equal(t, code, a.Code, "%s: %s", line, a.Err)
	require.NotContains(t, a.Out, "\x1b", line)
	for _, l := range strings.Split(a.Out, "\n") {
		if strings.Contains(strings.TrimSpace(l), " ") &&
			!slices.ContainsFunc(but, func(s string) bool { return strings.Contains(l, s) }) {
			require.LessOrEqual(t, utf8.RuneCountInString(l), columns, "%s: %q", line, l)
		}
	}
	return a.Out
}

// Write writes a file below the terminal's folder and returns its path.
func (c *Terminal) Write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(c.Dir, filepath.FromSlash(name))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	return path
}

// Lab writes a small lab, which needs no interpreter, into the folder "small" and
// returns it: a template with a queue named "answer", which the solution makes and
// the starter does not; one check with hints, one without points.
func (c *Terminal) Lab(t *testing.T) string {
	t.Helper()
	for name, text := range map[string]string{"lab.yaml": smallLab, "README.md": "# Small\n\nMake a queue.\n",
		"resources.yaml":                    queue("Provided", "given"),
		"starter/template.yaml":             queue("Queue", "wrong"),
		"solution/template.yaml":            queue("Queue", "answer"),
		"mutants/other-name/expect.yaml":    "title: Another name\nfails: [named]\n",
		"mutants/other-name/solution.patch": otherName} {
		c.Write(t, "small/"+name, text)
	}
	return filepath.Join(c.Dir, "small")
}

func queue(id, name string) string {
	return "Resources:\n  " + id + ":\n    Type: AWS::SQS::Queue\n    Properties:\n      QueueName: " + name +
		"\n      VisibilityTimeout: 30\nOutputs:\n  " + id + "Url: { Value: !Ref " + id + " }\n"
}

const otherName = `--- a/template.yaml
+++ b/template.yaml
@@ -2,7 +2,7 @@
   Queue:
     Type: AWS::SQS::Queue
     Properties:
-      QueueName: answer
+      QueueName: other
       VisibilityTimeout: 30
 Outputs:
   QueueUrl: { Value: !Ref Queue }
`

const smallLab = `id: small
title: A queue of your own
summary: Make a queue with a name.
level: beginner
minutes: 5
examTasks: ["1.1"]
services: [sqs]
tasks: [{ id: make, title: Make it, text: Make a queue named answer. }]
probes:
  queues: { call: { service: sqs, operation: ListQueues, input: { QueueNamePrefix: answer } } }
checks:
  - id: named
    title: The queue has its name
    points: 100
    hints: [The name is in the task., It is a property of the template., "QueueName: answer"]
    expect:
      - that: has(queues.output.QueueUrls) && size(queues.output.QueueUrls) == 1
        message: There is a queue named answer
  - id: given
    title: What was given is there
    points: 0
    hints: [a, b, c]
    expect: [{ that: "true", message: It is }]
`

// Attempt writes down a run of all checks of a lab with so many of 100 points, on the
// first of March 2026. With all points its checks have passed.
func (c *Terminal) Attempt(t *testing.T, id string, points float64) {
	t.Helper()
	c.AttemptIn(t, id, points, "")
}

// AttemptIn is Attempt in a workspace.
func (c *Terminal) AttemptIn(t *testing.T, id string, points float64, dir string) {
	t.Helper()
	attempt := workspace.Attempt{Lab: id, Points: points, Max: 100, Dir: dir, Checks: map[string]any{},
		Time: time.Date(2026, 3, 1, 12, 0, 0, 0, time.Local)}
	if l, err := lab.Load(c.Labs, id); err == nil && points == 100 {
		for _, check := range l.Checks {
			attempt.Checks[check.ID] = "pass"
		}
	}
	a := &app.App{Environ: c.Environ}
	require.NoError(t, a.Progress().Append(attempt))
}

// Few makes the catalogue one of two labs, kinesis-partition-keys and
// s3-landing-zone: reading all takes long.
func (c *Terminal) Few() { c.Labs = few{c.Labs} }

type few struct{ fs.FS }

// ReadDir implements fs.ReadDirFS.
func (f few) ReadDir(name string) ([]fs.DirEntry, error) {
	all, err := fs.ReadDir(f.FS, name)
	if name != "." {
		return all, err
	}
	return slices.DeleteFunc(all, func(d fs.DirEntry) bool {
		return !slices.Contains([]string{"kinesis-partition-keys", "s3-landing-zone"}, d.Name())
	}), err
}

// Work starts the small lab in a workspace with an emulator of the test's own, and
// makes the workspace the terminal's folder.
func (c *Terminal) Work(t *testing.T) (*workspace.Workspace, emulator.Emulator) {
	t.Helper()
	source := c.Lab(t)
	token := emulator.NewToken()
	e, err := embedded.Driver{Provision: provision.At, Token: token}.Start(t.Context(), emulator.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = e.Close() }) // the test may have closed it
	dir := filepath.Join(c.Dir, "work")
	w, err := workspace.Create(dir, workspace.Meta{Lab: "small", Source: source, Emulator: "embedded", Stack: "small"},
		os.DirFS(filepath.Join(source, "starter")))
	require.NoError(t, err)
	// The process is this test's: nothing here may be told to stop it.
	require.NoError(t, w.SaveDaemon(workspace.Daemon{PID: os.Getpid(), URL: e.Endpoint().URL, Token: token}))
	c.Dir = dir
	return w, e
}
