package reports_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/cli/clitest"
	"github.com/pipelab/pipelab/internal/report"
)

const gradebook = `{"version": 1, "assignment": "week-3", "title": "Week 3", "tool": "test",
 "labs": [{"id": "lab", "title": "A lab", "points": 100, "digest": "d"}],
 "grades": [
  {"learner": {"id": "ada", "accounts": {"canvas": "1"}}, "lab": "lab", "status": "final", "earned": 60, "points": 60,
   "possible": 100, "result": {"version": 1, "lab": "lab", "seed": 7, "emulator": "embedded", "checks": [
    {"id": "a", "title": "A", "verdict": "pass", "points": 60, "possible": 60, "millis": 1, "calls": 1}]}},
  {"learner": {"id": "cyd"}, "lab": "lab", "status": "open", "earned": null, "points": null, "possible": 100}]}`

const export = "Student,ID,Section,Week 3 (7)\n    Points Possible,,,100\nA,1,s,\n"

func class(t *testing.T) *clitest.Terminal {
	t.Helper()
	c := clitest.New(t)
	c.Write(t, "grades/gradebook.json", gradebook)
	c.Write(t, "export.csv", export)
	return c
}

func TestReport_ofAFileAFolderAndNone(t *testing.T) {
	t.Parallel()
	c := class(t)
	want := c.Run("report", "--format", "csv")
	require.Equal(t, app.ExitOK, want.Code, want.Err)
	require.Contains(t, want.Out, "ada")
	for _, place := range []string{"grades", "grades/gradebook.json", filepath.Join(c.Dir, "grades")} {
		require.Equal(t, want, c.Run("report", place, "--format", "csv"))
	}
	require.NotContains(t, c.Run("report", "--format", "csv", "--learner", "ada").Out, "cyd")
	var b report.Gradebook
	require.NoError(t, json.Unmarshal([]byte(c.Run("report", "--json").Out), &b))
	require.Len(t, b.Grades, 2)

	c.Says(t, app.ExitUsage, `the gradebook has no learner "bob"`, "", "report", "--learner", "bob")
	c.Says(t, app.ExitUsage, `"cvs"`, "see them all: pipelab report formats", "report", "--format", "cvs")
	c.Says(t, app.ExitUsage, "gradescope is for one learner", "choose one: --learner ID", "report", "--format",
		"gradescope")
	c.Says(t, app.ExitUsage, "the gradebook cannot be read", "make one: pipelab grade PATH…", "report", "nowhere")
	c.Write(t, "newer.json", `{"version": 99}`)
	c.Says(t, app.ExitUsage, "newer.json", "make one: pipelab grade PATH…", "report", "newer.json")
}

func TestReport_toAFileThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	c := class(t)
	c.Says(t, app.ExitEnvironment, "the file could not be written: open "+filepath.Join(c.Dir, "no", "r.csv"), "",
		"report",
		"--format", "csv", "-o", "no/r.csv")
	require.Equal(t, clitest.Answer{}, c.Run("report", "--format", "csv", "-o", "r.csv"))
	b, err := os.ReadFile(filepath.Join(c.Dir, "r.csv"))
	require.NoError(t, err)
	require.Equal(t, c.Run("report", "--format", "csv").Out, string(b))
	summary := filepath.Join(c.Dir, "no", "summary.md")
	c.Environ = append(c.Environ, "GITHUB_STEP_SUMMARY="+summary)
	c.Says(t, app.ExitEnvironment, summary, "", "report", "--format", "github", "--learner", "ada")
}

func TestFormats_areListed(t *testing.T) {
	t.Parallel()
	c := class(t)
	var rows []struct{ Name, Description, Scope, Extension string }
	require.NoError(t, json.Unmarshal([]byte(c.Run("report", "formats", "--json").Out), &rows))
	require.Len(t, rows, len(report.Formats()))
	for _, r := range rows {
		require.NotEmpty(t, r.Description, r.Name)
		require.NotEmpty(t, r.Scope, r.Name)
	}
	for _, columns := range []int{40, 80} {
		require.Contains(t, c.Fits(t, columns, "report formats"), "prairielearn")
	}
	require.True(t, json.Valid([]byte(c.Run("report", "schema").Out)))
}

func TestFill_showsBeforeItWrites(t *testing.T) {
	t.Parallel()
	c := class(t)
	a := c.Run("fill", "canvas", "export.csv")
	require.Equal(t, app.ExitOK, a.Code, a.Err)
	require.Contains(t, a.Out, "line 3, A: empty → 60\n")
	require.Equal(t, "nothing was written; to write it: --output FILE\n", a.Err)
	require.Equal(t, "written: out.csv\n", c.Run("fill", "canvas", "export.csv", "-o", "out.csv").Err)
	b, err := os.ReadFile(filepath.Join(c.Dir, "out.csv"))
	require.NoError(t, err)
	require.Equal(t, strings.Replace(export, "A,1,s,\n", "A,1,s,60\n", 1), string(b))
	require.True(t, json.Valid([]byte(c.Run("fill", "canvas", "export.csv", "--json").Out)))
}

func TestFill_refuses(t *testing.T) {
	t.Parallel()
	c := class(t)
	c.Says(t, app.ExitUsage, `"blackboard" is no platform that can be filled: choose canvas or moodle`, "", "fill",
		"blackboard", "export.csv")
	c.Says(t, app.ExitUsage, "--decimal is . or ,", "", "fill", "canvas", "export.csv", "--decimal", ";")
	c.Says(t, app.ExitUsage, "the export cannot be read: open "+filepath.Join(c.Dir, "nowhere.csv"), "", "fill", "canvas",
		"nowhere.csv")
	c.Says(t, app.ExitUsage, "the gradebook cannot be read", "make one: pipelab grade PATH…", "fill", "canvas",
		"export.csv",
		"--gradebook", "other")
	c.Says(t, app.ExitInvalid, `export.csv: the export has no grade column "Week 4"`, "", "fill", "canvas", "export.csv",
		"--column", "Week 4")
	c.Says(t, app.ExitEnvironment, "the file could not be written", "", "fill", "canvas", "export.csv", "-o", "no/out.csv")
	c.Write(t, "empty.csv", "")
	require.Equal(t, app.ExitInvalid, c.Run("fill", "canvas", "empty.csv").Code)
}
