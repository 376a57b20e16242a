package check_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/stretchr/testify/require"
)

const onHold = `
id: on-hold
title: T
summary: S
level: beginner
minutes: 1
examTasks: ["1.1"]
services: [kinesis]
capabilities: [clock.hold, kinesis.throughput.limits]
tasks: [{ id: a, title: A, text: B }]
data: { many: { generator: telemetry, count: 1100 }, few: { generator: telemetry, count: 100 } }
programs: { says: { command: [sh, -c, 'echo "{\"n\":1}"; echo "{\"n\":2}" >&2; echo text >&2'] } }
probes:
  records: { records: { stream: s } }
  puts: { calls: { service: kinesis, operation: PutRecords } }
checks:
  - id: exact
    title: A shard takes a thousand records in a second that does not pass
    points: 50
    hints: [a, b, c]
    steps:
      - hold: true
      - putRecords: { stream: s, data: many, once: true }
      - advance: 100ms
      - putRecords: { stream: s, data: few, once: true }
      - putRecords: { stream: s, data: few, once: true }
    expect:
      - { that: "puts.map(p, p.entries - p.failed) == [500, 500, 0, 100, 0]
            && puts.map(p, p.failed) == [0, 0, 100, 0, 100]", message: What gets through, seen: puts }
      - { that: "puts[4].millis - puts[0].millis == 100", message: Calls say when they came }
      - { that: size(records) == 1100, message: "The clock goes on again: a shard can be read more than five times" }
      - { that: size(records) == 1100, message: Again }
  - id: says
    title: What a program says, as it is and parsed
    points: 50
    hints: [a, b, c]
    steps: [{ run: { program: says } }]
    expect:
      - { that: "run.says[0].stdout == '{\"n\":1}\\n' && run.says[0].log == [{'n': 2}, 'text']",
            message: Both streams, seen: run.says }
`

func TestRun_holdsTheClock(t *testing.T) {
	ctx, o := t.Context(), options(t, onHold)
	e := o.Emulator
	_, err := kinesis.NewFromConfig(e.Endpoint().AWSConfig()).CreateStream(ctx,
		&kinesis.CreateStreamInput{StreamName: aws.String("s"), ShardCount: aws.Int32(1)})
	require.NoError(t, err)
	_, _, err = e.Control().Advance(ctx, time.Minute) // until the stream is active
	require.NoError(t, err)
	require.NoError(t, e.Control().Hold(ctx), "a learner looks at something")
	passes(t, o)
	before, _, err := e.Control().Now(ctx)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		now, _, err := e.Control().Now(ctx)
		return err == nil && now.After(before)
	}, 10*time.Second, time.Millisecond, "the clock goes on after the run")
}
