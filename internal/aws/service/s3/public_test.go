package s3_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"
)

// A bucket that blocks public policies, as new ones do, refuses those that let
// in everybody, and no others.
func TestPutBucketPolicy_refusesPublicOnes(t *testing.T) {
	w, ctx := start(t), context.Background()
	b := aws.String("closed")
	_, err := w.s3.CreateBucket(ctx, &sdk.CreateBucketInput{Bucket: b})
	require.NoError(t, err)
	put := func(statement string) error {
		policy := fmt.Sprintf(
			`{"Version":"2012-10-17","Statement":[{"Action":"s3:GetObject","Resource":"arn:aws:s3:::closed/*",%s}]}`, statement)
		_, err := w.s3.PutBucketPolicy(ctx, &sdk.PutBucketPolicyInput{Bucket: b, Policy: &policy})
		return err
	}
	open := []string{
		`"Effect":"Allow","Principal":"*"`,
		`"Effect":"Allow","Principal":{"AWS":"*"}`,
		`"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::123456789012:root","*"]}`,
		`"Effect":"Allow","NotPrincipal":{"AWS":"arn:aws:iam::123456789012:root"}`,
		`"Effect":"Allow","Principal":"*","Condition":{"StringLike":{"aws:SourceVpc":"vpc-*"}}`,
		`"Effect":"Allow","Principal":"*","Condition":{"StringNotEquals":{"aws:SourceVpc":"vpc-91237329"}}`,
		`"Effect":"Allow","Principal":"*","Condition":{"IpAddress":{"aws:SourceIp":"0.0.0.0/1"}}`,
		`"Effect":"Allow","Principal":"*","Condition":{"StringEquals":{"aws:PrincipalOrgID":["o-1","o-*"]}}`,
		`"Effect":"Allow","Principal":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}`,
	}
	for _, s := range open {
		refused(t, put(s), "AccessDenied", 403)
	}
	for _, s := range []string{
		`"Effect":"Deny","Principal":"*"`,
		`"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"}`,
		`"Effect":"Allow","Principal":{"Service":"logging.s3.amazonaws.com"}`,
		`"Effect":"Allow","Principal":"*","Condition":{"StringEquals":{"aws:SourceVpc":"vpc-91237329"}}`,
		`"Effect":"Allow","Principal":"*","Condition":{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`,
	} {
		require.NoError(t, put(s), s)
	}
	_, err = w.s3.DeletePublicAccessBlock(ctx, &sdk.DeletePublicAccessBlockInput{Bucket: b})
	require.NoError(t, err)
	for _, s := range open {
		require.NoError(t, put(s), s)
	}
}
