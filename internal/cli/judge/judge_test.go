package judge_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/cli/clitest"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/workspace"
)

func TestMain(m *testing.M) { clitest.Main(m) }

// What a learner does, from a first check to a solved one.
func TestJudge_fromFailingToSolved(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	w, _ := c.Work(t)
	c.Says(t, app.ExitUsage, "no check has been run yet", "or name a check: pipelab hint CHECK", "hint")

	a := c.Run("check", "--seed", "7")
	require.Equal(t, app.ExitFailed, a.Code, a.Err)
	require.Contains(t, a.Out, "There is a queue named answer")
	require.Contains(t, a.Err, "  fail        named\n")
	require.True(t, strings.HasSuffix(a.Err, "more help: pipelab hint\n"), a.Err)
	require.NotContains(t, a.Out+a.Err, "\x1b")
	var result struct {
		Seed   uint64
		Checks []struct{ ID, Verdict string }
	}
	require.NoError(t, json.Unmarshal([]byte(c.Run("check", "named", "--seed", "7", "--json").Out), &result))
	require.EqualValues(t, 7, result.Seed)
	require.Len(t, result.Checks, 1)

	require.Contains(t, a.Out, "hint: The name is in the task.\n")
	require.Equal(t, "named: The queue has its name\n  hint 2 of 3: It is a property of the template.\n",
		c.Run("hint").Out, "the first was in the report of the check")
	var hints struct {
		Check    string
		Hints    []string
		Of, Left *int
	}
	require.NoError(t, json.Unmarshal([]byte(c.Run("hint", "named", "--json").Out), &hints))
	require.Equal(t, "named", hints.Check)
	require.Len(t, hints.Hints, 3)
	require.Equal(t, 0, *hints.Left)
	require.Equal(t, 3, *hints.Of)
	all := c.Run("hint")
	require.Contains(t, all.Out, "  1. The name is in the task.\n")
	require.Contains(t, all.Out, "  3. QueueName: answer\n")
	require.Equal(t, "you have seen all hints for this check\nwords: template; what one means: pipelab explain WORD\n",
		all.Err)
	require.Equal(t, "given: What was given is there\n  hint 1 of 3: a\n", c.Run("hint", "given").Out, "it has passed")

	c.Says(t, app.ExitUsage, "nobody is here to ask", "say yes beforehand: --yes", "solve")
	mine, err := os.ReadFile(filepath.Join(w.Root, "template.yaml"))
	require.NoError(t, err)
	require.Contains(t, c.Run("solve", "--yes").Out, "your files are in "+w.Path("before-solve", "1")+"\n")
	kept, err := os.ReadFile(w.Path("before-solve", "1", "template.yaml"))
	require.NoError(t, err)
	require.Equal(t, mine, kept)
	require.JSONEq(t, `{"kept": "`+w.Path("before-solve", "2")+`"}`, c.Run("solve", "--yes", "--json").Out)

	a = c.Run("check")
	require.Equal(t, app.ExitOK, a.Code, a.Err)
	require.Equal(t, clitest.Answer{Err: "every check passed when it was run last; there is nothing to hint at\n"},
		c.Run("hint"))
	require.JSONEq(t, `{"check": "", "hints": [], "of": 0, "left": 0}`, c.Run("hint", "--json").Out)
	var attempts []struct {
		Points float64
		Solved bool
	}
	require.NoError(t, json.Unmarshal([]byte(c.Run("progress", "--by", "attempt", "--json").Out), &attempts))
	require.Len(t, attempts, 2, "one check alone is no attempt")
	require.Zero(t, attempts[0].Points)
	require.EqualValues(t, 100, attempts[1].Points)
	require.True(t, attempts[1].Solved)
}

// The end of a lab: what was proved, what it survives, the reference, what comes next.
func TestCheck_tellsWhatAFinishedLabProves(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	c.Few()
	w, _ := c.Work(t)
	c.Says(t, app.ExitUsage, "before all checks have passed", "say yes beforehand: --yes", "solve", "--diff")
	require.False(t, reopened(t, w).Meta.Solved, "nothing was shown")
	solution, err := os.ReadFile(filepath.Join(w.Meta.Source, "solution", "template.yaml"))
	require.NoError(t, err)
	c.Write(t, "template.yaml", string(solution)+"# my own\n")
	c.Write(t, "notes.txt", "mine\n")
	a := c.Run("check")
	require.Equal(t, app.ExitOK, a.Code, a.Err)
	require.Contains(t, a.Err, "\ndone: A queue of your own\n")
	require.Contains(t, a.Err, "\n  task 1.1 of the exam: Perform data ingestion\n")
	require.Contains(t, a.Err, "\nyour pipeline survived 1 wrong idea that these checks catch\n  Another name\n")
	require.Contains(t, a.Err, "pipelab solve --diff\n")
	require.Contains(t, a.Err, "next: pipelab start s3-landing-zone\n")
	require.NotContains(t, c.Run("check", "named").Err, "done: ", "one check is not the lab")
	require.NotContains(t, c.Run("check", "--json").Err, "done: ")

	before, err := w.Digest()
	require.NoError(t, err)
	d := c.Run("solve", "--diff")
	require.Equal(t, app.ExitOK, d.Code, d.Err)
	require.Contains(t, d.Out, "--- yours/template.yaml\n+++ reference/template.yaml\n@@ ")
	require.Contains(t, d.Out, "\n-# my own\n")
	require.Contains(t, d.Out, "notes.txt is yours only\n")
	require.NotContains(t, d.Out, "\x1b")
	require.Contains(t, c.RunWide(t, 80, "solve", "--diff").Out, "\x1b[31m-# my own\x1b[0m\n")
	after, err := w.Digest()
	require.NoError(t, err)
	require.Equal(t, before, after, "no file was changed")
	require.False(t, reopened(t, w).Meta.Solved, "all points came before")
	var shown struct {
		Reference string
		Files     []struct {
			File, Diff, Only string
			Same             bool
		}
	}
	require.NoError(t, json.Unmarshal([]byte(c.Run("solve", "--diff", "--json").Out), &shown))
	require.Equal(t, "solution", shown.Reference)
	require.Len(t, shown.Files, 2)
}

// What a run of one check says takes nothing from the last run of all.
func TestStatus_remembersTheLastRunOfAllChecks(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	w, _ := c.Work(t)
	require.Equal(t, app.ExitFailed, c.Run("check").Code)
	require.Equal(t, app.ExitOK, c.Run("check", "given").Code)
	s := c.Run("status").Out
	require.Contains(t, s, "checks    0 of 100 points the last time that all were run, ")
	require.Contains(t, s, "\n  fail        named\n")
	require.Contains(t, s, "\nsince     some were run by themselves\n  pass        given\n")
	require.Contains(t, c.Run("hint").Out, "named: ", "the one that failed before is still open")
	n := c.Run("next").Out
	require.Contains(t, n, "  fail        named  The queue has its name\n")
	require.Contains(t, n, "\n1 of 2 checks pass; 0 of 100 points")
	require.Contains(t, n, "\nnext: named\n  The queue has its name\n  pipelab check named\n  pipelab hint named\n")
	require.NoError(t, os.WriteFile(w.Path("full-result.json"), []byte("{"), 0o600))
	for _, command := range []string{"status", "next", "hint"} {
		c.Says(t, app.ExitEnvironment, "full-result.json", "pipelab check", command)
	}
}

func TestCheck_isColouredOnATerminalOnly(t *testing.T) {
	t.Parallel()
	c := clitest.New(t, "TERM=xterm")
	c.Work(t)
	require.NotContains(t, c.Run("check").Out, "\x1b")
	a := c.RunWide(t, 80, "check")
	require.Regexp(t, "(?m)^\x1b\\[31mfail       \x1b\\[0m \x1b\\[1mnamed\x1b\\[0m", a.Out)
	for _, not := range []string{"NO_COLOR=1", "TERM=dumb"} {
		c.Environ = append(c.Environ, not)
		require.NotContains(t, c.RunWide(t, 80, "check").Out, "\x1b", not)
		c.Environ = c.Environ[:len(c.Environ)-1]
	}
}

func TestCheck_refusesWhatDoesNotFitTogether(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	w, _ := c.Work(t)
	for line, want := range map[string][2]string{
		"check namd":                             {`the lab small has no check "namd"`, "did you mean named?"},
		"check nothing-like-it":                  {`has no check "nothing-like-it"`, "its checks: named, given"},
		"hint namd":                              {`the lab small has no check "namd"`, "did you mean named?"},
		"check --output r.html":                  {"--output needs a --format", "--format html --output r.html"},
		"check --json --format html":             {"--json and --format exclude each other", "--json the result alone"},
		"check --format htm":                     {`"htm"`, ""},
		"check --keep --no-deploy":               {"nothing is deployed yet", "deploy first: pipelab deploy"},
		"check --no-deploy":                      {"nothing is deployed yet", "deploy first: pipelab deploy"},
		"check --seed -1":                        {"--seed", "see: pipelab check --help"},
		"check --seed 18446744073709551616":      {"--seed", "see: pipelab check --help"},
		"deploy now":                             {"now", "see: pipelab deploy --help"},
		"check --format junit --json --output r": {"--json and --format exclude each other", ""},
	} {
		c.Says(t, app.ExitUsage, want[0], want[1], strings.Fields(line)...)
	}
	_, err := os.Stat(w.Path("result.json"))
	require.ErrorIs(t, err, os.ErrNotExist, "nothing was judged")

	a := c.Run("check", "--format", "junit", "--output", "no/such/folder/r.xml")
	require.Equal(t, app.ExitEnvironment, a.Code, a.Err)
	require.Contains(t, a.Err, "error: the report could not be written: open "+filepath.Join(w.Root, "no"))
	require.Empty(t, a.Out)
	require.Equal(t, app.ExitFailed, c.Run("check", "--format", "junit", "--output", "r.xml").Code)
	require.FileExists(t, filepath.Join(w.Root, "r.xml"))
	require.True(t, strings.HasPrefix(c.Run("check", "--format", "junit").Out, "<?xml"),
		"the format alone goes to the output")
}

// An attempt that cannot be written down is judged all the same.
func TestCheck_judgesWithoutAPlaceForProgress(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	c.Work(t)
	c.Environ = append(c.Environ, "PIPELAB_STATE="+filepath.Join(c.Write(t, "file", ""), "below"))
	a := c.Run("check", "given")
	require.Equal(t, app.ExitOK, a.Code, a.Err)
	a = c.Run("check")
	require.Equal(t, app.ExitFailed, a.Code, a.Err)
	require.Contains(t, a.Err, "note: this attempt could not be written down: ")
}

func TestDeploy_saysWhatChanged(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	w, _ := c.Work(t)
	a := c.Run("deploy")
	require.Equal(t, app.ExitOK, a.Code, a.Err)
	require.Regexp(t, `^deployed; 1 resource changed\n  ProvidedUrl  http\S+/given\n  QueueUrl     http\S+/wrong\n$`,
		a.Out)
	require.Regexp(t, `(?m)^  Queue +AWS::SQS::Queue +create complete$`, a.Err)
	require.True(t, strings.HasPrefix(c.Run("deploy").Out, "deployed; nothing had to change\n"))
	var out struct {
		Changes []any
		Outputs map[string]string
	}
	require.NoError(t, json.Unmarshal([]byte(c.Run("deploy", "--json").Out), &out))
	require.NotNil(t, out.Changes)
	require.Empty(t, out.Changes)
	require.Contains(t, out.Outputs, "QueueUrl")
	require.Contains(t, c.Run("status").Out, "deployed  what the files say\n")
	require.Equal(t, app.ExitFailed, c.Run("check", "--no-deploy").Code)

	c.Write(t, "template.yaml", "Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties: { Name: q }\n")
	require.Contains(t, c.Run("status").Out, "deployed  files have changed since\n")
	a = c.Run("deploy")
	require.Equal(t, app.ExitInvalid, a.Code, a.Err)
	require.Contains(t, a.Err, "template.yaml:4")
	require.NoError(t, os.Remove(filepath.Join(w.Root, "template.yaml")))
	c.Says(t, app.ExitInvalid, "template.yaml", "pipelab start LAB --dir FOLDER", "deploy")
}

// The loop of a learner: a failing check, a change, a passing one, Ctrl-C.
func TestWatch_judgesAgainWhenAFileChanges(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	w, _ := c.Work(t)
	ctx, cancel := context.WithCancel(t.Context())
	broken, solved := false, false
	c.Err = &clitest.Seen{Do: func(all string) {
		switch waits := strings.Count(all, "waiting for a file to change"); {
		case waits == 1 && !broken:
			broken = true
			c.Write(t, "template.yaml", "Resources: [\n")
		case waits == 2 && !solved:
			solved = true
			b, err := os.ReadFile(filepath.Join(w.Meta.Source, "solution", "template.yaml"))
			require.NoError(t, err)
			c.Write(t, "template.yaml", string(b))
		case waits == 3:
			cancel()
		}
	}}
	a := c.RunContext(ctx, "check", "--watch")
	require.Equal(t, app.ExitInterrupted, a.Code, a.Err)
	require.Contains(t, a.Err, "  fail        named\n")
	require.Contains(t, a.Err, "\nerror: ", "a template with a mistake is work in progress")
	require.Contains(t, a.Err, "  pass        named\n")
}

func TestLogs_showWhatFunctionsPrinted(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	_, e := c.Work(t)
	require.Equal(t, clitest.Answer{Err: "nothing was printed yet\n"}, c.Run("logs"))
	printed(t, e, "small-Consumer-ab12", "first\n")
	require.Regexp(t, `^\d\d:\d\d:\d\d\.\d{3} first\n$`, c.Run("logs").Out)
	printed(t, e, "other", "second")
	require.Regexp(t, `(?m)^\S+ small-Consumer-ab12 first$`, c.Run("logs").Out, "of several, whose it is")
	for _, name := range []string{"Consumer", "small-Consumer-ab12"} {
		require.Regexp(t, `^\S+ first\n$`, c.Run("logs", name).Out)
	}
	require.Equal(t, clitest.Answer{Err: "nothing was printed yet\n"}, c.Run("logs", "Cons"))
	var line struct{ Time, Function, Stream, Message string }
	require.NoError(t, json.Unmarshal([]byte(c.Run("logs", "other", "--json").Out), &line))
	require.Equal(t, "other", line.Function)
	require.Equal(t, "second", line.Message)

	ctx, cancel := context.WithCancel(t.Context())
	more := false
	var all string
	c.Out = &clitest.Seen{Do: func(s string) {
		switch all = s; {
		case strings.Contains(s, "third"):
			cancel()
		case !more:
			more = true
			printed(t, e, "other", "third")
		}
	}}
	require.Equal(t, app.ExitInterrupted, c.RunContext(ctx, "logs", "other", "--follow").Code)
	require.Equal(t, 1, strings.Count(all, "second"), "each line once")
}

// printed writes one line as a function does.
func printed(t *testing.T, e emulator.Emulator, function, line string) {
	t.Helper()
	client := cloudwatchlogs.NewFromConfig(e.Endpoint().AWSConfig())
	group := aws.String("/aws/lambda/" + function)
	now, _, err := e.Control().Now(t.Context())
	require.NoError(t, err)
	_, _ = client.CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: group}) // may be there
	_, _ = client.CreateLogStream(t.Context(), &cloudwatchlogs.CreateLogStreamInput{LogGroupName: group,
		LogStreamName: aws.String("s")})
	_, err = client.PutLogEvents(t.Context(), &cloudwatchlogs.PutLogEventsInput{LogGroupName: group,
		LogStreamName: aws.String("s"), LogEvents: []types.InputLogEvent{{Timestamp: aws.Int64(now.UnixMilli()),
			Message: &line}}})
	require.NoError(t, err)
}

// Solving needs a solution, and never loses a file.
func TestSolve_saysWhatIsMissing(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	w, _ := c.Work(t)
	c.Write(t, ".pipelab/before-solve", "no folder")
	c.Says(t, app.ExitEnvironment, w.Path("before-solve"), "", "solve", "--yes")
	require.False(t, reopened(t, w).Meta.Solved)
	b, err := os.ReadFile(filepath.Join(w.Root, "template.yaml"))
	require.NoError(t, err)
	require.Contains(t, string(b), "wrong", "nothing was replaced")
	require.NoError(t, os.RemoveAll(filepath.Join(w.Meta.Source, "solution")))
	require.NoError(t, os.RemoveAll(filepath.Join(w.Meta.Source, "mutants")))
	sealed := filepath.Join(w.Meta.Source, filepath.FromSlash(lab.SealedBytes)) // as learners get it
	require.NoError(t, os.MkdirAll(filepath.Dir(sealed), 0o700))
	require.NoError(t, os.WriteFile(sealed, nil, 0o600))
	c.Says(t, app.ExitUsage, "the lab small came without its solution", "get a hint instead: pipelab hint", "solve",
		"--yes")
}

func reopened(t *testing.T, w *workspace.Workspace) *workspace.Workspace {
	t.Helper()
	w, err := workspace.Find(w.Root)
	require.NoError(t, err)
	return w
}

// Interrupted, a check says how far it came, and keeps nothing that could be taken for a
// result.
func TestCheck_interruptedSaysWhatItHasLeft(t *testing.T) {
	t.Parallel()
	for _, flags := range [][]string{nil, {"--keep"}} {
		c := clitest.New(t)
		w, _ := c.Work(t)
		ctx, cancel := context.WithCancel(t.Context())
		c.Err = &clitest.Seen{Do: func(all string) {
			if strings.Contains(all, "create complete") { // deployed, and nothing judged yet
				cancel()
			}
		}}
		a := c.RunContext(ctx, append([]string{"check"}, flags...)...)
		require.Equal(t, app.ExitInterrupted, a.Code, a.Err)
		require.Contains(t, a.Err,
			"interrupted after 0 of 2 checks: nothing was written down, and your files are as they were\n")
		require.Equal(t, flags != nil, strings.Contains(a.Err, "is still in the lab's AWS; to empty it: pipelab reset\n"))
		require.NotContains(t, a.Err, "error ")
		require.Empty(t, a.Out)
		require.NoFileExists(t, w.Path("result.json"))
	}
}
