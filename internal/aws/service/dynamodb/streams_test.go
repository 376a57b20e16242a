package dynamodb_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
)

// iterator returns the table's stream and an iterator of its shard.
func (c cloud) iterator(t *testing.T, table string, kind streamtypes.ShardIteratorType) (arn string, it *string) {
	t.Helper()
	list, err := c.streams.ListStreams(t.Context(), &dynamodbstreams.ListStreamsInput{TableName: aws.String(table)})
	require.NoError(t, err)
	last := list.Streams[len(list.Streams)-1]
	d, err := c.streams.DescribeStream(t.Context(), &dynamodbstreams.DescribeStreamInput{StreamArn: last.StreamArn})
	require.NoError(t, err)
	out, err := c.streams.GetShardIterator(t.Context(), &dynamodbstreams.GetShardIteratorInput{StreamArn: last.StreamArn,
		ShardId: d.StreamDescription.Shards[0].ShardId, ShardIteratorType: kind})
	require.NoError(t, err)
	return *last.StreamArn, out.ShardIterator
}

func TestGetRecords_deliversChangesInOrder(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.orders(t)
	arn, latest := c.iterator(t, "orders", streamtypes.ShardIteratorTypeLatest)
	signals := 0
	t.Cleanup(c.Host.Signals.Listen(arn, func() { signals++ }))
	c.put(t, "orders", obj{"pk": s("a"), "sk": n(1), "v": n(1)})
	c.put(t, "orders", obj{"pk": s("a"), "sk": n(1), "v": n(1)}) // changes nothing: no record
	c.put(t, "orders", obj{"pk": s("a"), "sk": n(1), "v": n(2)})
	_, err := c.db.DeleteItem(t.Context(), &sdk.DeleteItemInput{TableName: aws.String("orders"),
		Key: obj{"pk": s("a"), "sk": n(1)}})
	require.NoError(t, err)
	require.Equal(t, 3, signals)
	out, err := c.streams.GetRecords(t.Context(), &dynamodbstreams.GetRecordsInput{ShardIterator: latest})
	require.NoError(t, err)
	var events []string
	for _, r := range out.Records {
		events = append(events, fmt.Sprintf("%s old=%t new=%t", r.EventName, r.Dynamodb.OldImage != nil,
			r.Dynamodb.NewImage != nil))
	}
	require.Equal(t, []string{"INSERT old=false new=true", "MODIFY old=true new=true", "REMOVE old=true new=false"},
		events)
	require.Less(t, *out.Records[0].Dynamodb.SequenceNumber, *out.Records[1].Dynamodb.SequenceNumber)
	more, err := c.streams.GetRecords(t.Context(), &dynamodbstreams.GetRecordsInput{ShardIterator: out.NextShardIterator})
	require.NoError(t, err)
	require.Empty(t, more.Records)
	require.NotNil(t, more.NextShardIterator)
}

func TestGetRecords_expiresIteratorsAndTrimsRecords(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.orders(t)
	c.put(t, "orders", obj{"pk": s("a"), "sk": n(1)})
	arn, start := c.iterator(t, "orders", streamtypes.ShardIteratorTypeTrimHorizon)
	out, err := c.streams.GetRecords(t.Context(), &dynamodbstreams.GetRecordsInput{ShardIterator: start})
	require.NoError(t, err)
	require.Len(t, out.Records, 1)
	c.Advance(16 * time.Minute)
	_, err = c.streams.GetRecords(t.Context(), &dynamodbstreams.GetRecordsInput{ShardIterator: start})
	var expired *streamtypes.ExpiredIteratorException
	require.ErrorAs(t, err, &expired)
	c.Advance(24 * time.Hour)
	_, start = c.iterator(t, "orders", streamtypes.ShardIteratorTypeTrimHorizon)
	again, err := c.streams.GetRecords(t.Context(), &dynamodbstreams.GetRecordsInput{ShardIterator: start})
	require.NoError(t, err)
	require.Empty(t, again.Records)
	d, err := c.streams.DescribeStream(t.Context(), &dynamodbstreams.DescribeStreamInput{StreamArn: aws.String(arn)})
	require.NoError(t, err)
	_, err = c.streams.GetShardIterator(t.Context(), &dynamodbstreams.GetShardIteratorInput{StreamArn: aws.String(arn),
		ShardId: d.StreamDescription.Shards[0].ShardId, ShardIteratorType: streamtypes.ShardIteratorTypeAfterSequenceNumber,
		SequenceNumber: out.Records[0].Dynamodb.SequenceNumber})
	var trimmed *streamtypes.TrimmedDataAccessException
	require.ErrorAs(t, err, &trimmed)
}

func TestUpdateTable_disablingTheStreamEndsItsShard(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.orders(t)
	c.put(t, "orders", obj{"pk": s("a"), "sk": n(1)})
	_, err := c.db.UpdateTable(t.Context(), &sdk.UpdateTableInput{TableName: aws.String("orders"),
		StreamSpecification: &types.StreamSpecification{StreamEnabled: aws.Bool(false)}})
	require.NoError(t, err)
	_, it := c.iterator(t, "orders", streamtypes.ShardIteratorTypeTrimHorizon)
	out, err := c.streams.GetRecords(t.Context(), &dynamodbstreams.GetRecordsInput{ShardIterator: it})
	require.NoError(t, err)
	require.Len(t, out.Records, 1)
	require.Nil(t, out.NextShardIterator, "a closed shard ends")
}

func TestTimeToLive_removesExpiredItemsWithAServiceRecord(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.orders(t)
	_, err := c.db.UpdateTimeToLive(t.Context(), &sdk.UpdateTimeToLiveInput{TableName: aws.String("orders"),
		TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String("exp"), Enabled: aws.Bool(true)}})
	require.NoError(t, err)
	expires := awstest.Epoch.Add(time.Hour).Unix()
	c.put(t, "orders", obj{"pk": s("a"), "sk": n(1), "exp": n(expires)})
	c.put(t, "orders", obj{"pk": s("a"), "sk": n(2), "exp": n(expires + 3600)})
	c.put(t, "orders", obj{"pk": s("a"), "sk": n(3), "exp": s("never")})
	count := func() int32 {
		out, err := c.db.Scan(t.Context(), &sdk.ScanInput{TableName: aws.String("orders")})
		require.NoError(t, err)
		return out.Count
	}
	c.Advance(time.Hour)
	require.EqualValues(t, 3, count(), "expired and still there")
	c.Advance(2 * time.Minute)
	require.EqualValues(t, 2, count())
	_, it := c.iterator(t, "orders", streamtypes.ShardIteratorTypeTrimHorizon)
	out, err := c.streams.GetRecords(t.Context(), &dynamodbstreams.GetRecordsInput{ShardIterator: it})
	require.NoError(t, err)
	last := out.Records[len(out.Records)-1]
	require.Equal(t, streamtypes.OperationTypeRemove, last.EventName)
	require.Equal(t, "dynamodb.amazonaws.com", *last.UserIdentity.PrincipalId)
	require.Nil(t, out.Records[0].UserIdentity)
	c.Advance(time.Hour)
	require.EqualValues(t, 1, count())
}

// A page that ended with a stream that is no more is followed by what lies
// behind it.
func TestListStreams_goesOnBehindAStreamThatIsGone(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.orders(t)
	arn, _ := c.iterator(t, "orders", streamtypes.ShardIteratorTypeLatest)
	list := func(start string) int {
		out, err := c.streams.ListStreams(t.Context(), &dynamodbstreams.ListStreamsInput{ExclusiveStartStreamArn: &start})
		require.NoError(t, err)
		return len(out.Streams)
	}
	require.Equal(t, 1, list("arn:aws:dynamodb:us-east-1:000000000000:table/gone/stream/2026-01-01T00:00:00.000"))
	require.Zero(t, list(arn))
}
