package sts_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	emulatediam "github.com/pipelab/pipelab/internal/aws/service/iam"
	emulated "github.com/pipelab/pipelab/internal/aws/service/sts"
)

// world is a cloud with a user, and roles that anybody of the account may assume.
type world struct {
	*awstest.Cloud
	t    *testing.T
	iam  *iam.Client
	user aws.Config
}

func start(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, Cloud: awstest.New(t, func(h *gateway.Host) gateway.Service { return emulatediam.New(h) },
		func(h *gateway.Host) gateway.Service { return emulated.New(h) })}
	w.iam = iam.NewFromConfig(w.Config())
	_, err := w.iam.CreateUser(t.Context(), &iam.CreateUserInput{UserName: aws.String("alice")})
	require.NoError(t, err)
	key, err := w.iam.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: aws.String("alice")})
	require.NoError(t, err)
	w.user = w.as(*key.AccessKey.AccessKeyId, *key.AccessKey.SecretAccessKey, "")
	return w
}

func (w *world) as(id, secret, token string) aws.Config {
	cfg := w.Config()
	cfg.Credentials = credentials.NewStaticCredentialsProvider(id, secret, token)
	return cfg
}

func (w *world) with(c *types.Credentials) aws.Config {
	return w.as(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)
}

func (w *world) role(name string, longest int32) (arn, id string) {
	w.t.Helper()
	out, err := w.iam.CreateRole(w.t.Context(), &iam.CreateRoleInput{RoleName: &name, MaxSessionDuration: &longest,
		AssumeRolePolicyDocument: aws.String(awstest.Trust(`{"AWS":"000000000000"}`))})
	require.NoError(w.t, err)
	return *out.Role.Arn, *out.Role.RoleId
}

func (w *world) assume(cfg aws.Config, role, session string, seconds int32) (*sts.AssumeRoleOutput, error) {
	in := &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: &session}
	if seconds != 0 {
		in.DurationSeconds = &seconds
	}
	return sts.NewFromConfig(cfg).AssumeRole(w.t.Context(), in)
}

func refused(t *testing.T, err error, code string) {
	t.Helper()
	var api smithy.APIError
	require.ErrorAs(t, err, &api)
	require.Equal(t, code, api.ErrorCode(), api.ErrorMessage())
}

func TestGetCallerIdentity_tellsEachPrincipal(t *testing.T) {
	t.Parallel()
	w, ctx := start(t), t.Context()
	role, id := w.role("r", 3600)
	session, err := w.assume(w.user, role, "night", 0)
	require.NoError(t, err)
	own, err := sts.NewFromConfig(w.user).GetSessionToken(ctx, nil)
	require.NoError(t, err)
	me, err := iam.NewFromConfig(w.user).GetUser(ctx, nil)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		cfg                  aws.Config
		account, arn, userID string
	}{
		"root": {w.Config(), "000000000000", "arn:aws:iam::000000000000:root", "000000000000"},
		"root of another account": {w.as("111122223333", "test", ""), "111122223333", "arn:aws:iam::111122223333:root",
			"111122223333"},
		"user": {w.user, "000000000000", "arn:aws:iam::000000000000:user/alice", *me.User.UserId},
		"user with a session": {w.with(own.Credentials), "000000000000", "arn:aws:iam::000000000000:user/alice",
			*me.User.UserId},
		"role": {w.with(session.Credentials), "000000000000", "arn:aws:sts::000000000000:assumed-role/r/night",
			id + ":night"},
	} {
		out, err := sts.NewFromConfig(c.cfg).GetCallerIdentity(ctx, nil)
		require.NoError(t, err, name)
		require.Equal(t, []string{c.account, c.arn, c.userID}, []string{*out.Account, *out.Arn, *out.UserId}, name)
	}
	require.Equal(t, "arn:aws:sts::000000000000:assumed-role/r/night", *session.AssumedRoleUser.Arn)
	require.Equal(t, id+":night", *session.AssumedRoleUser.AssumedRoleId)
	_, err = sts.NewFromConfig(w.Config(), func(o *sts.Options) { o.Credentials = aws.AnonymousCredentials{} }).
		GetCallerIdentity(ctx, nil)
	require.Error(t, err)
}

func TestAssumeRole_boundsNamesAndDurations(t *testing.T) {
	t.Parallel()
	w := start(t)
	role, _ := w.role("r", 7200)
	for _, name := range []string{"x", "with space", "a/b", string(make([]byte, 65))} {
		_, err := w.assume(w.user, role, name, 0)
		refused(t, err, "ValidationError")
	}
	_, err := w.assume(w.user, role, "a=b,c.d@e-f_g+", 0)
	require.NoError(t, err)
	for seconds, good := range map[int32]bool{899: false, 900: true, 7200: true, 7201: false, 43201: false} {
		out, err := w.assume(w.user, role, "night", seconds)
		if !good {
			refused(t, err, "ValidationError")
			continue
		}
		require.NoError(t, err, seconds)
		require.Equal(t, awstest.Epoch.Add(time.Duration(seconds)*time.Second), out.Credentials.Expiration.UTC())
	}
	// A role that assumes a role gets an hour, whatever that one allows.
	first, err := w.assume(w.user, role, "first", 0)
	require.NoError(t, err)
	_, err = w.assume(w.with(first.Credentials), role, "second", 3601)
	refused(t, err, "ValidationError")
	_, err = w.assume(w.with(first.Credentials), role, "second", 3600)
	require.NoError(t, err)
	_, err = w.assume(w.user, "arn:aws:iam::000000000000:role/none", "night", 0)
	refused(t, err, "AccessDenied")
}

func TestGetSessionToken_isOfLongTermKeysAlone(t *testing.T) {
	t.Parallel()
	w, ctx := start(t), t.Context()
	token := func(cfg aws.Config, seconds int32) (*sts.GetSessionTokenOutput, error) {
		in := &sts.GetSessionTokenInput{}
		if seconds != 0 {
			in.DurationSeconds = &seconds
		}
		return sts.NewFromConfig(cfg).GetSessionToken(ctx, in)
	}
	for seconds, want := range map[int32]time.Duration{0: 12 * time.Hour, 900: 15 * time.Minute, 129600: 36 * time.Hour} {
		out, err := token(w.user, seconds)
		require.NoError(t, err)
		require.Equal(t, awstest.Epoch.Add(want), out.Credentials.Expiration.UTC())
	}
	out, err := token(w.Config(), 0)
	require.NoError(t, err)
	require.Equal(t, awstest.Epoch.Add(time.Hour), out.Credentials.Expiration.UTC(), "root's last an hour")
	_, err = token(w.user, 129601)
	refused(t, err, "ValidationError")
	role, _ := w.role("r", 3600)
	session, err := w.assume(w.user, role, "night", 0)
	require.NoError(t, err)
	_, err = token(w.with(session.Credentials), 0)
	refused(t, err, "AccessDenied")
	_, err = sts.NewFromConfig(w.user).GetSessionToken(ctx, &sts.GetSessionTokenInput{
		SerialNumber: aws.String("arn:aws:iam::000000000000:mfa/alice"), TokenCode: aws.String("123456")})
	refused(t, err, "NotImplemented")

	w.Advance(61 * time.Minute)
	_, err = sts.NewFromConfig(w.with(session.Credentials)).GetCallerIdentity(ctx, nil)
	refused(t, err, "ExpiredToken")
}

func TestGetAccessKeyInfo_tellsTheAccountOfAKey(t *testing.T) {
	t.Parallel()
	w, ctx := start(t), t.Context()
	role, _ := w.role("r", 3600)
	session, err := w.assume(w.user, role, "night", 0)
	require.NoError(t, err)
	out, err := sts.NewFromConfig(w.as("111122223333", "test", "")).GetAccessKeyInfo(ctx, &sts.GetAccessKeyInfoInput{
		AccessKeyId: session.Credentials.AccessKeyId})
	require.NoError(t, err)
	require.Equal(t, "000000000000", *out.Account)
	_, err = sts.NewFromConfig(w.user).DecodeAuthorizationMessage(ctx, &sts.DecodeAuthorizationMessageInput{
		EncodedMessage: aws.String("x")})
	refused(t, err, "NotImplemented")
}
