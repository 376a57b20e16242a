package s3_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/gateway"
)

// A composite checksum is a sum over the parts' sums, all of which have to be told.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
func TestCompleteMultipartUpload_looksAtTheSumsOfParts(t *testing.T) {
	w := start(t)
	b, k := aws.String("data"), aws.String("sums")
	u, err := w.s3.CreateMultipartUpload(ctx, &sdk.CreateMultipartUploadInput{Bucket: b, Key: k,
		ChecksumAlgorithm: types.ChecksumAlgorithmSha256})
	require.NoError(t, err)
	p, err := w.s3.UploadPart(ctx, &sdk.UploadPartInput{Bucket: b, Key: k, UploadId: u.UploadId,
		PartNumber: aws.Int32(1), Body: strings.NewReader("part"), ChecksumAlgorithm: types.ChecksumAlgorithmSha256})
	require.NoError(t, err)
	complete := func(part, whole *string) (*sdk.CompleteMultipartUploadOutput, error) {
		return w.s3.CompleteMultipartUpload(ctx, &sdk.CompleteMultipartUploadInput{Bucket: b, Key: k, UploadId: u.UploadId,
			ChecksumSHA256: whole, MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{
				PartNumber: aws.Int32(1), ETag: p.ETag, ChecksumSHA256: part}}}})
	}
	_, err = complete(nil, nil)
	require.Equal(t, "InvalidRequest", gateway.ErrorCode(err))
	_, err = complete(aws.String("n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="), nil)
	require.Equal(t, "InvalidPart", gateway.ErrorCode(err))
	_, err = complete(p.ChecksumSHA256, aws.String("n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=-1"))
	require.Equal(t, "BadDigest", gateway.ErrorCode(err))
	done, err := complete(p.ChecksumSHA256, nil)
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(*done.ChecksumSHA256, "-1"))

	again, err := complete(p.ChecksumSHA256, done.ChecksumSHA256)
	require.NoError(t, err, "a client whose answer was lost completes once more")
	require.Equal(t, *done.ETag, *again.ETag)

	got, err := w.s3.GetObject(ctx, &sdk.GetObjectInput{Bucket: b, Key: k, PartNumber: aws.Int32(1),
		ChecksumMode: types.ChecksumModeEnabled})
	require.NoError(t, err)
	require.Equal(t, *p.ChecksumSHA256, *got.ChecksumSHA256)
	require.Equal(t, types.ChecksumTypeComposite, got.ChecksumType)
}

// From us-east-1 buckets are made anywhere.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
func TestCreateBucket_regions(t *testing.T) {
	w := start(t)
	for l, want := range map[types.BucketLocationConstraint]string{"eu-central-1": "", "EU": "",
		"us-east-1": "InvalidLocationConstraint", "nowhere": "InvalidLocationConstraint"} {
		name := aws.String("in-" + strings.ToLower(string(l)))
		_, err := w.s3.CreateBucket(ctx, &sdk.CreateBucketInput{Bucket: name,
			CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: l}})
		require.Equal(t, want, gateway.ErrorCode(err), l)
		if want == "" {
			got, err := w.s3.GetBucketLocation(ctx, &sdk.GetBucketLocationInput{Bucket: name})
			require.NoError(t, err)
			require.Equal(t, l, got.LocationConstraint)
		}
	}
}
