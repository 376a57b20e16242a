package judge_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/cli/clitest"
	"github.com/pipelab/pipelab/internal/workspace"
)

// copying asks for a function that copies messages into a table, and for a program that
// prints what it reads.
const copying = `
id: copying
title: Copy messages
summary: Copy messages into a table.
level: beginner
minutes: 1
examTasks: ["1.1"]
services: [lambda, sqs, dynamodb]
interpreters: [python3]
tasks: [{ id: a, title: Copy, text: Copy each message. }]
programs: { send: { command: [python3, src/send.py], env: { TABLE: entries }, timeout: 6s } }
data: { lines: { generator: orders, count: 3, keys: 2 } }
probes: { items: { items: { table: entries } } }
checks:
  - id: function
    title: Messages are copied
    points: 40
    hints: [Think of deliveries., Think of batches., Copy all records of a batch.]
    timeout: 30s
    probes: { left: { queue: { queue: "${outputs.Queue}" } } }
    steps: [{ sendMessages: { queue: "${outputs.Queue}", bodies: ["m-${seed}"] } }]
    eventually: { until: "size(items) == 1", within: 20s, stall: { watch: left, for: 12s } }
    expect:
      - { that: "size(items) == 1 && items[0].id == 'm-' + string(seed)", message: The message is in the table,
          expected: "['m-' + string(seed)]", seen: "items.map(i, i.id)" }
  - id: allowed
    title: The role may do what the function does
    points: 20
    hints: [Think of the role., Think of its policies., Allow dynamodb:PutItem.]
    capabilities: [iam.enforced]
    timeout: 30s
    probes: { left: { queue: { queue: "${outputs.Queue}" } } }
    steps: [{ sendMessages: { queue: "${outputs.Queue}", bodies: ["m-${seed}"] } }]
    eventually: { until: "size(items) == 1", within: 20s, stall: { watch: left, for: 12s } }
    expect: [{ that: "size(items) == 1", message: The message is in the table, seen: "items.map(i, i.id)" }]
  - id: program
    title: The program prints the ids
    points: 40
    hints: [Read standard input., Each line is JSON., Print its id.]
    steps: [{ run: { program: send, stdinData: lines } }]
    expect:
      - { that: "run.send[0].exit == 0 && run.send[0].lines == data.lines.map(e, e.id)", 
          message: The program prints each id,
          expected: "data.lines.map(e, e.id)", seen: "run.send[0].lines" }
`

const entries = `
Resources:
  T:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: entries
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
`

const copyTemplate = `Resources:
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
    Properties:
      Runtime: python3.12
      Handler: app.handler
      Role: !GetAtt Role.Arn
      Code: src
      Timeout: 1
      MemorySize: 128
      Environment: { Variables: { TABLE: entries } }
  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties: { EventSourceArn: !GetAtt Inbox.Arn, FunctionName: !Ref Copier, Enabled: true }
Outputs: { Queue: { Value: !Ref Inbox } }
`

const copier = `import os
import boto3


def handler(event, context):
    for record in event["Records"]:
        print("copies", record["body"])
        boto3.client("dynamodb").put_item(TableName=os.environ["TABLE"], Item={"id": {"S": record["body"]}})
`

const sends = `import json
import os
import sys

for line in sys.stdin:
    print(json.dumps(json.loads(line)["id"]))
`

// with is a text with one thing in it replaced, which has to be there.
func with(text, from, to string) string {
	if !strings.Contains(text, from) {
		panic("nothing to replace: " + from) // the test is wrong
	}
	return strings.Replace(text, from, to, 1)
}

// working puts a line at the beginning of the handler.
func working(line string) map[string]string {
	return map[string]string{"src/app.py": with(copier, "    for record", "    "+line+"\n    for record")}
}

func template(from, to string) map[string]string {
	return map[string]string{"template.yaml": with(copyTemplate, from, to)}
}

func program(text string) map[string]string { return map[string]string{"src/send.py": text} }

const changes = `  Changes:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
`

const more = `  More:
    Type: AWS::Lambda::EventSourceMapping
    Properties: { EventSourceArn: !GetAtt Changes.StreamArn, FunctionName: !Ref Copier, StartingPosition: LATEST }
`

// client is the copier with other arguments for its client of DynamoDB.
func client(arguments string) map[string]string {
	return map[string]string{"src/app.py": with(copier, `client("dynamodb")`, `client("dynamodb", `+arguments+`)`)}
}

func handler(from, to string) map[string]string {
	return map[string]string{"src/app.py": with(copier, from, to)}
}

const (
	realAWS = `endpoint_url="https://dynamodb.us-east-1.amazonaws.com", ` +
		`config=__import__("botocore").config.Config(retries={"max_attempts": 0}, connect_timeout=0.3)`
	nobodysKey   = `aws_access_key_id="AKIANOBODY", aws_secret_access_key="x"`
	checkAllowed = "check allowed --seed 7"
)

const checkFunction, checkProgram = "check function --seed 7", "check program --seed 7"

// catalogue is what is tried.
func catalogue() map[string]fault {
	all := map[string]fault{}
	for _, some := range []map[string]fault{functionFaults(), pathFaults(), programFaults(), templateFaults(),
		machineFaults()} {
		for name, x := range some {
			all[name] = x
		}
	}
	return all
}

// functionFaults are in the code of the function: it was called, and did not do its work.
func functionFaults() map[string]fault {
	out := map[string]fault{
		"syntax error":                 {files: map[string]string{"src/app.py": copier + "def x(:\n"}},
		"missing dependency":           {files: map[string]string{"src/app.py": "import pandas_nope\n" + copier}},
		"endless loop":                 {files: working("while True: pass")},
		"memory":                       {files: working("x = bytearray(10**9); x[::4096] = b'1' * len(x[::4096])")},
		"exception":                    {files: working("event['nobody']")},
		"not written":                  {files: working("raise NotImplementedError")},
		"process ends":                 {files: working("os._exit(3)")},
		"wrong region":                 {files: client(`region_name="eu-west-1"`)},
		"wrong table":                  {files: handler(`os.environ["TABLE"]`, `"entrys"`)},
		"environment variable missing": {files: template(`Environment: { Variables: { TABLE: entries } }`, `Description: d`)},
		"megabytes printed":            {files: working("print('x' * 3_000_000); event['nobody']")},
		"parameter of the wrong type":  {files: handler(`{"S": record["body"]}`, `{"S": 5}`)},
		"real AWS called":              {files: client(realAWS)},
		"nothing processed":            {files: handler(`event["Records"]`, `event.get("records", [])`)},
	}
	for name, x := range out {
		x.line, x.code = checkFunction, app.ExitFailed
		out[name] = x
	}
	return out
}

// pathFaults are around the function: it is not called, or may not do what it does.
func pathFaults() map[string]fault {
	from, to := strings.Index(copyTemplate, "  Mapping:"), strings.Index(copyTemplate, "Outputs:")
	out := map[string]fault{
		"wrong handler":    {files: template("app.handler", "app.handle")},
		"wrong module":     {files: template("app.handler", "main.handler")},
		"no mapping":       {files: map[string]string{"template.yaml": copyTemplate[:from] + copyTemplate[to:]}},
		"mapping disabled": {files: template("Enabled: true", "Enabled: false")},
		"filter": {files: template("Enabled: true",
			`FilterCriteria: { Filters: [{ Pattern: '{"body": {"a": [1]}}' }] }`)},
		"source file gone": {files: map[string]string{"src/app.py": "-"}},
		"no permission": {line: checkAllowed, files: template("AdministratorAccess",
			"service-role/AWSLambdaSQSQueueExecutionRole")},
		"no queue rights": {line: checkAllowed, files: template("AdministratorAccess",
			"service-role/AWSLambdaBasicExecutionRole")},
		"wrong credentials": {line: checkAllowed, files: client(nobodysKey)},
		"no output":         {files: template("Outputs: { Queue:", "Outputs: { Queu:")},
	}
	for name, x := range out {
		if x.line == "" {
			x.line = checkFunction
		}
		x.code = app.ExitFailed
		out[name] = x
	}
	return out
}

// programFaults are in a program that a check runs.
func programFaults() map[string]fault {
	out := map[string]fault{
		"program, syntax error": {files: program("x = 1\ndef y(:\n")},
		"program, exception":    {files: program("print({}['a'])\n")},
		"program, never ends":   {files: program("import time\ntime.sleep(60)\n")},
		"program, gone":         {files: program("-")},
		"program, exit code":    {files: program("import sys\nprint('no stream', file=sys.stderr)\nsys.exit(4)\n")},
		"program, wrong shape": {files: program(with(sends, `json.dumps(json.loads(line)["id"])`,
			`{"id": json.loads(line)["id"]}`))},
		"program, one left out":       {files: program(with(sends, "sys.stdin", "list(sys.stdin)[1:]"))},
		"program, prints megabytes":   {files: program("while True: print('x' * 1000)\n")},
		"program, variable missing":   {files: program("import os\nos.environ['STREAM_NAME']\n")},
		"program, not written":        {files: program("raise NotImplementedError('soon')\n")},
		"program, dependency missing": {files: program("import pandas_nope\n")},
	}
	for name, x := range out {
		x.line, x.code = checkProgram, app.ExitFailed
		out[name] = x
	}
	return out
}

// templateFaults are found before anything is judged.
func templateFaults() map[string]fault {
	out := map[string]fault{
		"property misspelt":   {files: template("VisibilityTimeout", "VisibiltyTimeout")},
		"type misspelt":       {files: template("AWS::SQS::Queue", "AWS::SQS::Que")},
		"type not emulated":   {files: template("AWS::SQS::Queue", "AWS::Redshift::Cluster")},
		"resource misspelt":   {files: template("!GetAtt Inbox.Arn", "!GetAtt Inbx.Arn")},
		"attribute not there": {files: template("!GetAtt Inbox.Arn", "!GetAtt Inbox.StreamArn")},
		"part of a property's name": {files: template("Outputs:",
			changes+"      StreamSpecification: { StreamType: NEW_IMAGE }\nOutputs:")},
		"table without a stream": {files: template("Outputs:", changes+more+"Outputs:")},
		"tabs":                   {files: template("  Inbox:\n", "\tInbox:\n")},
		"indented wrongly":       {files: template("  Inbox:\n", " Inbox:\n")},
		"JSON cut off": {files: map[string]string{"template.yaml": "-",
			"template.json": "{\"Resources\": {\"Q\": {\"Type\": \"AWS::SQS::Queue\"}\n"}},
		"empty":              {files: map[string]string{"template.yaml": ""}},
		"wrong ARN":          {files: template("!GetAtt Inbox.Arn", `"arn:aws:sqs:us-east-1:000000000000:nobody"`)},
		"wrong runtime":      {files: template("python3.12", "python9.9")},
		"zip missing":        {files: template("Code: src", "Code: build.zip")},
		"source folder gone": {files: map[string]string{"src/app.py": "-", "src/send.py": "-", "src": "-"}},
		"timeout too long":   {files: template("Timeout: 1\n", "Timeout: 1000\n")},
		"deploy.sh fails": {files: map[string]string{"template.yaml": "-",
			"deploy.sh": "echo making things\nexit 3\n"}},
		"nothing to read": {files: map[string]string{"template.yaml": "just text\n"}},
	}
	for name, x := range out {
		x.line, x.code = checkFunction, app.ExitInvalid
		out[name] = x
	}
	out["byte order mark"] = fault{files: map[string]string{"template.yaml": "\ufeff" + copyTemplate}, line: checkFunction}
	out["template.yml"] = fault{files: map[string]string{"template.yaml": "-", "template.yml": copyTemplate},
		line: checkFunction}
	return out
}

// machineFaults are none of the learner's work.
func machineFaults() map[string]fault {
	damaged := func(file string) func(*testing.T, *clitest.Terminal, *workspace.Workspace) {
		return func(t *testing.T, _ *clitest.Terminal, w *workspace.Workspace) {
			require.NoError(t, os.WriteFile(w.Path(file), []byte("{oops"), 0o644))
		}
	}
	full := func(t *testing.T, _ *clitest.Terminal, w *workspace.Workspace) {
		dir, kept := w.Path(""), t.TempDir()
		require.NoError(t, os.CopyFS(kept, os.DirFS(dir)))
		if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", dir).CombinedOutput(); err != nil {
			t.Skipf("a small disk takes root and mount: %v %s", err, out)
		}
		t.Cleanup(func() { require.NoError(t, exec.Command("umount", dir).Run()) })
		require.NoError(t, os.CopyFS(dir, os.DirFS(kept)))
		require.Error(t, os.WriteFile(filepath.Join(dir, "large"), make([]byte, 1<<20), 0o600))
	}
	return map[string]fault{
		"disk full":              {code: app.ExitEnvironment, line: checkProgram, setup: full},
		"port taken":             {code: app.ExitEnvironment, line: "emulator serve --addr 127.0.0.1:PORT"},
		"workspace file damaged": {code: app.ExitEnvironment, setup: damaged("workspace.json")},
		"outputs damaged":        {code: app.ExitEnvironment, line: "deploy", setup: damaged("outputs.json")},
		"not in a workspace": {code: app.ExitUsage, setup: func(t *testing.T, c *clitest.Terminal, _ *workspace.Workspace) {
			c.Dir = t.TempDir()
		}},
	}
}
