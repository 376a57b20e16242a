package flows_test

import (
	"encoding/json"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/gateway"
)

// raising fails whatever it gets.
const raising = `
def handler(event, context):
    raise ValueError("no")
`

// stream makes the stream clicks and a mapping to the function job, which gives
// a record up after the first retry.
func (r *region) stream(destination string) {
	r.t.Helper()
	_, err := r.kinesis.CreateStream(r.t.Context(), &kinesis.CreateStreamInput{StreamName: aws.String("clicks"),
		ShardCount: aws.Int32(1)})
	require.NoError(r.t, err)
	r.pass(time.Second)
	_, err = r.lambda.CreateEventSourceMapping(r.t.Context(), &lambda.CreateEventSourceMappingInput{
		FunctionName:     aws.String("job"),
		EventSourceArn:   aws.String("arn:aws:kinesis:us-east-1:000000000000:stream/clicks"),
		StartingPosition: types.EventSourcePositionTrimHorizon, MaximumRetryAttempts: aws.Int32(1),
		DestinationConfig: &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: &destination}}})
	require.NoError(r.t, err)
	r.pass(time.Second)
}

func (r *region) record(data string) {
	r.t.Helper()
	_, err := r.kinesis.PutRecord(r.t.Context(), &kinesis.PutRecordInput{StreamName: aws.String("clicks"),
		PartitionKey: aws.String("k"), Data: []byte(data)})
	require.NoError(r.t, err)
	r.pass(time.Minute)
}

// flow is the tree without the reads that a mapping makes all the time, and
// without what differs from run to run.
func (r *region) flow() string {
	r.t.Helper()
	out := "\n"
	for line := range strings.Lines(r.tree()) {
		if strings.HasPrefix(line, "kinesis.PutRecord ") || !strings.HasPrefix(line, "kinesis.") && line != "\n" {
			out += line
		}
	}
	out = strings.ReplaceAll(out, "for arn:aws:lambda:us-east-1:000000000000:function:", "for ")
	return regexp.MustCompile(`aws/lambda/[^ ]+`).ReplaceAllString(out, "NAME")
}

func TestFlow_recordsThatFailToAQueue(t *testing.T) {
	t.Parallel()
	r := start(t)
	url, arn := r.queue("failed")
	r.function(r.role(), "job", raising)
	r.stream(arn)
	r.flow()
	// A fault strikes the first attempt at the queue; the record comes later.
	r.gateway.Host().Faults.Add(gateway.Fault{Kind: gateway.FaultThrottle, Service: "sqs", Operation: "SendMessage",
		Count: 1})
	r.record("1")
	require.Equal(t, `
kinesis.PutRecord clicks by root
lambda.Invoke job by lambda.amazonaws.com
lambda.Invoke job by lambda.amazonaws.com
  sqs.SendMessage failed by assumed-role/worker/job for job !RequestThrottled
  sqs.SendMessage failed by assumed-role/worker/job for job
`, r.flow())
	bodies := r.received(url)
	require.Len(t, bodies, 1)
	require.Contains(t, bodies[0], `"condition":"RetryAttemptsExhausted","approximateInvokeCount":2`)
}

func TestFlow_recordsThatFailToABucket(t *testing.T) {
	t.Parallel()
	r := start(t)
	_, err := r.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("failed")})
	require.NoError(t, err)
	r.function(r.role(), "job", raising)
	r.stream("arn:aws:s3:::failed")
	r.flow()
	r.record("1")
	require.Equal(t, `
kinesis.PutRecord clicks by root
lambda.Invoke job by lambda.amazonaws.com
lambda.Invoke job by lambda.amazonaws.com
  s3.PutObject failed/NAME by assumed-role/worker/job for job
`, r.flow())
	list, err := r.s3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("failed")})
	require.NoError(t, err)
	require.Len(t, list.Contents, 1)
	object, err := r.s3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("failed"),
		Key: list.Contents[0].Key})
	require.NoError(t, err)
	body, err := io.ReadAll(object.Body)
	require.NoError(t, err)
	var got struct{ Payload string }
	require.NoError(t, json.Unmarshal(body, &got))
	require.Contains(t, got.Payload, `"data":"MQ=="`, "a bucket gets the records too")
}
