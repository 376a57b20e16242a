package esm_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/aws/gateway"
)

func TestKinesis_tumblingWindow(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.stream(1)
	c.fn.handle(func(e event) (any, error) {
		var state struct{ N int }
		if err := json.Unmarshal(e.State, &state); err != nil {
			return nil, err
		}
		state.N += len(e.Records)
		return map[string]any{"state": state}, nil
	})
	c.mapping(func(in *input) { in.TumblingWindowInSeconds = aws.Int32(60) })
	c.put("k", "1")
	c.pass(20 * time.Second)
	c.put("k", "2", "3")
	c.pass(50 * time.Second)
	c.put("k", "4")
	c.pass(4 * time.Minute)
	type seen struct {
		Start   string
		State   string
		Records int
		Final   bool
	}
	var got []seen
	for _, e := range c.fn.events() {
		got = append(got, seen{e.Window.Start[11:], string(e.State), len(e.Records), e.Final})
	}
	require.Equal(t, []seen{
		{"09:00:00Z", `{}`, 1, false}, {"09:00:00Z", `{"N":1}`, 2, false}, {"09:00:00Z", `{"N":3}`, 0, true},
		{"09:01:00Z", `{}`, 1, false}, {"09:01:00Z", `{"N":1}`, 0, true},
	}, got)
	require.Equal(t, "2026-03-02T09:04:00Z", c.fn.events()[4].at.Format(time.RFC3339), "two minutes after its end")
}

func TestKinesis_windowStateTooLarge(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.stream(1)
	c.fn.handle(func(e event) (any, error) { return map[string]any{"state": strings.Repeat("x", 1<<20)}, nil })
	c.mapping(func(in *input) { in.TumblingWindowInSeconds = aws.Int32(60) })
	c.put("k", "1")
	ev := c.fn.events()
	require.Len(t, ev, 2)
	require.True(t, ev[1].Final && ev[1].Early)
}

func TestKinesis_restartGoesOnFromTheCheckpoint(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.stream(1)
	c.fn.handle(failing("3"))
	c.mapping(func(in *input) { in.BatchSize = aws.Int32(2) })
	c.put("k", "1", "2", "3", "4")
	require.Equal(t, [][]string{{"1", "2"}, {"3", "4"}}, c.fn.batches())
	c.fn.Stop()
	c.put("k", "5")
	c.fn.handle(nil)
	require.NoError(t, c.fn.Start(t.Context()))
	c.pass(time.Second)
	require.Equal(t, [][]string{{"3", "4"}, {"5"}}, c.fn.batches()[2:])
}

func TestKinesis_consumerAsSource(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.stream(1)
	out, err := c.kinesis.RegisterStreamConsumer(t.Context(),
		&kinesis.RegisterStreamConsumerInput{StreamARN: aws.String(streamARN), ConsumerName: aws.String("fan")})
	require.NoError(t, err)
	c.Advance(time.Second)
	c.mapping(func(in *input) { in.EventSourceArn = out.Consumer.ConsumerARN })
	c.put("k", "1")
	require.Equal(t, [][]string{{"1"}}, c.fn.batches())
	require.Contains(t, c.fn.events()[0].raw, *out.Consumer.ConsumerARN)
	for i := range 10 { // more reads than a second's shared ones
		c.put("k", fmt.Sprint(i))
	}
	require.Len(t, c.fn.batches(), 11)
}

// A record that is put on an idle mapping of a running cloud reaches the
// function without waiting for a poll.
func TestKinesis_latency(t *testing.T) {
	t.Parallel()
	c := newCloudWithClock(t, clock.New())
	_, err := c.kinesis.CreateStream(t.Context(), &kinesis.CreateStreamInput{StreamName: aws.String("s"),
		ShardCount: aws.Int32(1)})
	require.NoError(t, err)
	require.NoError(t, c.Clock.Sleep(t.Context(), 100*time.Millisecond))
	_, err = c.lambda.CreateEventSourceMapping(t.Context(),
		&input{FunctionName: aws.String("f"), EventSourceArn: aws.String(streamARN),
			StartingPosition: types.EventSourcePositionLatest})
	require.NoError(t, err)
	require.NoError(t, c.Clock.Sleep(t.Context(), 100*time.Millisecond))
	_, err = c.kinesis.PutRecord(t.Context(), &kinesis.PutRecordInput{StreamName: aws.String("s"),
		PartitionKey: aws.String("k"), Data: []byte("1")})
	require.NoError(t, err)
	put := c.Clock.Now()
	c.settle()
	require.Len(t, c.fn.events(), 1)
	require.Less(t, c.fn.events()[0].at.Sub(put), 500*time.Millisecond, "generous: the machine may be busy")
}

// What was put before the clock is moved reaches the function before it, also
// when the clock runs by itself otherwise.
func TestKinesis_workUnderWayKeepsTheClockBack(t *testing.T) {
	t.Parallel()
	c := newCloudWithClock(t, clock.New())
	_, err := c.kinesis.CreateStream(t.Context(), &kinesis.CreateStreamInput{StreamName: aws.String("s"),
		ShardCount: aws.Int32(1)})
	require.NoError(t, err)
	c.Advance(time.Second)
	_, err = c.lambda.CreateEventSourceMapping(t.Context(),
		&input{FunctionName: aws.String("f"), EventSourceArn: aws.String(streamARN),
			StartingPosition: types.EventSourcePositionTrimHorizon})
	require.NoError(t, err)
	c.Advance(time.Second)
	for i := range 20 {
		put := c.Clock.Now()
		_, err = c.kinesis.PutRecord(t.Context(), &kinesis.PutRecordInput{StreamName: aws.String("s"),
			PartitionKey: aws.String("k"), Data: []byte("1")})
		require.NoError(t, err)
		c.Advance(time.Hour)
		events := c.fn.events()
		require.Len(t, events, i+1)
		require.Less(t, events[i].at.Sub(put), time.Minute, "before the move, not behind it")
	}
}

// A change takes hold between two attempts, whatever the batch at hand.
func TestKinesis_changesWhileRetrying(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.stream(1)
	c.fn.handle(failing("bad"))
	uuid := c.mapping()
	c.put("k", "bad")
	c.pass(30 * time.Minute)
	tries := len(c.fn.batches())
	require.Greater(t, tries, 30, "retried without end, a minute apart at last")
	require.Less(t, tries, 50)
	require.Equal(t, "PROBLEM: Function call failed", *c.get(uuid).LastProcessingResult)
	_, err := c.lambda.UpdateEventSourceMapping(t.Context(), &lambda.UpdateEventSourceMappingInput{UUID: &uuid,
		MaximumRetryAttempts: aws.Int32(0)})
	require.NoError(t, err)
	c.pass(time.Second)
	c.put("k", "good")
	require.Equal(t, [][]string{{"bad"}, {"good"}}, c.fn.batches()[tries:])

	c.put("k", "bad")
	_, err = c.lambda.DeleteEventSourceMapping(t.Context(), &lambda.DeleteEventSourceMappingInput{UUID: &uuid})
	require.NoError(t, err)
	c.pass(time.Second)
	tries = len(c.fn.batches())
	c.pass(time.Hour)
	require.Len(t, c.fn.batches(), tries)
	require.Empty(t, c.fn.Checkpoints(uuid), "a deleted mapping leaves nothing")
}

func TestKinesis_recordsThatExpireInTheStream(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.stream(1)
	c.fn.handle(failing("bad"))
	c.mapping()
	c.put("k", "bad")
	c.pass(23 * time.Hour)
	c.put("k", "good")
	c.pass(2 * time.Hour)
	seen := c.fn.batches()
	require.Equal(t, []string{"good"}, seen[len(seen)-1])
}

func TestKinesis_permissions(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.stream(1)
	deny := gateway.Fault{ID: "deny", Kind: gateway.FaultError, Service: "kinesis", Operation: "ListShards",
		Error: "AccessDeniedException", Status: 400}
	c.Host.Faults.Add(deny)
	_, err := c.lambda.CreateEventSourceMapping(t.Context(),
		&input{FunctionName: aws.String("f"), EventSourceArn: aws.String(streamARN), StartingPosition: "LATEST"})
	wantError(t, err, "InvalidParameterValueException", "Cannot access stream "+streamARN+
		". Please ensure the role can perform the GetRecords")
	c.Host.Faults.Clear("deny")
	uuid := c.mapping()
	deny.Operation = "GetRecords"
	c.Host.Faults.Add(deny)
	c.put("k", "1")
	require.Empty(t, c.fn.batches())
	require.Contains(t, *c.get(uuid).LastProcessingResult, "permission")
	c.Host.Faults.Clear("deny")
	c.pass(time.Minute)
	require.Equal(t, [][]string{{"1"}}, c.fn.batches())
	require.Equal(t, "OK", *c.get(uuid).LastProcessingResult)
	entries, _ := c.Gateway.Trace().After(0, 1000)
	for _, e := range entries {
		if e.Service == "kinesis" && e.Operation == "GetRecords" {
			require.Equal(t, "arn:aws:sts::000000000000:assumed-role/worker/f", e.Principal, "the execution role reads")
		}
	}
}

// Readers share what a shard gives; a mapping that is throttled tries again.
func TestKinesis_throttledReads(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.stream(1)
	c.mapping()
	c.pass(time.Minute)
	it, err := c.kinesis.GetShardIterator(t.Context(), &kinesis.GetShardIteratorInput{StreamName: aws.String("s"),
		ShardId: aws.String("shardId-000000000000"), ShardIteratorType: "TRIM_HORIZON"})
	require.NoError(t, err)
	for range 5 {
		_, err = c.kinesis.GetRecords(t.Context(), &kinesis.GetRecordsInput{ShardIterator: it.ShardIterator})
		require.NoError(t, err)
	}
	c.put("k", "1")
	require.Empty(t, c.fn.batches())
	c.pass(time.Minute)
	require.Equal(t, [][]string{{"1"}}, c.fn.batches())
}

// A stream that is deleted and made anew under its name is read from its
// beginning.
func TestKinesis_streamMadeAnew(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.stream(1)
	uuid := c.mapping(func(in *input) { in.StartingPosition = types.EventSourcePositionLatest })
	c.put("k", "1", "2", "3")
	_, err := c.kinesis.DeleteStream(t.Context(), &kinesis.DeleteStreamInput{StreamName: aws.String("s")})
	require.NoError(t, err)
	c.pass(time.Hour)
	require.Equal(t, "Enabled", *c.get(uuid).State)
	c.stream(2)
	c.put("k", "4")
	c.pass(2 * time.Minute)
	require.Equal(t, [][]string{{"1", "2", "3"}, {"4"}}, c.fn.batches())
	c.put("k", "5")
	require.Equal(t, []string{"5"}, c.fn.batches()[2])
}

func TestKinesis_restartKeepsTheRetriesUsed(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.stream(1)
	c.fn.handle(failing("bad"))
	c.mapping(func(in *input) { in.MaximumRetryAttempts, in.BatchSize = aws.Int32(4), aws.Int32(1) })
	c.put("k", "bad", "good")
	for range 3 {
		c.fn.Stop()
		require.NoError(t, c.fn.Start(t.Context()))
		c.settle()
	}
	c.pass(time.Minute)
	require.Equal(t, [][]string{{"bad"}, {"bad"}, {"bad"}, {"bad"}, {"bad"}, {"good"}}, c.fn.batches())
}
