package esm_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	kinesissvc "github.com/pipelab/pipelab/internal/aws/service/kinesis"
	"github.com/pipelab/pipelab/internal/aws/service/lambda/esm"
	sqsservice "github.com/pipelab/pipelab/internal/aws/service/sqs"
)

// absurd is a service that answers one call of an operation in a way that no
// service may, so that its caller panics.
type absurd struct {
	gateway.Service
	operation string
	answer    any
	asked     atomic.Int32
}

func (a *absurd) Describe() gateway.Descriptor {
	d := a.Service.Describe()
	for i, op := range d.Operations {
		if op.Name == a.operation {
			d.Operations[i].Handle = func(ctx context.Context, in any) (any, error) {
				if a.asked.Add(1) == 2 {
					return a.answer, nil
				}
				return op.Handle(ctx, in)
			}
		}
	}
	return d
}

// absurdCloud has one service that is absurd.
func absurdCloud(t *testing.T, of func(*gateway.Host) gateway.Service, operation string, answer any) (*cloud,
	*absurd) {
	t.Helper()
	f, odd := &functions{timeout: 3}, &absurd{operation: operation, answer: answer}
	c := awstest.New(t, func(h *gateway.Host) gateway.Service {
		odd.Service = of(h)
		return odd
	}, func(h *gateway.Host) gateway.Service {
		f.host, f.Mappings = h, esm.New(h)
		return f
	})
	return &cloud{Cloud: c, t: t, fn: f, lambda: lambda.NewFromConfig(c.Config()),
		kinesis: kinesis.NewFromConfig(c.Config())}, odd
}

// A reader of a shard panics. Its mapping begins anew at the checkpoint; every
// record arrives, and nothing but the mapping notices.
func TestPanic_ofAShardsReader(t *testing.T) {
	t.Parallel()
	c, odd := absurdCloud(t, kinesissvc.New, "GetRecords", (*kinesis.GetRecordsOutput)(nil))
	c.stream(1)
	c.mapping()
	c.put("k", "1")
	c.put("k", "2")
	c.pass(10 * time.Second)
	require.Greater(t, odd.asked.Load(), int32(2))
	require.Equal(t, []string{"1", "2"}, flat(c.fn.batches()))
}

// So does a worker of a queue.
func TestPanic_ofAQueuesWorker(t *testing.T) {
	t.Parallel()
	c, odd := absurdCloud(t, func(h *gateway.Host) gateway.Service { return sqsservice.New(h) }, "ReceiveMessage",
		(*sqs.ReceiveMessageOutput)(nil))
	client := sqs.NewFromConfig(c.Config())
	q, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("q")})
	require.NoError(t, err)
	c.mapping(func(in *input) {
		in.EventSourceArn, in.StartingPosition = aws.String("arn:aws:sqs:us-east-1:000000000000:q"), ""
	})
	_, err = client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: q.QueueUrl, MessageBody: aws.String("1")})
	require.NoError(t, err)
	c.pass(10 * time.Second)
	require.Greater(t, odd.asked.Load(), int32(2))
	require.Equal(t, []string{"1"}, flat(c.fn.batches()))
}

func flat(batches [][]string) (all []string) {
	for _, b := range batches {
		all = append(all, b...)
	}
	return all
}
