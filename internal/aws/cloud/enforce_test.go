package cloud_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	scfn "github.com/pipelab/pipelab/internal/aws/service/cloudformation"
	sdynamo "github.com/pipelab/pipelab/internal/aws/service/dynamodb"
	sstreams "github.com/pipelab/pipelab/internal/aws/service/dynamodbstreams"
	siam "github.com/pipelab/pipelab/internal/aws/service/iam"
	skinesis "github.com/pipelab/pipelab/internal/aws/service/kinesis"
	ss3 "github.com/pipelab/pipelab/internal/aws/service/s3"
	ssqs "github.com/pipelab/pipelab/internal/aws/service/sqs"
	ssts "github.com/pipelab/pipelab/internal/aws/service/sts"
	"github.com/pipelab/pipelab/internal/cfn"
	"github.com/pipelab/pipelab/internal/provision"
)

// guarded is a cloud in which policies are enforced, seen by its root.
type guarded struct {
	*awstest.Cloud
	t    testing.TB
	iam  *iam.Client
	s3   *s3.Client
	sqs  *sqs.Client
	root aws.Config
}

func enforced(t testing.TB) *guarded {
	t.Helper()
	return enforcedAt(t, clock.NewManual(awstest.Epoch))
}

func enforcedAt(t testing.TB, clk *clock.Clock) *guarded {
	t.Helper()
	c := awstest.NewWithClock(t, clk, skinesis.New, sstreams.New,
		func(h *gateway.Host) gateway.Service { return sdynamo.New(h) },
		func(h *gateway.Host) gateway.Service { return ssqs.New(h) },
		func(h *gateway.Host) gateway.Service { return ss3.New(h) },
		func(h *gateway.Host) gateway.Service { return siam.New(h) },
		func(h *gateway.Host) gateway.Service { return ssts.New(h) },
		func(h *gateway.Host) gateway.Service {
			return scfn.New(h, func(client aws.HTTPClient, endpoint string, sc ident.Scope) cfn.Provider {
				return provision.At(client, endpoint, sc.Account, sc.Region)
			})
		})
	c.Gateway.SetMode(gateway.Enforced)
	g := &guarded{Cloud: c, t: t, root: c.Config()}
	g.iam, g.s3, g.sqs = iam.NewFromConfig(g.root), buckets(g.root), sqs.NewFromConfig(g.root)
	return g
}

func buckets(cfg aws.Config) *s3.Client {
	return s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
}

// as is the configuration of somebody's keys.
func (g *guarded) as(id, secret, token string) aws.Config {
	cfg := g.Config()
	cfg.Credentials = credentials.NewStaticCredentialsProvider(id, secret, token)
	return cfg
}

// policy is a document of one statement.
func policy(statement string) *string {
	return aws.String(`{"Version":"2012-10-17","Statement":[` + statement + `]}`)
}

// user makes a user with an inline policy, and gives its configuration.
func (g *guarded) user(name, statement string) aws.Config {
	g.t.Helper()
	ctx := context.Background()
	_, err := g.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: &name})
	require.NoError(g.t, err)
	if statement != "" {
		_, err = g.iam.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: &name, PolicyName: aws.String("own"),
			PolicyDocument: policy(statement)})
		require.NoError(g.t, err)
	}
	key, err := g.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: &name})
	require.NoError(g.t, err)
	return g.as(*key.AccessKey.AccessKeyId, *key.AccessKey.SecretAccessKey, "")
}

// role makes a role that anybody of the account may assume.
func (g *guarded) role(name, trust, statement string) string {
	g.t.Helper()
	ctx := context.Background()
	out, err := g.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &trust})
	require.NoError(g.t, err)
	if statement != "" {
		_, err = g.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &name, PolicyName: aws.String("own"),
			PolicyDocument: policy(statement)})
		require.NoError(g.t, err)
	}
	return *out.Role.Arn
}

// assumed is the configuration of a session.
func (g *guarded) assumed(cfg aws.Config, in *sts.AssumeRoleInput) aws.Config {
	g.t.Helper()
	in.RoleSessionName = aws.String("run")
	out, err := sts.NewFromConfig(cfg).AssumeRole(context.Background(), in)
	require.NoError(g.t, err)
	return g.as(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
}

func (g *guarded) bucket(name string) {
	g.t.Helper()
	_, err := g.s3.CreateBucket(context.Background(), &s3.CreateBucketInput{Bucket: &name})
	require.NoError(g.t, err)
	g.put(g.root, name, "k")
}

func (g *guarded) put(cfg aws.Config, bucket, key string) {
	g.t.Helper()
	_, err := buckets(cfg).PutObject(context.Background(), &s3.PutObjectInput{Bucket: &bucket, Key: &key,
		Body: strings.NewReader("x")})
	require.NoError(g.t, err)
}

func get(cfg aws.Config, bucket, key string) error {
	_, err := buckets(cfg).GetObject(context.Background(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	return err
}

// refused asserts an error's code and a part of its message.
func refused(t *testing.T, err error, code, part string) {
	t.Helper()
	var api smithy.APIError
	require.ErrorAs(t, err, &api)
	require.Equal(t, code, api.ErrorCode(), err.Error())
	require.Contains(t, api.ErrorMessage(), part)
}

const reader = `{"Sid":"Read","Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}`

func TestEnforced_identityPoliciesDecide(t *testing.T) {
	t.Parallel()
	g := enforced(t)
	g.bucket("data")
	alice := g.user("alice", reader)
	require.NoError(t, get(alice, "data", "k"))
	_, err := buckets(alice).PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("data"), Key: aws.String("k")})
	refused(t, err, "AccessDenied",
		"User: arn:aws:iam::000000000000:user/alice is not authorized to perform: s3:PutObject "+
			"on resource: arn:aws:s3:::data/k because no identity-based policy allows the s3:PutObject action")
	_, err = dynamodb.NewFromConfig(alice).ListTables(t.Context(), nil)
	refused(t, err, "AccessDeniedException", "because no identity-based policy allows the dynamodb:ListTables action")
	_, err = sqs.NewFromConfig(alice).ListQueues(t.Context(), nil)
	require.ErrorContains(t, err, "AccessDenied")
	_, err = sts.NewFromConfig(alice).GetCallerIdentity(t.Context(), nil)
	require.NoError(t, err, "needs no permission")
	// What changes counts at once.
	_, err = g.iam.PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{UserName: aws.String("alice"),
		PolicyName: aws.String("no"), PolicyDocument: policy(`{"Effect":"Deny","Action":"s3:*","Resource":"*"}`)})
	require.NoError(t, err)
	refused(t, get(alice, "data", "k"), "AccessDenied", "with an explicit deny in an identity-based policy")
	_, err = g.iam.DeleteUserPolicy(t.Context(), &iam.DeleteUserPolicyInput{UserName: aws.String("alice"),
		PolicyName: aws.String("no")})
	require.NoError(t, err)
	require.NoError(t, get(alice, "data", "k"))
}

func TestEnforced_groupsAndManagedPoliciesCount(t *testing.T) {
	t.Parallel()
	g, ctx := enforced(t), t.Context()
	g.bucket("data")
	alice := g.user("alice", "")
	made, err := g.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("reader"),
		PolicyDocument: policy(reader)})
	require.NoError(t, err)
	_, err = g.iam.CreateGroup(ctx, &iam.CreateGroupInput{GroupName: aws.String("readers")})
	require.NoError(t, err)
	_, err = g.iam.AttachGroupPolicy(ctx, &iam.AttachGroupPolicyInput{GroupName: aws.String("readers"),
		PolicyArn: made.Policy.Arn})
	require.NoError(t, err)
	require.Error(t, get(alice, "data", "k"))
	_, err = g.iam.AddUserToGroup(ctx, &iam.AddUserToGroupInput{GroupName: aws.String("readers"),
		UserName: aws.String("alice")})
	require.NoError(t, err)
	require.NoError(t, get(alice, "data", "k"))
	_, err = g.iam.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{PolicyArn: made.Policy.Arn, SetAsDefault: true,
		PolicyDocument: policy(strings.Replace(reader, "data/", "other/", 1))})
	require.NoError(t, err)
	require.Error(t, get(alice, "data", "k"))
}

func TestEnforced_boundariesAndSessionPoliciesLimit(t *testing.T) {
	t.Parallel()
	g, ctx := enforced(t), t.Context()
	g.bucket("data")
	bound, err := g.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("bound"),
		PolicyDocument: policy(`{"Effect":"Allow","Action":["sqs:*","sts:*"],"Resource":"*"}`)})
	require.NoError(t, err)
	alice := g.user("alice", `{"Effect":"Allow","Action":["s3:*","sts:*"],"Resource":"*"}`)
	_, err = g.iam.PutUserPermissionsBoundary(ctx, &iam.PutUserPermissionsBoundaryInput{UserName: aws.String("alice"),
		PermissionsBoundary: bound.Policy.Arn})
	require.NoError(t, err)
	refused(t, get(alice, "data", "k"), "AccessDenied", "because no permissions boundary allows the s3:GetObject action")
	_, err = g.iam.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: bound.Policy.Arn})
	require.ErrorContains(t, err, "DeleteConflict")
	_, err = g.iam.DeleteUserPermissionsBoundary(ctx,
		&iam.DeleteUserPermissionsBoundaryInput{UserName: aws.String("alice")})
	require.NoError(t, err)
	require.NoError(t, get(alice, "data", "k"))

	arn := g.role("etl", awstest.Trust(`{"AWS":"000000000000"}`), `{"Effect":"Allow","Action":"s3:*","Resource":"*"}`)
	require.NoError(t, get(g.assumed(alice, &sts.AssumeRoleInput{RoleArn: &arn}), "data", "k"))
	limited := g.assumed(alice,
		&sts.AssumeRoleInput{RoleArn: &arn, Policy: policy(strings.Replace(reader, "Get", "Put", 1))})
	refused(t, get(limited, "data", "k"), "AccessDenied", "because no session policy allows the s3:GetObject action")
	g.put(limited, "data", "new")
	managed := g.assumed(alice, &sts.AssumeRoleInput{RoleArn: &arn,
		PolicyArns: []ststypes.PolicyDescriptorType{{Arn: bound.Policy.Arn}}})
	require.Error(t, get(managed, "data", "k"))
}

func TestEnforced_conditionsSeeTheRequest(t *testing.T) {
	t.Parallel()
	g, ctx := enforced(t), t.Context()
	g.bucket("data")
	allow := func(condition string) string {
		return `{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{` + condition + `}}`
	}
	for i, c := range []struct {
		condition string
		want      bool
	}{
		{`"StringEquals":{"aws:username":"u0"}`, true},
		{`"StringEquals":{"aws:username":"other"}`, false},
		{`"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}`, true},
		{`"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}`, false},
		{`"Bool":{"aws:SecureTransport":"true"}`, true},
		{`"StringEquals":{"aws:RequestedRegion":"eu-west-1"}`, false},
		{`"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/u*"}`, true},
		{`"StringEquals":{"aws:PrincipalType":"User","aws:PrincipalAccount":"000000000000"}`, true},
		{`"DateLessThan":{"aws:CurrentTime":"2026-03-02T09:00:01Z"}`, true},
		{`"DateGreaterThan":{"aws:CurrentTime":"2026-03-02T09:00:01Z"}`, false},
		{`"Null":{"aws:TokenIssueTime":"true","aws:MultiFactorAuthPresent":"true"}`, true},
		{`"Bool":{"aws:ViaAWSService":"false","aws:PrincipalIsAWSService":"false"}`, true},
		{`"StringEquals":{"s3:ExistingObjectTag/team":"blue"}`, true},
		{`"StringEquals":{"s3:ExistingObjectTag/team":"red"}`, false},
	} {
		if i == 0 {
			_, err := g.s3.PutObjectTagging(ctx, &s3.PutObjectTaggingInput{Bucket: aws.String("data"), Key: aws.String("k"),
				Tagging: &s3types.Tagging{TagSet: []s3types.Tag{{Key: aws.String("team"), Value: aws.String("blue")}}}})
			require.NoError(t, err)
		}
		err := get(g.user(fmt.Sprintf("u%d", i), allow(c.condition)), "data", "k")
		require.Equal(t, c.want, err == nil, "%s: %v", c.condition, err)
	}
}

func TestEnforced_tagsOfSessionsAndResourcesDecide(t *testing.T) {
	t.Parallel()
	g, ctx := enforced(t), t.Context()
	queue, err := g.sqs.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("q"),
		Tags: map[string]string{"team": "blue"}})
	require.NoError(t, err)
	arn := g.role("abac", awstest.Trust(`{"AWS":"000000000000"}`), `{"Effect":"Allow","Action":"sqs:*","Resource":"*",
		"Condition":{"StringEquals":{"aws:ResourceTag/team":"${aws:PrincipalTag/team}"}}}`)
	alice := g.user("alice", `{"Effect":"Allow","Action":"sts:*","Resource":"*"}`)
	send := func(team string) error {
		cfg := g.assumed(alice, &sts.AssumeRoleInput{RoleArn: &arn,
			Tags: []ststypes.Tag{{Key: aws.String("team"), Value: &team}}})
		_, err := sqs.NewFromConfig(cfg).SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: queue.QueueUrl,
			MessageBody: aws.String("x")})
		return err
	}
	require.NoError(t, send("blue"))
	require.ErrorContains(t, send("red"), "AccessDenied")
}

func TestEnforced_otherAccountsNeedBothSides(t *testing.T) {
	t.Parallel()
	g, ctx := enforced(t), t.Context()
	g.bucket("data")
	foreign := g.as("111122223333", gateway.RootSecret, "")
	there := iam.NewFromConfig(foreign)
	_, err := there.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("bob")})
	require.NoError(t, err)
	key, err := there.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: aws.String("bob")})
	require.NoError(t, err)
	bob := g.as(*key.AccessKey.AccessKeyId, *key.AccessKey.SecretAccessKey, "")

	refused(t, get(foreign, "data", "k"), "AccessDenied", "Access Denied")
	_, err = g.s3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: aws.String("data"),
		Policy: policy(`{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"s3:GetObject",` +
			`"Resource":"arn:aws:s3:::data/*"}`)})
	require.NoError(t, err)
	require.NoError(t, get(foreign, "data", "k"), "the root of a trusted account")
	require.Error(t, get(bob, "data", "k"), "a user of it needs a permission of his own")
	_, err = there.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: aws.String("bob"), PolicyName: aws.String("p"),
		PolicyDocument: policy(reader)})
	require.NoError(t, err)
	require.NoError(t, get(bob, "data", "k"))
	_, err = g.s3.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: aws.String("data")})
	require.NoError(t, err)
	require.Error(t, get(bob, "data", "k"))
}

func TestEnforced_rootCanAlwaysMendABucketPolicy(t *testing.T) {
	t.Parallel()
	g, ctx := enforced(t), t.Context()
	g.bucket("data")
	_, err := g.s3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: aws.String("data"),
		Policy: policy(`{"Effect":"Deny","Principal":"*","Action":"s3:*",` +
			`"Resource":["arn:aws:s3:::data","arn:aws:s3:::data/*"]}`)})
	require.NoError(t, err)
	refused(t, get(g.root, "data", "k"), "AccessDenied", "Access Denied")
	_, err = g.s3.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: aws.String("data")})
	require.NoError(t, err)
	require.NoError(t, get(g.root, "data", "k"))
}

func TestEnforced_rolesTrustWhomTheyName(t *testing.T) {
	t.Parallel()
	g, ctx := enforced(t), t.Context()
	alice, bob := g.user("alice", ""), g.user("bob", "")
	assume := func(cfg aws.Config, in *sts.AssumeRoleInput) error {
		in.RoleSessionName = aws.String("run")
		_, err := sts.NewFromConfig(cfg).AssumeRole(ctx, in)
		return err
	}
	named := g.role("named", awstest.Trust(`{"AWS":"arn:aws:iam::000000000000:user/alice"}`), "")
	require.NoError(t, assume(alice, &sts.AssumeRoleInput{RoleArn: &named}), "who is named needs no permission")
	refused(t, assume(bob, &sts.AssumeRoleInput{RoleArn: &named}), "AccessDenied",
		"because no role trust policy allows the sts:AssumeRole action")
	whole := g.role("whole", awstest.Trust(`{"AWS":"000000000000"}`), "")
	refused(t, assume(bob, &sts.AssumeRoleInput{RoleArn: &whole}), "AccessDenied", "because no identity-based policy")

	external := g.role("external", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"*"},`+
		`"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"s3cret"}}}}`, "")
	for _, mode := range []gateway.Mode{gateway.Enforced, gateway.Off, gateway.Soft} {
		g.Gateway.SetMode(mode)
		require.NoError(t, assume(alice, &sts.AssumeRoleInput{RoleArn: &external, ExternalId: aws.String("s3cret")}))
		require.Error(t, assume(alice, &sts.AssumeRoleInput{RoleArn: &external, ExternalId: aws.String("guess")}), mode)
		require.Error(t, assume(alice, &sts.AssumeRoleInput{RoleArn: &external}), mode)
	}
	g.Gateway.SetMode(gateway.Enforced)
	refused(t, assume(alice, &sts.AssumeRoleInput{RoleArn: &external, ExternalId: aws.String("s3cret"),
		Tags: []ststypes.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}), "AccessDenied", "sts:TagSession")
}

func TestEnforced_servicesNeedTheResourcesPolicy(t *testing.T) {
	t.Parallel()
	for _, mode := range []gateway.Mode{gateway.Off, gateway.Soft, gateway.Enforced} {
		g, ctx := enforced(t), t.Context()
		g.Gateway.SetMode(mode)
		g.bucket("data")
		queue, err := g.sqs.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("events")})
		require.NoError(t, err)
		notify := func() error {
			_, err := g.s3.PutBucketNotificationConfiguration(ctx, &s3.PutBucketNotificationConfigurationInput{
				Bucket: aws.String("data"), NotificationConfiguration: &s3types.NotificationConfiguration{
					QueueConfigurations: []s3types.QueueConfiguration{{QueueArn: aws.String(
						"arn:aws:sqs:us-east-1:000000000000:events"),
						Events: []s3types.Event{"s3:ObjectCreated:*"}}}}})
			return err
		}
		with := func(condition string) {
			_, err := g.sqs.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: queue.QueueUrl,
				Attributes: map[string]string{"Policy": *policy(`{"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},` +
					`"Action":"sqs:SendMessage","Resource":"*","Condition":{` + condition + `}}`)}})
			require.NoError(t, err)
		}
		refused(t, notify(), "InvalidArgument", "Unable to validate the following destination configurations")
		with(`"ArnLike":{"aws:SourceArn":"arn:aws:s3:::other"}`)
		require.Error(t, notify())
		with(`"StringEquals":{"aws:SourceAccount":"111122223333"}`)
		require.Error(t, notify())
		with(`"ArnLike":{"aws:SourceArn":"arn:aws:s3:::da*"},"StringEquals":{"aws:SourceAccount":"000000000000"}`)
		require.NoError(t, notify())
	}
}

func TestSoft_recordsWhatWouldBeRefused(t *testing.T) {
	t.Parallel()
	g := enforced(t)
	g.bucket("data")
	alice := g.user("alice", "")
	g.Gateway.SetMode(gateway.Soft)
	from := g.Gateway.Trace().Last()
	require.NoError(t, get(alice, "data", "k"))
	entries, _ := g.Gateway.Trace().After(from, 10)
	require.Len(t, entries, 1)
	require.Empty(t, entries[0].Error)
	require.Equal(t, "User: arn:aws:iam::000000000000:user/alice is not authorized to perform: s3:GetObject on resource: "+
		"arn:aws:s3:::data/k because no identity-based policy allows the s3:GetObject action", entries[0].Denied)
	require.Len(t, entries[0].Judged.All(), 1)
	g.Gateway.SetMode(gateway.Off)
	require.NoError(t, get(alice, "data", "k"))
	entries, _ = g.Gateway.Trace().After(g.Gateway.Trace().Last()-1, 10)
	require.Empty(t, entries[0].Denied)
}

func TestEnforced_signaturesAreVerified(t *testing.T) {
	t.Parallel()
	g, ctx := enforced(t), t.Context()
	g.bucket("data")
	list := func(cfg aws.Config) []error {
		_, table := dynamodb.NewFromConfig(cfg).ListTables(ctx, nil)
		_, stream := kinesis.NewFromConfig(cfg).ListStreams(ctx, nil)
		_, queue := sqs.NewFromConfig(cfg).ListQueues(ctx, nil)
		_, user := iam.NewFromConfig(cfg).ListUsers(ctx, nil)
		return []error{get(cfg, "data", "k"), table, stream, queue, user}
	}
	codes := func(cfg aws.Config) (out []string) {
		for _, err := range list(cfg) {
			var api smithy.APIError
			require.True(t, errors.As(err, &api), "%v", err)
			out = append(out, api.ErrorCode())
		}
		return out
	}
	require.Equal(t, []error{nil, nil, nil, nil, nil}, list(g.root))
	require.Equal(t, []string{"SignatureDoesNotMatch", "InvalidSignatureException", "InvalidSignatureException",
		"SignatureDoesNotMatch", "SignatureDoesNotMatch"}, codes(g.as("test", "wrong", "")))
	require.Equal(t, []string{"InvalidAccessKeyId", "UnrecognizedClientException", "UnrecognizedClientException",
		"InvalidClientTokenId", "InvalidClientTokenId"}, codes(g.as("AKIAUNKNOWN", "test", "")))
	arn := g.role("r", awstest.Trust(`{"AWS":"000000000000"}`), `{"Effect":"Allow","Action":"*","Resource":"*"}`)
	session, err := g.assumed(g.root, &sts.AssumeRoleInput{RoleArn: &arn}).Credentials.Retrieve(ctx)
	require.NoError(t, err)
	require.Equal(t, []error{nil, nil, nil, nil, nil},
		list(g.as(session.AccessKeyID, session.SecretAccessKey, session.SessionToken)))
	require.Error(t, list(g.as(session.AccessKeyID, session.SecretAccessKey, ""))[1], "without its token")

	signed, err := s3.NewPresignClient(g.s3).PresignGetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("data"),
		Key: aws.String("k")})
	require.NoError(t, err)
	for url, want := range map[string]int{signed.URL: 200, signed.URL + "&versionId=x": 403,
		g.URL + "/data/k": 403} {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		require.NoError(t, err)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, want, resp.StatusCode, url)
	}
}

func TestEnforced_presignedURLsHaveTheirSignersPermissions(t *testing.T) {
	t.Parallel()
	g, ctx := enforced(t), t.Context()
	g.bucket("data")
	alice := buckets(g.user("alice", `{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/k"}`))
	for key, want := range map[string]int{"k": 200, "other": 403} {
		signed, err := s3.NewPresignClient(alice).PresignGetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("data"),
			Key: &key})
		require.NoError(t, err)
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, signed.URL, nil)
		require.NoError(t, err)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, want, resp.StatusCode, key)
	}
}

func TestEnforced_presignedURLsExpire(t *testing.T) {
	t.Parallel()
	g, ctx := enforcedAt(t, clock.New()), t.Context()
	g.bucket("data")
	signed, err := s3.NewPresignClient(g.s3).PresignGetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("data"),
		Key: aws.String("k")}, s3.WithPresignExpires(15*time.Minute))
	require.NoError(t, err)
	for _, want := range []int{200, 403} {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, signed.URL, nil)
		require.NoError(t, err)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, errors.Join(err, resp.Body.Close()))
		require.Equal(t, want, resp.StatusCode)
		require.Equal(t, want == 403, strings.Contains(string(body), "<Message>Request has expired</Message>"))
		g.Advance(16 * time.Minute)
	}
}

func TestEnforced_deletesTheObjectsThatMayBeDeleted(t *testing.T) {
	t.Parallel()
	g, ctx := enforced(t), t.Context()
	g.bucket("data")
	g.put(g.root, "data", "mine/a")
	alice := buckets(g.user("alice",
		`{"Effect":"Allow","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::data/mine/*"}`))
	out, err := alice.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: aws.String("data"), Delete: &s3types.Delete{
		Objects: []s3types.ObjectIdentifier{{Key: aws.String("mine/a")}, {Key: aws.String("k")},
			{Key: aws.String("mine/a"), VersionId: aws.String("null")}}}})
	require.NoError(t, err)
	require.Len(t, out.Deleted, 1)
	require.Equal(t, "mine/a", *out.Deleted[0].Key)
	require.Len(t, out.Errors, 2)
	require.Equal(t, "k", *out.Errors[0].Key)
	require.Equal(t, "AccessDenied", *out.Errors[0].Code)
	require.Equal(t, "User: arn:aws:iam::000000000000:user/alice is not authorized to perform: s3:DeleteObject on "+
		"resource: arn:aws:s3:::data/k because no identity-based policy allows the s3:DeleteObject action",
		*out.Errors[0].Message)
	require.Contains(t, *out.Errors[1].Message, "s3:DeleteObjectVersion")
	require.NoError(t, get(g.root, "data", "k"))
	require.Error(t, get(g.root, "data", "mine/a"))
}

func TestEnforced_resourcePoliciesOfStreamsLetOthersIn(t *testing.T) {
	t.Parallel()
	g, ctx := enforced(t), t.Context()
	streams := kinesis.NewFromConfig(g.root)
	_, err := streams.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: aws.String("s"), ShardCount: aws.Int32(1)})
	require.NoError(t, err)
	g.Advance(1e10)
	arn := "arn:aws:kinesis:us-east-1:000000000000:stream/s"
	put := func(cfg aws.Config) error {
		_, err := kinesis.NewFromConfig(cfg).PutRecord(ctx, &kinesis.PutRecordInput{StreamARN: &arn, Data: []byte("x"),
			PartitionKey: aws.String("p")})
		return err
	}
	foreign := g.as("111122223333", gateway.RootSecret, "")
	require.ErrorContains(t, put(foreign), "no resource-based policy allows the kinesis:PutRecord action")
	_, err = streams.PutResourcePolicy(ctx, &kinesis.PutResourcePolicyInput{ResourceARN: &arn,
		Policy: policy(`{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"kinesis:PutRecord",` +
			`"Resource":"` + arn + `"}`)})
	require.NoError(t, err)
	require.NoError(t, put(foreign))
}

func TestEnforced_batchesNeedAllTheirTables(t *testing.T) {
	t.Parallel()
	g, ctx := enforced(t), t.Context()
	tables := dynamodb.NewFromConfig(g.root)
	for _, name := range []string{"aaa", "bbb"} {
		_, err := tables.CreateTable(ctx, &dynamodb.CreateTableInput{TableName: &name, BillingMode: "PAY_PER_REQUEST",
			KeySchema:            []dynamotypes.KeySchemaElement{{AttributeName: aws.String("k"), KeyType: "HASH"}},
			AttributeDefinitions: []dynamotypes.AttributeDefinition{{AttributeName: aws.String("k"), AttributeType: "S"}}})
		require.NoError(t, err)
	}
	g.Advance(1e10)
	alice := dynamodb.NewFromConfig(g.user("alice", `{"Effect":"Allow","Action":"dynamodb:*",`+
		`"Resource":"arn:aws:dynamodb:us-east-1:000000000000:table/aaa"}`))
	write := func(names ...string) error {
		in := &dynamodb.BatchWriteItemInput{RequestItems: map[string][]dynamotypes.WriteRequest{}}
		for _, n := range names {
			in.RequestItems[n] = []dynamotypes.WriteRequest{{PutRequest: &dynamotypes.PutRequest{
				Item: map[string]dynamotypes.AttributeValue{"k": &dynamotypes.AttributeValueMemberS{Value: "x"}}}}}
		}
		_, err := alice.BatchWriteItem(ctx, in)
		return err
	}
	require.NoError(t, write("aaa"))
	refused(t, write("aaa", "bbb"), "AccessDeniedException", "table/bbb because no identity-based policy allows")
}
