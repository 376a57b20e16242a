package grading

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/cli/app"
)

func TestWhereabouts(t *testing.T) {
	dir := t.TempDir()
	gradescope, none := filepath.Join(dir, "autograder"), filepath.Join(dir, "none")
	require.NoError(t, os.Mkdir(gradescope, 0o755))
	for name, c := range map[string]struct {
		env     map[string]string
		dir     string
		path    string
		formats []string
	}{
		"Gradescope": {nil, gradescope, filepath.Join(gradescope, "submission"),
			[]string{"gradescope=" + filepath.Join(gradescope, "results", "results.json")}},
		"GitHub Actions": {map[string]string{"GITHUB_ACTIONS": "true"}, none, ".", []string{"github=-"}},
		"GitLab":         {map[string]string{"GITLAB_CI": "true"}, none, ".", []string{"junit=junit.xml"}},
		"CI":             {map[string]string{"CI": "true"}, none, ".", nil},
	} {
		p := whereabouts(func(k string) string { return c.env[k] }, c.dir)
		require.Equal(t, name, p.name)
		require.Equal(t, c.path, p.path)
		require.Equal(t, c.formats, p.formats)
		_, err := outputs(p.formats)
		require.NoError(t, err, "the formats are known")
	}
}

func TestOutputs_refusesWhatNobodyCanWrite(t *testing.T) {
	for _, f := range []string{"nonsense", "csv="} {
		_, err := outputs([]string{f})
		require.Equal(t, app.ExitUsage, app.Code(err), f)
	}
	out, err := outputs([]string{"csv=a=b.csv", "junit=-", "text"})
	require.NoError(t, err)
	require.Equal(t, []string{"a=b.csv", "-", ""}, []string{out[0].file, out[1].file, out[2].file})
}

func TestQuote_makesOneWord(t *testing.T) {
	for in, want := range map[string]string{"class/a.zip": "class/a.zip", "": "''", "my class": "'my class'",
		"it's": `'it'\''s'`, "$(x)": "'$(x)'"} {
		require.Equal(t, want, quote(in))
	}
}

// A format for one learner's submission is refused before the class is graded.
func TestFits_refusesBeforeAnythingIsGraded(t *testing.T) {
	formats, err := outputs([]string{"csv", "gradescope"})
	require.NoError(t, err)
	g := &command{formats: formats}
	require.NoError(t, g.fits(1))
	err = g.fits(13)
	require.Equal(t, app.ExitUsage, app.Code(err))
	require.EqualError(t, err,
		"the format gradescope is for one learner's submission and there are 13 learners; nothing was graded")
}
