package sts

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/limits"
	"github.com/pipelab/pipelab/internal/aws/policy"
)

// roleOf reads the ARN of a role and its name.
func roleOf(arn string) (ident.ARN, string, error) {
	a, err := ident.ParseARN(arn)
	if err != nil || a.Service != "iam" || !strings.HasPrefix(a.Resource, "role/") {
		return a, "", gateway.Errorf(400, "ValidationError", "%s is invalid", arn)
	}
	return a, a.Resource[strings.LastIndexByte(a.Resource, '/')+1:], nil
}

// lookup calls IAM for what STS has to know itself.
func lookup[O any](ctx context.Context, s *Service, account, operation string, in any) (*O, error) {
	return gateway.Invoke[O](ctx, s.host, gateway.Call{
		Principal: gateway.ServicePrincipal("sts.amazonaws.com", account),
		Scope:     ident.Scope{Account: account, Region: gateway.From(ctx).Scope.Region},
		Service:   "iam", Operation: operation, Input: in})
}

// AssumeRole gives credentials of a role to a caller that the role trusts; the
// door has asked the trust policy.
func (s *Service) AssumeRole(ctx context.Context, in *sts.AssumeRoleInput) (*sts.AssumeRoleOutput, error) {
	a, name, err := roleOf(aws.ToString(in.RoleArn))
	if err != nil {
		return nil, err
	}
	call := gateway.From(ctx)
	if call.Principal.Kind == gateway.Root {
		// AWS: the account's root user cannot assume roles ("Roles may not be
		// assumed by root accounts."). Here the everyday test credentials are
		// root's, and refusing them would leave learners no way in.
		s.host.Log.Debug("root assumes a role", "role", aws.ToString(in.RoleArn))
	}
	got, err := lookup[iam.GetRoleOutput](ctx, s, a.Account, "GetRole", &iam.GetRoleInput{RoleName: aws.String(name)})
	if err != nil || aws.ToString(got.Role.Arn) != a.String() {
		// AWS does not tell whether the role exists.
		return nil,
			gateway.Errorf(403, "AccessDenied", "User: %s is not authorized to perform: sts:AssumeRole on resource: %s",
				call.Principal, aws.ToString(in.RoleArn))
	}
	seconds := int32(limits.Get("sts", "defaultSessionSeconds"))
	if in.DurationSeconds != nil {
		seconds = *in.DurationSeconds
	}
	longest := aws.ToInt32(got.Role.MaxSessionDuration)
	if call.Principal.Kind == gateway.AssumedRole {
		// Role chaining is limited to an hour whatever the role allows.
		// Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html
		longest = min(longest, 3600)
	}
	if seconds > longest {
		return nil,
			gateway.Errorf(400, "ValidationError",
				"The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	owner := gateway.RolePrincipal(a.String(), aws.ToString(in.RoleSessionName), a.Account)
	owner.ID = aws.ToString(got.Role.RoleId) + ":" + aws.ToString(in.RoleSessionName)
	if owner.Session, err = s.session(ctx, in, a.Account); err != nil {
		return nil, err
	}
	creds, err := s.open(ctx, owner, time.Duration(seconds)*time.Second)
	out := &sts.AssumeRoleOutput{Credentials: creds, SourceIdentity: in.SourceIdentity,
		AssumedRoleUser: &types.AssumedRoleUser{Arn: aws.String(owner.ARN), AssumedRoleId: aws.String(owner.ID)}}
	if owner.Session.SourceIdentity != "" {
		out.SourceIdentity = &owner.Session.SourceIdentity
	}
	if packed, limited := packed(in); limited {
		out.PackedPolicySize = aws.Int32(packed) //nolint:staticcheck // clients of before its successor read it
	}
	return out, err
}

// packed is how much of the room for session policies and tags is used, in
// percent; limited is false where there are none.
//
// AWS: packs both in a binary form that it does not publish. Here their plain
// length counts, against the same bound.
func packed(in *sts.AssumeRoleInput) (percent int32, limited bool) {
	n := len(aws.ToString(in.Policy))
	for _, t := range in.Tags {
		n += len(aws.ToString(t.Key)) + len(aws.ToString(t.Value))
	}
	for _, p := range in.PolicyArns {
		n += len(aws.ToString(p.Arn))
	}
	most := limits.Get("sts", "sessionPolicySize")
	return int32(min(100, (int64(n)*100+most-1)/most)), n > 0 // at most 100
}

// session is what the request gives the new session, and what the caller's own
// session passes on.
func (s *Service) session(ctx context.Context, in *sts.AssumeRoleInput, account string) (*gateway.Session, error) {
	call := gateway.From(ctx)
	n := &gateway.Session{Issued: call.Time, Tags: map[string]string{}, SourceIdentity: aws.ToString(in.SourceIdentity)}
	if before := call.Principal.Session; before != nil && call.Principal.Kind == gateway.AssumedRole {
		if err := inherit(n, before, in); err != nil {
			return nil, err
		}
	}
	if len(in.Tags) > int(limits.Get("sts", "sessionTags")) {
		return nil, gateway.Errorf(400, "ValidationError", "1 validation error detected: Value at 'tags' failed to satisfy "+
			"constraint: Member must have length less than or equal to %d", limits.Get("sts", "sessionTags"))
	}
	for _, t := range in.Tags {
		for other := range n.Tags {
			if strings.EqualFold(other, aws.ToString(t.Key)) {
				return nil, gateway.Errorf(400, "InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are "+
					"case insensitive.")
			}
		}
		n.Tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	for _, key := range in.TransitiveTagKeys {
		if _, ok := n.Tags[key]; !ok {
			return nil, gateway.Errorf(400, "InvalidParameterValue",
				"The specified transitive tag key must be included in the requested tags.")
		}
		if !slices.Contains(n.Transitive, key) {
			n.Transitive = append(n.Transitive, key)
		}
	}
	var err error
	n.Policies, err = s.policies(ctx, in, account)
	return n, err
}

// inherit takes over what goes on to the next role in a chain.
// Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_role-chaining
func inherit(n, before *gateway.Session, in *sts.AssumeRoleInput) error {
	for _, key := range before.Transitive {
		for _, t := range in.Tags {
			if strings.EqualFold(aws.ToString(t.Key), key) {
				return gateway.Errorf(400, "InvalidParameterValue", "One of the specified transitive tag keys can't be set "+
					"because it conflicts with a transitive tag key from the calling session.")
			}
		}
		n.Tags[key] = before.Tags[key]
	}
	n.Transitive = slices.Clone(before.Transitive)
	if before.SourceIdentity == "" {
		return nil
	}
	if n.SourceIdentity != "" && n.SourceIdentity != before.SourceIdentity {
		return gateway.Errorf(403, "AccessDenied", "SourceIdentity of a session cannot be changed")
	}
	n.SourceIdentity = before.SourceIdentity
	return nil
}

// policies are those that limit the session: one in the request, and managed
// ones of the role's account.
func (s *Service) policies(ctx context.Context, in *sts.AssumeRoleInput, account string) ([]gateway.SessionPolicy,
	error) {
	var out []gateway.SessionPolicy
	if size, _ := packed(in); size > 100 || len(aws.ToString(in.Policy)) > int(limits.Get("sts", "sessionPolicySize")) {
		return nil, &types.PackedPolicyTooLargeException{Message: aws.String(
			"Serialized token too large for session")}
	}
	if in.Policy != nil {
		if _, err := policy.Parse(policy.Identity, *in.Policy); err != nil {
			return nil, malformed(err)
		}
		out = append(out, gateway.SessionPolicy{Name: "session policy", Document: *in.Policy})
	}
	if len(in.PolicyArns) > int(limits.Get("sts", "sessionPolicyArns")) {
		return nil, gateway.Errorf(400, "ValidationError", "You cannot pass more than %d managed session policies",
			limits.Get("sts", "sessionPolicyArns"))
	}
	for _, p := range in.PolicyArns {
		got, err := lookup[iam.GetPolicyOutput](ctx, s, account, "GetPolicy", &iam.GetPolicyInput{PolicyArn: p.Arn})
		if err != nil {
			return nil, gateway.Errorf(400, "InvalidParameterValue", "PolicyArn %s does not exist", aws.ToString(p.Arn))
		}
		version, err := lookup[iam.GetPolicyVersionOutput](ctx, s, account, "GetPolicyVersion",
			&iam.GetPolicyVersionInput{PolicyArn: p.Arn, VersionId: got.Policy.DefaultVersionId})
		if err != nil {
			return nil, err
		}
		text, err := url.QueryUnescape(aws.ToString(version.PolicyVersion.Document))
		if err != nil {
			return nil, err
		}
		out = append(out, gateway.SessionPolicy{Name: aws.ToString(got.Policy.PolicyName), ARN: aws.ToString(p.Arn),
			Document: text})
	}
	return out, nil
}

func malformed(err error) error {
	message := err.Error()
	var wrong *policy.Error
	if errors.As(err, &wrong) {
		message = wrong.AWS
	}
	return &types.MalformedPolicyDocumentException{Message: aws.String(message)}
}
