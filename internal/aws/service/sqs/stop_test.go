package sqs_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
)

// Long polls begin while others are being waited for. Each ends, with nothing or
// with an error that clients try again after, and none is under way when the
// service has stopped: the messages may be those of a state that is replaced.
func TestStop_waitsForPollsAndLetsNoneBegin(t *testing.T) {
	t.Parallel()
	c, client := start(t)
	url := create(t, client, "q", nil)
	poll := func(ctx context.Context) (*sqs.ReceiveMessageOutput, error) {
		return gateway.Invoke[sqs.ReceiveMessageOutput](ctx, c.Host, gateway.Call{
			Principal: gateway.RootOf(ident.DefaultAccount),
			Scope:     ident.Scope{Account: ident.DefaultAccount, Region: ident.DefaultRegion}, Service: "sqs",
			Operation: "ReceiveMessage", Input: &sqs.ReceiveMessageInput{QueueUrl: url, WaitTimeSeconds: 20}})
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var polls sync.WaitGroup
	for range 4 {
		polls.Go(func() {
			for ctx.Err() == nil {
				out, err := poll(ctx)
				if err != nil && ctx.Err() == nil && gateway.ErrorCode(err) != "ServiceUnavailable" {
					t.Errorf("a poll beside a stop: %v", err)
				}
				if err == nil && len(out.Messages) > 0 {
					t.Errorf("got %s", *out.Messages[0].Body)
				}
			}
		})
	}
	for range 10 {
		c.Gateway.Stop()
		send(t, client, url, "for nobody")
		_, err := poll(t.Context())
		require.Equal(t, "ServiceUnavailable", gateway.ErrorCode(err))
		_, err = client.PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: url})
		require.NoError(t, err)
		c.Advance(time.Minute) // the least time between two purges
		require.NoError(t, c.Gateway.Start(t.Context()))
	}
	cancel()
	polls.Wait()
	send(t, client, url, "still here")
	require.Equal(t, []string{"still here"}, bodies(receive(t, client, url, 1)))
}

func TestMoveTask_goesOnAfterAStop(t *testing.T) {
	t.Parallel()
	c, client := start(t)
	dead := create(t, client, "dead", nil)
	url := create(t, client, "q", map[string]string{
		"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":"1"}`})
	for n := range 6 {
		send(t, client, url, fmt.Sprint(n))
	}
	require.Len(t, receive(t, client, url, 10), 6)
	c.Advance(time.Minute)
	require.Empty(t, receive(t, client, url, 10))
	_, err := client.StartMessageMoveTask(t.Context(), &sqs.StartMessageMoveTaskInput{
		SourceArn:                    aws.String("arn:aws:sqs:us-east-1:000000000000:dead"),
		MaxNumberOfMessagesPerSecond: aws.Int32(1)})
	require.NoError(t, err)
	c.Advance(time.Second)
	c.Gateway.Stop()
	c.Advance(time.Hour) // nothing moves meanwhile
	moved := attribute(t, client, url, "ApproximateNumberOfMessages")
	require.Equal(t, "2", moved, "at once and after a second")
	require.NoError(t, c.Gateway.Start(t.Context()))
	c.Advance(time.Second)
	require.Equal(t, "4", attribute(t, client, url, "ApproximateNumberOfMessages"), "one a second, as before")
	c.Advance(time.Minute)
	require.Equal(t, "6", attribute(t, client, url, "ApproximateNumberOfMessages"))
	require.Equal(t, "0", attribute(t, client, dead, "ApproximateNumberOfMessages"))
}
