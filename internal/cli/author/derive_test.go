package author_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/cli/clitest"
	"github.com/pipelab/pipelab/internal/lab"
)

func TestDerive_ofEachLabOfTheCatalogueIsWell(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	ids, err := lab.IDs(c.Labs)
	require.NoError(t, err)
	for _, id := range ids {
		a := c.Run("lab", "derive", id, "mine/my-"+id, "--json")
		require.Equal(t, app.ExitOK, a.Code, a.Err)
		var d struct {
			ID, Extends, Folder string
			Files               []string
		}
		require.NoError(t, json.Unmarshal([]byte(a.Out), &d))
		require.Equal(t, "my-"+id, d.ID)
		require.Equal(t, id, d.Extends)
		require.Equal(t, filepath.Join(c.Dir, "mine", "my-"+id), d.Folder)
		require.Equal(t, []string{"lab.yaml", "sealed/own.yaml"}, d.Files)
	}
	a := c.Run("lab", "lint", "mine")
	require.Equal(t, app.ExitOK, a.Code, a.Out)
	require.Contains(t, a.Err, "no problems")
}

func TestDerive_refusesWhatItCannotDo(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	c.Lab(t)
	const from = "ddb-leaderboard"
	c.Says(t, app.ExitUsage, `there is no lab "ddb-leaderbord"`, "did you mean ddb-leaderboard?", "lab", "derive",
		"ddb-leaderbord", "mine")
	c.Says(t, app.ExitUsage, "small is a folder", "sealed/checks.yaml", "lab", "derive", "small", "mine")
	c.Says(t, app.ExitUsage, `"My_Lab" cannot be a lab's id`, "my-lab", "lab", "derive", from, "My_Lab")
	c.Says(t, app.ExitUsage, "small is there already", "", "lab", "derive", from, "small")
	require.NoFileExists(t, filepath.Join(c.Dir, "mine"))
	require.NoFileExists(t, filepath.Join(c.Dir, "My_Lab"))

	// What the folder says is wrong is told wherever the lab is named.
	c.Write(t, "mine/lab.yaml", "id: mine\nextends: ddb-leaderbord\n")
	for _, line := range []string{"lab test mine", "show mine", "show mine --text"} {
		a := c.Run(strings.Fields(line)...)
		require.Equal(t, app.ExitInvalid, a.Code, line)
		require.Contains(t, a.Err, "the lab mine has problems:\nmine/lab.yaml:2:1: extends: there is no lab", line)
		require.Contains(t, a.Err, "hint: see: pipelab lab lint mine", line)
	}
	a := c.Run("lab", "lint", "mine")
	require.Equal(t, app.ExitInvalid, a.Code)
	require.Contains(t, a.Out, "mine/lab.yaml:2:1: extends: there is no lab")

	a = c.Run("__complete", "lab", "derive", "ddb-lead")
	require.Contains(t, a.Out, from+"\n")
	require.Contains(t, c.Run("__complete", "lab", "derive", from, "").Out, ":16\n", "folders are completed")
}
