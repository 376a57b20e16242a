package judge_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/cli/clitest"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/embedded"
	"github.com/pipelab/pipelab/internal/provision"
	"github.com/pipelab/pipelab/internal/workspace"
)

// fault is something that learners do, or that happens to them, and what they are told.
type fault struct {
	files map[string]string // that differ from the right answer; "-" is a file that is gone
	env   []string
	setup func(t *testing.T, c *clitest.Terminal, w *workspace.Workspace)
	line  string // the command; "check" when empty
	code  int
}

// faults share one lab, whose right answer passes, and one emulator; what a check
// judges, it judges in one of its own.
type faults struct {
	source   string
	emulator emulator.Emulator
	token    string
}

func newFaults(t *testing.T) *faults {
	t.Helper()
	f := &faults{source: filepath.Join(t.TempDir(), "copying"), token: emulator.NewToken()}
	for name, text := range map[string]string{"lab.yaml": copying, "README.md": "# Copying\n", "resources.yaml": entries,
		"starter/template.yaml": copyTemplate, "starter/src/app.py": copier, "starter/src/send.py": sends,
		"solution/template.yaml": copyTemplate, "solution/src/app.py": copier, "solution/src/send.py": sends} {
		path := filepath.Join(f.source, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	var err error
	f.emulator, err = embedded.Driver{Provision: provision.At, Token: f.token}.Start(t.Context(), emulator.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.emulator.Close() }) // it holds nothing that could be lost
	return f
}

// in makes the fault in a new workspace and runs the command.
func (f *faults) in(t *testing.T, x fault) clitest.Answer {
	t.Helper()
	c := clitest.New(t, x.env...)
	dir := filepath.Join(c.Dir, "work")
	w, err := workspace.Create(dir, workspace.Meta{Lab: "copying", Source: f.source, Emulator: "embedded",
		Stack: "copying"}, os.DirFS(filepath.Join(f.source, "starter")))
	require.NoError(t, err)
	require.NoError(t, w.SaveDaemon(workspace.Daemon{PID: os.Getpid(), URL: f.emulator.Endpoint().URL, Token: f.token}))
	c.Dir = dir
	for name, text := range x.files {
		if text == "-" {
			require.NoError(t, os.RemoveAll(filepath.Join(dir, name)))
			continue
		}
		c.Write(t, name, text)
	}
	if x.setup != nil {
		x.setup(t, c, w)
	}
	if x.line == "" {
		x.line = "check --seed 7"
	}
	port := strconv.Itoa(f.emulator.Endpoint().Port())
	return c.Run(strings.Fields(strings.ReplaceAll(x.line, "PORT", port))...)
}

// machinery is what no learner should read: JSON within text, folders of ours, names of
// nothing, one of many.
var machinery = regexp.MustCompile(`\\n|\\"|\\u00|\$\{|/pipelab-[a-z]+-\d|\b1 (line|item|record|message|lab|resource|` +
	`check|call|time|row|invocation)s\b|%!|<nil>|goroutine \d`)

// clear asks that nobody has to know our machinery to read a text.
func clear(t *testing.T, text string) {
	t.Helper()
	for _, l := range strings.Split(text, "\n") {
		require.NotRegexp(t, machinery, l)
	}
}

// next is what tells a learner where to go on: a hint, a place in a file of theirs, or
// what is set up for their function.
var next = regexp.MustCompile(`(?m)^ *hint: |\b(src/\w+\.py|template\.\w+):\d+|its mapping|no event source mapping|` +
	`is not there|did not end|timed out|memory|more help: pipelab hint`)

func TestCheck_fortyFaultsAndWhatALearnerIsTold(t *testing.T) {
	t.Parallel()
	f := newFaults(t)
	right := f.in(t, fault{})
	require.Equal(t, app.ExitOK, right.Code, right.Out+right.Err)
	says, all := told(), catalogue()
	require.Len(t, says, len(all))
	for name, x := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := f.in(t, x)
			text := a.Out + a.Err
			t.Log("\n" + text)
			require.Equal(t, x.code, a.Code)
			require.NotEmpty(t, says[name])
			for _, s := range says[name] {
				require.Contains(t, folded(text), folded(s))
			}
			clear(t, text)
			if x.code != app.ExitOK {
				require.Regexp(t, next, text)
			}
		})
	}
}

// folded is a text without its line breaks, which are a matter of width.
func folded(s string) string { return strings.Join(strings.Fields(s), " ") }
