package way_test

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/cli/clitest"
	"github.com/pipelab/pipelab/internal/workspace"
)

func TestNext_tellsANewcomerWhereToBegin(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	c.Few()
	for _, command := range [][]string{nil, {"next"}} {
		out := c.Run(command...).Out
		require.Contains(t, out, "\nnext: s3-landing-zone\n  A landing zone that stays tidy\n  beginner, about 30 minutes; ")
		require.Contains(t, out, "\n  pipelab start s3-landing-zone\n")
		require.Equal(t, len(command) == 0, strings.Contains(out, "all commands: pipelab --help\n"))
	}
	for _, columns := range []int{40, 80, 120} {
		c.Fits(t, columns, "next")
	}
	var p struct {
		Labs       int
		Done       []string
		InProgress []any
		Next       struct{ ID, Why string }
		Command    string
	}
	require.NoError(t, json.Unmarshal([]byte(c.Run("next", "--json").Out), &p))
	require.Equal(t, 2, p.Labs)
	require.NotNil(t, p.Done)
	require.NotNil(t, p.InProgress)
	require.Equal(t, "s3-landing-zone", p.Next.ID)
	require.NotEmpty(t, p.Next.Why)
	require.Equal(t, "pipelab start s3-landing-zone", p.Command)
}

func TestNext_goesOnWithWhatIsBegun(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	c.Few()
	dir := filepath.Join(c.Dir, "my labs")
	_, err := workspace.Create(dir, workspace.Meta{Lab: "s3-landing-zone", Stack: "x"}, os.DirFS(t.TempDir()))
	require.NoError(t, err)
	c.AttemptIn(t, "s3-landing-zone", 70, dir)
	c.AttemptIn(t, "elsewhere", 10, filepath.Join(c.Dir, "gone"))
	out := c.Run("next").Out
	require.Contains(t, out, "0 of 2 labs are done\n")
	require.Contains(t, out, "\n  s3-landing-zone, 70 of 100 points\n    cd '"+dir+"' && pipelab next\n")
	require.Contains(t, out, "\n  elsewhere, 10 of 100 points\n    its folder is not where it was\n")
	require.Contains(t, out, "\nnext: kinesis-partition-keys\n")
	c.Attempt(t, "s3-landing-zone", 100)

	started := filepath.Join(c.Dir, "keys")
	_, err = workspace.Create(started, workspace.Meta{Lab: "kinesis-partition-keys", Stack: "y"}, os.DirFS(t.TempDir()))
	require.NoError(t, err)
	known := filepath.Join((&app.App{Environ: c.Environ}).StateDir(), "workspaces", "k.json") // as start writes it
	require.NoError(t, workspace.WriteJSON(known, map[string]string{"dir": started}))
	require.Contains(t, c.Run("next").Out, "\n  kinesis-partition-keys, all checks were never run\n    cd "+started+" && ")
	require.Regexp(t, `(?m)^  kinesis-partition-keys .* begun$`, c.Run("list").Out)
	out = c.Run("next").Out
	require.Contains(t, out, "1 of 2 labs are done\n")
	require.NotContains(t, out, "70 of 100")
}

func TestProgress_countsByWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	c.Few()
	require.Equal(t, "no attempts yet\n", c.Run("progress").Err)
	require.Equal(t, clitest.Answer{Out: "[]\n"}, c.Run("progress", "--by", "attempt", "--json"))
	c.Attempt(t, "s3-landing-zone", 70)
	c.Attempt(t, "s3-landing-zone", 40)
	c.Attempt(t, "kinesis-partition-keys", 100)

	out := c.Run("progress").Out
	require.Regexp(t, `(?m)^s3-landing-zone +70 of 100 points, 2 attempts, the last 2026-03-01$`, out)
	require.Regexp(t, `(?m)^kinesis-partition-keys +done, 1 attempt, `, out)
	require.Contains(t, out, "\n1 of 2 labs are done\n")
	require.NotContains(t, c.Run("progress", "s3-landing-zone").Out, "kinesis")
	c.Says(t, app.ExitUsage, `there is no lab "s3-landing-zon"`, "did you mean s3-landing-zone?", "progress",
		"s3-landing-zon")
	require.Regexp(t, `(?m)^1\.1  Perform data ingestion\n     1 of 2 labs done, \d+ of \d+ checks passed$`,
		c.Run("progress", "--by", "task").Out)
	require.Contains(t, c.Run("progress", "--by", "item").Out,
		"D1a  Choose between Kinesis Data Streams, Data Firehose and MSK\n")
	require.Equal(t, 3, strings.Count(c.Run("progress", "--by", "attempt").Out, "\n"))
	for _, columns := range []int{40, 80, 120} {
		for _, by := range []string{"lab", "task", "item", "attempt"} {
			c.Fits(t, columns, "progress --by "+by)
		}
	}

	for by, lines := range map[string]int{"lab": 3, "task": 18, "item": 69, "attempt": 4} {
		rows, err := csv.NewReader(strings.NewReader(c.Run("progress", "--by", by, "--format", "csv").Out)).ReadAll()
		require.NoError(t, err)
		require.Len(t, rows, lines, by)
		var all []any
		require.NoError(t, json.Unmarshal([]byte(c.Run("progress", "--by", by, "--json").Out), &all))
		require.Len(t, all, lines-1, by)
	}
	require.Equal(t, clitest.Answer{}, c.Run("progress", "--format", "json", "--output", "p.json"))
	b, err := os.ReadFile(filepath.Join(c.Dir, "p.json"))
	require.NoError(t, err)
	require.True(t, json.Valid(b))
	c.Says(t, app.ExitUsage, "--json and --format csv exclude each other", "", "progress", "--json", "--format", "csv")
	c.Says(t, app.ExitUsage, `--by: there is no "week"`, "possible are: lab, task, item, attempt", "progress", "--by",
		"week")
	c.Says(t, app.ExitEnvironment, "the progress could not be written", "", "progress", "-o", "no/such/folder/p")
}

func TestProgress_saysWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	c.Few()
	state := filepath.Join(c.Dir, "state")
	c.Environ = append(c.Environ, "PIPELAB_STATE="+state)
	require.NoError(t, os.MkdirAll(filepath.Join(state, "progress.jsonl"), 0o700))
	for _, command := range []string{"progress", "list", "next"} {
		c.Says(t, app.ExitEnvironment, filepath.Join(state, "progress.jsonl"), "", command)
	}
}
