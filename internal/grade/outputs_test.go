package grade_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/check"
	"github.com/pipelab/pipelab/internal/grade"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/report"
)

// usingLab does with an output whatever labs do with outputs.
const usingLab = `
id: using
title: Using
summary: S
level: beginner
minutes: 1
examTasks: ["1.1"]
services: [s3]
tasks: [{ id: a, title: A, text: B }]
programs: { app: { command: [sh, app.sh], timeout: 50s } }
probes:
  found: { objects: { bucket: "${outputs.X}" } }
  rows: { items: { table: "${outputs.X}" } }
  left: { messages: { queue: "${outputs.X}" } }
checks:
`

func using(t *testing.T) *lab.Folder {
	t.Helper()
	text := usingLab
	for id, steps := range map[string]string{
		"object":  `{ putObject: { bucket: "${outputs.X}", key: k, body: b } }`,
		"key":     `{ putObject: { bucket: given, key: "${outputs.X}", body: b } }`,
		"invoke":  `{ invoke: { function: "${outputs.X}", payload: {} } }`,
		"records": `{ putRecords: { stream: "${outputs.X}", records: [{ key: a, data: b }] } }`,
		"items":   `{ putItems: { table: "${outputs.X}", items: [{ id: a }] } }`,
		"send":    `{ sendMessages: { queue: "${outputs.X}", bodies: [a] } }`,
		"args":    `{ run: { program: app, args: ["${outputs.X}"] } }`,
		"env":     `{ run: { program: app, env: { X: "${outputs.X}" } } }`,
	} {
		text += "  - { id: " + id + ", title: T, points: 10, hints: [a, b, c], steps: [" + steps +
			"], expect: [{ that: \"false\", message: M }] }\n"
	}
	for _, probe := range []string{"found", "rows", "left"} {
		text += "  - { id: " + probe + ", title: T, points: 5, hints: [a, b, c], expect: [{ that: \"size(" + probe +
			") == 99\", message: M }] }\n"
	}
	text += "  - { id: rest, title: T, points: 5, hints: [a, b, c], expect: [{ that: \"false\", message: M }] }\n"
	f, err := lab.Open(fstest.MapFS{
		"using/lab.yaml": {Data: []byte(text)}, "using/README.md": {},
		"using/resources.yaml": {Data: []byte("Resources:\n  B:\n    Type: AWS::S3::Bucket\n" +
			"    Properties: {BucketName: given}\n")},
		"using/starter/app.sh": {Data: []byte("exit 1\n")}, "using/solution/app.sh": {Data: []byte("exit 0\n")},
	}, "using", check.Compile)
	require.NoError(t, err)
	return f
}

// Whatever a learner names as an output, their grade is settled: what cannot be
// called for what they wrote is theirs, and no failure of ours.
func TestRun_outputsOfAnyKindAreTheirOwners(t *testing.T) {
	c := newClass(t)
	c.labs["using"] = using(t)
	c.rules.Labs = []grade.AssignmentLab{{ID: "using", Points: 100}}
	values := map[string]string{
		"empty": "", "nul": "a\x00b", "control": "a\x1b[31mb\r\n", "up": "../../x", "query": "a?b#c", "percent": "%zz%00",
		"arn": "arn:aws:s3:::x", "access-point": "arn:aws:s3:us-east-1:000000000000:accesspoint/x", "broken-arn": "arn:",
		"other-arn": "arn:aws:lambda:eu-west-1:999999999999:function:x", "address": "http://127.0.0.1:1/x/y",
		"userinfo": "http://u:p@[::1", "long": strings.Repeat("x", 200_000), "spaces": " ", "expression": "${outputs.X}",
		"seed": "${seed}", "directory": "x--use1-az1--x-s3", "dots": "..", "bidi": "a\u202eb", "not-text": "\xff\xfe",
	}
	for name, v := range values {
		b, err := json.Marshal(map[string]string{"X": v})
		require.NoError(t, err)
		c.put(map[string]string{
			"class/" + name + "/app.sh":    "echo \"$@ $X\"\n",
			"class/" + name + "/out.json":  string(b),
			"class/" + name + "/deploy.sh": "cat out.json > \"$PIPELAB_OUTPUTS\"\n",
		})
	}
	for who, g := range byLearner(c.graded("class").Book) {
		require.Equal(t, report.Final, g.Status, "%s: %s", who, g.Problem)
		for _, one := range g.Result.Checks {
			require.Equal(t, report.Fail, one.Verdict, "%s %s: %s", who, one.ID, one.Message)
			require.Less(t, len(one.Message), 3000)
		}
	}
	_, err := os.Stat(filepath.Join(c.dir, "x"))
	require.ErrorIs(t, err, os.ErrNotExist)
}
