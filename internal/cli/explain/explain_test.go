package explain_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/cli/clitest"
)

func TestExplain_explainsAWord(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	c.Few()
	a := c.Run("explain", "Shards")
	require.Equal(t, app.ExitOK, a.Code, a.Err)
	require.Empty(t, a.Err)
	require.True(t, strings.HasPrefix(a.Out, "shard\n"), a.Out)
	for _, part := range []string{"One lane of a Kinesis stream", "Often misunderstood: ", "In the exam", "1.1",
		"Perform data ingestion", "resharding", "kinesis-partition-keys",
		"Spread the load, keep the order", "https://docs.aws.amazon.com/streams/"} {
		require.Contains(t, a.Out, part)
	}
	require.NotContains(t, a.Out, "s3-landing-zone", "it has no shards")
	require.Equal(t, a, c.Run("explain", "shard"))
	require.Equal(t, c.Run("explain", "DLQ").Out, c.Run("explain", "dead", "letter", "queue").Out)

	var e struct {
		Name, Group, Means, Page string
		Labs                     []struct{ ID, Title string }
		Tasks                    []string
	}
	require.NoError(t, json.Unmarshal([]byte(c.Run("explain", "shard", "--json").Out), &e))
	require.Equal(t, "shard", e.Name)
	require.Equal(t, "Streams", e.Group)
	require.Len(t, e.Labs, 1)
	require.Equal(t, "kinesis-partition-keys", e.Labs[0].ID)
}

func TestExplain_explainsMistakesAndFacts(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	c.Few()
	a := c.Run("explain", "low-cardinality-key")
	require.Equal(t, app.ExitOK, a.Code, a.Err)
	require.Contains(t, a.Out, "A partition key with few values")
	require.Contains(t, a.Out, "Records with the same key go to the same shard.")
	require.Contains(t, a.Out, "even-shards")
	require.Contains(t, c.Run("explain", "low-cardinality-key", "--json").Out, `"check": "even-shards"`)

	require.Equal(t, a, c.Run("explain", "a partition key with few values"), "as a check says it")
	require.Contains(t, c.Run("explain", "hot-key").Out, "One key for more than a shard can take")
	require.Contains(t, c.Run("explain", "hot", "key").Out, "A shard that gets far more than its share", "a word")

	a = c.Run("explain", "fact", "47")
	require.Contains(t, a.Out, "A record's shard is the MD5 hash of its partition key")
	require.NotContains(t, a.Out, "Order is kept")
	all := c.Run("explain", "facts")
	require.Contains(t, all.Out, "Order is kept within a shard only.")
	require.Contains(t, all.Out, "PutRecords may fail for some entries", "one without a number")
	require.NotContains(t, all.Out, "47: ")
	var facts []struct {
		Number    int
		Text, Lab string
	}
	require.NoError(t, json.Unmarshal([]byte(c.Run("explain", "fact", "56", "--json").Out), &facts))
	require.Len(t, facts, 1)
	c.Says(t, app.ExitUsage, "no lab teaches a fact with the number 9999", "pipelab explain facts",
		"explain", "fact", "9999")
}

func TestExplain_ofTheLabOfTheWorkspace(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	c.Few()
	c.Says(t, app.ExitUsage, `there is no word "my-mistake" in the glossary`, "see them all: pipelab explain",
		"explain", "my-mistake")
	c.Work(t)
	text := strings.Replace(string(read(t, c, "../small/lab.yaml")), "probes:", `mistakes:
  - { id: my-mistake, title: My mistake, explanation: It is mine. }
probes:`, 1)
	text = strings.Replace(text, "    expect:\n",
		"    mistakes: [{ when: seed > 0, mistake: my-mistake }]\n    expect:\n", 1)
	c.Write(t, "../small/lab.yaml", text)
	a := c.Run("explain", "my-mistake")
	require.Equal(t, app.ExitOK, a.Code, a.Err)
	require.Contains(t, a.Out, "It is mine.")

	c.Write(t, "../small/lab.yaml", strings.Replace(text, "id: my-mistake", "idd: my-mistake", 1))
	a = c.Run("explain", "my-mistake")
	require.Equal(t, app.ExitUsage, a.Code)
	require.Contains(t, a.Err, "the lab of this workspace cannot be read, so nothing of it is explained: ")
	require.Contains(t, a.Err, `small/lab.yaml:`)
	require.Equal(t, app.ExitOK, c.Run("explain", "shard").Code, "a word of the glossary needs no lab")
}

func read(t *testing.T, c *clitest.Terminal, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(c.Dir, name))
	require.NoError(t, err)
	return b
}

func TestExplain_saysWhatIsNear(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	c.Few()
	c.Says(t, app.ExitUsage, `there is no word "shrad" in the glossary`, "did you mean shard?", "explain", "shrad")
	c.Says(t, app.ExitUsage, `"low-cardinality" in`, "did you mean low-cardinality-key?", "explain", "low-cardinality")
	c.Says(t, app.ExitUsage, "s3-landing-zone is a lab", "pipelab show s3-landing-zone", "explain", "s3-landing-zone")
	c.Says(t, app.ExitUsage, `"xyzzyplugh" in`, "see them all: pipelab explain", "explain", "xyzzyplugh")
}

func TestExplain_listsAllWords(t *testing.T) {
	t.Parallel()
	c := clitest.New(t, "NO_COLOR=1")
	c.Few()
	a := c.Run("explain")
	require.Equal(t, app.ExitOK, a.Code, a.Err)
	require.Contains(t, a.Out, "\nStreams\n  Amazon Kinesis Data Streams, shard, partition key,")
	var groups []struct {
		Title string
		Words []struct{ Name string }
	}
	require.NoError(t, json.Unmarshal([]byte(c.Run("explain", "--json").Out), &groups))
	require.Greater(t, len(groups), 10)
	for _, columns := range []int{40, 80, 120} {
		for _, line := range []string{"explain", "explain shard", "explain hot-key", "explain facts"} {
			c.Fits(t, columns, line, "https://")
		}
	}
	done := c.Run("__complete", "explain", "shard")
	require.Contains(t, done.Out, "shard\tOne lane of a Kinesis stream")
	require.Contains(t, done.Out, "shard-iterator\t")
	require.NotContains(t, done.Out, "boto3")
}
