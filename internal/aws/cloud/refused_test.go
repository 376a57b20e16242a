package cloud_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	s3service "github.com/pipelab/pipelab/internal/aws/service/s3"
)

func TestMembers_thatNobodyUsesAreRefusedByName(t *testing.T) {
	t.Parallel()
	c := awstest.New(t, func(h *gateway.Host) gateway.Service { return s3service.New(h) })
	client := s3.NewFromConfig(c.Config(), func(o *s3.Options) { o.UsePathStyle = true })
	_, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("bucket"),
		ObjectLockEnabledForBucket: aws.Bool(true)})
	require.NoError(t, err)
	put := func(in *s3.PutObjectInput) error {
		in.Bucket, in.Key, in.Body = aws.String("bucket"), aws.String("key"), strings.NewReader("x")
		_, err := client.PutObject(t.Context(), in)
		return err
	}
	require.NoError(t, put(&s3.PutObjectInput{BucketKeyEnabled: aws.Bool(false),
		RequestPayer: types.RequestPayerRequester}))
	var refused smithy.APIError
	require.True(t, errors.As(put(&s3.PutObjectInput{WebsiteRedirectLocation: aws.String("/x")}), &refused))
	require.Equal(t, "NotImplemented", refused.ErrorCode())
	require.Contains(t, refused.ErrorMessage(), "WebsiteRedirectLocation of s3.PutObject")
	_, err = client.PutObjectLockConfiguration(t.Context(), &s3.PutObjectLockConfigurationInput{
		Bucket: aws.String("bucket"), ObjectLockConfiguration: &types.ObjectLockConfiguration{Rule: &types.ObjectLockRule{
			DefaultRetention: &types.DefaultRetention{DefaultEventHold: &types.EventHoldDuration{Days: aws.Int32(1)}}}}})
	require.ErrorContains(t, err, "ObjectLockConfiguration.Rule.DefaultRetention.DefaultEventHold")
}

// ScanInput is DynamoDB's, as an SDK would have it that is older than the model.
type ScanInput struct{ TableName *string }

type older struct{ gateway.Passive }

func (older) Describe() gateway.Descriptor {
	return gateway.Descriptor{Name: "dynamodb", Operations: []gateway.Operation{gateway.Op(gateway.Data,
		func(context.Context, *ScanInput) (*dynamodb.ScanOutput, error) { return &dynamodb.ScanOutput{}, nil })}}
}

func TestMembers_thatTheSDKLacksAreRefusedByName(t *testing.T) {
	t.Parallel()
	c := awstest.New(t, func(*gateway.Host) gateway.Service { return older{} })
	client := dynamodb.NewFromConfig(c.Config())
	_, err := client.Scan(t.Context(), &dynamodb.ScanInput{TableName: aws.String("table")})
	require.NoError(t, err)
	_, err = client.Scan(t.Context(), &dynamodb.ScanInput{TableName: aws.String("table"), Limit: aws.Int32(1)})
	var refused smithy.APIError
	require.True(t, errors.As(err, &refused))
	require.Equal(t, "NotImplemented", refused.ErrorCode())
	require.Contains(t, refused.ErrorMessage(), "Limit")
}
