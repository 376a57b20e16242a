package kinesis_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
)

const shard0 = "shardId-000000000000"

// consumer registers a consumer and waits until it is active.
func consumer(t *testing.T, cloud *awstest.Cloud, client *sdk.Client, name string) *string {
	t.Helper()
	d, err := client.DescribeStreamSummary(t.Context(), &sdk.DescribeStreamSummaryInput{StreamName: aws.String("s")})
	require.NoError(t, err)
	out, err := client.RegisterStreamConsumer(t.Context(),
		&sdk.RegisterStreamConsumerInput{StreamARN: d.StreamDescriptionSummary.StreamARN, ConsumerName: &name})
	require.NoError(t, err)
	cloud.Advance(time.Second)
	return out.Consumer.ConsumerARN
}

// subscribe opens a subscription with a client of its own: two streams of one
// client share a decoder that is not safe for that (smithy-go v1.28.8).
func subscribe(t *testing.T, cloud *awstest.Cloud, arn *string, shard string,
	from types.StartingPosition) *sdk.SubscribeToShardEventStream {
	t.Helper()
	out, err := sdk.NewFromConfig(cloud.Config()).SubscribeToShard(t.Context(),
		&sdk.SubscribeToShardInput{ConsumerARN: arn, ShardId: &shard, StartingPosition: &from})
	require.NoError(t, err)
	t.Cleanup(func() { _ = out.GetStream().Close() })
	return out.GetStream()
}

// next waits for an event of a stream; ok is false when the stream has ended.
func next(t *testing.T, s *sdk.SubscribeToShardEventStream) (e types.SubscribeToShardEvent, ok bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	select {
	case ev, open := <-s.Events():
		if !open {
			return e, false
		}
		return ev.(*types.SubscribeToShardEventStreamMemberSubscribeToShardEvent).Value, true
	case <-ctx.Done():
		t.Fatal("no event in time")
		return e, false
	}
}

// nextMoving is next while the clock moves on, a step at a time: a subscription
// looks at the clock whenever it gets to it.
func nextMoving(t *testing.T, cloud *awstest.Cloud, s *sdk.SubscribeToShardEventStream,
	step time.Duration) (e types.SubscribeToShardEvent, ok bool) {
	t.Helper()
	require.Eventually(t, func() bool {
		cloud.Advance(step)
		select {
		case ev, open := <-s.Events():
			if ok = open; open {
				e = ev.(*types.SubscribeToShardEventStreamMemberSubscribeToShardEvent).Value
			}
			return true
		default:
			return false
		}
	}, 20*time.Second, time.Millisecond)
	return e, ok
}

func errorCode(t *testing.T, err error) string {
	t.Helper()
	var api smithy.APIError
	require.ErrorAs(t, err, &api)
	return api.ErrorCode()
}

func data(e types.SubscribeToShardEvent) (out []string) {
	for _, r := range e.Records {
		out = append(out, string(r.Data))
	}
	return out
}

func TestSubscribeToShard_pushesFromEveryPosition(t *testing.T) {
	t.Parallel()
	cloud, client := start(t, 1)
	put(t, client, "k", 1)
	cloud.Advance(time.Minute)
	middle := cloud.Clock.Now()
	put(t, client, "k", 2)
	put(t, client, "k", 3)
	var second string
	for name, c := range map[string]struct {
		from types.StartingPosition
		want []string
	}{
		"horizon": {types.StartingPosition{Type: types.ShardIteratorTypeTrimHorizon}, []string{"1", "2", "3"}},
		"timestamp": {types.StartingPosition{Type: types.ShardIteratorTypeAtTimestamp, Timestamp: &middle},
			[]string{"2", "3"}},
		"latest": {types.StartingPosition{Type: types.ShardIteratorTypeLatest}, nil},
	} {
		e, ok := next(t, subscribe(t, cloud, consumer(t, cloud, client, name), shard0, c.from))
		require.True(t, ok)
		require.Equal(t, c.want, data(e), name)
		require.NotEmpty(t, *e.ContinuationSequenceNumber)
		require.Zero(t, *e.MillisBehindLatest)
		if name == "timestamp" {
			second = *e.Records[0].SequenceNumber
		}
	}
	at := subscribe(t, cloud, consumer(t, cloud, client, "at"), shard0,
		types.StartingPosition{Type: types.ShardIteratorTypeAtSequenceNumber, SequenceNumber: &second})
	e, _ := next(t, at)
	require.Equal(t, []string{"2", "3"}, data(e))
	after := subscribe(t, cloud, consumer(t, cloud, client, "after"), shard0,
		types.StartingPosition{Type: types.ShardIteratorTypeAfterSequenceNumber, SequenceNumber: &second})
	e, _ = next(t, after)
	require.Equal(t, []string{"3"}, data(e))

	// What is put later comes by itself, to each.
	put(t, client, "k", 4)
	for _, s := range []*sdk.SubscribeToShardEventStream{at, after} {
		e, ok := next(t, s)
		require.True(t, ok)
		require.Equal(t, []string{"4"}, data(e))
	}
}

func TestSubscribeToShard_endsAfterFiveMinutesAndGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	cloud, client := start(t, 1)
	arn := consumer(t, cloud, client, "c")
	s := subscribe(t, cloud, arn, shard0, types.StartingPosition{Type: types.ShardIteratorTypeLatest})
	first, ok := next(t, s)
	require.True(t, ok)
	require.Empty(t, first.Records)
	last := first
	began := cloud.Clock.Now()
	for n := 0; ok; n++ {
		require.Empty(t, last.Records, "a silent shard sends empty events")
		require.Less(t, cloud.Clock.Now().Sub(began), 15*time.Minute)
		var e types.SubscribeToShardEvent
		if e, ok = nextMoving(t, cloud, s, 5*time.Second); ok {
			last = e
		} else {
			require.Positive(t, n)
		}
	}
	require.GreaterOrEqual(t, cloud.Clock.Now().Sub(began), 5*time.Minute-time.Second)
	require.NoError(t, s.Err())
	put(t, client, "k", 1)
	s = subscribe(t, cloud, arn, shard0, types.StartingPosition{Type: types.ShardIteratorTypeAfterSequenceNumber,
		SequenceNumber: last.ContinuationSequenceNumber})
	e, ok := next(t, s)
	require.True(t, ok)
	require.Equal(t, []string{"1"}, data(e))
}

func TestSubscribeToShard_oneAtATime(t *testing.T) {
	t.Parallel()
	cloud, client := start(t, 1)
	arn := consumer(t, cloud, client, "c")
	from := types.StartingPosition{Type: types.ShardIteratorTypeLatest}
	first := subscribe(t, cloud, arn, shard0, from)
	_, ok := next(t, first)
	require.True(t, ok)
	_, err := client.SubscribeToShard(t.Context(), &sdk.SubscribeToShardInput{ConsumerARN: arn,
		ShardId: aws.String(shard0), StartingPosition: &from})
	var used *types.ResourceInUseException
	require.ErrorAs(t, err, &used)
	subscribe(t, cloud, consumer(t, cloud, client, "other"), shard0, from) // consumers do not disturb one another
	cloud.Advance(5 * time.Second)
	second := subscribe(t, cloud, arn, shard0, from)
	for ok {
		_, ok = next(t, first)
	}
	require.ErrorAs(t, first.Err(), &used, "the later subscription takes over")
	_, ok = next(t, second)
	require.True(t, ok)
}

func TestSubscribeToShard_tellsTheChildrenAtTheShardsEnd(t *testing.T) {
	t.Parallel()
	cloud, client := start(t, 1)
	arn := consumer(t, cloud, client, "c")
	s := subscribe(t, cloud, arn, shard0, types.StartingPosition{Type: types.ShardIteratorTypeTrimHorizon})
	_, ok := next(t, s)
	require.True(t, ok)
	put(t, client, "k", 1)
	e, ok := next(t, s)
	require.True(t, ok)
	require.Equal(t, []string{"1"}, data(e))
	_, err := client.UpdateShardCount(t.Context(), &sdk.UpdateShardCountInput{StreamName: aws.String("s"),
		TargetShardCount: aws.Int32(2), ScalingType: types.ScalingTypeUniformScaling})
	require.NoError(t, err)
	e, ok = next(t, s)
	require.True(t, ok)
	require.Nil(t, e.ContinuationSequenceNumber)
	require.Len(t, e.ChildShards, 2)
	require.Equal(t, []string{shard0}, e.ChildShards[0].ParentShards)
	_, ok = next(t, s)
	require.False(t, ok)
	require.NoError(t, s.Err())
}

// Two megabytes a second and no more: the third comes when the clock moves.
func TestSubscribeToShard_keepsToItsThroughput(t *testing.T) {
	t.Parallel()
	cloud, client := start(t, 1)
	big := strings.Repeat("x", 1<<20-1)
	for range 3 {
		_, err := client.PutRecord(t.Context(), &sdk.PutRecordInput{StreamName: aws.String("s"),
			PartitionKey: aws.String("k"), Data: []byte(big)})
		require.NoError(t, err)
		cloud.Advance(time.Second)
	}
	s := subscribe(t, cloud, consumer(t, cloud, client, "c"), shard0,
		types.StartingPosition{Type: types.ShardIteratorTypeTrimHorizon})
	e, ok := next(t, s)
	require.True(t, ok)
	require.Len(t, e.Records, 2)
	require.Positive(t, *e.MillisBehindLatest)
	e, ok = nextMoving(t, cloud, s, 100*time.Millisecond)
	require.True(t, ok)
	require.Len(t, e.Records, 1)
	require.Zero(t, *e.MillisBehindLatest)
}

func TestSubscribeToShard_endsWithConsumerClientOrCloud(t *testing.T) {
	t.Parallel()
	cloud, client := start(t, 1)
	from := types.StartingPosition{Type: types.ShardIteratorTypeLatest}
	gone := consumer(t, cloud, client, "gone")
	s := subscribe(t, cloud, gone, shard0, from)
	_, ok := next(t, s)
	require.True(t, ok)
	_, err := client.DeregisterStreamConsumer(t.Context(), &sdk.DeregisterStreamConsumerInput{ConsumerARN: gone})
	require.NoError(t, err)
	_, ok = next(t, s)
	require.False(t, ok)
	var missing *types.ResourceNotFoundException
	require.ErrorAs(t, s.Err(), &missing)

	arn := consumer(t, cloud, client, "c")
	ctx, cancel := context.WithCancel(t.Context())
	out, err := sdk.NewFromConfig(cloud.Config()).SubscribeToShard(ctx, &sdk.SubscribeToShardInput{ConsumerARN: arn,
		ShardId: aws.String(shard0), StartingPosition: &from})
	require.NoError(t, err)
	_, ok = next(t, out.GetStream())
	require.True(t, ok)
	cancel()
	_ = out.GetStream().Close()
	require.Eventually(t, func() bool {
		return cloud.Gateway.OpenStreams() == 0
	}, 10*time.Second, time.Millisecond, "the client is gone")

	cloud.Advance(5 * time.Second)
	s = subscribe(t, cloud, arn, shard0, from)
	_, ok = next(t, s)
	require.True(t, ok)
	cloud.Gateway.Stop() // returns only when the handler has
	_, ok = next(t, s)
	require.False(t, ok)
	require.NoError(t, cloud.Gateway.Start(t.Context()))
}

func TestSubscribeToShard_wrongRequests(t *testing.T) {
	t.Parallel()
	cloud, client := start(t, 1)
	arn := consumer(t, cloud, client, "c")
	young, err := client.RegisterStreamConsumer(t.Context(), &sdk.RegisterStreamConsumerInput{
		StreamARN: aws.String(strings.Split(*arn, "/consumer/")[0]), ConsumerName: aws.String("young")})
	require.NoError(t, err)
	latest := types.StartingPosition{Type: types.ShardIteratorTypeLatest}
	for name, c := range map[string]struct {
		code  string
		arn   string
		shard string
		from  types.StartingPosition
	}{
		"no consumer":    {"ResourceNotFoundException", *arn + "1", shard0, latest},
		"not active":     {"ResourceInUseException", *young.Consumer.ConsumerARN, shard0, latest},
		"no shard":       {"ResourceNotFoundException", *arn, "shardId-000000000009", latest},
		"not a consumer": {"ValidationException", strings.Split(*arn, "/consumer/")[0], shard0, latest},
		"no timestamp": {"InvalidArgumentException", *arn, shard0,
			types.StartingPosition{Type: types.ShardIteratorTypeAtTimestamp}},
		"no sequence": {"InvalidArgumentException", *arn, shard0,
			types.StartingPosition{Type: types.ShardIteratorTypeAfterSequenceNumber}},
		"unknown type": {"ValidationException", *arn, shard0, types.StartingPosition{Type: "NEWEST"}},
		"foreign account": {"ResourceNotFoundException", "arn:aws:kinesis:us-east-1:111122223333:stream/s/consumer/c:1",
			shard0, latest},
	} {
		_, err := client.SubscribeToShard(t.Context(), &sdk.SubscribeToShardInput{ConsumerARN: &c.arn, ShardId: &c.shard,
			StartingPosition: &c.from})
		require.Equal(t, c.code, errorCode(t, err), name)
	}
}
