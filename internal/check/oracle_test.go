package check_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/report"
)

const oracles = head + `
data: { events: { generator: orders, count: 40, keys: 4, defects: { duplicates: 0.2 } } }
programs: { all: { command: [cat] }, some: { command: [head, -n, "30"] }, text: { command: [echo, hello] } }
checks:
`

const oracleCheck = `
  - id: %s
    title: O
    points: %d
    hints: [a, b, c]
    steps: [%s]
    expect:
      - sql:
          tables: { sent: data.events, out: "%s" }
          expected: SELECT key AS customer, count(*) AS n FROM sent GROUP BY key
          actual: %s
        message: Each customer's orders are there
`

func judgeOracles(t *testing.T) map[string]report.Check {
	t.Helper()
	var src strings.Builder
	src.WriteString(oracles)
	add := func(id, step, table, actual string) {
		fmt.Fprintf(&src, oracleCheck, id, 20*min(1, 6-strings.Count(src.String(), "- id: ")), step, table, actual)
	}
	count := "SELECT customer, count(*) AS n FROM out GROUP BY customer"
	add("equal", "{ run: { program: all, stdinData: events } }", "run.all[0].lines", count)
	add("lost", "{ run: { program: some, stdinData: events } }", "run.some[0].lines", count)
	add("column", "{ run: { program: all, stdinData: events } }", "run.all[0].lines",
		"SELECT client AS customer, 1 AS n FROM out")
	add("rows", "{ run: { program: text } }", "run.text[0].lines", count)
	src.WriteString(`
  - id: nothing
    title: No output at all
    points: 0
    hints: [a, b, c]
    expect: [{ sql: { tables: { sent: data.events, out: "[]" }, expected: "SELECT id FROM sent",
        actual: "SELECT id FROM out" }, message: m }]
  - id: rightly
    title: No output, and rightly so
    points: 0
    hints: [a, b, c]
    expect: [{ sql: { tables: { sent: data.events, out: "[]" }, expected: "SELECT id FROM sent WHERE id = 'x'",
        actual: "SELECT id FROM out" }, message: m }]
`)
	fmt.Fprintf(&src, oracleCheck, "refused", 10, "{ putRecords: { stream: absent, data: events } }", "data.events", count)
	fmt.Fprintf(&src, oracleCheck, "wrong", 10, "{ run: { program: text } }", "data.events", "SELECT FROM")
	o := options(t, src.String())
	o.Driver, o.Seed = "embedded", 3
	return judged(t, o)
}

func TestRun_judgesWithSQLAndBlamesWhoeverItWas(t *testing.T) {
	got := judgeOracles(t)
	for id, want := range map[string]report.Verdict{"equal": report.Pass, "lost": report.Fail, "column": report.Fail,
		"rows": report.Fail, "refused": report.Fail, "nothing": report.Fail, "rightly": report.Pass, "wrong": report.Error} {
		require.Equal(t, want, got[id].Verdict, "%+v", got[id])
	}
	require.Equal(t, "Each customer's orders are there", got["lost"].Message)
	require.Contains(t, got["lost"].Expected, "missing row")
	require.Contains(t, got["lost"].Seen, "unexpected row")
	require.Contains(t, got["column"].Seen, "client")
	require.Equal(t, "no rows in out", got["nothing"].Seen)
	require.Equal(t, "40 rows", got["nothing"].Expected)
	require.Contains(t, got["rows"].Seen, `row 1 is no object: hello`)
	require.Contains(t, got["refused"].Message, "ResourceNotFoundException")
}

func TestRun_takesTheJudgementOfAProgram(t *testing.T) {
	src := oracles
	printed := map[string]struct {
		script string
		want   report.Verdict
		points float64
	}{
		"pass":    {`test -s $PIPELAB_DATA && echo '{"verdict":"pass"}'`, report.Pass, 20},
		"share":   {`echo '{"verdict":"partial","share":0.25,"message":"m"}'`, report.Partial, 5},
		"fail":    {`echo '{"verdict":"fail","expected":"e","seen":"s"}'`, report.Fail, 0},
		"prose":   {`echo fine`, report.Error, 0},
		"crashed": {`exit 3`, report.Error, 0},
	}
	for id, p := range printed {
		src += fmt.Sprintf("  - { id: %s, title: T, points: 20, hints: [a, b, c], program: { command: [sh, -c, %q] } }\n", id,
			p.script)
	}
	r := judge(t, options(t, src))
	require.Len(t, r.Checks, len(printed))
	for _, c := range r.Checks {
		require.Equal(t, printed[c.ID].want, c.Verdict, "%+v", c)
		require.InDelta(t, printed[c.ID].points, c.Points, 0.01)
	}
}
