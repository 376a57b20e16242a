package check_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/report"
)

const onAWS = `
id: on-aws
title: T
summary: S
level: beginner
minutes: 1
examTasks: ["1.1"]
services: [sqs, dynamodb, kinesis]
data:
  few: { generator: stock, count: 9, keys: 2 }
tasks: [{ id: a, title: A, text: B }]
probes:
  messages: { messages: { queue: "${outputs.Queue}" } }
  items: { items: { table: "${outputs.Table}" } }
checks:
  - id: queue
    title: Q
    points: 50
    hints: [a, b, c]
    steps: [{ sendMessages: { queue: "${outputs.Queue}", bodies: ['{"n": 1}', text] } }]
    expect:
      - { that: "size(messages) == 2 && messages.exists(m, m.body == 'text') && messages.exists(m, m.json != null
            && m.json.n == 1)", message: Both are there }
  - id: calls
    title: C
    points: 10
    hints: [a, b, c]
    probes:
      table: { call: { service: dynamodb, operation: DescribeTable, input: { TableName: "${outputs.Table}" } } }
    steps:
      - call: { service: sqs, operation: SendMessage, name: sent, input: { QueueUrl: "${outputs.Queue}",
            MessageBody: "seed ${seed}" } }
      - call: { service: sqs, operation: ChangeMessageVisibility, name: sent, input: { QueueUrl: "${outputs.Queue}",
            ReceiptHandle: "${run.sent[0].output.MessageId}", VisibilityTimeout: 0 } }
      - call: { service: s3, operation: GetObject, name: got, input: { Bucket: nobodys, Key: k } }
    expect:
      - { that: "run.sent[0].ok && !has(run.sent[0].output.ResultMetadata)
            && run.sent[1].error == 'ReceiptHandleIsInvalid'", message: Answers and refusals }
      - { that: "run.got.map(r, r.error) == ['NoSuchBucket'] && table.ok
            && table.output.Table.TableName == outputs.Table", message: A probe }
  - id: lacking
    title: What is referred to was not answered
    points: 0
    hints: [a, b, c]
    steps:
      - call: { service: s3, operation: GetObject, input: { Bucket: nobodys, Key: k } }
      - call: { service: s3, operation: GetObject, input: { Bucket: nobodys, Key: k,
            VersionId: "${run.call[0].output.VersionId}" } }
    expect: [{ that: "true", message: m }]
  - id: unknown
    title: The lab's own mistake
    points: 0
    hints: [a, b, c]
    steps: [{ call: { service: s3, operation: GetObject, input: { Bukket: b } } }]
    expect: [{ that: "true", message: m }]
  - id: parts
    title: A data set is sent in parts
    points: 0
    hints: [a, b, c]
    probes:
      calls: { calls: { service: kinesis, operation: "*Records" } }
      records: { records: { stream: "${outputs.Stream}" } }
    steps:
      - putRecords: { stream: "${outputs.Stream}", data: few, count: 4 }
      - putRecords: { stream: "${outputs.Stream}", data: few, skip: 4, count: 3 }
      - putRecords: { stream: "${outputs.Stream}", data: few, skip: 7 }
      - putRecords: { stream: "${outputs.Stream}", data: few, skip: 9 }
    expect:
      - { that: "calls.map(c, c.entries) == [4, 3, 2]", message: Three calls }
      - { that: "records.map(r, r.json) == data.few.map(e, e.row)", message: All of it in order }
  - id: table
    title: T
    points: 40
    hints: [a, b, c]
    steps:
      # Faults are for the learner's pipeline; the check itself must not feel them.
      - fault: { kind: error, service: dynamodb, operation: "*" }
      - putItems: { table: "${outputs.Table}", items: [{ id: a, at: "${now-60}", said: "at ${now}", n: 1, list: [1,
            x], deep: { ok: true } }, { id: b }] }
      - updateItem: { table: "${outputs.Table}", key: { id: a }, update: "SET n = n + :n", values: { ":n": 2 } }
      - deleteItem: { table: "${outputs.Table}", key: { id: b } }
    expect:
      - { that: "size(items) == 1 && items[0].n == 3 && items[0].at > 1700000000
            && items[0].said == 'at ' + string(items[0].at + 60) && items[0].list == [1, 'x']
                && items[0].deep.ok", message: One item }
`

func TestRun_reachesQueuesAndTables(t *testing.T) {
	ctx, o := t.Context(), options(t, onAWS)
	config := o.Emulator.Endpoint().AWSConfig()
	q, err := sqs.NewFromConfig(config).CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("q")})
	require.NoError(t, err)
	_, err = kinesis.NewFromConfig(config).CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: aws.String("s"),
		ShardCount: aws.Int32(1)})
	require.NoError(t, err)
	_, err = dynamodb.NewFromConfig(config).CreateTable(ctx, &dynamodb.CreateTableInput{TableName: aws.String("tab"),
		BillingMode: types.BillingModePayPerRequest,
		KeySchema:   []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: types.KeyTypeHash}},
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("id"),
			AttributeType: types.ScalarAttributeTypeS}}})
	require.NoError(t, err)
	_, _, err = o.Emulator.Control().Advance(ctx, time.Minute) // until the table is active
	require.NoError(t, err)
	o.Outputs = map[string]string{"Queue": *q.QueueUrl, "Table": "tab", "Stream": "s"}
	r := judge(t, o)
	for _, c := range r.Checks {
		if c.ID == "calls" {
			require.Contains(t, c.Sent, `GetObject {"Bucket": "nobodys", "Key": "k"}: NoSuchBucket`)
			require.Contains(t, c.Sent[0], `"MessageBody": "seed 0"`)
		}
	}
	odd := map[string]string{"lacking": "fail: the answer has no run.call[0].output.VersionId",
		"unknown": `error: step 1: input of s3.GetObject: json: unknown field "Bukket"`}
	for _, c := range r.Checks {
		if want := odd[c.ID]; want != "" {
			require.Equal(t, want, string(c.Verdict)+": "+c.Message)
			continue
		}
		require.Equal(t, report.Pass, c.Verdict, "%+v", c)
	}
}
