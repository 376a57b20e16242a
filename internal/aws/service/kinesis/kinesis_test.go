package kinesis_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/service/kinesis"
)

func start(t *testing.T, shards int32) (*awstest.Cloud, *sdk.Client) {
	t.Helper()
	cloud := awstest.New(t, kinesis.New)
	client := sdk.NewFromConfig(cloud.Config())
	_, err := client.CreateStream(t.Context(), &sdk.CreateStreamInput{StreamName: aws.String("s"),
		ShardCount: aws.Int32(shards)})
	require.NoError(t, err)
	d, err := client.DescribeStreamSummary(t.Context(), &sdk.DescribeStreamSummaryInput{StreamName: aws.String("s")})
	require.NoError(t, err)
	require.Equal(t, types.StreamStatusCreating, d.StreamDescriptionSummary.StreamStatus)
	cloud.Advance(time.Second)
	return cloud, client
}

// readAll reads every shard from its beginning, parents before children.
func readAll(t *testing.T, cloud *awstest.Cloud, client *sdk.Client) map[string][]string {
	t.Helper()
	shards, err := client.ListShards(t.Context(), &sdk.ListShardsInput{StreamName: aws.String("s")})
	require.NoError(t, err)
	byKey := map[string][]string{}
	for _, sh := range shards.Shards {
		it, err := client.GetShardIterator(t.Context(), &sdk.GetShardIteratorInput{
			StreamName: aws.String("s"), ShardId: sh.ShardId, ShardIteratorType: types.ShardIteratorTypeTrimHorizon})
		require.NoError(t, err)
		last := ""
		for next := it.ShardIterator; next != nil; {
			cloud.Advance(200 * time.Millisecond)
			out, err := client.GetRecords(t.Context(), &sdk.GetRecordsInput{ShardIterator: next, Limit: aws.Int32(7)})
			require.NoError(t, err)
			for _, r := range out.Records {
				require.Greater(t, *r.SequenceNumber, last, "sequence numbers rise within a shard")
				last = *r.SequenceNumber
				byKey[*r.PartitionKey] = append(byKey[*r.PartitionKey], string(r.Data))
			}
			if next = out.NextShardIterator; len(out.Records) == 0 {
				break
			}
		}
	}
	return byKey
}

func put(t *testing.T, client *sdk.Client, key string, n int) {
	t.Helper()
	_, err := client.PutRecord(t.Context(), &sdk.PutRecordInput{StreamName: aws.String("s"), PartitionKey: &key,
		Data: fmt.Append(nil, n)})
	require.NoError(t, err)
}

// Through a split, a merge and an update of the shard count no record is lost
// and each key keeps its order.
func TestReshard_losesNothingAndKeepsOrder(t *testing.T) {
	t.Parallel()
	cloud, client := start(t, 3)
	want := map[string][]string{}
	round := func(from int) {
		for n := from; n < from+10; n++ {
			for k := range 6 {
				key := fmt.Sprintf("key-%d", k)
				put(t, client, key, n)
				want[key] = append(want[key], fmt.Sprint(n))
			}
		}
		cloud.Advance(time.Second)
	}
	round(0)
	_, err := client.SplitShard(t.Context(), &sdk.SplitShardInput{StreamName: aws.String("s"),
		ShardToSplit:       aws.String("shardId-000000000001"),
		NewStartingHashKey: aws.String("170141183460469231731687303715884105728")})
	require.NoError(t, err)
	cloud.Advance(time.Second)
	round(10)
	_, err = client.UpdateShardCount(t.Context(), &sdk.UpdateShardCountInput{StreamName: aws.String("s"),
		TargetShardCount: aws.Int32(7),
		ScalingType:      types.ScalingTypeUniformScaling})
	require.NoError(t, err)
	cloud.Advance(time.Second)
	round(20)
	_, err = client.UpdateShardCount(t.Context(), &sdk.UpdateShardCountInput{StreamName: aws.String("s"),
		TargetShardCount: aws.Int32(5),
		ScalingType:      types.ScalingTypeUniformScaling})
	require.NoError(t, err)
	cloud.Advance(time.Second)
	round(30)
	open, err := client.ListShards(t.Context(), &sdk.ListShardsInput{StreamName: aws.String("s"),
		ShardFilter: &types.ShardFilter{Type: types.ShardFilterTypeAtLatest}})
	require.NoError(t, err)
	require.Len(t, open.Shards, 5)
	require.Equal(t, want, readAll(t, cloud, client))
}

func TestPutRecords_reportsThrottledEntries(t *testing.T) {
	t.Parallel()
	cloud, client := start(t, 1)
	send := func(n int) (ok, throttled int) {
		in := &sdk.PutRecordsInput{StreamName: aws.String("s")}
		for i := range n {
			in.Records = append(in.Records, types.PutRecordsRequestEntry{PartitionKey: aws.String("k"),
				Data: fmt.Append(nil, i)})
		}
		out, err := client.PutRecords(t.Context(), in)
		require.NoError(t, err)
		for _, r := range out.Records {
			if r.ErrorCode == nil {
				ok++
				continue
			}
			require.Equal(t, "ProvisionedThroughputExceededException", *r.ErrorCode)
			require.Equal(t, "Rate exceeded for shard shardId-000000000000 in stream s under account 000000000000.",
				*r.ErrorMessage)
			throttled++
		}
		require.Equal(t, throttled, int(*out.FailedRecordCount))
		return ok, throttled
	}
	total := 0
	for range 3 {
		ok, _ := send(500)
		total += ok
	}
	require.Equal(t, 1000, total, "one second's worth of records")
	cloud.Advance(100 * time.Millisecond)
	ok, throttled := send(500)
	require.Equal(t, 100, ok)
	require.Equal(t, 400, throttled)
	// Going back to an earlier state stops and starts the services: nothing is
	// owed for what was written after it.
	cloud.Gateway.Stop()
	require.NoError(t, cloud.Gateway.Start(t.Context()))
	ok, _ = send(500)
	require.Equal(t, 500, ok)
}

func TestPutRecords_failsTheEntriesThatAFaultNames(t *testing.T) {
	t.Parallel()
	cloud, client := start(t, 1)
	cloud.Host.Faults.Add(gateway.Fault{ID: "f", Kind: gateway.FaultEntries, Service: "kinesis", Share: 0.1, Seed: 7})
	in := &sdk.PutRecordsInput{StreamName: aws.String("s")}
	for i := range 500 {
		in.Records = append(in.Records, types.PutRecordsRequestEntry{PartitionKey: aws.String("k"), Data: fmt.Append(nil, i)})
	}
	out, err := client.PutRecords(t.Context(), in)
	require.NoError(t, err)
	require.InDelta(t, 50, float64(*out.FailedRecordCount), 30)
	calls, _ := cloud.Gateway.Trace().After(0, 100)
	last := calls[len(calls)-1]
	require.Equal(t, "PutRecords", last.Operation)
	require.Equal(t, 500, last.Entries)
	require.Equal(t, int(*out.FailedRecordCount), last.Failed)
}

func TestGetRecords_iteratorsExpireAndRecordsAreTrimmed(t *testing.T) {
	t.Parallel()
	cloud, client := start(t, 1)
	put(t, client, "k", 1)
	it, err := client.GetShardIterator(t.Context(), &sdk.GetShardIteratorInput{StreamName: aws.String("s"),
		ShardId: aws.String("shardId-000000000000"), ShardIteratorType: types.ShardIteratorTypeTrimHorizon})
	require.NoError(t, err)
	cloud.Advance(5*time.Minute + time.Second)
	_, err = client.GetRecords(t.Context(), &sdk.GetRecordsInput{ShardIterator: it.ShardIterator})
	var expired *types.ExpiredIteratorException
	require.ErrorAs(t, err, &expired)
	require.Equal(t, map[string][]string{"k": {"1"}}, readAll(t, cloud, client))
	cloud.Advance(24 * time.Hour)
	require.Empty(t, readAll(t, cloud, client))
}

func TestLatestAndTimestamp_arePositionsInTime(t *testing.T) {
	t.Parallel()
	cloud, client := start(t, 1)
	put(t, client, "k", 1)
	cloud.Advance(time.Minute)
	at := cloud.Clock.Now()
	iterator := func(kind types.ShardIteratorType) *string {
		it, err := client.GetShardIterator(t.Context(), &sdk.GetShardIteratorInput{StreamName: aws.String("s"),
			ShardId: aws.String("shardId-000000000000"), ShardIteratorType: kind, Timestamp: &at})
		require.NoError(t, err)
		return it.ShardIterator
	}
	latest := iterator(types.ShardIteratorTypeLatest)
	put(t, client, "k", 2)
	for _, it := range []*string{latest, iterator(types.ShardIteratorTypeAtTimestamp)} {
		out, err := client.GetRecords(t.Context(), &sdk.GetRecordsInput{ShardIterator: it})
		require.NoError(t, err)
		require.Len(t, out.Records, 1)
		require.Equal(t, "2", string(out.Records[0].Data))
	}
}

func TestWrongRequests_answerAsAWSDoes(t *testing.T) {
	t.Parallel()
	_, client := start(t, 2)
	name, shard := aws.String("s"), aws.String("shardId-000000000000")
	for what, c := range map[string]struct {
		code string
		call func(context.Context) error
	}{
		"no such stream": {"ResourceNotFoundException", func(ctx context.Context) error {
			_, err := client.DescribeStream(ctx, &sdk.DescribeStreamInput{StreamName: aws.String("none")})
			return err
		}},
		"stream exists": {"ResourceInUseException", func(ctx context.Context) error {
			_, err := client.CreateStream(ctx, &sdk.CreateStreamInput{StreamName: name, ShardCount: aws.Int32(1)})
			return err
		}},
		"too many shards": {"LimitExceededException", func(ctx context.Context) error {
			_, err := client.CreateStream(ctx, &sdk.CreateStreamInput{StreamName: aws.String("t"), ShardCount: aws.Int32(501)})
			return err
		}},
		"no such shard": {"ResourceNotFoundException", func(ctx context.Context) error {
			_, err := client.GetShardIterator(ctx, &sdk.GetShardIteratorInput{StreamName: name,
				ShardId: aws.String("shardId-000000000009"), ShardIteratorType: types.ShardIteratorTypeLatest})
			return err
		}},
		"iterator made up": {"InvalidArgumentException", func(ctx context.Context) error {
			_, err := client.GetRecords(ctx, &sdk.GetRecordsInput{ShardIterator: aws.String("nonsense-nonsense")})
			return err
		}},
		"sequence of nowhere": {"InvalidArgumentException", func(ctx context.Context) error {
			_, err := client.GetShardIterator(ctx, &sdk.GetShardIteratorInput{StreamName: name, ShardId: shard,
				ShardIteratorType: types.ShardIteratorTypeAtSequenceNumber, StartingSequenceNumber: aws.String("1")})
			return err
		}},
		"hash key too large": {"InvalidArgumentException", func(ctx context.Context) error {
			_, err := client.PutRecord(ctx, &sdk.PutRecordInput{StreamName: name, PartitionKey: aws.String("k"),
				Data: []byte("x"), ExplicitHashKey: aws.String("340282366920938463463374607431768211456")})
			return err
		}},
		"record too large": {"ValidationException", func(ctx context.Context) error {
			_, err := client.PutRecord(ctx, &sdk.PutRecordInput{StreamName: name, PartitionKey: aws.String("k"),
				Data: make([]byte, 1<<20)})
			return err
		}},
		"batch too long": {"ValidationException", func(ctx context.Context) error {
			in := &sdk.PutRecordsInput{StreamName: name}
			for range 501 {
				in.Records = append(in.Records, types.PutRecordsRequestEntry{PartitionKey: aws.String("k"), Data: []byte("x")})
			}
			_, err := client.PutRecords(ctx, in)
			return err
		}},
		"merge with itself": {"InvalidArgumentException", func(ctx context.Context) error {
			_, err := client.MergeShards(ctx, &sdk.MergeShardsInput{StreamName: name, ShardToMerge: shard,
				AdjacentShardToMerge: shard})
			return err
		}},
		"split outside the shard": {"InvalidArgumentException", func(ctx context.Context) error {
			_, err := client.SplitShard(ctx, &sdk.SplitShardInput{StreamName: name, ShardToSplit: shard,
				NewStartingHashKey: aws.String("0")})
			return err
		}},
		"scale over double": {"InvalidArgumentException", func(ctx context.Context) error {
			_, err := client.UpdateShardCount(ctx, &sdk.UpdateShardCountInput{StreamName: name, TargetShardCount: aws.Int32(5),
				ScalingType: types.ScalingTypeUniformScaling})
			return err
		}},
		"retention too long": {"InvalidArgumentException", func(ctx context.Context) error {
			_, err := client.IncreaseStreamRetentionPeriod(ctx, &sdk.IncreaseStreamRetentionPeriodInput{StreamName: name,
				RetentionPeriodHours: aws.Int32(9000)})
			return err
		}},
		"not emulated": {"NotImplemented", func(ctx context.Context) error {
			_, err := client.ListChannels(ctx, &sdk.ListChannelsInput{})
			return err
		}},
	} {
		t.Run(what, func(t *testing.T) {
			err := c.call(t.Context())
			var api smithy.APIError
			require.True(t, errors.As(err, &api), "error: %v", err)
			require.Equal(t, c.code, api.ErrorCode())
			require.NotEmpty(t, api.ErrorMessage())
		})
	}
}

func TestGetRecords_tellsThatMoreIsLeftAndTheTraceHowMuchWasRead(t *testing.T) {
	t.Parallel()
	cloud, client := start(t, 1)
	for range 3 {
		_, err := client.PutRecord(t.Context(), &sdk.PutRecordInput{StreamName: aws.String("s"),
			PartitionKey: aws.String("k"), Data: []byte("d")})
		require.NoError(t, err)
	}
	it, err := client.GetShardIterator(t.Context(), &sdk.GetShardIteratorInput{
		StreamName: aws.String("s"), ShardId: aws.String("shardId-000000000000"),
		ShardIteratorType: types.ShardIteratorTypeTrimHorizon})
	require.NoError(t, err)
	page, err := client.GetRecords(t.Context(), &sdk.GetRecordsInput{ShardIterator: it.ShardIterator, Limit: aws.Int32(2)})
	require.NoError(t, err)
	require.Positive(t, *page.MillisBehindLatest, "a third record is left, though no time has passed since it came")
	calls, _ := cloud.Gateway.Trace().After(0, 100)
	last := calls[len(calls)-1]
	require.Equal(t, "GetRecords", last.Operation)
	require.Equal(t, 2, last.Entries)
	require.Zero(t, last.Failed)
}
