package lab_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/lab"
)

const needing = `
id: needing
title: T
summary: S
level: beginner
minutes: 1
examTasks: ["1.1"]
services: [kinesis]
capabilities: [sqs.fifo]
tasks: [{ id: a, title: A, text: B }]
programs: { p: { command: ["true"] } }
probes:
  puts: { calls: { service: kinesis } }
  lines: { logs: { function: f } }
checks:
  - { id: plain, title: T, points: 10, hints: [a, b, c], expect: [{ that: "true", message: m }] }
  - { id: clock, title: T, points: 10, hints: [a, b, c], steps: [{ advance: 1h }], expect: [{ that: "true",
        message: m }] }
  - { id: seen, title: T, points: 10, hints: [a, b, c], expect: [{ that: "size(puts) == 0", message: m }] }
  - { id: shown, title: T, points: 10, hints: [a, b, c], expect: [{ that: "true", message: m, seen: puts }] }
  - { id: awaited, title: T, points: 10, hints: [a, b, c], steps: [{ await: { until: "true",
        stall: { watch: puts } } }], expect: [{ that: "true", message: m }] }
  - { id: entries, title: T, points: 10, hints: [a, b, c], needs: [seen], steps: [{ fault: { kind: entries,
        service: kinesis } }], expect: [{ that: "true", message: m }] }
  - { id: crash, title: T, points: 10, hints: [a, b, c], steps: [{ fault: { kind: crash } }], expect: [{ that: "true",
        message: m }] }
  - { id: observes, title: T, points: 10, hints: [a, b, c], observes: clock, expect: [{ that: "true", message: m }] }
  - { id: function, title: T, points: 10, hints: [a, b, c], steps: [{ invoke: { function: f } }],
        expect: [{ that: "size(puts) == 0", message: m }] }
  - { id: logged, title: T, points: 10, hints: [a, b, c], capabilities: [iam.enforced],
        steps: [{ clearFaults: true }], expect: [{ that: "size(lines) == 0", message: m }] }
`

func TestRequired_findsWhatNobodyDeclared(t *testing.T) {
	l, err := lab.Parse("lab.yaml", []byte(needing), nil)
	require.NoError(t, err)
	got := map[string]string{}
	for i := range l.Checks {
		got[l.Checks[i].ID] = strings.Join(l.Required(&l.Checks[i]), " ")
	}
	require.Equal(t, map[string]string{
		"plain": "sqs.fifo", "clock": "clock.advance sqs.fifo", "observes": "clock.advance sqs.fifo",
		"seen": "sqs.fifo trace", "shown": "sqs.fifo trace", "awaited": "sqs.fifo trace",
		"entries":  "faults kinesis.entries.partial sqs.fifo",
		"crash":    "faults faults.inside sqs.fifo",
		"function": "lambda.functions sqs.fifo trace trace.inside",
		"logged":   "faults faults.inside iam.enforced lambda.functions sqs.fifo",
	}, got)
	require.Equal(t, []string{"plain", "clock", "observes"}, l.Judgeable([]string{"sqs.fifo", "clock.advance"}))
	require.NotContains(t, l.Judgeable([]string{"sqs.fifo", "faults", "kinesis.entries.partial"}), "entries",
		"it needs one that cannot be judged")
}

// What can be derived need not be declared, and for all checks of a lab it says
// too much.
func TestCatalogue_declaresOnlyWhatCannotBeDerived(t *testing.T) {
	fsys := os.DirFS("../../labs")
	ids, err := lab.IDs(fsys)
	require.NoError(t, err)
	for _, id := range ids {
		l, err := lab.Load(fsys, id)
		require.NoError(t, err)
		for _, name := range lab.Derived() {
			require.NotContains(t, l.Capabilities, name, id)
		}
	}
}
