package provision_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	kinesisservice "github.com/pipelab/pipelab/internal/aws/service/kinesis"
	"github.com/pipelab/pipelab/internal/aws/service/sts"
	"github.com/pipelab/pipelab/internal/provision"
)

const consumerTemplate = `
Resources:
  Clicks:
    Type: AWS::Kinesis::Stream
    Properties: { Name: clicks, ShardCount: 1 }
  Reader:
    Type: AWS::Kinesis::StreamConsumer
    Properties: { StreamARN: !GetAtt Clicks.Arn, ConsumerName: reader }
Outputs:
  Consumer: { Value: !Ref Reader }
  Status: { Value: !GetAtt Reader.ConsumerStatus }
`

// A consumer is ready for use when its stack is.
func TestStreamConsumer_canSubscribeOnceDeployed(t *testing.T) {
	c := awstest.NewWithClock(t, clock.New(), kinesisservice.New, func(h *gateway.Host) gateway.Service {
		return sts.New(h)
	})
	state := provision.NewMemoryState()
	res, err := provision.Deploy(t.Context(), c.Config(),
		provision.Request{StackName: "s", Template: []byte(consumerTemplate), State: state})
	require.NoError(t, err)
	require.Equal(t, "ACTIVE", res.Outputs["Status"])
	client := kinesis.NewFromConfig(c.Config())
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	out, err := client.SubscribeToShard(ctx,
		&kinesis.SubscribeToShardInput{ConsumerARN: aws.String(res.Outputs["Consumer"]),
			ShardId:          aws.String("shardId-000000000000"),
			StartingPosition: &types.StartingPosition{Type: types.ShardIteratorTypeTrimHorizon}})
	require.NoError(t, err)
	_, open := <-out.GetStream().Events()
	require.True(t, open)
	require.NoError(t, provision.Delete(t.Context(), c.Config(), state, "s", nil))
	for range out.GetStream().Events() { // to its end, which comes with the consumer's
	}
	require.Error(t, out.GetStream().Err())
	left, err := client.ListStreams(t.Context(), &kinesis.ListStreamsInput{})
	require.NoError(t, err)
	require.Empty(t, left.StreamNames)
}

const encryptedTemplate = `
Resources:
  Clicks:
    Type: AWS::Kinesis::Stream
    Properties:
      Name: clicks
      ShardCount: 1
      RetentionPeriodHours: 48
      StreamEncryption: { EncryptionType: KMS, KeyId: alias/aws/kinesis }
      Tags: [{ Key: team, Value: data }]
`

func TestStream_isChangedInPlace(t *testing.T) {
	c := awstest.NewWithClock(t, clock.New(), kinesisservice.New, func(h *gateway.Host) gateway.Service {
		return sts.New(h)
	})
	client, state := kinesis.NewFromConfig(c.Config()), provision.NewMemoryState()
	deploy := func(template string) *types.StreamDescriptionSummary {
		_, err := provision.Deploy(t.Context(), c.Config(), provision.Request{StackName: "s", Template: []byte(template),
			State: state})
		require.NoError(t, err)
		out, err := client.DescribeStreamSummary(t.Context(),
			&kinesis.DescribeStreamSummaryInput{StreamName: aws.String("clicks")})
		require.NoError(t, err)
		return out.StreamDescriptionSummary
	}
	made := deploy(encryptedTemplate)
	require.Equal(t, types.EncryptionTypeKms, made.EncryptionType)
	require.Equal(t, "alias/aws/kinesis", *made.KeyId)
	require.EqualValues(t, 48, *made.RetentionPeriodHours)
	_, err := client.PutRecord(t.Context(), &kinesis.PutRecordInput{StreamName: aws.String("clicks"),
		PartitionKey: aws.String("k"), Data: []byte("kept")})
	require.NoError(t, err)
	now := deploy(strings.NewReplacer("      StreamEncryption: { EncryptionType: KMS, KeyId: alias/aws/kinesis }\n", "",
		"48", "24",
		"ShardCount: 1", "StreamModeDetails: { StreamMode: ON_DEMAND }").Replace(encryptedTemplate))
	require.Equal(t, types.EncryptionTypeNone, now.EncryptionType)
	require.EqualValues(t, 24, *now.RetentionPeriodHours)
	require.Equal(t, types.StreamModeOnDemand, now.StreamModeDetails.StreamMode)
	require.Equal(t, made.StreamCreationTimestamp, now.StreamCreationTimestamp)
}
