package drivertest

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/provision"
)

// template is a stack with what the first labs use.
const template = `
Resources:
  Landing: { Type: AWS::S3::Bucket, DeletionPolicy: Retain, Properties: { BucketName: drivertest-landing,
      VersioningConfiguration: { Status: Enabled } } }
  Clicks: { Type: AWS::Kinesis::Stream, Properties: { Name: drivertest-clicks, ShardCount: 1 } }
  Jobs: { Type: AWS::SQS::Queue, Properties: { QueueName: drivertest-jobs } }
  Carts:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: drivertest-carts
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
Outputs:
  Stream: { Value: !Ref Clicks }
  Queue: { Value: !Ref Jobs }
  Arn: { Value: !GetAtt Carts.Arn }
`

func (s *suite) holdsAStack(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	e := s.start(t, emulator.Options{})
	cfg, state := e.Endpoint().AWSConfig(), provision.NewMemoryState()
	request := provision.Request{StackName: "drivertest", Template: []byte(template), State: state}
	for round := range 2 { // removed, it can be made again
		res, err := provision.Deploy(ctx, cfg, request)
		require.NoError(t, err)
		require.Equal(t, "drivertest-clicks", res.Outputs["Stream"])
		require.NotEmpty(t, res.Changes)
		again, err := provision.Deploy(ctx, cfg, request)
		require.NoError(t, err)
		require.Empty(t, again.Changes, "nothing has changed, so nothing is done")
		fill(ctx, t, e, res.Outputs["Queue"])
		require.Contains(t, buckets(t, e), "drivertest-landing", "round %d", round)
		require.NoError(t, provision.Remove(ctx, cfg, state, "drivertest", nil))
		require.NotContains(t, buckets(t, e), "drivertest-landing")
	}
	require.NoError(t, e.Close())
}

// fill puts something into each resource of the stack.
func fill(ctx context.Context, t *testing.T, e emulator.Emulator, queue string) {
	t.Helper()
	for range 2 { // two versions
		_, err := s3Client(e).PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("drivertest-landing"),
			Key: aws.String("a")})
		require.NoError(t, err)
	}
	_, err := kinesis.NewFromConfig(e.Endpoint().AWSConfig()).PutRecord(ctx,
		&kinesis.PutRecordInput{StreamName: aws.String("drivertest-clicks"), Data: []byte("x"),
			PartitionKey: aws.String("k")})
	require.NoError(t, err)
	_, err = sqs.NewFromConfig(e.Endpoint().AWSConfig()).SendMessage(ctx,
		&sqs.SendMessageInput{QueueUrl: &queue, MessageBody: aws.String("m")})
	require.NoError(t, err)
}

// doesWhatItSays holds the capabilities that are about control to what control
// does: what is missing answers an error.
func (s *suite) doesWhatItSays(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	e := s.start(t, emulator.Options{})
	has := map[emulator.Capability]bool{}
	for _, c := range e.Capabilities() {
		has[c] = true
	}
	control := e.Control()
	said := func(c emulator.Capability, err error) {
		t.Helper()
		if has[c] {
			require.NoError(t, err, c)
		} else {
			require.Error(t, err, c)
		}
	}
	_, _, err := control.Advance(ctx, time.Second)
	said(emulator.ClockAdvance, err)
	before, err := control.LastCall(ctx)
	said(emulator.CallTrace, err)
	if has[emulator.CallTrace] {
		requireAccount(ctx, t, e)
		calls, err := control.Trace(ctx, before)
		require.NoError(t, err)
		require.Len(t, calls, 1)
		require.Equal(t, []string{"sts", "GetCallerIdentity", ""}, []string{calls[0].Service, calls[0].Operation,
			calls[0].Error})
	}
	fault, err := control.AddFault(ctx, emulator.Fault{Kind: "error", Service: "sts", Error: "Nobody", Status: 400})
	said(emulator.FaultInjection, err)
	if has[emulator.FaultInjection] {
		var api smithy.APIError
		require.ErrorAs(t, account(ctx, e), &api)
		require.Equal(t, "Nobody", api.ErrorCode())
		require.NoError(t, control.ClearFaults(ctx, fault.ID))
		requireAccount(ctx, t, e)
	}
	_, err = control.AddFault(ctx, emulator.Fault{Kind: "crash"})
	said(emulator.FaultsInside, err)
	id, err := control.Snapshot(ctx)
	said(emulator.Snapshots, err)
	if has[emulator.Snapshots] {
		putBucket(t, e, "after-snapshot")
		require.NoError(t, control.Restore(ctx, id))
		require.NotContains(t, buckets(t, e), "after-snapshot")
		require.NoError(t, control.DropSnapshot(ctx, id))
	}
	require.NoError(t, e.Close())
}

func (s *suite) isEmptied(t *testing.T) {
	e := s.start(t, emulator.Options{})
	for _, c := range e.Capabilities() {
		if c == emulator.Reset {
			putBucket(t, e, "to-go")
			require.NoError(t, e.Control().Reset(t.Context()))
			require.Empty(t, buckets(t, e))
		}
	}
	require.NoError(t, e.Close())
}

func account(ctx context.Context, e emulator.Emulator) error {
	cfg := e.Endpoint().AWSConfig()
	cfg.RetryMaxAttempts = 1 // to repeat it would only take longer
	_, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, nil)
	return err
}

func requireAccount(ctx context.Context, t *testing.T, e emulator.Emulator) {
	t.Helper()
	require.NoError(t, account(ctx, e))
}

func s3Client(e emulator.Emulator) *s3.Client {
	return s3.NewFromConfig(e.Endpoint().AWSConfig(), func(o *s3.Options) { o.UsePathStyle = true })
}

func putBucket(t testing.TB, e emulator.Emulator, name string) {
	t.Helper()
	_, err := s3Client(e).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name})
	require.NoError(t, err)
}

func dropBucket(t testing.TB, e emulator.Emulator, name string) {
	t.Helper()
	_, err := s3Client(e).DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: &name})
	require.NoError(t, err)
}

func buckets(t testing.TB, e emulator.Emulator) []string {
	t.Helper()
	out, err := s3Client(e).ListBuckets(t.Context(), &s3.ListBucketsInput{})
	require.NoError(t, err)
	names := []string{}
	for _, b := range out.Buckets {
		names = append(names, aws.ToString(b.Name))
	}
	return names
}
