package check_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/report"
)

// The second instance asks for an entry that is not there.
const twoOfOne = head + `
data: { one: { generator: telemetry, count: 1 } }
programs: { says: { command: [sh, -c, 'echo > ran'] } }
checks:
  - id: says
    title: T
    points: 100
    hints: [a, b, c]
    steps: [{ run: { program: says, parallel: 2, args: ["${data.one[${instance}].id}"] } }]
    expect: [{ that: "true", message: M }]
`

func TestRun_startsNoInstanceUnlessAllCanBe(t *testing.T) {
	o := options(t, twoOfOne)
	r := judge(t, o)
	require.Equal(t, report.Error, r.Checks[0].Verdict)
	require.Contains(t, r.Checks[0].Message, "no such value")
	require.Empty(t, r.Checks[0].Sent)
	require.NoFileExists(t, filepath.Join(o.Workspace, "ran"))
}
