package gateway_test

import (
	"context"
	"net/http"
	"net/http/httptest"
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

// A stream passes the chain of every call: faults, validation, record.
func TestStreams_passTheOneDoor(t *testing.T) {
	t.Parallel()
	cloud := awstest.New(t, kinesis.New)
	client := sdk.NewFromConfig(cloud.Config())
	_, err := client.CreateStream(t.Context(), &sdk.CreateStreamInput{StreamName: aws.String("s"),
		ShardCount: aws.Int32(1)})
	require.NoError(t, err)
	cloud.Advance(time.Second)
	k, err := client.RegisterStreamConsumer(t.Context(),
		&sdk.RegisterStreamConsumerInput{StreamARN: aws.String("arn:aws:kinesis:us-east-1:000000000000:stream/s"),
			ConsumerName: aws.String("c")})
	require.NoError(t, err)
	cloud.Advance(time.Second)
	subscribe := func(client *sdk.Client) (*sdk.SubscribeToShardOutput, error) {
		cloud.Advance(5 * time.Second)
		return client.SubscribeToShard(t.Context(), &sdk.SubscribeToShardInput{ConsumerARN: k.Consumer.ConsumerARN,
			ShardId:          aws.String("shardId-000000000000"),
			StartingPosition: &types.StartingPosition{Type: types.ShardIteratorTypeLatest}})
	}
	for kind, code := range map[gateway.FaultKind]string{
		gateway.FaultError: "InternalFailure", gateway.FaultThrottle: "ProvisionedThroughputExceededException",
		gateway.FaultAfter: "InternalFailure",
	} {
		cloud.Host.Faults.Add(gateway.Fault{ID: "f", Kind: kind, Operation: "SubscribeToShard"})
		_, err := subscribe(client)
		var api smithy.APIError
		require.ErrorAs(t, err, &api, kind)
		require.Equal(t, code, api.ErrorCode(), kind)
		cloud.Host.Faults.Clear("f")
		require.Zero(t, cloud.Gateway.OpenStreams(), kind)
	}
	cloud.Host.Faults.Add(gateway.Fault{ID: "f", Kind: gateway.FaultDrop, Operation: "SubscribeToShard"})
	_, err = subscribe(client)
	require.ErrorContains(t, err, "EOF")
	cloud.Host.Faults.Clear("f")

	before := cloud.Gateway.Trace().Last()
	out, err := subscribe(client)
	require.NoError(t, err)
	defer out.GetStream().Close()
	calls, _ := cloud.Gateway.Trace().After(before, 10)
	require.Len(t, calls, 1, "an open stream is on record")
	require.Empty(t, calls[0].Error)
	require.Equal(t, 1, cloud.Gateway.OpenStreams())

	_, err = cloud.Gateway.Invoke(context.Background(), gateway.Call{Service: "kinesis", Operation: "SubscribeToShard",
		Input: &sdk.SubscribeToShardInput{}})
	require.ErrorContains(t, err, "event stream", "services cannot subscribe")
}

// Java's SDK subscribes over HTTP/2 only, without TLS where the endpoint has none.
func TestStreams_overHTTP2(t *testing.T) {
	t.Parallel()
	cloud := awstest.New(t, kinesis.New)
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := httptest.NewUnstartedServer(cloud.Gateway)
	server.Config.Protocols = &protocols
	server.Start()
	defer server.Close()
	var h2 http.Protocols
	h2.SetUnencryptedHTTP2(true)
	config := cloud.Config()
	config.BaseEndpoint, config.HTTPClient = &server.URL, &http.Client{Transport: &http.Transport{Protocols: &h2}}
	client := sdk.NewFromConfig(config)
	_, err := client.CreateStream(t.Context(), &sdk.CreateStreamInput{StreamName: aws.String("s"),
		ShardCount: aws.Int32(1)})
	require.NoError(t, err)
	cloud.Advance(time.Second)
	k, err := client.RegisterStreamConsumer(t.Context(),
		&sdk.RegisterStreamConsumerInput{StreamARN: aws.String("arn:aws:kinesis:us-east-1:000000000000:stream/s"),
			ConsumerName: aws.String("c")})
	require.NoError(t, err)
	cloud.Advance(time.Second)
	out, err := client.SubscribeToShard(t.Context(), &sdk.SubscribeToShardInput{ConsumerARN: k.Consumer.ConsumerARN,
		ShardId:          aws.String("shardId-000000000000"),
		StartingPosition: &types.StartingPosition{Type: types.ShardIteratorTypeLatest}})
	require.NoError(t, err)
	_, open := <-out.GetStream().Events()
	require.True(t, open)
	require.NoError(t, out.GetStream().Close())
	require.Eventually(t, func() bool { return cloud.Gateway.OpenStreams() == 0 }, 10*time.Second, time.Millisecond)
}
