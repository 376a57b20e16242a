package embedded_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/embedded"
)

// An open event stream, over HTTP/2 as Java's SDK has it, does not hold up the
// emulator's end.
func TestClose_endsEventStreams(t *testing.T) {
	t.Parallel()
	e, err := embedded.Driver{}.Start(t.Context(), emulator.Options{})
	require.NoError(t, err)
	var h2 http.Protocols
	h2.SetUnencryptedHTTP2(true)
	config := e.Endpoint().AWSConfig()
	config.HTTPClient = &http.Client{Transport: &http.Transport{Protocols: &h2}}
	client := kinesis.NewFromConfig(config)
	settle := func() {
		_, _, err := e.Control().Advance(t.Context(), time.Second)
		require.NoError(t, err)
	}
	_, err = client.CreateStream(t.Context(), &kinesis.CreateStreamInput{StreamName: aws.String("s"),
		ShardCount: aws.Int32(1)})
	require.NoError(t, err)
	settle()
	k, err := client.RegisterStreamConsumer(t.Context(),
		&kinesis.RegisterStreamConsumerInput{StreamARN: aws.String("arn:aws:kinesis:us-east-1:000000000000:stream/s"),
			ConsumerName: aws.String("c")})
	require.NoError(t, err)
	settle()
	out, err := client.SubscribeToShard(t.Context(), &kinesis.SubscribeToShardInput{ConsumerARN: k.Consumer.ConsumerARN,
		ShardId:          aws.String("shardId-000000000000"),
		StartingPosition: &types.StartingPosition{Type: types.ShardIteratorTypeLatest}})
	require.NoError(t, err)
	_, open := <-out.GetStream().Events()
	require.True(t, open)
	require.NoError(t, e.Close())
	for range out.GetStream().Events() { // to its end
	}
	require.NoError(t, out.GetStream().Close())
}
