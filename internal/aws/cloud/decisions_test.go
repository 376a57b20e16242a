package cloud_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"
)

// Decisions are remembered; whatever they depend on changes them at once.
func TestEnforced_decisionsFollowEveryChange(t *testing.T) {
	t.Parallel()
	g, ctx := enforced(t), t.Context()
	g.bucket("data")
	const allow = `{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"`
	alice := g.user("alice", allow+`}`)
	own := func(statement string) {
		_, err := g.iam.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: aws.String("alice"),
			PolicyName: aws.String("own"), PolicyDocument: policy(statement)})
		require.NoError(t, err)
	}
	may := func(want bool, why string) {
		t.Helper()
		for range 2 { // decided, and remembered
			if err := get(alice, "data", "k"); want {
				require.NoError(t, err, why)
			} else {
				refused(t, err, "AccessDenied", "")
			}
		}
	}
	may(true, "her policy")
	own(`{"Effect":"Allow","Action":"s3:PutObject","Resource":"*"}`)
	may(false, "another policy")
	_, err := g.s3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: aws.String("data"), Policy: policy(
		`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:user/alice"},"Action":"s3:GetObject",` +
			`"Resource":"arn:aws:s3:::data/*"}`)})
	require.NoError(t, err)
	may(true, "the bucket's policy")
	_, err = g.s3.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: aws.String("data")})
	require.NoError(t, err)
	may(false, "no policy")

	own(allow + `,"Condition":{"StringEquals":{"s3:ExistingObjectTag/team":"blue"}}}`)
	may(false, "no tag")
	_, err = g.s3.PutObjectTagging(ctx, &s3.PutObjectTaggingInput{Bucket: aws.String("data"), Key: aws.String("k"),
		Tagging: &s3types.Tagging{TagSet: []s3types.Tag{{Key: aws.String("team"), Value: aws.String("blue")}}}})
	require.NoError(t, err)
	may(true, "the tag")
	_, err = g.s3.DeleteObjectTagging(ctx, &s3.DeleteObjectTaggingInput{Bucket: aws.String("data"), Key: aws.String("k")})
	require.NoError(t, err)
	may(false, "the tag is gone")

	own(allow + `,"Condition":{"DateLessThan":{"aws:CurrentTime":"2026-03-02T09:30:00Z"}}}`)
	may(true, "in time")
	g.Advance(time.Hour)
	may(false, "too late")

	_, err = g.iam.CreateGroup(ctx, &iam.CreateGroupInput{GroupName: aws.String("readers")})
	require.NoError(t, err)
	_, err = g.iam.PutGroupPolicy(ctx, &iam.PutGroupPolicyInput{GroupName: aws.String("readers"),
		PolicyName: aws.String("p"), PolicyDocument: policy(allow + `}`)})
	require.NoError(t, err)
	may(false, "not in the group")
	_, err = g.iam.AddUserToGroup(ctx, &iam.AddUserToGroupInput{GroupName: aws.String("readers"),
		UserName: aws.String("alice")})
	require.NoError(t, err)
	may(true, "in the group")
}
