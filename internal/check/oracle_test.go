package check_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/check"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/embedded"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/report"
)

const oracles = `
id: oracles
title: T
summary: S
level: beginner
minutes: 1
examTasks: ["1.1"]
services: [kinesis]
tasks: [{ id: a, title: A, text: B }]
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
	add("column", "{ run: { program: all, stdinData: events } }", "run.all[0].lines", "SELECT client AS customer, 1 AS n FROM out")
	add("rows", "{ run: { program: text } }", "run.text[0].lines", count)
	fmt.Fprintf(&src, oracleCheck, "refused", 10, "{ putRecords: { stream: absent, data: events } }", "data.events", count)
	fmt.Fprintf(&src, oracleCheck, "wrong", 10, "{ run: { program: text } }", "data.events", "SELECT FROM")
	l, err := lab.Parse("lab.yaml", []byte(src.String()), check.Compile)
	require.NoError(t, err)
	e, err := embedded.Driver{}.Start(context.Background(), emulator.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = e.Close() })
	r, err := check.Run(context.Background(), check.Options{Lab: &lab.Folder{Lab: l}, Emulator: e, Driver: "embedded", Seed: 3,
		Workspace: t.TempDir(), Clock: clock.New()})
	require.NoError(t, err)
	out := map[string]report.Check{}
	for _, c := range r.Checks {
		out[c.ID] = c
	}
	return out
}

func TestRun_judgesWithSQLAndBlamesWhoeverItWas(t *testing.T) {
	got := judgeOracles(t)
	for id, want := range map[string]report.Verdict{"equal": report.Pass, "lost": report.Fail, "column": report.Fail,
		"rows": report.Fail, "refused": report.Fail, "wrong": report.Error} {
		require.Equal(t, want, got[id].Verdict, "%+v", got[id])
	}
	require.Equal(t, "Each customer's orders are there", got["lost"].Message)
	require.Contains(t, got["lost"].Expected, "missing row")
	require.Contains(t, got["lost"].Seen, "unexpected row")
	require.Contains(t, got["column"].Seen, "client")
	require.Contains(t, got["rows"].Seen, `row 1 is no object: hello`)
	require.Contains(t, got["refused"].Message, "ResourceNotFoundException")
}
