package esm_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/outbox"
)

// inbox stands in for the services of destinations: it takes what they get.
type inbox struct {
	gateway.Passive
	name string

	mu   sync.Mutex
	fail error             // what it answers; nil takes everything
	got  map[string]string // object key or message number
	who  []string
}

// Describe implements gateway.Service.
func (b *inbox) Describe() gateway.Descriptor {
	op := gateway.Op(gateway.Data, func(context.Context, *sqs.SendMessageInput) (*sqs.SendMessageOutput, error) {
		return nil, errors.New("deliveries are taken, calls are not")
	})
	if b.name == "s3" {
		op = gateway.Op(gateway.Data, func(context.Context, *s3.PutObjectInput) (*s3.PutObjectOutput, error) {
			return nil, errors.New("deliveries are taken, calls are not")
		})
	}
	return gateway.Descriptor{Name: b.name, Operations: []gateway.Operation{op},
		Targets: []outbox.Target{{Name: b.name, Deliver: b.take}}}
}

func (b *inbox) take(_ context.Context, d *outbox.Delivery) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail != nil {
		return b.fail
	}
	key := fmt.Sprint(len(b.got))
	if b.name == "s3" {
		key = strings.TrimPrefix(d.Target, "arn:aws:s3:::") + "/" + d.Name
	}
	b.got[key] = string(d.Payload)
	b.who = append(b.who, d.Sender.Role)
	return nil
}

// refuse makes deliveries fail with err, or lets them in again with nil.
func (b *inbox) refuse(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fail = err
}

func (b *inbox) all() map[string]string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.got)
}

func bucket() *inbox { return &inbox{name: "s3", got: map[string]string{}} }
func queue() *inbox  { return &inbox{name: "sqs", got: map[string]string{}} }

// Records are given up while the destination cannot be reached, and the cloud
// stops before it can: what tells of them arrives after.
func TestDestination_outlivesAStop(t *testing.T) {
	t.Parallel()
	q := queue()
	q.refuse(errors.New("the queue is out of order"))
	c := newCloud(t, q)
	c.stream(1)
	c.fn.handle(func(event) (any, error) { return nil, errUser })
	c.put("k", "1")
	c.mapping(func(in *input) {
		in.MaximumRetryAttempts, in.DestinationConfig = aws.Int32(0), onFailure("arn:aws:sqs:us-east-1:000000000000:dlq")
	})
	require.Len(t, c.fn.batches(), 1)
	require.Empty(t, q.all())
	c.Gateway.Stop()
	q.refuse(nil)
	require.NoError(t, c.Gateway.Start(t.Context()))
	c.pass(time.Minute)
	require.Len(t, q.all(), 1)
	require.Len(t, c.fn.batches(), 1, "the shard went on behind them")
}

func TestDestination_queueGetsMetadataOnly(t *testing.T) {
	t.Parallel()
	q := queue()
	c := newCloud(t, q)
	c.stream(1)
	c.fn.handle(failing("2"))
	c.put("k", "1", "2", "3")
	arrived := c.Clock.Now()
	c.mapping(func(in *input) {
		in.MaximumRetryAttempts, in.DestinationConfig = aws.Int32(1), onFailure("arn:aws:sqs:us-east-1:000000000000:dlq")
	})
	c.put("k", "4")
	require.Len(t, q.all(), 1)
	require.Equal(t, []string{"4"}, c.fn.batches()[2], "the shard goes on")
	var got map[string]map[string]any
	var flat map[string]any
	require.NoError(t, json.Unmarshal([]byte(q.all()["0"]), &flat))
	require.Equal(t, "1.0", flat["version"])
	require.Equal(t, c.fn.events()[1].at.Format("2006-01-02T15:04:05.000Z"), flat["timestamp"])
	delete(flat, "version")
	delete(flat, "timestamp")
	b, err := json.Marshal(flat)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &got))
	require.NotEmpty(t, got["requestContext"]["requestId"])
	delete(got["requestContext"], "requestId")
	recs := c.fn.events()[0].Records
	stamp := arrived.Format("2006-01-02T15:04:05.000Z")
	require.Equal(t, map[string]map[string]any{
		"requestContext": {"functionArn": "arn:aws:lambda:us-east-1:000000000000:function:f",
			"condition": "RetryAttemptsExhausted", "approximateInvokeCount": 2.0},
		"responseContext": {"statusCode": 200.0, "executedVersion": "$LATEST", "functionError": "Unhandled"},
		"KinesisBatchInfo": {"shardId": "shardId-000000000000", "startSequenceNumber": recs[0].Kinesis.SequenceNumber,
			"endSequenceNumber": recs[2].Kinesis.SequenceNumber, "approximateArrivalOfFirstRecord": stamp,
			"approximateArrivalOfLastRecord": stamp,
			"batchSize":                      3.0, "streamArn": streamARN},
	}, got)
	require.Equal(t, []string{"arn:aws:iam::000000000000:role/worker"}, q.who, "the execution role sends it")
}

func TestDestination_bucketGetsThePayload(t *testing.T) {
	t.Parallel()
	b := bucket()
	c := newCloud(t, b)
	db := dynamodb.NewFromConfig(c.Config())
	arn := c.table(db)
	c.fn.handle(func(event) (any, error) { return nil, errUser })
	uuid := c.mapping(func(in *input) {
		in.EventSourceArn, in.MaximumRetryAttempts, in.DestinationConfig = arn, aws.Int32(0),
			onFailure("arn:aws:s3:::failures")
	})
	c.save(db, item{"pk": str("1")})
	c.pass(0)
	require.Len(t, b.all(), 1)
	for key, body := range b.all() {
		require.Regexp(t, regexp.MustCompile(`^failures/aws/lambda/`+uuid+
			`/shardId-[0-9a-f-]+/2026/03/02/2026-03-02T09\.00\.\d\d-[0-9a-f-]{36}$`), key)
		var got struct {
			DDBStreamBatchInfo struct {
				BatchSize int
				First     string `json:"approximateArrivalOfFirstRecord"`
				Last      string `json:"approximateArrivalOfLastRecord"`
			}
			Payload string
		}
		require.NoError(t, json.Unmarshal([]byte(body), &got))
		require.Equal(t, 1, got.DDBStreamBatchInfo.BatchSize)
		require.Regexp(t, `^2026-03-02T09:00:\d\dZ$`, got.DDBStreamBatchInfo.First)
		require.Equal(t, got.DDBStreamBatchInfo.First, got.DDBStreamBatchInfo.Last)
		require.Equal(t, c.fn.events()[0].raw, got.Payload)
	}
}

func TestDestination_recordsTooOld(t *testing.T) {
	t.Parallel()
	q := queue()
	c := newCloud(t, q)
	c.stream(1)
	c.put("k", "1")
	c.pass(61 * time.Second)
	c.put("k", "2")
	c.mapping(func(in *input) {
		in.MaximumRecordAgeInSeconds, in.DestinationConfig = aws.Int32(60),
			onFailure("arn:aws:sqs:us-east-1:000000000000:dlq")
	})
	require.Equal(t, [][]string{{"2"}}, c.fn.batches())
	require.Contains(t, q.all()["0"], `"condition":"RecordAgeExceeded"`)
	require.False(t, strings.Contains(q.all()["0"], "responseContext"), "the function was not invoked")
}
