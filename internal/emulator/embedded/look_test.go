package embedded_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/drivertest"
	"github.com/pipelab/pipelab/internal/emulator/embedded"
)

// marked sends headers with every request.
type marked struct {
	headers map[string]string
	under   aws.HTTPClient
}

func (m marked) Do(r *http.Request) (*http.Response, error) {
	for k, v := range m.headers {
		r.Header.Set(k, v)
	}
	return m.under.Do(r)
}

// A judge's looks are free; whoever has no token cannot pretend to be one.
func TestLook_takesNoThroughput(t *testing.T) {
	ctx := context.Background()
	e, err := embedded.Driver{}.Start(ctx, emulator.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = e.Close() })
	config := func(headers map[string]string) aws.Config {
		c := e.Endpoint().AWSConfig()
		c.HTTPClient, c.RetryMaxAttempts = marked{headers, c.HTTPClient}, 1
		return c
	}
	judge := config(map[string]string{emulator.TokenHeader: e.Endpoint().Token, emulator.LookHeader: "1"})
	learner := config(map[string]string{emulator.LookHeader: "1"})

	iterator := drivertest.Scarce(t, e, slices.Repeat([]string{strings.Repeat("x", 100_000)}, 8)...)
	read := func(c aws.Config) error {
		_, err := kinesis.NewFromConfig(c).GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: iterator})
		return err
	}
	scan := func(c aws.Config) error {
		_, err := dynamodb.NewFromConfig(c).Scan(ctx, &dynamodb.ScanInput{TableName: aws.String("tab")})
		return err
	}
	byKey := map[string]types.AttributeValue{"id": &types.AttributeValueMemberS{Value: "1"}}
	one := dynamodb.NewFromConfig(judge)
	for range 20 {
		require.NoError(t, read(judge))
		require.NoError(t, scan(judge))
		_, err = one.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String("tab"), Key: byKey})
		require.NoError(t, err)
		batch, err := one.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
			RequestItems: map[string]types.KeysAndAttributes{"tab": {Keys: []map[string]types.AttributeValue{byKey}}}})
		require.NoError(t, err)
		require.Empty(t, batch.UnprocessedKeys)
		_, err = one.TransactGetItems(ctx, &dynamodb.TransactGetItemsInput{TransactItems: []types.TransactGetItem{
			{Get: &types.Get{TableName: aws.String("tab"), Key: byKey}}}})
		require.NoError(t, err)
	}
	for range 5 {
		require.NoError(t, read(learner), "five reads a second are the shard's, all of them the learner's")
	}
	require.ErrorContains(t, read(learner), "ProvisionedThroughputExceeded")
	require.NoError(t, read(judge))
	n := 0
	for ; n < 20 && scan(learner) == nil; n++ {
	}
	require.Equal(t, 4, n, "300 units are saved, a scan takes 98, and the last one may overdraw")
	require.NoError(t, scan(judge))
}
