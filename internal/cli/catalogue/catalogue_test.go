package catalogue_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"

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
	c.Fits(t, 120, "list")
	require.Equal(t, c.RunWide(t, 100, "list", "--coverage"), c.RunWide(t, 200, "list", "--coverage"),
		"long lines read badly")
}

func TestList_saysHowFarOneHasCome(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	c.Few()
	list := c.Run("list").Out
	require.Regexp(t, `(?m)^  s3-landing-zone +30 min +1.1 2.1 +start here$`, list)
	require.Regexp(t, `(?m)^  kinesis-partition-keys +45 min +1.1 +not begun$`, list)
	require.Contains(t, list, "DEA-C01", "what the numbers mean")
	c.Attempt(t, "s3-landing-zone", 70)
	c.Attempt(t, "kinesis-partition-keys", 100)
	list = c.Run("list").Out
	require.Regexp(t, `(?m)^  s3-landing-zone .* 70 of 100$`, list)
	require.Regexp(t, `(?m)^  kinesis-partition-keys .* done$`, list)
	require.Contains(t, c.RunWide(t, 120, "list").Out, "A landing zone that stays tidy\n")
	require.Contains(t, c.RunWide(t, 40, "list").Out, "\n    30 min, tasks 1.1 2.1, 70 of 100\n")
	var all []struct {
		ID, Title, State string
		Best             *float64
		Max              int
		Judged           *int
		StartHere        bool
	}
	require.NoError(t, json.Unmarshal([]byte(c.Run("list", "--json").Out), &all))
	require.Len(t, all, 2)
	for _, e := range all {
		require.NotEmpty(t, e.Title)
		require.NotNil(t, e.Judged)
		require.Equal(t, 100, e.Max)
		require.NotNil(t, e.Best)
		require.False(t, e.StartHere, "both are begun")
	}
	require.Equal(t, []string{"begun", "done"}, []string{all[0].State, all[1].State})
	for line, want := range map[string]string{"--state done": "kinesis-partition-keys", "--state begun": "s3-landing-zone",
		"--task 2.1": "s3-landing-zone", "--service kinesis": "kinesis-partition-keys",
		"--domain 2,3": "s3-landing-zone", "--level beginner --state begun,new": "s3-landing-zone"} {
		found := c.Run(append([]string{"list", "--json"}, strings.Fields(line)...)...)
		require.NoError(t, json.Unmarshal([]byte(found.Out), &all))
		require.Len(t, all, 1, line)
		require.Equal(t, want, all[0].ID, line)
	}
	c.Says(t, app.ExitUsage, `--service: there is no service "kineses"`, "did you mean kinesis?", "list", "--service",
		"kineses")
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
	require.Equal(t, "Small\n=====\n\nMake a queue.\n", c.Run("show", "small", "--text").Out)
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

func TestShow_setsTheTextForTheTerminal(t *testing.T) {
	t.Parallel()
	c := clitest.New(t, "NO_COLOR=1")
	c.Few()
	const line = "show kinesis-partition-keys --text"
	for _, columns := range []int{40, 80, 120} {
		// What is to be copied is not folded: commands, data.
		out := c.Fits(t, columns, line, "    printf", "    pipelab", "    {")
		require.Contains(t, out, "└─ PutRecords ─▶ shard 3", "the diagram is drawn")
		require.NotContains(t, out, "flowchart")
		flat := strings.Join(strings.Fields(out), " ")
		require.Contains(t, flat, "Exam: AWS Certified Data Engineer - Associate (DEA-C01), task 1.1 (Perform data")
		require.Contains(t, flat, "words that pipelab explain WORD explains: Amazon Kinesis Data Streams, shard,")
		short := c.Fits(t, columns, "show kinesis-partition-keys", "the whole text: ")
		require.Contains(t, strings.Join(strings.Fields(short), " "), "What it teaches - A record's shard is the MD5 hash")
	}
	require.NotContains(t, c.Run(strings.Fields(line)...).Out, "\x1b", "a pipe is plain")
	colour := clitest.New(t, "TERM=xterm-256color")
	colour.Few()
	a := colour.RunWide(t, 80, strings.Fields(line)...)
	require.Contains(t, a.Out, "\x1b[0;4mKinesis stream\x1b[0m with four \x1b[0;4mshards\x1b[0m")
	require.Equal(t, 1, strings.Count(a.Out, "\x1b[0;4mshard"), "a word is marked the first time")

	var data struct {
		Lab, Text, Exam string
		Facts, Words    []string
	}
	require.NoError(t, json.Unmarshal([]byte(c.Run("show", "kinesis-partition-keys", "--text", "--json").Out), &data))
	require.True(t, strings.HasPrefix(data.Text, "# Spread the load"))
	require.Contains(t, data.Words, "partition key")
	require.Contains(t, data.Facts, "Order is kept within a shard only.")
	require.Contains(t, data.Exam, "DEA-C01")
}
