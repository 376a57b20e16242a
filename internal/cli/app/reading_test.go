package app_test

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/lab"
)

func TestLabText_endsWithWhatItsWordsMean(t *testing.T) {
	t.Parallel()
	folder := func(text string) *lab.Folder {
		return &lab.Folder{FS: fstest.MapFS{"README.md": &fstest.MapFile{Data: []byte(text)}}}
	}
	a := &app.App{}
	text, err := a.LabText(folder("# A lab\n\nTwo shards, one shard.\n\n```mermaid\nflowchart LR\n" +
		"    S3 --> B\n```\n\nNot `a stack`.\n"))
	require.NoError(t, err)
	require.Equal(t, `# A lab

Two shards, one shard.

`+"```mermaid\nflowchart LR\n    S3 --> B\n```\n\nNot `a stack`."+`

## Words

More about each: `+"`pipelab explain WORD`"+`.

- **shard**: One lane of a Kinesis stream, with a throughput of its own and its
  records in order.
  [AWS](https://docs.aws.amazon.com/streams/latest/dev/key-concepts.html)
`, string(text))
	text, err = a.LabText(folder("# Small\n\nMake it.\n"))
	require.NoError(t, err)
	require.Equal(t, "# Small\n\nMake it.\n", string(text), "there is nothing to explain")
	_, err = a.LabText(&lab.Folder{FS: fstest.MapFS{}})
	require.Error(t, err)
}
