package trial_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/check"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/internal/trial"
)

// copied asks for a function that copies messages into a table, and for a program.
const copied = `
id: copied
title: T
summary: S
level: beginner
minutes: 1
examTasks: ["1.1"]
services: [lambda]
tasks: [{ id: a, title: A, text: B }]
mistakes: [{ id: thought, title: A wrong idea, explanation: E }]
programs: { send: { command: [python3, src/send.py], timeout: 20s } }
checks:
  - id: function
    title: Messages are copied
    points: 50
    hints: [Think of deliveries, b, c]
    timeout: 30s
    probes: { entries: { items: { table: entries } }, left: { queue: { queue: "${outputs.Queue}" } } }
    steps: [{ sendMessages: { queue: "${outputs.Queue}", bodies: ["m-${seed}"] } }]
    eventually: { until: "size(entries) == 1", within: 20s, stall: { watch: left, for: 12s } }
    expect: [{ that: "size(entries) == 1", message: "The item is there", seen: "entries" }]
    mistakes: [{ mistake: thought, when: seed >= 0 }]
  - id: program
    title: The program ends
    points: 50
    hints: [Think of pages, b, c]
    steps: [{ run: { program: send, times: 2 } }]
    expect: [{ that: "run.send.all(r, r.exit == 0)", message: "It ends well", seen: "run.send[0].stderr" }]
    mistakes: [{ mistake: thought, when: seed >= 0 }]
`

const copyTemplate = `
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: { Version: "2012-10-17", Statement: [{ Effect: Allow, Action: "sts:AssumeRole",
        Principal: { Service: lambda.amazonaws.com } }] }
      ManagedPolicyArns: ["arn:aws:iam::aws:policy/AdministratorAccess"]
  Inbox:
    Type: AWS::SQS::Queue
    Properties: { VisibilityTimeout: 6 }
  Copier:
    Type: AWS::Lambda::Function
    Properties: { Runtime: python3.12, Handler: app.handler, Role: !GetAtt Role.Arn, Code: src, Timeout: 1,
      MemorySize: 128 }
  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties: { EventSourceArn: !GetAtt Inbox.Arn, FunctionName: !Ref Copier, Enabled: true }
Outputs: { Queue: { Value: !Ref Inbox } }
`

const copier = `import boto3


def handler(event, context):
    for record in event["Records"]:
        print("copies", record["body"])
        boto3.client("dynamodb").put_item(TableName="entries", Item={"id": {"S": record["body"]}})
`

// copies judges a copier, a template and a program.
func copies(t *testing.T, app, template, send string) map[string]report.Check {
	t.Helper()
	text := copied
	if strings.Contains(send, "sleep") {
		text = strings.Replace(text, "timeout: 20s", "timeout: 1s", 1)
	}
	l, err := lab.Open(fstest.MapFS{
		"copied/lab.yaml": {Data: []byte(text)}, "copied/README.md": {}, "copied/resources.yaml": {Data: []byte(table)},
		"copied/starter/a": {}, "copied/solution/a": {},
	}, "copied", check.Compile)
	require.NoError(t, err)
	o := options(t)
	o.Lab, o.Folder = l, t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(o.Folder, "src"), 0o700))
	for name, text := range map[string]string{"src/app.py": app, "template.yaml": template, "src/send.py": send} {
		if text != "" {
			require.NoError(t, os.WriteFile(filepath.Join(o.Folder, name), []byte(text), 0o600))
		}
	}
	out, err := trial.Run(t.Context(), o)
	require.NoError(t, err)
	require.NoError(t, out.Deploy)
	checks := map[string]report.Check{}
	for _, c := range out.Result.Checks {
		checks[c.ID] = c
	}
	return checks
}

func TestRun_saysWhatFailedOfTheMachineryBeforeWhatWasSeen(t *testing.T) {
	t.Parallel()
	in := func(line string) string { // the handler begins with it
		return strings.Replace(copier, "    for record", "    "+line+"\n    for record", 1)
	}
	without := func(from, to string) string {
		a, b := strings.Index(copyTemplate, from), strings.Index(copyTemplate, to)
		return copyTemplate[:a] + copyTemplate[b:]
	}
	for name, c := range map[string]struct {
		app, template, send string
		check               string
		want                report.Cause
		some                bool // of the runs: it may be a mistake in thinking
	}{
		"function, syntax": {app: copier + "def x(:\n", check: "function", want: report.Cause{
			What: "your function Copier failed in N of N invocations", Where: "src/app.py:8", Line: "def x(:",
			Error: "Runtime.UserCodeSyntaxError: Syntax error in module 'app': invalid syntax (app.py, line 8)"}},
		"function, import": {app: "import pandas_nope\n" + copier, check: "function", want: report.Cause{
			What:  "your function Copier failed in N of N invocations",
			Error: "Runtime.ImportModuleError: Unable to import module 'app': No module named 'pandas_nope'"}},
		"function, exception": {app: strings.Replace(copier, `record["body"]}}`, `record["nobody"]}}`, 1), check: "function",
			want: report.Cause{What: "your function Copier failed in N of N invocations", Where: "src/app.py:7",
				Line:  `boto3.client("dynamodb").put_item(TableName="entries", Item={"id": {"S": record["nobody"]}})`,
				Error: "KeyError: 'nobody'", Log: []string{"copies m-1"}}},
		"function, not written": {app: in("raise NotImplementedError"), check: "function", want: report.Cause{
			What: "your function Copier is still to be written", Where: "src/app.py:5"}},
		"function, timeout": {app: in("import time; time.sleep(60)"), check: "function", want: report.Cause{
			What: "your function Copier timed out after 1 s in N of N invocations"}},
		"function, exit": {app: in("import os; os._exit(3)"), check: "function", want: report.Cause{
			What:  "your function Copier ended without an answer in N of N invocations",
			Error: "Runtime exited with error: exit status 3"}},
		"function, memory": {app: in("x = bytearray(10**9); x[::4096] = b'1' * len(x[::4096])"), check: "function",
			want: report.Cause{What: "your function Copier needed more than its 128 MB of memory in N of N invocations",
				Error: "Runtime exited with error: signal: killed"}},
		"function, handler": {template: strings.Replace(copyTemplate, "app.handler", "app.handle", 1), check: "function",
			want: report.Cause{What: "your function Copier failed in N of N invocations",
				Error: "Runtime.HandlerNotFound: Handler 'handle' missing on module 'app'"}},
		"no mapping": {template: without("  Mapping:", "Outputs:"), check: "function", want: report.Cause{
			What: "nothing has called your function Copier: no event source mapping and no notification of a bucket names it"}},
		"mapping disabled": {template: strings.Replace(copyTemplate, "Enabled: true", "Enabled: false", 1), check: "function",
			want: report.Cause{What: "nothing has called your function Copier: its mapping of the queue NAME is disabled; " +
				"nothing that was sent has come to it that way"}},
		"program, syntax": {send: "x = 1\ndef y(:\n", check: "program", want: report.Cause{
			What: "src/send.py ended with exit code 1, 2 of 2 times", Where: "src/send.py:2", Line: "def y(:",
			Error: "SyntaxError: invalid syntax"}},
		"program, not written": {send: "def f():\n    raise NotImplementedError('soon')\nf()\n", check: "program",
			want: report.Cause{What: "src/send.py is still to be written", Where: "src/send.py:2"}},
		"program, never ends": {send: "import time\ntime.sleep(60)\n", check: "program", want: report.Cause{
			What: "src/send.py did not end: it was stopped after 1 s, 2 of 2 times"}},
		"program, exception": {send: "import sys\nprint('reads', file=sys.stderr)\n{}['a']\n", check: "program", some: true,
			want: report.Cause{What: "src/send.py ended with exit code 1, 2 of 2 times", Where: "src/send.py:3",
				Line: "{}['a']", Error: "KeyError: 'a'", Log: []string{"reads"}}},
		"program, exit code": {send: "import sys\nprint('no stream', file=sys.stderr)\nsys.exit(4)\n", check: "program",
			some: true, want: report.Cause{What: "src/send.py ended with exit code 4, 2 of 2 times",
				Log: []string{"no stream"}}},
		"program, missing": {send: "-", check: "program", want: report.Cause{What: "src/send.py is not there"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.app == "" {
				c.app = copier
			}
			if c.template == "" {
				c.template = copyTemplate
			}
			if c.send == "" {
				c.send = "pass\n"
			}
			got := copies(t, c.app, c.template, strings.TrimPrefix(c.send, "-"))[c.check]
			require.Equal(t, report.Fail, got.Verdict)
			require.Len(t, got.Causes, 1)
			require.Equal(t, c.want, numbered(got.Causes[0]))
			if c.some {
				require.Equal(t, "thought", got.Mistake)
				require.NotEmpty(t, got.Hint)
				return
			}
			require.Empty(t, got.Mistake, "nothing can be said of how it would work")
			require.Empty(t, got.Hint)
			require.Empty(t, got.Seen)
		})
	}
}

// numbered is a cause without what differs from run to run: how often a message was
// delivered, and the end of a name.
func numbered(c report.Cause) report.Cause {
	words := strings.Fields(c.What)
	for i, w := range words {
		switch {
		case i > 1 && i+2 < len(words) && words[i-1] == "of" && strings.HasPrefix(words[i+1], "invocation"):
		case i+3 < len(words) && words[i+1] == "of" && words[i+2] == w && strings.HasPrefix(words[i+3], "invocation"):
			words[i], words[i+2], words[i+3] = "N", "N", "invocations"
		case i > 0 && words[i-1] == "queue":
			words[i] = "NAME"
		}
	}
	c.What = strings.Join(words, " ")
	return c
}

func TestRun_namesNoCauseWhereNothingFailed(t *testing.T) {
	t.Parallel()
	for _, c := range copies(t, copier, copyTemplate, "pass\n") {
		require.Equal(t, report.Pass, c.Verdict, "%+v", c)
		require.Empty(t, c.Causes)
	}
	// The wrong item is a mistake in thinking.
	wrong := copies(t, strings.Replace(copier, `for record in event["Records"]:`, "for record in []:", 1), copyTemplate,
		"pass\n")["function"]
	require.Equal(t, report.Fail, wrong.Verdict)
	require.Empty(t, wrong.Causes)
	require.Equal(t, "thought", wrong.Mistake)
}
