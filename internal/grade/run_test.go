package grade_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/grade"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/internal/trial"
)

func byLearner(b *report.Gradebook) map[string]report.Grade {
	out := map[string]report.Grade{}
	for _, g := range b.Grades {
		out[g.Learner.ID+" "+g.Lab] = g
	}
	return out
}

func bytesOf(t *testing.T, b *report.Gradebook) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, report.Write("json", &out, b, report.Options{}))
	return out.String()
}

func TestRun_gradesEverybodyOnTheirOwnTerms(t *testing.T) {
	c := newClass(t, "tiny")
	c.rules.Labs[0].Points = 40
	c.rules.Due, c.rules.Late = at("2026-03-06T18:00:00Z"), grade.Late{PerDay: 0.1, Until: at("2026-03-20T18:00:00Z")}
	c.people("id\nada\nbob\ncy\ndee\neve\nfay\n")
	manifest := func(learner, when string) string {
		return fmt.Sprintf(`{"version":1,"learner":%q,"lab":"tiny","submitted":%q,"files":{}}`, learner, when)
	}
	c.put(map[string]string{
		"class/ada/app.sh": right,
		"class/bob/app.sh": wrong, "class/bob/" + grade.ManifestFile: manifest("bob", "2026-03-06T17:00:00Z"),
		"class/cy/app.sh": right, "class/cy/" + grade.ManifestFile: manifest("cy", "2026-03-08T12:00:00Z"),
		"class/dee/app.sh": right, "class/dee/" + grade.ManifestFile: manifest("dee", "2026-03-21T12:00:00Z"),
		"class/eve/app.sh": right, "class/eve/template.yaml": "Resources:\n  X:\n    Type: AWS::S3::Bukcet\n",
	})
	o := c.graded("class")
	g := byLearner(o.Book)
	require.Len(t, g, 6)
	require.Equal(t, 3, o.Ran, "ada and cy handed in the same")
	for learner, want := range map[string]struct {
		status                  report.Status
		earned, penalty, points float64
		problem, deploy         string
	}{
		"ada": {status: report.Final, earned: 40, points: 40},
		"bob": {status: report.Final, earned: 16, points: 16},
		"cy":  {status: report.Final, earned: 40, penalty: 8, points: 32},
		"dee": {status: report.Rejected, problem: "handed in at 2026-03-21 12:00 UTC by its manifest, after 2026-03-20"},
		"eve": {status: report.Final, deploy: "template.yaml:3:11: resource type AWS::S3::Bukcet is not supported"},
		"fay": {status: report.Missing},
	} {
		got := g[learner+" tiny"]
		require.Equal(t, want.status, got.Status, learner)
		require.InDelta(t, want.earned, got.Earned, 1e-9, learner)
		require.InDelta(t, want.penalty, got.Penalty, 1e-9, learner)
		require.InDelta(t, want.points, got.Points, 1e-9, learner)
		require.InDelta(t, 40, got.Possible, 1e-9, learner)
		require.Contains(t, got.Problem, want.problem, learner)
		require.True(t, strings.HasPrefix(got.Deploy, want.deploy), got.Deploy)
	}
	for _, check := range g["eve tiny"].Result.Checks {
		require.Equal(t, report.Fail, check.Verdict)
	}
	require.Equal(t, `One line with the seed`, g["bob tiny"].Result.Checks[0].Message)
	require.Zero(t, g["bob tiny"].Result.Checks[0].Millis, "what no two runs have in common is kept out of the gradebook")
	require.Len(t, o.Timings, 4)
	require.Equal(t, bytesOf(t, o.Book), bytesOf(t, c.graded("class").Book), "two runs have the same bytes")
}

func TestRun_takesTheBestOfTheAttemptsThatCount(t *testing.T) {
	c := newClass(t, "tiny")
	c.rules.Attempts = 2
	c.put(map[string]string{"class/ada/attempt-1/app.sh": "exit 1\n", "class/ada/attempt-2/app.sh": wrong,
		"class/ada/attempt-3/app.sh": right})
	g := c.graded("class").Book.Grades
	require.Len(t, g, 1)
	require.InDelta(t, 40, g[0].Points, 0)
	require.Equal(t, 2, g[0].Submission.Attempt)
	require.Equal(t, "the best of 2 attempts; 1 more than the 2 attempts allowed did not count", g[0].Submission.Note)
}

func TestRun_neverScoresWhatWeFailedToJudge(t *testing.T) {
	c := newClass(t, "tiny")
	c.put(map[string]string{"class/ada/app.sh": right, "class/bob/app.sh": wrong})
	c.run.Rerun = "pipelab grade class"
	c.run.Cache = grade.Cache{Dir: t.TempDir()}
	works := c.run.Deploy
	var calls atomic.Int32
	broken := func(err error, times int32) trial.Deploy {
		calls.Store(0)
		return func(ctx context.Context, e emulator.Emulator, l *lab.Folder, dir string) (map[string]string, error) {
			if strings.Contains(dir, string(filepath.Separator)+"0.run") && calls.Add(1) <= times {
				return nil, err
			}
			return works(ctx, e, l, dir)
		}
	}
	for name, err := range map[string]error{
		"the lab's own":     &trial.LabError{Err: errors.New("no lab today")},
		"an unknown reason": errors.New("disk on fire"),
	} {
		c.run.Deploy = broken(err, 9)
		g := byLearner(c.graded("class").Book)
		ada := g["ada tiny"]
		require.Equal(t, report.Open, ada.Status, name)
		require.Contains(t, ada.Problem, err.Error(), name)
		require.Equal(t, "pipelab grade class", ada.Rerun, name)
		require.Equal(t, int32(2), calls.Load(), "it is tried once more")
		require.Equal(t, report.Final, g["bob tiny"].Status, name)
	}
	c.run.Deploy = broken(errors.New("a hiccup"), 1)
	g := byLearner(c.graded("class").Book)
	require.Equal(t, report.Final, g["ada tiny"].Status, "the second try stands; the failure was not kept")
	require.InDelta(t, 100, g["ada tiny"].Points, 0)

	c.run.Deploy = func(context.Context, emulator.Emulator, *lab.Folder, string) (map[string]string, error) {
		panic("a bug")
	}
	c.put(map[string]string{"class/ada/app.sh": right + "# new\n"})
	g = byLearner(c.graded("class").Book)
	require.Equal(t, report.Open, g["ada tiny"].Status)
	require.Contains(t, g["ada tiny"].Problem, "a bug")
	require.Equal(t, report.Final, g["bob tiny"].Status, "known from before")
}

func TestRun_givesWhatTheDeadlineCutOffTheVerdictTimeout(t *testing.T) {
	c := newClass(t, "tiny")
	c.put(map[string]string{"class/ada/app.sh": "exec sleep 40\n"})
	c.run.Deadline = 2 * time.Second // the program takes forty
	g := c.graded("class").Book.Grades[0]
	require.Equal(t, report.Final, g.Status)
	require.Zero(t, g.Points)
	for _, check := range g.Result.Checks {
		require.Equal(t, report.Timeout, check.Verdict, check.ID)
	}
	require.Contains(t, g.Result.Checks[1].Message, "the deadline of the whole submission, 2s, passed")
}

func TestRun_runsAgainOnlyWhatHasChanged(t *testing.T) {
	c := newClass(t, "tiny")
	c.put(map[string]string{"class/ada/app.sh": right, "class/bob/app.sh": wrong})
	c.run.Cache = grade.Cache{Dir: t.TempDir()}
	first := c.graded("class")
	require.Equal(t, 2, first.Ran)
	again := c.graded("class")
	require.Equal(t, 0, again.Ran)
	require.Equal(t, bytesOf(t, first.Book), bytesOf(t, again.Book))
	c.put(map[string]string{"class/bob/app.sh": right})
	require.Equal(t, 0, c.graded("class").Ran, "bob's files are ada's now")
	c.put(map[string]string{"class/bob/app.sh": right + "\n"})
	require.Equal(t, 1, c.graded("class").Ran)
	for what, change := range map[string]func(){
		"seed": func() { c.rules.Seed = 8 }, "tool": func() { c.plan.Tool = "2" }, "build": func() { c.plan.Build = "2" },
		"sandbox": func() { c.plan.Sandbox = "landlock" },
		"lab":     func() { c.labs["tiny"].Title = "T"; c.labs = withReadme(t, "other") },
	} {
		change()
		require.Equal(t, 2, c.graded("class").Ran, what)
		require.Equal(t, 0, c.graded("class").Ran, what)
	}
}

func withReadme(t *testing.T, text string) map[string]*lab.Folder {
	t.Helper()
	dir := t.TempDir()
	out := labs(t, "tiny")
	require.NoError(t, os.CopyFS(dir, out["tiny"].FS))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "README.md"), []byte(text), 0o600))
	out["tiny"].FS = os.DirFS(dir)
	return out
}

func TestRun_findsOtherLearnersSeeds(t *testing.T) {
	c := newClass(t, "tiny")
	c.rules.Variants = true
	c.people("id\nada\nbob\ncy\ndee\n")
	ada := grade.DeriveSeed(7, "ada")
	c.put(map[string]string{
		"class/ada/app.sh": right,
		"class/bob/app.sh": fmt.Sprintf("# nothing\necho %d\n", ada),
		"class/cy/app.sh":  "cat answers.txt\n", "class/cy/answers.txt": fmt.Sprintf("1\n2\nkey-%d.json\n%d\n", ada,
			grade.DeriveSeed(7, "cy")),
		"class/dee/app.sh": fmt.Sprintf("echo $((%d + 1))\n", ada-1),
	})
	g := byLearner(c.graded("class").Book)
	require.Empty(t, g["ada tiny"].Flags)
	require.InDelta(t, 100, g["ada tiny"].Points, 0)
	require.Equal(t, grade.DeriveSeed(7, "bob"), g["bob tiny"].Result.Seed)
	require.Equal(t, []string{fmt.Sprintf("app.sh:2 holds the seed of ada, %d", ada),
		fmt.Sprintf("check says holds the seed of ada, %d", ada)}, g["bob tiny"].Flags)
	require.Equal(t, []string{fmt.Sprintf("answers.txt:3 holds the seed of ada, %d", ada),
		fmt.Sprintf("check says holds the seed of ada, %d", ada)}, g["cy tiny"].Flags)
	require.Equal(t, []string{fmt.Sprintf("check says holds the seed of ada, %d", ada)}, g["dee tiny"].Flags)
}

func TestOutput_goesOnAfterATornLine(t *testing.T) {
	c := newClass(t, "tiny")
	c.put(map[string]string{"class/ada/app.sh": right, "class/bob/app.sh": wrong})
	want := bytesOf(t, c.graded("class").Book)
	dir := t.TempDir()
	out, err := grade.OpenOutput(dir)
	require.NoError(t, err)
	_, err = grade.OpenOutput(dir)
	require.ErrorIs(t, err, grade.ErrBusy)
	c.into(out, "class")
	require.NoError(t, out.Close())
	journal := filepath.Join(dir, "journal.jsonl")
	whole, err := os.ReadFile(journal)
	require.NoError(t, err)
	lines := bytes.SplitAfter(whole, []byte("\n"))
	require.Len(t, lines, 3)
	for cut := range []int{0, 1, len(lines[1]) / 2, len(lines[1]) - 1} { // of the second line
		require.NoError(t, os.WriteFile(journal, whole[:len(lines[0])+cut], 0o600))
		out, err := grade.OpenOutput(dir)
		require.NoError(t, err)
		require.Equal(t, 1, out.Left())
		res := c.into(out, "class")
		require.Equal(t, 1, res.Ran)
		require.Equal(t, want, bytesOf(t, res.Book))
		require.NoError(t, out.End())
		require.NoError(t, out.Close())
		out, err = grade.OpenOutput(dir)
		require.NoError(t, err)
		require.Zero(t, out.Left(), "a run that came to its end is not gone on with")
		require.NoError(t, out.Close())
	}
}

func TestCompare_saysWhoseScoreChangedAndWhy(t *testing.T) {
	c := newClass(t, "tiny")
	c.people("id\nada\nbob\ncy\ndee\n")
	c.put(map[string]string{"class/ada/app.sh": right, "class/bob/app.sh": wrong, "class/cy/app.sh": right,
		"class/dee/app.sh": right})
	before := c.graded("class").Book
	require.Empty(t, grade.Compare(before, c.graded("class").Book))
	c.put(map[string]string{"class/ada/app.sh": wrong, "class/bob/app.sh": right})
	require.NoError(t, os.RemoveAll(filepath.Join(c.dir, "class", "cy")))
	after := c.graded("class").Book
	for i := range after.Grades { // as if chance had decided
		if g := &after.Grades[i]; g.Learner.ID == "dee" {
			g.Points, g.Result.Checks[0].Verdict = 40, report.Fail
		}
	}
	changes := grade.Compare(before, after)
	var out strings.Builder
	require.NoError(t, grade.WriteChanges(&out, changes))
	require.Equal(t, `ada  tiny  100 of 100 -> 40 of 100: says pass -> fail (changed: submission)
bob  tiny  40 of 100 -> 100 of 100: says fail -> pass (changed: submission)
cy  tiny  100 of 100 -> missing: says pass -> none, ends pass -> none (changed: submission)
dee  tiny  100 of 100 -> 40 of 100: says pass -> fail (non-determinism)
`, out.String())
	drops := map[string]bool{}
	for _, change := range changes {
		drops[change.Learner] = change.Drop
	}
	require.Equal(t, map[string]bool{"ada": true, "bob": false, "cy": true, "dee": true}, drops)
}
