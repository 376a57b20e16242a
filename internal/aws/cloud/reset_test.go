package cloud_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/aws/gateway"
)

// recorder keeps what is logged.
type recorder struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (r *recorder) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.Write(b)
}

func (r *recorder) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.String()
}

// moody fails every event but those of a queue.
const moody = `
def handler(event, context):
    if event["Records"][0]["eventSource"] != "aws:sqs":
        raise ValueError("no")
`

// busyQueues are those of a busy world.
var busyQueues = []string{"notices", "failed", "source", "dead", "back", "empty"}

func arnOf(queue string) string { return "arn:aws:sqs:us-east-1:000000000000:" + queue }

func urlOf(queue string) *string { return aws.String("http://localhost/000000000000/" + queue) }

// busy makes a world in which everything has something to do: notifications to a
// queue, a stream and a queue with a mapping each, of which one fails, events
// that are retried, messages on their way back.
func (w *world) busy() {
	w.t.Helper()
	ctx := w.t.Context()
	role, err := w.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("worker"),
		AssumeRolePolicyDocument: aws.String(awstest.Trust(`{"Service":"lambda.amazonaws.com"}`))})
	require.NoError(w.t, err)
	var code bytes.Buffer
	z := zip.NewWriter(&code)
	f, err := z.Create("main.py")
	require.NoError(w.t, err)
	_, err = f.Write([]byte(moody))
	require.NoError(w.t, err)
	require.NoError(w.t, z.Close())
	_, err = w.lambda.CreateFunction(ctx, &lambda.CreateFunctionInput{FunctionName: aws.String("job"),
		Role: role.Role.Arn, Runtime: types.RuntimePython312, Handler: aws.String("main.handler"),
		Timeout: aws.Int32(20), Code: &types.FunctionCode{ZipFile: code.Bytes()}})
	require.NoError(w.t, err)
	require.NoError(w.t, lambda.NewFunctionActiveV2Waiter(w.lambda, func(o *lambda.FunctionActiveV2WaiterOptions) {
		o.MinDelay = time.Millisecond
	}).Wait(ctx, &lambda.GetFunctionInput{FunctionName: aws.String("job")}, time.Minute))
	for _, q := range busyQueues {
		attributes := map[string]string{"Policy": awstest.QueuePolicy("s3.amazonaws.com")}
		if q == "back" {
			attributes["RedrivePolicy"] = `{"deadLetterTargetArn":"` + arnOf("dead") + `","maxReceiveCount":"1"}`
		}
		_, err := w.sqs.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &q, Attributes: attributes})
		require.NoError(w.t, err)
	}
	w.notify()
	_, err = w.kinesis.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: aws.String("clicks"),
		ShardCount: aws.Int32(2)})
	require.NoError(w.t, err)
	w.control(http.MethodPost, "clock/advance", `{"duration":"1s"}`)
	for _, in := range []*lambda.CreateEventSourceMappingInput{
		{EventSourceArn: aws.String("arn:aws:kinesis:us-east-1:000000000000:stream/clicks"),
			StartingPosition: types.EventSourcePositionTrimHorizon, MaximumRetryAttempts: aws.Int32(1),
			DestinationConfig: &types.DestinationConfig{OnFailure: &types.OnFailure{
				Destination: aws.String(arnOf("failed"))}}},
		{EventSourceArn: aws.String(arnOf("source"))}} {
		in.FunctionName = aws.String("job")
		_, err := w.lambda.CreateEventSourceMapping(ctx, in)
		require.NoError(w.t, err)
	}
	w.moves()
	w.control(http.MethodPost, "faults", `{"kind":"throttle","service":"sqs","operation":"SendMessage","share":0.5}`)
}

// notify makes a bucket whose new objects are told to a queue.
func (w *world) notify() {
	w.t.Helper()
	_, err := w.s3.CreateBucket(w.t.Context(), &s3.CreateBucketInput{Bucket: aws.String("plain")})
	require.NoError(w.t, err)
	_, err = w.s3.PutBucketNotificationConfiguration(w.t.Context(), &s3.PutBucketNotificationConfigurationInput{
		Bucket: aws.String("plain"), NotificationConfiguration: &s3types.NotificationConfiguration{
			QueueConfigurations: []s3types.QueueConfiguration{{QueueArn: aws.String(arnOf("notices")),
				Events: []s3types.Event{"s3:ObjectCreated:*"}}}}})
	require.NoError(w.t, err)
}

// moves begins to move messages out of a dead-letter queue, one a second.
func (w *world) moves() {
	w.t.Helper()
	in := &sqs.SendMessageBatchInput{QueueUrl: urlOf("dead")}
	for n := range 10 {
		in.Entries = append(in.Entries, sqstypes.SendMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(n)),
			MessageBody: aws.String(fmt.Sprint(n))})
	}
	_, err := w.sqs.SendMessageBatch(w.t.Context(), in)
	require.NoError(w.t, err)
	_, err = w.sqs.StartMessageMoveTask(w.t.Context(), &sqs.StartMessageMoveTaskInput{SourceArn: aws.String(arnOf("dead")),
		DestinationArn: aws.String(arnOf("back")), MaxNumberOfMessagesPerSecond: aws.Int32(1)})
	require.NoError(w.t, err)
}

// bustle is programs that use a busy world until they are stopped, whatever
// they are answered.
func (w *world) bustle() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var programs sync.WaitGroup
	do := func(fn func(n int)) {
		programs.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				fn(n)
			}
		})
	}
	do(func(n int) {
		_, _ = w.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("plain"), Key: aws.String(fmt.Sprint(n)),
			Body: strings.NewReader("x")})
	})
	do(func(n int) {
		_, _ = w.kinesis.PutRecord(ctx, &kinesis.PutRecordInput{StreamName: aws.String("clicks"),
			PartitionKey: aws.String(fmt.Sprint(n)), Data: []byte("x")})
	})
	do(func(int) {
		_, _ = w.sqs.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: urlOf("source"), MessageBody: aws.String("x")})
	})
	do(func(int) {
		_, _ = w.lambda.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("job"),
			InvocationType: types.InvocationTypeEvent, Payload: []byte(`{"Records":[{"eventSource":"me"}]}`)})
	})
	for range 3 {
		do(func(int) {
			_, _ = w.sqs.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: urlOf("empty"), WaitTimeSeconds: 20})
		})
	}
	return func() {
		cancel()
		programs.Wait()
	}
}

// trace are the calls after a number.
func (w *world) trace(after uint64) (entries []gateway.TraceEntry, last uint64) {
	w.t.Helper()
	lines := json.NewDecoder(strings.NewReader(w.control(http.MethodGet, fmt.Sprint("trace?after=", after), "")))
	for lines.More() {
		var e gateway.TraceEntry
		require.NoError(w.t, lines.Decode(&e))
		entries, after = append(entries, e), e.Seq
	}
	return entries, after
}

// until waits for calls that hold.
func (w *world) until(after uint64, what string, holds func([]gateway.TraceEntry) bool) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		entries, _ := w.trace(after)
		return holds(entries)
	}, time.Minute, 5*time.Millisecond, what)
}

// calls counts the calls of an operation for which a service, or a role, is
// responsible.
func calls(entries []gateway.TraceEntry, operation string) (n int) {
	for _, e := range entries {
		if e.Operation == operation && e.Internal {
			n++
		}
	}
	return n
}

// The cloud is emptied while everything is under way: deliveries, polls,
// retries, runs of functions, moves of messages. Nothing of all that is seen
// afterwards, not even when a year passes, and the cloud is as good as new.
func TestReset_withEverythingUnderWay(t *testing.T) {
	t.Parallel()
	log := new(recorder)
	o := options(t.TempDir(), nil)
	o.Log = slog.New(slog.NewTextHandler(log, nil))
	w := startWith(t, o)
	for range 3 {
		_, before := w.trace(0)
		w.busy()
		stop := w.bustle()
		w.until(before, "everything is under way", func(entries []gateway.TraceEntry) bool {
			return calls(entries, "SendMessage") > 10 && calls(entries, "DeleteMessageBatch") > 0 &&
				calls(entries, "Invoke") > 10
		})
		w.control(http.MethodPost, "reset", "")
		_, after := w.trace(before)
		w.control(http.MethodPost, "clock/advance", `{"duration":"24h"}`)
		stop()
		w.empty()
		entries, _ := w.trace(after)
		for _, e := range entries {
			require.False(t, e.Internal, "%+v comes from what is no more", e)
		}
		require.NotContains(t, log.String(), "panic")
	}
	_, before := w.trace(0)
	w.busy()
	w.control(http.MethodDelete, "faults", "")
	w.put("once")
	w.until(before, "the test event and the notification", func(entries []gateway.TraceEntry) bool {
		return calls(entries, "SendMessage") == 2
	})
	require.Equal(t, "2", w.count("notices", "ApproximateNumberOfMessages"))
}

// empty requires that there is nothing.
func (w *world) empty() {
	w.t.Helper()
	ctx := w.t.Context()
	buckets, err := w.s3.ListBuckets(ctx, &s3.ListBucketsInput{})
	require.NoError(w.t, err)
	require.Empty(w.t, buckets.Buckets)
	queues, err := w.sqs.ListQueues(ctx, &sqs.ListQueuesInput{})
	require.NoError(w.t, err)
	require.Empty(w.t, queues.QueueUrls)
	streams, err := w.kinesis.ListStreams(ctx, &kinesis.ListStreamsInput{})
	require.NoError(w.t, err)
	require.Empty(w.t, streams.StreamNames)
	functions, err := w.lambda.ListFunctions(ctx, &lambda.ListFunctionsInput{})
	require.NoError(w.t, err)
	require.Empty(w.t, functions.Functions)
	mappings, err := w.lambda.ListEventSourceMappings(ctx, &lambda.ListEventSourceMappingsInput{})
	require.NoError(w.t, err)
	require.Empty(w.t, mappings.EventSourceMappings)
	roles, err := w.iam.ListRoles(ctx, &iam.ListRolesInput{})
	require.NoError(w.t, err)
	require.Empty(w.t, roles.Roles)
	logs, err := w.logs.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{})
	require.NoError(w.t, err)
	require.Empty(w.t, logs.LogGroups)
}
