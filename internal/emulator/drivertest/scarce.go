package drivertest

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/emulator"
)

// Scarce makes what soon has no throughput left, and stops the clock, so that none comes
// back: a stream "s" of one shard, and a table "tab" with one unit to read a second, 300
// of which are saved. Its items have a key "id", counted from 1, and these texts. It
// returns where the shard begins.
func Scarce(t *testing.T, e emulator.Emulator, texts ...string) (iterator *string) {
	t.Helper()
	ctx, cfg := context.Background(), e.Endpoint().AWSConfig()
	streams, tables := kinesis.NewFromConfig(cfg), dynamodb.NewFromConfig(cfg)
	_, err := streams.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: aws.String("s"), ShardCount: aws.Int32(1)})
	require.NoError(t, err)
	_, err = tables.CreateTable(ctx, &dynamodb.CreateTableInput{TableName: aws.String("tab"),
		KeySchema: []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: types.KeyTypeHash}},
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("id"),
			AttributeType: types.ScalarAttributeTypeS}},
		ProvisionedThroughput: &types.ProvisionedThroughput{ReadCapacityUnits: aws.Int64(1),
			WriteCapacityUnits: aws.Int64(5000)}})
	require.NoError(t, err)
	_, _, err = e.Control().Advance(ctx, time.Minute) // until both are active
	require.NoError(t, err)
	for i, text := range texts {
		_, err := tables.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String("tab"),
			Item: map[string]types.AttributeValue{"id": &types.AttributeValueMemberS{Value: strconv.Itoa(i + 1)},
				"text": &types.AttributeValueMemberS{Value: text}}})
		require.NoError(t, err)
	}
	it, err := streams.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{StreamName: aws.String("s"),
		ShardId: aws.String("shardId-000000000000"), ShardIteratorType: "TRIM_HORIZON"})
	require.NoError(t, err)
	require.NoError(t, e.Control().Hold(ctx))
	return it.ShardIterator
}
