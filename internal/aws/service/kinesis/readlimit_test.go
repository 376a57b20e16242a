package kinesis_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/stretchr/testify/require"
)

// "If a call to GetRecords returns 10 MB, subsequent calls made within the next 5
// seconds throw": https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html
func TestGetRecords_makesUpForLargeReads(t *testing.T) {
	t.Parallel()
	cloud, client := start(t, 1)
	for range 10 {
		_, err := client.PutRecord(t.Context(), &sdk.PutRecordInput{StreamName: aws.String("s"),
			Data: make([]byte, 1<<20-1), PartitionKey: aws.String("k")})
		require.NoError(t, err)
		cloud.Advance(time.Second)
	}
	it, err := client.GetShardIterator(t.Context(), &sdk.GetShardIteratorInput{StreamName: aws.String("s"),
		ShardId: aws.String(shard0), ShardIteratorType: types.ShardIteratorTypeTrimHorizon})
	require.NoError(t, err)
	read := func() (int, error) {
		out, err := client.GetRecords(t.Context(), &sdk.GetRecordsInput{ShardIterator: it.ShardIterator})
		if err != nil {
			return 0, err
		}
		return len(out.Records), nil
	}
	n, err := read()
	require.NoError(t, err)
	require.Equal(t, 10, n)
	var throttled *types.ProvisionedThroughputExceededException
	for range 4 {
		cloud.Advance(time.Second)
		_, err = read()
		require.ErrorAs(t, err, &throttled)
	}
	cloud.Advance(time.Second)
	_, err = read()
	require.NoError(t, err)
}
