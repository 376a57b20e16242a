package s3

import "github.com/pipelab/pipelab/internal/aws/policy"

// public reports whether a statement of a bucket's policy lets in the whole
// world. The keys are those whose fixed values keep a statement from it.
// Source:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status
func public(s policy.Statement) bool {
	return s.Public([]string{"aws:principalorgid", "aws:sourceaccount", "aws:sourcearn", "aws:sourceip", "aws:sourceowner",
		"aws:sourcevpc", "aws:sourcevpce",
		"aws:userid", "s3:dataaccesspointaccount", "s3:dataaccesspointarn", "s3:x-amz-server-side-encryption-aws-kms-key-id"})
}
