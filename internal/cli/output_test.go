package cli_test

import (
	"bytes"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/cli"
	"github.com/pipelab/pipelab/internal/cli/app"
)

// full is a disk that takes so many writes and no more.
type full struct{ left int }

func (f *full) Write(p []byte) (int, error) {
	if f.left--; f.left < 0 {
		return 0, syscall.ENOSPC
	}
	return len(p), nil
}

// Whatever prints: a caller that reads the output must learn that it is not whole.
func TestMain_saysWhenItsOutputCannotBeWritten(t *testing.T) {
	environ := []string{"HOME=" + t.TempDir(), "PIPELAB_STATE=" + t.TempDir()}
	run := func(line string, out io.Writer) (int, string) {
		var problems bytes.Buffer
		code := cli.Main(strings.Fields(line), strings.NewReader(""), out, &problems, environ, time.Now)
		return code, problems.String()
	}
	for _, line := range []string{"list", "list --json", "show kinesis-partition-keys",
		"show kinesis-partition-keys --json", "progress --json",
		"lab schema", "--help", "--version", "start --help", "completion bash"} {
		code, said := run(line, &full{1 << 20})
		require.Equal(t, app.ExitOK, code, "%s: %s", line, said)
		code, said = run(line, &full{0})
		require.Equal(t, app.ExitEnvironment, code, line)
		require.Regexp(t, "(?s)^error: [^\n]*no space left on device\nhint: make room[^\n]*\n$", said, line)
	}
	code, said := run("list", &full{1})
	require.Equal(t, app.ExitEnvironment, code, "cut short is not whole either: %s", said)
	code, said = run("show nothing", &full{0})
	require.Equal(t, app.ExitUsage, code, "what is wrong with the command itself comes first: %s", said)
}
