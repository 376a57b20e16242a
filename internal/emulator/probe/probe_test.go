package probe_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/embedded"
	"github.com/pipelab/pipelab/internal/emulator/probe"
)

// tried are the capabilities that there is a trial for.
var tried = []emulator.Capability{emulator.S3PublicBlock, emulator.SQSFIFO, emulator.DynamoDBTransact,
	emulator.DynamoDBStreams, emulator.KinesisLimits}

// under is an emulator under trial, behind a client that may lie.
type under struct {
	t    *testing.T
	cfg  aws.Config // tells the truth
	time *emulator.Control
}

func start(t *testing.T) *under {
	t.Helper()
	e, err := embedded.Driver{}.Start(context.Background(), emulator.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	return &under{t, e.Endpoint().AWSConfig(), e.Control()}
}

// client is an aws.HTTPClient.
type client func(*http.Request) (*http.Response, error)

func (c client) Do(req *http.Request) (*http.Response, error) { return c(req) }

// call is what a request asks for: its X-Amz-Target, such as
// "AmazonSQS.SendMessage", or method and query.
func call(req *http.Request) string {
	if target := req.Header.Get("X-Amz-Target"); target != "" {
		return target
	}
	return req.Method + " " + req.URL.RawQuery
}

// lying is a configuration in which an emulator does not do as it should: lie
// may change a request, answer in the emulator's place, or let it through with
// nil. It counts what it was asked for.
func (u *under) lying(lie func(call string, body []byte) (changed []byte, instead *reply)) (aws.Config,
	*atomic.Int32) {
	cfg, honest, lies := u.cfg.Copy(), u.cfg.HTTPClient, new(atomic.Int32)
	if honest == nil {
		honest = http.DefaultClient
	}
	cfg.HTTPClient = client(func(req *http.Request) (*http.Response, error) {
		var body []byte
		if req.Body != nil {
			var err error
			if body, err = io.ReadAll(req.Body); err != nil {
				return nil, err
			}
		}
		changed, instead := lie(call(req), body)
		if changed != nil || instead != nil {
			lies.Add(1)
		}
		if instead != nil {
			return &http.Response{StatusCode: instead.status, Header: http.Header{}, Request: req,
				Body: io.NopCloser(strings.NewReader(instead.body)), ContentLength: int64(len(instead.body))}, nil
		}
		if changed != nil {
			body = changed
		}
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		return honest.Do(req)
	})
	return cfg, lies
}

// reply is an answer in the emulator's place.
type reply struct {
	status int
	body   string
}

func answer(status int, body string) *reply { return &reply{status, body} }

// clean requires that trials have left nothing.
func (u *under) clean() {
	u.t.Helper()
	ctx := u.t.Context()
	_, _, err := u.time.Advance(ctx, time.Hour) // what is being deleted goes
	require.NoError(u.t, err)
	buckets, err := s3.NewFromConfig(u.cfg, func(o *s3.Options) { o.UsePathStyle = true }).ListBuckets(ctx,
		&s3.ListBucketsInput{})
	require.NoError(u.t, err)
	require.Empty(u.t, buckets.Buckets)
	queues, err := sqs.NewFromConfig(u.cfg).ListQueues(ctx, &sqs.ListQueuesInput{})
	require.NoError(u.t, err)
	require.Empty(u.t, queues.QueueUrls)
	streams, err := kinesis.NewFromConfig(u.cfg).ListStreams(ctx, &kinesis.ListStreamsInput{})
	require.NoError(u.t, err)
	require.Empty(u.t, streams.StreamNames)
	tables, err := dynamodb.NewFromConfig(u.cfg).ListTables(ctx, &dynamodb.ListTablesInput{})
	require.NoError(u.t, err)
	require.Empty(u.t, tables.TableNames)
}

func TestVerify_findsWhatIsThereAndLeavesNothing(t *testing.T) {
	t.Parallel()
	u := start(t)
	for _, c := range tried {
		require.True(t, probe.Can(c), c)
	}
	require.False(t, probe.Can(emulator.Reset))
	require.Empty(t, probe.Verify(t.Context(), u.cfg, append(tried, emulator.Reset)))
	u.clean()
}

func TestVerify_triesOnlyWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	u := start(t)
	cfg, lies := u.lying(func(string, []byte) ([]byte, *reply) { return nil, answer(500, "no") })
	require.Empty(t, probe.Verify(t.Context(), cfg, []emulator.Capability{emulator.Reset}))
	require.Zero(t, lies.Load())
}

// An emulator that answers as if it could, and cannot, is found out.
func TestVerify_findsWhatIsMissing(t *testing.T) {
	t.Parallel()
	const database, streams = "DynamoDB_20120810.", "DynamoDBStreams_20120810."
	const cancelled = `{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","CancellationReasons":[]}`
	for name, test := range map[string]struct {
		capability emulator.Capability
		lie        func(call string, body []byte) ([]byte, *reply)
		want       string
	}{
		"public policies are taken": {emulator.S3PublicBlock, func(call string, _ []byte) ([]byte, *reply) {
			if call == "PUT policy=" {
				return nil, answer(204, "")
			}
			return nil, nil
		}, "a public policy is taken where they are blocked"},
		"no deduplication": {emulator.SQSFIFO, renamed(), "of a, a again and b it gave 3 messages"},
		"transactions without conditions": {emulator.DynamoDBTransact,
			func(call string, _ []byte) ([]byte, *reply) {
				if call == database+"TransactWriteItems" {
					return nil, answer(200, "{}")
				}
				return nil, nil
			}, "a transaction with a condition that does not hold is carried out"},
		"half a transaction": {emulator.DynamoDBTransact, func(call string, _ []byte) ([]byte, *reply) {
			switch call {
			case database + "TransactWriteItems":
				return nil, answer(400, cancelled)
			case database + "GetItem":
				return nil, answer(200, `{"Item":{"id":{"S":"a"}}}`)
			}
			return nil, nil
		}, "half of a cancelled transaction is carried out"},
		"tables without streams": {emulator.DynamoDBStreams, func(call string, body []byte) ([]byte, *reply) {
			if call == database+"CreateTable" {
				return bytes.Replace(body, []byte(`"StreamEnabled":true,"StreamViewType":"NEW_IMAGE"`),
					[]byte(`"StreamEnabled":false`), 1), nil
			}
			return nil, nil
		}, "a table with a stream has none"},
		"streams without shards": {emulator.DynamoDBStreams, func(call string, _ []byte) ([]byte, *reply) {
			if call == streams+"DescribeStream" {
				return nil, answer(200, `{"StreamDescription":{"Shards":[]}}`)
			}
			return nil, nil
		}, "a stream has no shards"},
		"streams without records": {emulator.DynamoDBStreams, func(call string, _ []byte) ([]byte, *reply) {
			if call == streams+"GetRecords" {
				return nil, answer(200, `{"Records":[]}`)
			}
			return nil, nil
		}, "the stream of a table does not show what was put"},
		"shards without limits": {emulator.KinesisLimits, func(call string, _ []byte) ([]byte, *reply) {
			if call == "Kinesis_20131202.PutRecords" {
				return nil, answer(200, `{"FailedRecordCount":0,"Records":[]}`)
			}
			return nil, nil
		}, "a shard takes 1,500 records at once"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := start(t)
			cfg, lies := u.lying(test.lie)
			failed := probe.Verify(t.Context(), cfg, tried)
			require.Positive(t, lies.Load())
			require.Len(t, failed, 1, "%v", failed)
			require.ErrorContains(t, failed[test.capability], test.want)
			u.clean()
		})
	}
}

// renamed gives each message another deduplication id, so that none is like an
// earlier one.
func renamed() func(call string, body []byte) ([]byte, *reply) {
	n := 0
	return func(call string, body []byte) ([]byte, *reply) {
		if call != "AmazonSQS.SendMessage" {
			return nil, nil
		}
		n++
		return bytes.Replace(body, []byte(`"MessageDeduplicationId":"`), []byte(`"MessageDeduplicationId":"`+
			strconv.Itoa(n)), 1), nil
	}
}

// What an emulator does not know at all is missing, too, with its own answer as
// the reason.
func TestVerify_saysWhyNot(t *testing.T) {
	t.Parallel()
	u := start(t)
	cfg, _ := u.lying(func(string, []byte) ([]byte, *reply) {
		return nil, answer(501, `{"__type":"NotImplemented","message":"not in this edition"}`)
	})
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	failed := probe.Verify(t.Context(), cfg, tried)
	require.Len(t, failed, len(tried))
	for c, err := range failed {
		require.ErrorContains(t, err, "501", c)
	}
	u.clean()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("interrupted"))
	for c, err := range probe.Verify(ctx, u.cfg, tried) {
		require.ErrorIs(t, err, context.Canceled, c)
	}
}

// A stream that does not show what was put is asked now and then, not without a break.
func TestVerify_waitsBetweenReadsOfAStream(t *testing.T) {
	t.Parallel()
	u := start(t)
	var reads atomic.Int32
	cfg, _ := u.lying(func(call string, _ []byte) ([]byte, *reply) {
		switch call {
		case "DynamoDB_20120810.PutItem":
			return nil, answer(200, "{}")
		case "DynamoDBStreams_20120810.GetRecords":
			reads.Add(1)
		}
		return nil, nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	require.Contains(t, probe.Verify(ctx, cfg, []emulator.Capability{emulator.DynamoDBStreams}), emulator.DynamoDBStreams)
	require.LessOrEqual(t, reads.Load(), int32(7), "20, 40, 80, 160, 320, 640 ms between them")
	u.clean()
}
