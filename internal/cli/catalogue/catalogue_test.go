package catalogue_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/cli/clitest"
)

func TestList_ofNoLabs(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	c.Labs = fstest.MapFS{}
	require.Equal(t, clitest.Answer{Err: "there are no labs in this build yet\n"}, c.Run("list"))
	require.Equal(t, clitest.Answer{Out: "[]\n"}, c.Run("list", "--json"))
	a := c.Run("list", "--coverage", "--json")
	require.Equal(t, app.ExitOK, a.Code, a.Err)
	require.NotContains(t, a.Out, "null", "what is empty is a list")
	c.Says(t, app.ExitUsage, `there is no lab "any"`, "see them all: pipelab list", "show", "any")
}

func TestCatalogue_fitsTheTerminal(t *testing.T) {
	t.Parallel()
	c := clitest.New(t, "NO_COLOR=1")
	c.Few()
	for _, line := range []string{"list", "list --coverage", "list --emulator localstack", "show kinesis-partition-keys"} {
		narrow := c.Fits(t, 40, line, "the whole text: ")
		wide := c.Fits(t, 80, line, "the whole text: ")
		require.Greater(t, strings.Count(narrow, "\n"), strings.Count(wide, "\n"), line)
		require.Equal(t, c.Run(strings.Fields(line)...).Out, wide, "a pipe has eighty columns")
	}
	c.Fits(t, 100, "list --emulator localstack")
	require.Equal(t, c.RunWide(t, 100, "list", "--coverage"), c.RunWide(t, 200, "list", "--coverage"),
		"long lines read badly")
}

func TestProgress_tellsAttempts(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	c.Few()
	require.Equal(t, clitest.Answer{Err: "no attempts yet\n"}, c.Run("progress"))
	require.Equal(t, clitest.Answer{Out: "[]\n"}, c.Run("progress", "--json"))

	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.Local)
	state := filepath.Join(c.Dir, "state")
	c.Environ = append(c.Environ, "PIPELAB_STATE="+state)
	line := `{"lab":"s3-landing-zone","time":"` + at.Format(time.RFC3339) + `","points":70,"max":100}`
	c.Write(t, "state/progress.jsonl", line+"\n")
	require.Equal(t, "2026-03-01 12:00  s3-landing-zone                 70 of 100 points\n", c.Run("progress").Out)
	c.Fits(t, 40, "progress")
	var list []struct {
		ID           string
		Best         *float64
		Checks       int
		Judged       *int
		ExamTasks    []string
		Services     []string
		Minutes      int
		Title, Level string
	}
	require.NoError(t, json.Unmarshal([]byte(c.Run("list", "--json").Out), &list))
	require.NotEmpty(t, list)
	for _, e := range list {
		require.NotEmpty(t, e.Title)
		require.NotNil(t, e.Judged)
		require.Equal(t, e.ID == "s3-landing-zone", e.Best != nil, e.ID)
	}

	require.NoError(t, os.RemoveAll(state))
	require.NoError(t, os.MkdirAll(filepath.Join(state, "progress.jsonl"), 0o700))
	for _, command := range []string{"progress", "list"} {
		c.Says(t, app.ExitEnvironment, filepath.Join(state, "progress.jsonl"), "", command)
	}
}

func TestShow_ofALabOfOnesOwn(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	dir := c.Lab(t)
	for _, name := range []string{"small", "./small", dir} {
		a := c.Run("show", name)
		require.Equal(t, app.ExitOK, a.Code, a.Err)
		require.Contains(t, a.Out, "A queue of your own\n")
		require.Contains(t, a.Out, "\nthe whole text: pipelab show "+name+" --text\n")
	}
	require.Equal(t, "# Small\n\nMake a queue.\n", c.Run("show", "small", "--text").Out)
	require.JSONEq(t, `"small"`, string(member(t, c.Run("show", "small", "--json").Out, "id")))
	c.Write(t, "small/lab.yaml", "id: small\ntitel: misspelt\n")
	a := c.Run("show", "small")
	require.Equal(t, app.ExitInvalid, a.Code, a.Err)
	require.True(t, strings.HasPrefix(a.Err, "error: the lab small has problems:\nsmall/lab.yaml:"), a.Err)
	require.True(t, strings.HasSuffix(a.Err, "\nhint: see: pipelab lab lint small\n"), a.Err)
	text := c.Run("show", "small", "--text") // looks into the other files too
	require.Equal(t, app.ExitInvalid, text.Code, text.Err)
	require.Equal(t, strings.Split(a.Err, "\n")[:9], strings.Split(text.Err, "\n")[:9])
}

func member(t *testing.T, text, name string) json.RawMessage {
	t.Helper()
	var all map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(text), &all))
	return all[name]
}
