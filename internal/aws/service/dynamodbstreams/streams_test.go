package dynamodbstreams_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	dynamodbservice "github.com/pipelab/pipelab/internal/aws/service/dynamodb"
	service "github.com/pipelab/pipelab/internal/aws/service/dynamodbstreams"
)

// cloud is a cloud with the table "orders", whose changes a stream shows.
type cloud struct {
	*awstest.Cloud
	t       *testing.T
	db      *dynamodb.Client
	streams *dynamodbstreams.Client
	arn     *string // of the stream
	shard   *string
}

func start(t *testing.T) *cloud {
	t.Helper()
	base := awstest.New(t, dynamodbservice.New, service.New)
	c := &cloud{Cloud: base, t: t, db: dynamodb.NewFromConfig(base.Config()),
		streams: dynamodbstreams.NewFromConfig(base.Config())}
	c.arn = c.table("orders", dbtypes.StreamViewTypeNewAndOldImages)
	c.shard = c.describe(c.arn).Shards[0].ShardId
	return c
}

// table makes a table and returns its stream.
func (c *cloud) table(name string, view dbtypes.StreamViewType) *string {
	c.t.Helper()
	out, err := c.db.CreateTable(c.t.Context(), &dynamodb.CreateTableInput{TableName: &name,
		KeySchema: []dbtypes.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: dbtypes.KeyTypeHash}},
		AttributeDefinitions: []dbtypes.AttributeDefinition{{AttributeName: aws.String("id"),
			AttributeType: dbtypes.ScalarAttributeTypeS}}, BillingMode: dbtypes.BillingModePayPerRequest,
		StreamSpecification: &dbtypes.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: view}})
	require.NoError(c.t, err)
	c.Advance(time.Second)
	return out.TableDescription.LatestStreamArn
}

// enable ends the stream of a table, or begins a new one.
func (c *cloud) enable(on bool) {
	c.t.Helper()
	spec := &dbtypes.StreamSpecification{StreamEnabled: &on}
	if on {
		spec.StreamViewType = dbtypes.StreamViewTypeKeysOnly
	}
	_, err := c.db.UpdateTable(c.t.Context(), &dynamodb.UpdateTableInput{TableName: aws.String("orders"),
		StreamSpecification: spec})
	require.NoError(c.t, err)
	c.Advance(time.Second)
}

func (c *cloud) put(table, id, value string) {
	c.t.Helper()
	_, err := c.db.PutItem(c.t.Context(), &dynamodb.PutItemInput{TableName: &table,
		Item: map[string]dbtypes.AttributeValue{"id": &dbtypes.AttributeValueMemberS{Value: id},
			"v": &dbtypes.AttributeValueMemberS{Value: value}}})
	require.NoError(c.t, err)
}

// puts makes one record for each id.
func (c *cloud) puts(ids ...string) {
	c.t.Helper()
	for _, id := range ids {
		c.put("orders", id, "")
	}
}

func (c *cloud) describe(arn *string) *types.StreamDescription {
	c.t.Helper()
	out, err := c.streams.DescribeStream(c.t.Context(), &dynamodbstreams.DescribeStreamInput{StreamArn: arn})
	require.NoError(c.t, err)
	return out.StreamDescription
}

type place = dynamodbstreams.GetShardIteratorInput

func (c *cloud) tryIterator(kind types.ShardIteratorType, change ...func(*place)) (*string, error) {
	in := &place{StreamArn: c.arn, ShardId: c.shard, ShardIteratorType: kind}
	for _, f := range change {
		f(in)
	}
	out, err := c.streams.GetShardIterator(c.t.Context(), in)
	if err != nil {
		return nil, err
	}
	return out.ShardIterator, nil
}

func (c *cloud) iterator(kind types.ShardIteratorType, change ...func(*place)) *string {
	c.t.Helper()
	it, err := c.tryIterator(kind, change...)
	require.NoError(c.t, err)
	return it
}

func at(sequence *string) func(*place) { return func(in *place) { in.SequenceNumber = sequence } }

func (c *cloud) read(it *string, limit ...int32) *dynamodbstreams.GetRecordsOutput {
	c.t.Helper()
	in := &dynamodbstreams.GetRecordsInput{ShardIterator: it}
	if len(limit) > 0 {
		in.Limit = &limit[0]
	}
	out, err := c.streams.GetRecords(c.t.Context(), in)
	require.NoError(c.t, err)
	return out
}

func ids(records []types.Record) string {
	var all []string
	for _, r := range records {
		all = append(all, r.Dynamodb.Keys["id"].(*types.AttributeValueMemberS).Value)
	}
	return strings.Join(all, " ")
}

func requireError(t *testing.T, err error, code, message string) {
	t.Helper()
	var api smithy.APIError
	require.ErrorAs(t, err, &api)
	require.Equal(t, code, api.ErrorCode(), api.ErrorMessage())
	require.Contains(t, api.ErrorMessage(), message)
}

func TestGetShardIterator_ofEachTypeBeginsWhereItSays(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.puts("a", "b")
	c.Advance(time.Minute)
	half := c.Clock.Now()
	c.puts("c", "d")
	all := c.read(c.iterator(types.ShardIteratorTypeTrimHorizon)).Records
	require.Equal(t, "a b c d", ids(all))
	b := all[1].Dynamodb.SequenceNumber
	timestamp := func(at time.Time) func(*place) { return func(in *place) { in.Timestamp = &at } }
	for _, test := range []struct {
		it   *string
		want string
	}{
		{c.iterator(types.ShardIteratorTypeAtSequenceNumber, at(b)), "b c d"},
		{c.iterator(types.ShardIteratorTypeAfterSequenceNumber, at(b)), "c d"},
		{c.iterator(types.ShardIteratorTypeAfterSequenceNumber, at(all[3].Dynamodb.SequenceNumber)), ""},
		{c.iterator(types.ShardIteratorTypeLatest), ""},
		{c.iterator(types.ShardIteratorTypeAtTimestamp, timestamp(half)), "c d"},
		{c.iterator(types.ShardIteratorTypeAtTimestamp, timestamp(half.Add(-time.Hour))), "a b c d"},
		{c.iterator(types.ShardIteratorTypeAtTimestamp, timestamp(half.Add(time.Hour))), ""},
	} {
		out := c.read(test.it)
		require.Equal(t, test.want, ids(out.Records))
	}
	latest := c.iterator(types.ShardIteratorTypeLatest)
	c.puts("e")
	require.Equal(t, "e", ids(c.read(latest).Records), "what came since")
}

func TestGetShardIterator_wrongRequests(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.puts("a")
	stream := func(arn string) func(*place) { return func(in *place) { in.StreamArn = &arn } }
	shard := func(id string) func(*place) { return func(in *place) { in.ShardId = &id } }
	for name, test := range map[string]struct {
		kind          types.ShardIteratorType
		change        func(*place)
		code, message string
	}{
		"no such stream": {types.ShardIteratorTypeLatest,
			stream("arn:aws:dynamodb:us-east-1:000000000000:table/orders/stream/2020-01-01T00:00:00.000"),
			"ResourceNotFoundException", "Requested resource not found: Stream: "},
		"the stream of another region": {types.ShardIteratorTypeLatest,
			stream(strings.Replace(*c.arn, "us-east-1", "eu-west-1", 1)), "ResourceNotFoundException", "not found"},
		"no stream at all": {types.ShardIteratorTypeLatest, stream("arn:aws:dynamodb:us-east-1:000000000000:table/orders"),
			"ValidationException", "Invalid StreamArn"},
		"no such shard": {types.ShardIteratorTypeLatest, shard("shardId-00000000000000000001-00000000"),
			"ResourceNotFoundException", "Shard does not exist"},
		"no type": {"SOONEST", func(*place) {}, "ValidationException", "shardIteratorType"},
		"no sequence number": {types.ShardIteratorTypeAtSequenceNumber, func(*place) {}, "ValidationException",
			"SequenceNumber is required"},
		"one that nobody gave out": {types.ShardIteratorTypeAfterSequenceNumber,
			at(aws.String("999999999999999999999")), "ValidationException", "Invalid SequenceNumber"},
		"one that is none": {types.ShardIteratorTypeAtSequenceNumber, at(aws.String("one-and-twenty-chars-")),
			"ValidationException", "Invalid SequenceNumber"},
		"no time": {types.ShardIteratorTypeAtTimestamp, func(*place) {}, "ValidationException", "Timestamp is required"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.tryIterator(test.kind, test.change)
			requireError(t, err, test.code, test.message)
		})
	}
}

func TestGetRecords_limits(t *testing.T) {
	t.Parallel()
	c := start(t)
	for n := range 1003 {
		c.put("orders", fmt.Sprint(n), "")
	}
	begin := c.iterator(types.ShardIteratorTypeTrimHorizon)
	require.Len(t, c.read(begin, 1).Records, 1)
	first := c.read(begin)
	require.Len(t, first.Records, 1000)
	require.Equal(t, "1000 1001 1002", ids(c.read(first.NextShardIterator, 1000).Records))
	for limit, message := range map[int32]string{0: "greater than or equal to 1", 1001: "less than or equal to 1000"} {
		_, err := c.streams.GetRecords(t.Context(), &dynamodbstreams.GetRecordsInput{ShardIterator: begin, Limit: &limit})
		requireError(t, err, "ValidationException", message)
	}
	// A page ends before it is larger than a megabyte.
	c.put("orders", "0", strings.Repeat("x", 390_000))
	large := c.iterator(types.ShardIteratorTypeLatest)
	c.put("orders", "0", strings.Repeat("y", 390_000)) // an old and a new image
	c.put("orders", "0", strings.Repeat("z", 390_000))
	page := c.read(large)
	require.Len(t, page.Records, 1)
	require.Len(t, c.read(page.NextShardIterator).Records, 1)
}

func TestGetRecords_refusesIteratorsThatAreNone(t *testing.T) {
	t.Parallel()
	c := start(t)
	it := *c.iterator(types.ShardIteratorTypeTrimHorizon)
	changed := []byte(it)
	changed[len(it)-5] ^= 1
	other := strings.Replace(it, "/orders/", "/others/", 1)
	for _, bad := range []string{"x", "a|1|b", it + "x|", string(changed), other} {
		_, err := c.streams.GetRecords(t.Context(), &dynamodbstreams.GetRecordsInput{ShardIterator: &bad})
		requireError(t, err, "ValidationException", "Invalid ShardIterator")
	}
}

func TestGetRecords_iteratorsExpireAfterAQuarterOfAnHour(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.puts("a")
	it := c.iterator(types.ShardIteratorTypeTrimHorizon)
	c.Advance(15 * time.Minute)
	next := c.read(it).NextShardIterator
	c.Advance(time.Second)
	_, err := c.streams.GetRecords(t.Context(), &dynamodbstreams.GetRecordsInput{ShardIterator: it})
	requireError(t, err, "ExpiredIteratorException", "Iterator expired.")
	c.read(next) // is younger
}

func TestGetRecords_trimsAfterADay(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.puts("old")
	old := c.read(c.iterator(types.ShardIteratorTypeTrimHorizon)).Records[0].Dynamodb.SequenceNumber
	c.Advance(23*time.Hour + 55*time.Minute)
	c.puts("new")
	it := c.iterator(types.ShardIteratorTypeAtSequenceNumber, at(old))
	require.Equal(t, "old new", ids(c.read(it).Records))
	c.Advance(10 * time.Minute)
	_, err := c.streams.GetRecords(t.Context(), &dynamodbstreams.GetRecordsInput{ShardIterator: it})
	requireError(t, err, "TrimmedDataAccessException", "past the oldest stream record")
	_, err = c.tryIterator(types.ShardIteratorTypeAfterSequenceNumber, at(old))
	requireError(t, err, "TrimmedDataAccessException", "past the oldest stream record")
	require.Equal(t, "new", ids(c.read(c.iterator(types.ShardIteratorTypeTrimHorizon)).Records))
}

// A stream that is disabled can be read for a day; one that is enabled again is
// another stream, with a shard of its own.
func TestStream_hasAShardAsLongAsItIsEnabled(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.puts("a", "b")
	c.enable(false)
	d := c.describe(c.arn)
	require.Equal(t, types.StreamStatusDisabled, d.StreamStatus)
	require.Len(t, d.Shards, 1)
	require.Nil(t, d.Shards[0].ParentShardId)
	all := c.read(c.iterator(types.ShardIteratorTypeTrimHorizon))
	require.Equal(t, "a b", ids(all.Records))
	require.Nil(t, all.NextShardIterator, "the shard has come to its end")
	require.Equal(t, all.Records[1].Dynamodb.SequenceNumber, d.Shards[0].SequenceNumberRange.EndingSequenceNumber)
	part := c.read(c.iterator(types.ShardIteratorTypeTrimHorizon), 1)
	require.NotNil(t, part.NextShardIterator)
	require.Equal(t, "b", ids(c.read(part.NextShardIterator).Records))

	c.enable(true)
	c.puts("c")
	list, err := c.streams.ListStreams(t.Context(), &dynamodbstreams.ListStreamsInput{TableName: aws.String("orders")})
	require.NoError(t, err)
	require.Len(t, list.Streams, 2)
	require.Equal(t, c.arn, list.Streams[0].StreamArn)
	second := c.describe(list.Streams[1].StreamArn)
	require.Equal(t, types.StreamStatusEnabled, second.StreamStatus)
	require.Equal(t, types.StreamViewTypeKeysOnly, second.StreamViewType)
	require.Nil(t, second.Shards[0].SequenceNumberRange.EndingSequenceNumber)
	require.NotEqual(t, *c.shard, *second.Shards[0].ShardId)
	it := c.iterator(types.ShardIteratorTypeTrimHorizon, func(in *place) {
		in.StreamArn, in.ShardId = second.StreamArn, second.Shards[0].ShardId
	})
	require.Equal(t, "c", ids(c.read(it).Records))

	c.Advance(25 * time.Hour)
	_, err = c.streams.DescribeStream(t.Context(), &dynamodbstreams.DescribeStreamInput{StreamArn: c.arn})
	requireError(t, err, "ResourceNotFoundException", "not found")
}

func TestDescribeStream_pagesAndChildren(t *testing.T) {
	t.Parallel()
	c := start(t)
	after, err := c.streams.DescribeStream(t.Context(), &dynamodbstreams.DescribeStreamInput{StreamArn: c.arn,
		ExclusiveStartShardId: c.shard, Limit: aws.Int32(1)})
	require.NoError(t, err)
	require.Empty(t, after.StreamDescription.Shards)
	require.Nil(t, after.StreamDescription.LastEvaluatedShardId)
	for limit, message := range map[int32]string{0: "greater than or equal to 1", 101: "less than or equal to 100"} {
		_, err := c.streams.DescribeStream(t.Context(), &dynamodbstreams.DescribeStreamInput{StreamArn: c.arn,
			Limit: &limit})
		requireError(t, err, "ValidationException", message)
	}
	children, err := c.streams.DescribeStream(t.Context(), &dynamodbstreams.DescribeStreamInput{StreamArn: c.arn,
		ShardFilter: &types.ShardFilter{Type: types.ShardFilterTypeChildShards, ShardId: c.shard}})
	require.NoError(t, err)
	require.Empty(t, children.StreamDescription.Shards, "an open shard has none")
	d := c.describe(c.arn)
	require.Equal(t, "orders", *d.TableName)
	require.True(t, strings.HasSuffix(*c.arn, "/stream/"+*d.StreamLabel))
	require.Equal(t, []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: types.KeyTypeHash}}, d.KeySchema)
	_, err = c.streams.DescribeStream(t.Context(), &dynamodbstreams.DescribeStreamInput{StreamArn: aws.String(
		"arn:aws:dynamodb:us-east-1:000000000000:table/none/stream/2020-01-01T00:00:00.000")})
	requireError(t, err, "ResourceNotFoundException", "Requested resource not found: Stream: ")
}

func TestListStreams_pages(t *testing.T) {
	t.Parallel()
	c := start(t)
	for _, name := range []string{"orders-2", "orders.3", "orders2"} {
		c.table(name, dbtypes.StreamViewTypeKeysOnly)
	}
	var tables []string
	in := &dynamodbstreams.ListStreamsInput{Limit: aws.Int32(1)}
	for {
		out, err := c.streams.ListStreams(t.Context(), in)
		require.NoError(t, err)
		for _, s := range out.Streams {
			tables = append(tables, *s.TableName)
		}
		if in.ExclusiveStartStreamArn = out.LastEvaluatedStreamArn; in.ExclusiveStartStreamArn == nil {
			break
		}
	}
	require.ElementsMatch(t, []string{"orders", "orders-2", "orders.3", "orders2"}, tables)
	one, err := c.streams.ListStreams(t.Context(), &dynamodbstreams.ListStreamsInput{TableName: aws.String("orders")})
	require.NoError(t, err)
	require.Len(t, one.Streams, 1, "not those of tables whose names begin alike")
	for limit, message := range map[int32]string{0: "greater than or equal to 1", 101: "less than or equal to 100"} {
		_, err := c.streams.ListStreams(t.Context(), &dynamodbstreams.ListStreamsInput{Limit: &limit})
		requireError(t, err, "ValidationException", message)
	}
}

func TestRecord_showsWhatTheViewSays(t *testing.T) {
	t.Parallel()
	c := start(t)
	for view, want := range map[dbtypes.StreamViewType][2]bool{ // old, new
		dbtypes.StreamViewTypeKeysOnly: {}, dbtypes.StreamViewTypeNewImage: {false, true},
		dbtypes.StreamViewTypeOldImage: {true, false}, dbtypes.StreamViewTypeNewAndOldImages: {true, true}} {
		name := strings.ToLower(string(view))
		c.arn = c.table(name, view)
		c.shard = c.describe(c.arn).Shards[0].ShardId
		c.put(name, "a", "1")
		c.put(name, "a", "2")
		r := c.read(c.iterator(types.ShardIteratorTypeTrimHorizon)).Records[1]
		require.Equal(t, view, dbtypes.StreamViewType(r.Dynamodb.StreamViewType))
		require.Equal(t, want, [2]bool{r.Dynamodb.OldImage != nil, r.Dynamodb.NewImage != nil}, view)
		require.Equal(t, types.OperationTypeModify, r.EventName)
		require.Equal(t, "aws:dynamodb", *r.EventSource)
		require.Positive(t, *r.Dynamodb.SizeBytes)
	}
}
