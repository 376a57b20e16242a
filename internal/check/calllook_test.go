package check_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/stretchr/testify/require"
)

const calledAt = head + `
checks:
  - id: read
    title: Read by calls
    points: 100
    hints: [a, b, c]
    probes:
      read: { call: { service: %s, operation: %s, input: %s } }
    expect: [{ that: "read.ok", message: It can be read }]
`

// A judge that reads by a call takes nothing from whom it judges: all five reads a
// second of the shard are there afterwards, and the table's whole capacity.
func TestProbe_byACallTakesNoThroughput(t *testing.T) {
	ctx, e := t.Context(), emulated(t)
	cfg := e.Endpoint().AWSConfig()
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	streams, tables := kinesis.NewFromConfig(cfg), dynamodb.NewFromConfig(cfg)
	_, err := streams.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: aws.String("s"), ShardCount: aws.Int32(1)})
	require.NoError(t, err)
	_, err = tables.CreateTable(ctx, &dynamodb.CreateTableInput{TableName: aws.String("t"),
		KeySchema: []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: types.KeyTypeHash}},
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("id"),
			AttributeType: types.ScalarAttributeTypeS}},
		ProvisionedThroughput: &types.ProvisionedThroughput{ReadCapacityUnits: aws.Int64(1),
			WriteCapacityUnits: aws.Int64(1000)}})
	require.NoError(t, err)
	_, _, err = e.Control().Advance(ctx, 60e9) // until both are active
	require.NoError(t, err)
	_, err = tables.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String("t"), Item: map[string]types.AttributeValue{
		"id":   &types.AttributeValueMemberS{Value: "1"},
		"text": &types.AttributeValueMemberS{Value: strings.Repeat("x", 390_000)}}})
	require.NoError(t, err)
	it, err := streams.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{StreamName: aws.String("s"),
		ShardId: aws.String("shardId-000000000000"), ShardIteratorType: "TRIM_HORIZON"})
	require.NoError(t, err)
	require.NoError(t, e.Control().Hold(ctx)) // no throughput comes back

	for _, call := range [][3]string{
		{"kinesis", "GetRecords", `{ ShardIterator: "` + *it.ShardIterator + `" }`},
		{"dynamodb", "Scan", `{ TableName: t }`},
		{"dynamodb", "Scan", `{ TableName: t, ConsistentRead: true }`},
		{"dynamodb", "ListTables", `{}`},
	} {
		source := fmt.Sprintf(calledAt, call[0], call[1], call[2])
		o := optionsOn(t, e, source)
		for range 6 {
			passes(t, o)
		}
	}
	read := func() error {
		_, err := streams.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: it.ShardIterator})
		return err
	}
	for i := range 5 {
		require.NoError(t, read(), "read %d of the shard's five", i+1)
	}
	require.ErrorContains(t, read(), "ProvisionedThroughputExceeded")
	_, err = tables.Scan(ctx, &dynamodb.ScanInput{TableName: aws.String("t")})
	require.NoError(t, err)
	_, err = tables.Scan(ctx, &dynamodb.ScanInput{TableName: aws.String("t")})
	require.ErrorContains(t, err, "ProvisionedThroughputExceeded")
}
