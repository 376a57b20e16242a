package trial_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/check"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/internal/trial"
)

// followed sends one thing in every way in which a check can: records, messages,
// objects, items, and lines that a program reads.
const followed = `
id: followed
title: T
summary: S
level: beginner
minutes: 1
examTasks: ["1.1"]
services: [lambda]
tasks: [{ id: a, title: A, text: B }]
programs: { send: { command: [python3, src/send.py], env: { STREAM: "${outputs.Plain}" }, timeout: 20s } }
data:
  events: { generator: clickstream, count: 5, keys: 2 }
  lines: { generator: clickstream, count: 3, keys: 2 }
probes:
  entries: { items: { table: entries } }
  waiting: { queue: { queue: "${outputs.Queue}" } }
  plain: { records: { stream: "${outputs.Plain}" } }
checks:
  - id: stream
    title: Records are counted
    points: 20
    hints: [a, b, c]
    timeout: 60s
    steps: [{ putRecords: { stream: "${outputs.Stream}", data: events } }]
    eventually: { until: "size(entries) == 5", within: 20s, stall: { watch: entries, for: 12s } }
    expect:
      - that: size(entries) == 5 && entries.all(e, e.n == 1)
        message: Every event is there, once
        expected: 'data.events.map(e, {"id": e.id, "n": 1})'
        seen: 'entries.map(e, {"id": e.id, "n": e.n})'
  - id: queue
    title: Messages are counted
    points: 20
    hints: [a, b, c]
    timeout: 60s
    steps: [{ sendMessages: { queue: "${outputs.Queue}", data: events } }]
    eventually: { until: "size(entries) == 5", within: 20s, stall: { watch: "[entries, [waiting]]", for: 15s } }
    expect:
      - that: size(entries) == 5
        message: Every event is there
        expected: 'data.events.map(e, e.id)'
        seen: 'entries.map(e, e.id)'
  - id: object
    title: An object is counted
    points: 20
    hints: [a, b, c]
    timeout: 60s
    steps: [{ putObject: { bucket: "${outputs.Bucket}", key: "in/a-${seed}.json", body: "{}" } }]
    eventually: { until: "size(entries) == 1", within: 20s, stall: { watch: entries, for: 12s } }
    expect:
      - { that: size(entries) == 1, message: The object is there,
          expected: '["in/a-" + string(seed) + ".json"]', seen: "entries.map(e, e.id)" }
  - id: item
    title: An item is counted
    points: 20
    hints: [a, b, c]
    timeout: 60s
    steps: [{ putItems: { table: "${outputs.Table}", items: [{ id: "i-${seed}", kind: x },
        { id: "j-${seed}", kind: y }] } }]
    eventually: { until: "size(entries) == 2", within: 20s, stall: { watch: entries, for: 12s } }
    expect:
      - { that: size(entries) == 2, message: Both are there,
          expected: '["i-" + string(seed), "j-" + string(seed)]', seen: "entries.map(e, e.id)" }
  - id: program
    title: Lines are sent
    points: 20
    hints: [a, b, c]
    timeout: 60s
    steps: [{ run: { program: send, stdinData: lines } }]
    expect:
      - { that: size(plain) == 3, message: Each line is a record,
          expected: "data.lines.map(e, e.id)", seen: "plain.map(r, r.json.id)" }
`

const followTemplate = `
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: { Version: "2012-10-17", Statement: [{ Effect: Allow, Action: "sts:AssumeRole",
        Principal: { Service: lambda.amazonaws.com } }] }
      ManagedPolicyArns: ["arn:aws:iam::aws:policy/AdministratorAccess"]
  Plain: { Type: AWS::Kinesis::Stream, Properties: { ShardCount: 1 } }
  Stream: { Type: AWS::Kinesis::Stream, Properties: { ShardCount: 1 } }
  Failures: { Type: AWS::SQS::Queue }
  Inbox:
    Type: AWS::SQS::Queue
    Properties: { VisibilityTimeout: 6, RedrivePolicy: { maxReceiveCount: 2,
      deadLetterTargetArn: !GetAtt Failures.Arn } }
  Items:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
      StreamSpecification: { StreamViewType: NEW_IMAGE }
  Counter:
    Type: AWS::Lambda::Function
    Properties: { Runtime: python3.12, Handler: app.handler, Role: !GetAtt Role.Arn, Code: src, Timeout: 5 }
  Permission:
    Type: AWS::Lambda::Permission
    Properties: { FunctionName: !Ref Counter, Action: "lambda:InvokeFunction", Principal: s3.amazonaws.com,
      SourceArn: "arn:aws:s3:::followed-objects" }
  Objects:
    Type: AWS::S3::Bucket
    DependsOn: Permission
    Properties:
      BucketName: followed-objects
      NotificationConfiguration: { LambdaConfigurations: [
        { Event: "s3:ObjectCreated:*", Function: !GetAtt Counter.Arn }] }
  FromStream:
    Type: AWS::Lambda::EventSourceMapping
    Properties: { EventSourceArn: !GetAtt Stream.Arn, FunctionName: !Ref Counter, StartingPosition: TRIM_HORIZON,
      BisectBatchOnFunctionError: true, MaximumRetryAttempts: 2,
      DestinationConfig: { OnFailure: { Destination: !GetAtt Failures.Arn } } }
  FromQueue:
    Type: AWS::Lambda::EventSourceMapping
    Properties: { EventSourceArn: !GetAtt Inbox.Arn, FunctionName: !Ref Counter, BatchSize: 1 }
  FromTable:
    Type: AWS::Lambda::EventSourceMapping
    Properties: { EventSourceArn: !GetAtt Items.StreamArn, FunctionName: !Ref Counter, StartingPosition: TRIM_HORIZON,
      FilterCriteria: { Filters: [{ Pattern: '{"dynamodb": {"NewImage": {"kind": {"S": ["x"]}}}}' }] } }
Outputs:
  Stream: { Value: !Ref Stream }
  Plain: { Value: !Ref Plain }
  Queue: { Value: !Ref Inbox }
  Bucket: { Value: !Ref Objects }
  Table: { Value: !Ref Items }
`

const counter = `import base64
import json
import boto3

table = boto3.client("dynamodb")


def handler(event, context):
    for record in event["Records"]:
        if "kinesis" in record:
            count(json.loads(base64.b64decode(record["kinesis"]["data"]))["id"])
        elif "s3" in record:
            count(record["s3"]["object"]["key"])
        elif "dynamodb" in record:
            count(record["dynamodb"]["Keys"]["id"]["S"])
        else:
            count(json.loads(record["body"])["id"])


def count(one):
    table.update_item(TableName="entries", Key={"id": {"S": one}}, UpdateExpression="ADD n :one",
                      ExpressionAttributeValues={":one": {"N": "1"}})
`

const sender = `import os
import sys
import boto3

for n, line in enumerate(sys.stdin):
    if n != 1:
        boto3.client("kinesis").put_record(StreamName=os.environ["STREAM"], Data=line.encode(), PartitionKey="k")
`

// ways judges a counter and returns the ways that its checks tell, without times.
func ways(t *testing.T, count string) map[string]report.Check {
	t.Helper()
	l, err := lab.Open(fstest.MapFS{
		"followed/lab.yaml": {Data: []byte(followed)}, "followed/README.md": {},
		"followed/resources.yaml": {Data: []byte(table)}, "followed/starter/a": {}, "followed/solution/a": {},
	}, "followed", check.Compile)
	require.NoError(t, err)
	o := options(t)
	o.Lab, o.Folder = l, t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(o.Folder, "src"), 0o700))
	app := counter
	if count != "" {
		app = strings.Replace(counter, "def count(one):\n", "def count(one):\n"+count, 1)
	}
	for name, text := range map[string]string{"src/app.py": app, "template.yaml": followTemplate, "src/send.py": sender} {
		require.NoError(t, os.WriteFile(filepath.Join(o.Folder, name), []byte(text), 0o600))
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

// generated are the parts of names that differ from run to run, and ids of records.
var generated = regexp.MustCompile(`\b[0-9a-f]{6}(-00000\d)\b|\bc[0-9a-f]{2}(0000\d)\b`)

func steps(t *testing.T, c report.Check) (record string, out []string) {
	t.Helper()
	require.NotNil(t, c.Way, "%+v", c)
	last := time.Time{}
	for _, s := range c.Way.Steps {
		if !s.At.IsZero() {
			require.False(t, s.At.Before(last), "%+v", c.Way)
			last = s.At
		}
		text := s.What
		if s.Where != "" {
			text += " @ " + s.Where
		}
		out = append(out, text)
	}
	require.False(t, last.IsZero() && c.ID != "program", "%+v", c.Way)
	return generated.ReplaceAllString(c.Way.Record, "ID$1$2"), out
}

func TestRun_followsTheRecordThatWentWrong(t *testing.T) {
	t.Parallel()
	checks := ways(t, `    if one.endswith("-000002") or one.startswith("in/"):
        raise KeyError("time")
`)
	record, told := steps(t, checks["stream"])
	require.Equal(t, "id ID-000002, customer ID"+record[len(record)-5:], record)
	require.Equal(t, "sent to the stream Stream, shardId-000000000000", told[0])
	require.Regexp(t, `^delivered to Counter, as record [123] of \d; the run raised KeyError: 'time' @ src/app.py:22$`,
		told[1])
	require.Regexp(t, `^tried \d times in all, and each time so$`, told[2])
	require.Equal(t, []string{"given up → the queue Failures"}, told[3:])

	record, told = steps(t, checks["queue"])
	require.Contains(t, record, "ID-000002")
	require.Equal(t, []string{"sent to the queue Inbox",
		"delivered to Counter; the run raised KeyError: 'time' @ src/app.py:22", "tried 2 times in all, and each time so",
		"it is in the queue Failures now, received 2 times"}, told)

	record, told = steps(t, checks["object"])
	require.Equal(t, "the object in/a-1.json", record)
	require.Equal(t, []string{"put into the bucket followed-objects",
		"delivered to Counter; the run raised KeyError: 'time' @ src/app.py:22"}, told[:2])

	// The filter lets the other one through only, and says so.
	record, told = steps(t, checks["item"])
	require.Equal(t, "id j-1, kind y", record)
	require.Equal(t, "written to the table Items", told[0])
	require.Contains(t, told[1], `no function was called with it (Counter: its mapping of the stream of the table `)
	require.Contains(t, told[1], `is enabled and lets through only {"dynamodb": {"NewImage": {"kind": {"S": ["x"]}}}}`)
	require.True(t, strings.HasSuffix(told[1], "; nothing more is in the trace"), told[1])

	record, told = steps(t, checks["program"])
	require.Contains(t, record, "ID-000001")
	require.Equal(t, []string{"line 2 of what src/send.py read", "not in the stream Plain; nothing more is in the trace"},
		told)
}

func TestRun_tellsWhatARunWithoutAnErrorWrote(t *testing.T) {
	t.Parallel()
	checks := ways(t, `    if one.endswith("-000003"):
        return
`)
	// What is skipped without a word ended well.
	record, told := steps(t, checks["queue"])
	require.Contains(t, record, "ID-000003")
	require.Equal(t, []string{"sent to the queue Inbox", "delivered to Counter; the run ended well",
		"that run wrote nothing"}, told[:3]) // a slow machine may deliver it again
	require.Equal(t, report.Pass, checks["object"].Verdict)
	require.Nil(t, checks["object"].Way, "nothing went wrong")
}
