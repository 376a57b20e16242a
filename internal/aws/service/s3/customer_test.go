package s3_test

import (
	"crypto/md5"
	"encoding/base64"
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/gateway"
)

// unblock lets a bucket take keys of customers.
func (w *world) unblock(bucket *string) {
	w.t.Helper()
	_, err := w.s3.PutBucketEncryption(ctx, &sdk.PutBucketEncryptionInput{Bucket: bucket,
		ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{{
			ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{
				SSEAlgorithm: types.ServerSideEncryptionAes256},
			BlockedEncryptionTypes: &types.BlockedEncryptionTypes{
				EncryptionType: []types.EncryptionType{types.EncryptionTypeNone}}}}}})
	require.NoError(w.t, err)
}

// Objects are read with the key with which they were written and with no other.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html
func TestCustomerKeys(t *testing.T) {
	w := start(t)
	key := func(of string) (algorithm, secret, sum *string) {
		digest := md5.Sum([]byte(of))
		return aws.String("AES256"), aws.String(base64.StdEncoding.EncodeToString([]byte(of))),
			aws.String(base64.StdEncoding.EncodeToString(digest[:]))
	}
	a, secret, sum := key(strings.Repeat("k", 32))
	_, other, otherSum := key(strings.Repeat("o", 32))
	b, k := aws.String("data"), aws.String("sealed")
	put := func(secret, sum *string) error {
		_, err := w.s3.PutObject(ctx, &sdk.PutObjectInput{Bucket: b, Key: k, Body: strings.NewReader("hello"),
			SSECustomerAlgorithm: a, SSECustomerKey: secret, SSECustomerKeyMD5: sum})
		return err
	}
	require.Equal(t, "AccessDenied", gateway.ErrorCode(put(secret, sum)), "new buckets refuse them")
	w.unblock(b)
	require.Equal(t, "InvalidArgument", gateway.ErrorCode(put(secret, otherSum)))
	require.NoError(t, put(secret, sum))
	get := func(secret, sum *string) (*sdk.GetObjectOutput, error) {
		in := &sdk.GetObjectInput{Bucket: b, Key: k, SSECustomerKey: secret, SSECustomerKeyMD5: sum}
		if secret != nil {
			in.SSECustomerAlgorithm = a
		}
		return w.s3.GetObject(ctx, in)
	}
	_, err := get(nil, nil)
	require.Equal(t, "InvalidRequest", gateway.ErrorCode(err))
	_, err = get(other, otherSum)
	require.Equal(t, "AccessDenied", gateway.ErrorCode(err))
	out, err := get(secret, sum)
	require.NoError(t, err)
	text, err := io.ReadAll(out.Body)
	require.NoError(t, err)
	require.Equal(t, "hello", string(text))
	require.Equal(t, *sum, *out.SSECustomerKeyMD5)
	require.Empty(t, out.ServerSideEncryption)

	source := aws.String("data/sealed")
	_, err = w.s3.CopyObject(ctx, &sdk.CopyObjectInput{Bucket: b, Key: aws.String("open"), CopySource: source})
	require.Equal(t, "InvalidRequest", gateway.ErrorCode(err))
	_, err = w.s3.CopyObject(ctx, &sdk.CopyObjectInput{Bucket: b, Key: aws.String("open"), CopySource: source,
		CopySourceSSECustomerAlgorithm: a, CopySourceSSECustomerKey: secret, CopySourceSSECustomerKeyMD5: sum})
	require.NoError(t, err)
	head, err := w.s3.HeadObject(ctx, &sdk.HeadObjectInput{Bucket: b, Key: aws.String("open")})
	require.NoError(t, err)
	require.Nil(t, head.SSECustomerAlgorithm)

	u, err := w.s3.CreateMultipartUpload(ctx, &sdk.CreateMultipartUploadInput{Bucket: b, Key: k,
		SSECustomerAlgorithm: a, SSECustomerKey: secret, SSECustomerKeyMD5: sum})
	require.NoError(t, err)
	_, err = w.s3.UploadPart(ctx, &sdk.UploadPartInput{Bucket: b, Key: k, UploadId: u.UploadId,
		PartNumber: aws.Int32(1), Body: strings.NewReader("part")})
	require.Equal(t, "InvalidRequest", gateway.ErrorCode(err))
}
