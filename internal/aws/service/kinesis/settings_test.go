package kinesis_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/stretchr/testify/require"
)

var name = aws.String("s")

func TestEncryption_showsInDescriptionsAndAnswers(t *testing.T) {
	t.Parallel()
	cloud, client := start(t, 1)
	_, err := client.StartStreamEncryption(t.Context(), &sdk.StartStreamEncryptionInput{StreamName: name,
		EncryptionType: types.EncryptionTypeKms, KeyId: aws.String("alias/aws/kinesis")})
	require.NoError(t, err)
	_, err = client.StopStreamEncryption(t.Context(), &sdk.StopStreamEncryptionInput{StreamName: name,
		EncryptionType: types.EncryptionTypeKms, KeyId: aws.String("alias/aws/kinesis")})
	require.Equal(t, "ResourceInUseException", errorCode(t, err), "the stream is UPDATING")
	cloud.Advance(time.Second)
	d, err := client.DescribeStream(t.Context(), &sdk.DescribeStreamInput{StreamName: name})
	require.NoError(t, err)
	require.Equal(t, types.EncryptionTypeKms, d.StreamDescription.EncryptionType)
	require.Equal(t, "alias/aws/kinesis", *d.StreamDescription.KeyId)
	out, err := client.PutRecord(t.Context(), &sdk.PutRecordInput{StreamName: name, PartitionKey: aws.String("k"),
		Data: []byte("x")})
	require.NoError(t, err)
	require.Equal(t, types.EncryptionTypeKms, out.EncryptionType)
	_, err = client.StopStreamEncryption(t.Context(), &sdk.StopStreamEncryptionInput{StreamName: name,
		EncryptionType: types.EncryptionTypeKms, KeyId: aws.String("alias/aws/kinesis")})
	require.NoError(t, err)
	d, err = client.DescribeStream(t.Context(), &sdk.DescribeStreamInput{StreamName: name})
	require.NoError(t, err)
	require.Equal(t, types.EncryptionTypeNone, d.StreamDescription.EncryptionType)
	require.Nil(t, d.StreamDescription.KeyId)
}

func TestEnhancedMonitoring(t *testing.T) {
	t.Parallel()
	cloud, client := start(t, 1)
	on, err := client.EnableEnhancedMonitoring(t.Context(), &sdk.EnableEnhancedMonitoringInput{StreamName: name,
		ShardLevelMetrics: []types.MetricsName{"IncomingBytes"}})
	require.NoError(t, err)
	require.Empty(t, on.CurrentShardLevelMetrics)
	require.Equal(t, []types.MetricsName{"IncomingBytes"}, on.DesiredShardLevelMetrics)
	cloud.Advance(time.Second)
	on, err = client.EnableEnhancedMonitoring(t.Context(), &sdk.EnableEnhancedMonitoringInput{StreamName: name,
		ShardLevelMetrics: []types.MetricsName{"ALL"}})
	require.NoError(t, err)
	require.Len(t, on.DesiredShardLevelMetrics, 7)
	cloud.Advance(time.Second)
	off, err := client.DisableEnhancedMonitoring(t.Context(), &sdk.DisableEnhancedMonitoringInput{StreamName: name,
		ShardLevelMetrics: []types.MetricsName{"IncomingBytes", "OutgoingBytes"}})
	require.NoError(t, err)
	require.Len(t, off.CurrentShardLevelMetrics, 7)
	require.Len(t, off.DesiredShardLevelMetrics, 5)
	d, err := client.DescribeStreamSummary(t.Context(), &sdk.DescribeStreamSummaryInput{StreamName: name})
	require.NoError(t, err)
	require.Equal(t, off.DesiredShardLevelMetrics, d.StreamDescriptionSummary.EnhancedMonitoring[0].ShardLevelMetrics)
}

func TestTagsAndPolicies_ofStreamsAndConsumers(t *testing.T) {
	t.Parallel()
	cloud, client := start(t, 1)
	k := consumer(t, cloud, client, "c")
	stream := aws.String("arn:aws:kinesis:us-east-1:000000000000:stream/s")
	for _, arn := range []*string{stream, k} {
		_, err := client.TagResource(t.Context(),
			&sdk.TagResourceInput{ResourceARN: arn, Tags: map[string]string{"b": "2", "a": "1"}})
		require.NoError(t, err)
		_, err = client.UntagResource(t.Context(), &sdk.UntagResourceInput{ResourceARN: arn, TagKeys: []string{"a", "z"}})
		require.NoError(t, err)
		tags, err := client.ListTagsForResource(t.Context(), &sdk.ListTagsForResourceInput{ResourceARN: arn})
		require.NoError(t, err)
		require.Equal(t, []types.Tag{{Key: aws.String("b"), Value: aws.String("2")}}, tags.Tags)

		_, err = client.GetResourcePolicy(t.Context(), &sdk.GetResourcePolicyInput{ResourceARN: arn})
		require.Equal(t, "ResourceNotFoundException", errorCode(t, err))
		policy := fmt.Sprintf(
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},`+
				`"Action":"kinesis:PutRecord","Resource":%q}]}`, *arn)
		_, err = client.PutResourcePolicy(t.Context(), &sdk.PutResourcePolicyInput{ResourceARN: arn, Policy: &policy})
		require.NoError(t, err)
		got, err := client.GetResourcePolicy(t.Context(), &sdk.GetResourcePolicyInput{ResourceARN: arn})
		require.NoError(t, err)
		require.Equal(t, policy, *got.Policy)
		_, err = client.DeleteResourcePolicy(t.Context(), &sdk.DeleteResourcePolicyInput{ResourceARN: arn})
		require.NoError(t, err)
		_, err = client.DeleteResourcePolicy(t.Context(), &sdk.DeleteResourcePolicyInput{ResourceARN: arn})
		require.Equal(t, "ResourceNotFoundException", errorCode(t, err))
		_, err = client.PutResourcePolicy(t.Context(), &sdk.PutResourcePolicyInput{ResourceARN: arn,
			Policy: aws.String("{}")})
		require.Equal(t, "InvalidArgumentException", errorCode(t, err))
	}
	old, err := client.ListTagsForStream(t.Context(), &sdk.ListTagsForStreamInput{StreamName: name})
	require.NoError(t, err)
	require.Len(t, old.Tags, 1, "both forms see the same tags")
}

func TestMaxRecordSize(t *testing.T) {
	t.Parallel()
	cloud, client := start(t, 1)
	stream := aws.String("arn:aws:kinesis:us-east-1:000000000000:stream/s")
	large := func() error {
		_, err := client.PutRecord(t.Context(), &sdk.PutRecordInput{StreamName: name, PartitionKey: aws.String("k"),
			Data: bytes.Repeat([]byte("x"), 2<<20-1)})
		return err
	}
	require.Equal(t, "ValidationException", errorCode(t, large()))
	_, err := client.UpdateMaxRecordSize(t.Context(), &sdk.UpdateMaxRecordSizeInput{StreamARN: stream,
		MaxRecordSizeInKiB: aws.Int32(1023)})
	require.Equal(t, "ValidationException", errorCode(t, err))
	_, err = client.UpdateMaxRecordSize(t.Context(), &sdk.UpdateMaxRecordSizeInput{StreamARN: stream,
		MaxRecordSizeInKiB: aws.Int32(2048)})
	require.NoError(t, err)
	cloud.Advance(time.Second)
	require.NoError(t, large())
	d, err := client.DescribeStreamSummary(t.Context(), &sdk.DescribeStreamSummaryInput{StreamName: name})
	require.NoError(t, err)
	require.EqualValues(t, 2048, *d.StreamDescriptionSummary.MaxRecordSizeInKiB)
	acc, err := client.DescribeAccountSettings(t.Context(), &sdk.DescribeAccountSettingsInput{})
	require.NoError(t, err)
	require.Equal(t, types.MinimumThroughputBillingCommitmentOutputStatusDisabled,
		acc.MinimumThroughputBillingCommitment.Status)
}

func TestStreamMode_changesTwiceADay(t *testing.T) {
	t.Parallel()
	cloud, client := start(t, 2)
	change := func(mode types.StreamMode) error {
		cloud.Advance(time.Second)
		_, err := client.UpdateStreamMode(t.Context(),
			&sdk.UpdateStreamModeInput{StreamARN: aws.String("arn:aws:kinesis:us-east-1:000000000000:stream/s"),
				StreamModeDetails: &types.StreamModeDetails{StreamMode: mode}})
		return err
	}
	require.Equal(t, "InvalidArgumentException", errorCode(t, change(types.StreamModeProvisioned)))
	require.NoError(t, change(types.StreamModeOnDemand))
	require.NoError(t, change(types.StreamModeProvisioned))
	require.Equal(t, "LimitExceededException", errorCode(t, change(types.StreamModeOnDemand)))
	cloud.Advance(24 * time.Hour)
	require.NoError(t, change(types.StreamModeOnDemand))
	d, err := client.DescribeStreamSummary(t.Context(), &sdk.DescribeStreamSummaryInput{StreamName: name})
	require.NoError(t, err)
	require.Equal(t, types.StreamModeOnDemand, d.StreamDescriptionSummary.StreamModeDetails.StreamMode)
	require.EqualValues(t, 2, *d.StreamDescriptionSummary.OpenShardCount)
}

func TestPut_needsAPartitionKey(t *testing.T) {
	t.Parallel()
	_, client := start(t, 1)
	_, err := client.PutRecord(t.Context(), &sdk.PutRecordInput{StreamName: name, Data: []byte("x")})
	require.Equal(t, "ValidationException", errorCode(t, err))
	require.ErrorContains(t, err, "Value null at 'partitionKey'")
	_, err = client.PutRecords(t.Context(), &sdk.PutRecordsInput{StreamName: name, Records: []types.PutRecordsRequestEntry{
		{Data: []byte("x"), PartitionKey: aws.String("k")}, {Data: []byte("x")}}})
	require.ErrorContains(t, err, "Value null at 'records.2.member.partitionKey'")
}
