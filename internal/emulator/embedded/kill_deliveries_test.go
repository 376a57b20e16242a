//go:build unix

package embedded_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
)

// sources are what sets deliveries off, each with a queue of its own at the end
// of the way: objects that are told of, events and records that a function
// fails on.
type sources struct {
	t   *testing.T
	cfg aws.Config

	mu      sync.Mutex
	objects []string // acknowledged keys
	events  []string // acknowledged payloads
	records []string // acknowledged sequence numbers
}

// The queues.
const (
	notices = "notices"
	failed  = "failed"
	givenUp = "given-up"
)

func queueARN(name string) *string { return aws.String("arn:aws:sqs:us-east-1:000000000000:" + name) }

// make creates the resources.
func (s *sources) make() {
	s.t.Helper()
	ctx, fn := s.t.Context(), lambda.NewFromConfig(s.cfg)
	for _, name := range []string{notices, failed, givenUp} {
		_, err := sqs.NewFromConfig(s.cfg).CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name,
			Attributes: map[string]string{"Policy": awstest.QueuePolicy("s3.amazonaws.com")}})
		require.NoError(s.t, err)
	}
	s.bucket()
	s.function(fn)
	client := kinesis.NewFromConfig(s.cfg)
	_, err := client.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: aws.String("clicks"),
		ShardCount: aws.Int32(1)})
	require.NoError(s.t, err)
	require.NoError(s.t, kinesis.NewStreamExistsWaiter(client, func(o *kinesis.StreamExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 50*time.Millisecond, time.Second
	}).Wait(ctx, &kinesis.DescribeStreamInput{StreamName: aws.String("clicks")}, time.Minute))
	_, err = fn.CreateEventSourceMapping(ctx, &lambda.CreateEventSourceMappingInput{FunctionName: aws.String("job"),
		EventSourceArn:   aws.String("arn:aws:kinesis:us-east-1:000000000000:stream/clicks"),
		StartingPosition: types.EventSourcePositionTrimHorizon, MaximumRetryAttempts: aws.Int32(0),
		DestinationConfig: &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: queueARN(givenUp)}}})
	require.NoError(s.t, err)
}

func (s *sources) bucket() {
	s.t.Helper()
	client := s3Client(s.cfg)
	_, err := client.CreateBucket(s.t.Context(), &s3.CreateBucketInput{Bucket: aws.String("data")})
	require.NoError(s.t, err)
	_, err = client.PutBucketNotificationConfiguration(s.t.Context(), &s3.PutBucketNotificationConfigurationInput{
		Bucket: aws.String("data"), NotificationConfiguration: &s3types.NotificationConfiguration{
			QueueConfigurations: []s3types.QueueConfiguration{{QueueArn: queueARN(notices),
				Events: []s3types.Event{"s3:ObjectCreated:*"}}}}})
	require.NoError(s.t, err)
}

// function makes a function that fails, once for each event.
func (s *sources) function(client *lambda.Client) {
	s.t.Helper()
	ctx := s.t.Context()
	role, err := iam.NewFromConfig(s.cfg).CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("worker"),
		AssumeRolePolicyDocument: aws.String(awstest.Trust(`{"Service":"lambda.amazonaws.com"}`))})
	require.NoError(s.t, err)
	var code bytes.Buffer
	z := zip.NewWriter(&code)
	f, err := z.Create("main.py")
	require.NoError(s.t, err)
	_, err = f.Write([]byte("def handler(event, context):\n    raise ValueError('no')\n"))
	require.NoError(s.t, err)
	require.NoError(s.t, z.Close())
	_, err = client.CreateFunction(ctx, &lambda.CreateFunctionInput{FunctionName: aws.String("job"), Role: role.Role.Arn,
		Runtime: types.RuntimePython312, Handler: aws.String("main.handler"), Timeout: aws.Int32(20),
		Code: &types.FunctionCode{ZipFile: code.Bytes()}})
	require.NoError(s.t, err)
	require.NoError(s.t, lambda.NewFunctionActiveV2Waiter(client, func(o *lambda.FunctionActiveV2WaiterOptions) {
		o.MinDelay = time.Millisecond
	}).Wait(ctx, &lambda.GetFunctionInput{FunctionName: aws.String("job")}, time.Minute))
	_, err = client.PutFunctionEventInvokeConfig(ctx, &lambda.PutFunctionEventInvokeConfigInput{
		FunctionName: aws.String("job"), MaximumRetryAttempts: aws.Int32(0),
		DestinationConfig: &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: queueARN(failed)}}})
	require.NoError(s.t, err)
}

// write uses all sources at once until the emulator dies; each answer is
// signalled.
func (s *sources) write(ctx context.Context, cfg aws.Config, round int, answered chan<- struct{}) *sync.WaitGroup {
	objects, functions, streams := s3Client(cfg), lambda.NewFromConfig(cfg), kinesis.NewFromConfig(cfg)
	var writers sync.WaitGroup
	for _, one := range []func(id string) error{
		func(id string) error {
			_, err := objects.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("data"), Key: &id,
				Body: strings.NewReader("x")})
			return s.acknowledge(&s.objects, id, err)
		},
		func(id string) error {
			_, err := functions.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("job"),
				InvocationType: types.InvocationTypeEvent, Payload: []byte(`"` + id + `"`)})
			return s.acknowledge(&s.events, `"`+id+`"`, err)
		},
		func(id string) error {
			out, err := streams.PutRecord(ctx, &kinesis.PutRecordInput{StreamName: aws.String("clicks"),
				PartitionKey: &id, Data: []byte(id)})
			if err != nil {
				return err
			}
			return s.acknowledge(&s.records, *out.SequenceNumber, nil)
		},
	} {
		writers.Go(func() {
			for i := 0; one(fmt.Sprintf("%d-%d", round, i)) == nil; i++ {
				select {
				case answered <- struct{}{}:
				case <-ctx.Done():
					return
				}
			}
		})
	}
	return &writers
}

func (s *sources) acknowledge(list *[]string, name string, err error) error {
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		*list = append(*list, name)
	}
	return err
}

// arrivals are the bodies of the messages that a queue has got.
func arrivals(t *testing.T, cfg aws.Config, name string) (bodies []string) {
	t.Helper()
	for {
		out, err := sqs.NewFromConfig(cfg).ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: aws.String("http://localhost/000000000000/" + name), MaxNumberOfMessages: 10,
			VisibilityTimeout: 43200, WaitTimeSeconds: 1})
		require.NoError(t, err)
		if len(out.Messages) == 0 {
			return bodies
		}
		for _, m := range out.Messages {
			bodies = append(bodies, *m.Body)
		}
	}
}

// arrived are those that the queues have got so far.
type arrived struct {
	objects, events map[string]bool
	batches         [][2]string // first and last sequence number
}

func (a *arrived) collect(t *testing.T, cfg aws.Config) {
	t.Helper()
	for _, body := range arrivals(t, cfg, notices) {
		var m struct {
			Records []struct {
				S3 struct{ Object struct{ Key string } }
			}
		}
		require.NoError(t, json.Unmarshal([]byte(body), &m))
		for _, r := range m.Records { // none in the test event
			a.objects[r.S3.Object.Key] = true
		}
	}
	for _, body := range arrivals(t, cfg, failed) {
		var m struct{ RequestPayload json.RawMessage }
		require.NoError(t, json.Unmarshal([]byte(body), &m))
		a.events[string(m.RequestPayload)] = true
	}
	for _, body := range arrivals(t, cfg, givenUp) {
		var m struct {
			KinesisBatchInfo struct{ StartSequenceNumber, EndSequenceNumber string }
		}
		require.NoError(t, json.Unmarshal([]byte(body), &m))
		a.batches = append(a.batches, [2]string{m.KinesisBatchInfo.StartSequenceNumber, m.KinesisBatchInfo.EndSequenceNumber})
	}
}

// missing is an acknowledged write of which nothing has arrived, empty for none.
func (a *arrived) missing(s *sources) string {
	for _, key := range s.objects {
		if !a.objects[key] {
			return "the notification of " + key
		}
	}
	for _, e := range s.events {
		if !a.events[e] {
			return "the record of the event " + e
		}
	}
next:
	for _, seq := range s.records {
		for _, b := range a.batches {
			if b[0] <= seq && seq <= b[1] { // numbers of one length
				continue next
			}
		}
		return "the batch with the record " + seq
	}
	return ""
}

// An emulator is killed again and again with deliveries on their way. What was
// acknowledged is told to whom it concerns, sooner or later.
func TestKill_losesNoDelivery(t *testing.T) {
	dir := t.TempDir()
	c := startChild(t, dir)
	s := &sources{t: t, cfg: c.config}
	s.make()
	for round := range killRounds(t, 8) {
		answered := make(chan struct{})
		ctx, stop := context.WithCancel(t.Context())
		writers := s.write(ctx, c.config, round, answered)
		for range 20 + round*13%37 { // die at another point of the writing each time
			<-answered
		}
		c.kill(t)
		stop()
		writers.Wait()
		c = startChild(t, dir)
	}
	a := &arrived{objects: map[string]bool{}, events: map[string]bool{}}
	require.NotEmpty(t, a.missing(s), "nothing was looked at yet")
	patience, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for a.missing(s) != "" && patience.Err() == nil {
		a.collect(t, c.config)
	}
	require.Empty(t, a.missing(s), "is lost")
	c.kill(t)
}
