package iam_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	emulated "github.com/pipelab/pipelab/internal/aws/service/iam"
	emulatedsts "github.com/pipelab/pipelab/internal/aws/service/sts"
)

const trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
	`"Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
const doc = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject",` +
	`"Resource":"arn:aws:s3:::a b/*"}]}`

func cloud(t *testing.T) *awstest.Cloud {
	return awstest.New(t, func(h *gateway.Host) gateway.Service { return emulated.New(h) },
		func(h *gateway.Host) gateway.Service { return emulatedsts.New(h) })
}

func code(t *testing.T, want string, err error) {
	t.Helper()
	var api smithy.APIError
	require.ErrorAs(t, err, &api)
	require.Equal(t, want, api.ErrorCode(), err)
}

func TestRole_lifeWithPolicies(t *testing.T) {
	t.Parallel()
	c, ctx := iam.NewFromConfig(cloud(t).Config()), t.Context()
	made, err := c.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("Worker"),
		AssumeRolePolicyDocument: aws.String(trust), Path: aws.String("/lab/")})
	require.NoError(t, err)
	require.Equal(t, "arn:aws:iam::000000000000:role/lab/Worker", *made.Role.Arn)
	_, err = c.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("worker"),
		AssumeRolePolicyDocument: aws.String(trust)})
	code(t, "EntityAlreadyExists", err)
	_, err = c.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: aws.String("Worker"), PolicyName: aws.String("read"),
		PolicyDocument: aws.String(doc)})
	require.NoError(t, err)
	got, err := c.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: aws.String("Worker"),
		PolicyName: aws.String("read")})
	require.NoError(t, err)
	plain, err := url.PathUnescape(*got.PolicyDocument)
	require.NoError(t, err)
	require.Equal(t, doc, plain)
	arn := aws.String("arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")
	_, err = c.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: aws.String("Worker"), PolicyArn: arn})
	require.NoError(t, err)
	list, err := c.ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: aws.String("Worker")})
	require.NoError(t, err)
	require.Equal(t, "AWSLambdaBasicExecutionRole", *list.AttachedPolicies[0].PolicyName)
	_, err = c.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: aws.String("Worker")})
	code(t, "DeleteConflict", err)
	_, err = c.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: aws.String("Worker"), PolicyArn: arn})
	require.NoError(t, err)
	_, err = c.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: aws.String("Worker"),
		PolicyName: aws.String("read")})
	require.NoError(t, err)
	_, err = c.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: aws.String("Worker")})
	require.NoError(t, err)
	_, err = c.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String("Worker")})
	code(t, "NoSuchEntity", err)
}

func TestDocuments_malformedOnesAreRefused(t *testing.T) {
	t.Parallel()
	c, ctx := iam.NewFromConfig(cloud(t).Config()), t.Context()
	for _, bad := range []string{`{`, `{"Version":"2012-10-17"}`, `{"Version":"2020-01-01","Statement":[]}`, doc,
		`{"Statement":[{"Effect":"Maybe","Principal":"*","Action":"sts:AssumeRole"}]}`,
		`{"Statement":[{"Effect":"Allow","Principal":"*","Action":"AssumeRole"}]}`} {
		_, err := c.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("r"),
			AssumeRolePolicyDocument: aws.String(bad)})
		code(t, "MalformedPolicyDocument", err)
	}
	for _, bad := range []string{trust, `[]`, `{"Statement":{"Effect":"Allow","Action":"s3:*"}}`,
		`{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"bucket"}}`} {
		_, err := c.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("p"), PolicyDocument: aws.String(bad)})
		code(t, "MalformedPolicyDocument", err)
	}
}

func TestPolicy_versions(t *testing.T) {
	t.Parallel()
	c, ctx := iam.NewFromConfig(cloud(t).Config()), t.Context()
	p, err := c.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("p"), PolicyDocument: aws.String(doc)})
	require.NoError(t, err)
	for range 4 {
		_, err = c.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{PolicyArn: p.Policy.Arn,
			PolicyDocument: aws.String(doc), SetAsDefault: true})
		require.NoError(t, err)
	}
	_, err = c.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{PolicyArn: p.Policy.Arn,
		PolicyDocument: aws.String(doc)})
	code(t, "LimitExceeded", err)
	_, err = c.DeletePolicyVersion(ctx, &iam.DeletePolicyVersionInput{PolicyArn: p.Policy.Arn,
		VersionId: aws.String("v5")})
	code(t, "DeleteConflict", err)
	_, err = c.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: p.Policy.Arn})
	code(t, "DeleteConflict", err)
}

func TestList_pagesAreStable(t *testing.T) {
	t.Parallel()
	c, ctx := iam.NewFromConfig(cloud(t).Config()), t.Context()
	for _, n := range []string{"a", "B", "c", "D", "e"} {
		_, err := c.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String(n)})
		require.NoError(t, err)
	}
	var seen []string
	pages := iam.NewListUsersPaginator(c, &iam.ListUsersInput{MaxItems: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		require.NoError(t, err)
		for _, u := range page.Users {
			seen = append(seen, *u.UserName)
		}
		// before the marker
		_, _ = c.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("a" + *page.Users[0].UserName)})
	}
	require.Equal(t, []string{"a", "B", "c", "D", "e"}, seen)
	_, err := c.ListUsers(ctx, &iam.ListUsersInput{Marker: aws.String("nonsense")})
	code(t, "ValidationError", err)
}

func TestCredentials_ofUsersAndSessions(t *testing.T) {
	t.Parallel()
	cl := cloud(t)
	c, ctx := iam.NewFromConfig(cl.Config()), t.Context()
	_, err := c.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("learner")})
	require.NoError(t, err)
	key, err := c.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: aws.String("learner")})
	require.NoError(t, err)
	as := func(id, secret, token string) aws.Config {
		cfg := cl.Config()
		cfg.Credentials = credentials.NewStaticCredentialsProvider(id, secret, token)
		return cfg
	}
	mine := as(*key.AccessKey.AccessKeyId, *key.AccessKey.SecretAccessKey, "")
	who, err := sts.NewFromConfig(mine).GetCallerIdentity(ctx, nil)
	require.NoError(t, err)
	require.Equal(t, "arn:aws:iam::000000000000:user/learner", *who.Arn)
	me, err := iam.NewFromConfig(mine).GetUser(ctx, &iam.GetUserInput{})
	require.NoError(t, err)
	require.Equal(t, "learner", *me.User.UserName)

	role, err := c.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("r"),
		AssumeRolePolicyDocument: aws.String(awstest.Trust(`{"AWS":"000000000000"}`))})
	require.NoError(t, err)
	got, err := sts.NewFromConfig(mine).AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: role.Role.Arn,
		RoleSessionName: aws.String("night")})
	require.NoError(t, err)
	session := sts.NewFromConfig(as(*got.Credentials.AccessKeyId, *got.Credentials.SecretAccessKey,
		*got.Credentials.SessionToken))
	who, err = session.GetCallerIdentity(ctx, nil)
	require.NoError(t, err)
	require.Equal(t, "arn:aws:sts::000000000000:assumed-role/r/night", *who.Arn)
	require.Equal(t, *role.Role.RoleId+":night", *who.UserId)
	_, err = session.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::000000000000:role/none"),
		RoleSessionName: aws.String("xx")})
	code(t, "AccessDenied", err)
	cl.Advance(61 * time.Minute)
	_, err = session.GetCallerIdentity(ctx, nil)
	code(t, "ExpiredToken", err)

	_, err = c.UpdateAccessKey(ctx, &iam.UpdateAccessKeyInput{AccessKeyId: key.AccessKey.AccessKeyId,
		UserName: aws.String("learner"), Status: types.StatusTypeInactive})
	require.NoError(t, err)
	_, err = c.DeleteUser(ctx, &iam.DeleteUserInput{UserName: aws.String("learner")})
	code(t, "DeleteConflict", err)
}

func TestInstanceProfile_holdsOneRole(t *testing.T) {
	t.Parallel()
	c, ctx := iam.NewFromConfig(cloud(t).Config()), t.Context()
	name, worker, other := aws.String("machines"), aws.String("Worker"), aws.String("Other")
	for _, r := range []*string{worker, other} {
		_, err := c.CreateRole(ctx, &iam.CreateRoleInput{RoleName: r, AssumeRolePolicyDocument: aws.String(trust)})
		require.NoError(t, err)
	}
	made, err := c.CreateInstanceProfile(ctx, &iam.CreateInstanceProfileInput{InstanceProfileName: name,
		Path: aws.String("/lab/"), Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}})
	require.NoError(t, err)
	require.Equal(t, "arn:aws:iam::000000000000:instance-profile/lab/machines", *made.InstanceProfile.Arn)
	require.Regexp(t, "^AIPA", *made.InstanceProfile.InstanceProfileId)
	_, err = c.CreateInstanceProfile(ctx, &iam.CreateInstanceProfileInput{InstanceProfileName: name})
	code(t, "EntityAlreadyExists", err)

	_, err = c.AddRoleToInstanceProfile(ctx, &iam.AddRoleToInstanceProfileInput{InstanceProfileName: name,
		RoleName: worker})
	require.NoError(t, err)
	_, err = c.AddRoleToInstanceProfile(ctx, &iam.AddRoleToInstanceProfileInput{InstanceProfileName: name,
		RoleName: other})
	code(t, "LimitExceeded", err)
	got, err := c.GetInstanceProfile(ctx, &iam.GetInstanceProfileInput{InstanceProfileName: name})
	require.NoError(t, err)
	require.Equal(t, "Worker", *got.InstanceProfile.Roles[0].RoleName)
	require.Equal(t, "v", *got.InstanceProfile.Tags[0].Value)
	for r, n := range map[*string]int{worker: 1, other: 0} {
		held, err := c.ListInstanceProfilesForRole(ctx, &iam.ListInstanceProfilesForRoleInput{RoleName: r})
		require.NoError(t, err)
		require.Len(t, held.InstanceProfiles, n)
	}
	_, err = c.ListInstanceProfilesForRole(ctx, &iam.ListInstanceProfilesForRoleInput{RoleName: aws.String("none")})
	code(t, "NoSuchEntity", err)

	_, err = c.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: worker})
	code(t, "DeleteConflict", err)
	_, err = c.DeleteInstanceProfile(ctx, &iam.DeleteInstanceProfileInput{InstanceProfileName: name})
	code(t, "DeleteConflict", err)
	_, err = c.RemoveRoleFromInstanceProfile(ctx, &iam.RemoveRoleFromInstanceProfileInput{InstanceProfileName: name,
		RoleName: other})
	code(t, "NoSuchEntity", err)
	_, err = c.RemoveRoleFromInstanceProfile(ctx, &iam.RemoveRoleFromInstanceProfileInput{InstanceProfileName: name,
		RoleName: worker})
	require.NoError(t, err)
	_, err = c.DeleteInstanceProfile(ctx, &iam.DeleteInstanceProfileInput{InstanceProfileName: name})
	require.NoError(t, err)
	_, err = c.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: worker})
	require.NoError(t, err)
}
