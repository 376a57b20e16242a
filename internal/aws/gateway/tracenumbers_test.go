package gateway

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	kinesistypes "github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"
)

// Each message is read twice: the second time its places are remembered.
func TestMembers_tellWhatTheTraceCounts(t *testing.T) {
	var m members
	write := map[string][]dynamodbtypes.WriteRequest{"a": {{}, {}}, "b": {{}}}
	for range 2 {
		for _, c := range []struct {
			message any
			want    numbers
		}{
			{nil, numbers{}},
			{(*kinesis.PutRecordsInput)(nil), numbers{}},
			{kinesis.PutRecordsInput{}, numbers{}},
			{&kinesis.PutRecordsInput{Records: make([]kinesistypes.PutRecordsRequestEntry, 3)}, numbers{entries: 3}},
			{&kinesis.PutRecordsOutput{}, numbers{}},
			{&kinesis.PutRecordsOutput{FailedRecordCount: aws.Int32(2),
				Records: make([]kinesistypes.PutRecordsResultEntry, 3)}, numbers{entries: 3, failed: 2}},
			{&dynamodb.BatchWriteItemInput{RequestItems: write}, numbers{entries: 3}},
			{&dynamodb.BatchWriteItemOutput{UnprocessedItems: write}, numbers{failed: 3}},
			{&dynamodb.TransactWriteItemsInput{TransactItems: make([]dynamodbtypes.TransactWriteItem, 4)},
				numbers{entries: 4}},
			{&dynamodb.ScanOutput{Count: 5, ScannedCount: 8}, numbers{rows: 5, scanned: 8}},
			{&sqs.SendMessageBatchOutput{Failed: make([]sqstypes.BatchResultErrorEntry, 2)}, numbers{failed: 2}},
			{&s3.GetObjectOutput{ContentLength: aws.Int64(7)}, numbers{bytes: 7, streams: true}},
			{&s3.GetObjectOutput{}, numbers{}},
			{&s3.HeadObjectOutput{ContentLength: aws.Int64(7)}, numbers{}},
		} {
			require.Equal(t, c.want, m.of(c.message), "%T", c.message)
		}
	}
}
