package policy

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The statements of the tables, by what they do.
const (
	allowS3    = `{"Sid":"A","Effect":"Allow","Action":"s3:*","Resource":"*"}`
	denyS3     = `{"Sid":"D","Effect":"Deny","Action":"s3:*","Resource":"*"}`
	allowOther = `{"Effect":"Allow","Action":"sqs:*","Resource":"*"}`
)

func grantTo(principal string) string {
	return `{"Sid":"R","Effect":"Allow","Principal":` + principal + `,"Action":"s3:GetObject","Resource":"*"}`
}

func denyTo(principal string) string {
	return `{"Sid":"RD","Effect":"Deny","Principal":` + principal + `,"Action":"s3:GetObject","Resource":"*"}`
}

// Sources of the cases:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
// https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
func TestEvaluate_combinesPolicyTypesAsAWSDocuments(t *testing.T) {
	t.Parallel()
	const (
		aliceARN = `{"AWS":"arn:aws:iam::111122223333:user/alice"}`
		roleARN  = `{"AWS":"arn:aws:iam::111122223333:role/etl"}`
		sessARN  = `{"AWS":"arn:aws:sts::111122223333:assumed-role/etl/run"}`
		acct     = `{"AWS":"111122223333"}`
		rootARN  = `{"AWS":"arn:aws:iam::111122223333:root"}`
		s3svc    = `{"Service":"s3.amazonaws.com"}`
	)
	root := Principal{Kind: Root, Account: account, ARN: "arn:aws:iam::111122223333:root", ID: account}
	service := Principal{Kind: Service, Account: account, Service: "s3.amazonaws.com"}
	for _, tc := range []struct {
		name                                  string
		who                                   Principal
		identity, boundary, session, resource string
		owner                                 string // account of the resource
		required                              bool
		want                                  Outcome
		by                                    Type
	}{
		{"nothing allows", alice(), "", "", "", "", "", false, ImplicitDeny, IdentityBased},
		{"identity allows", alice(), allowS3, "", "", "", "", false, Allowed, IdentityBased},
		{"identity denies", alice(), allowS3 + "," + denyS3, "", "", "", "", false, ExplicitDeny, IdentityBased},
		{"resource allows a user of its account", alice(), "", "", "", grantTo(aliceARN), "", false, Allowed, ResourceBased},
		{"resource allows by unique id", alice(), "", "", "", grantTo(`{"AWS":"AIDACKCEVSQ6C2EXAMPLE"}`), "", false, Allowed,
			ResourceBased},
		{"resource names another user", alice(), "", "", "", grantTo(`{"AWS":"arn:aws:iam::111122223333:user/bob"}`), "",
			false, ImplicitDeny, IdentityBased},
		{"resource denies", alice(), allowS3, "", "", denyTo(aliceARN), "", false, ExplicitDeny, ResourceBased},
		{"resource denies the account", alice(), allowS3, "", "", denyTo(rootARN), "", false, ExplicitDeny, ResourceBased},
		{"resource trusts the account only", alice(), "", "", "", grantTo(acct), "", false, ImplicitDeny, IdentityBased},
		{"the account and identity", alice(), allowS3, "", "", grantTo(acct), "", false, Allowed, IdentityBased},
		{"boundary limits identity", alice(), allowS3, allowOther, "", "", "", false, ImplicitDeny, PermissionsBoundary},
		{"boundary and identity", alice(), allowS3, allowS3, "", "", "", false, Allowed, IdentityBased},
		{"boundary grants nothing", alice(), "", allowS3, "", "", "", false, ImplicitDeny, IdentityBased},
		{"boundary denies", alice(), allowS3, allowS3 + "," + denyS3, "", "", "", false, ExplicitDeny, PermissionsBoundary},
		{"a user named by a resource passes an implicit boundary", alice(), "", allowOther, "", grantTo(aliceARN), "", false,
			Allowed, ResourceBased},
		{"but not an explicit deny", alice(), "", denyS3, "", grantTo(aliceARN), "", false, ExplicitDeny,
			PermissionsBoundary},
		{"session policy limits the role", etl(), allowS3, "", allowOther, "", "", false, ImplicitDeny, SessionPolicy},
		{"session policy and role", etl(), allowS3, "", allowS3, "", "", false, Allowed, IdentityBased},
		{"session policy grants nothing", etl(), "", "", allowS3, "", "", false, ImplicitDeny, IdentityBased},
		{"a role that a resource names is limited by the boundary", etl(), "", allowOther, "", grantTo(roleARN), "", false,
			ImplicitDeny, PermissionsBoundary},
		{"and by the session policy", etl(), "", "", allowOther, grantTo(roleARN), "", false, ImplicitDeny, SessionPolicy},
		{"a role that a resource names needs no identity policy", etl(), "", "", "", grantTo(roleARN), "", false, Allowed,
			ResourceBased},
		{"a session that a resource names passes both", etl(), "", allowOther, allowOther, grantTo(sessARN), "", false,
			Allowed, ResourceBased},
		{"everybody passes both", etl(), "", allowOther, allowOther, grantTo(`"*"`), "", false, Allowed, ResourceBased},
		{"another account needs the resource", alice(), allowS3, "", "", "", "444455556666", false, ImplicitDeny,
			ResourceBased},
		{"another account needs identity too", alice(), "", "", "", grantTo(aliceARN), "444455556666", false, ImplicitDeny,
			IdentityBased},
		{"both, across accounts", alice(), allowS3, "", "", grantTo(acct), "444455556666", false, Allowed, IdentityBased},
		{"a foreign session is limited by its boundary", etl(), allowS3, allowOther, "", grantTo(sessARN), "444455556666",
			false, ImplicitDeny, PermissionsBoundary},
		{"everybody, across accounts, needs identity", etl(), "", "", "", grantTo(`"*"`), "444455556666", false, ImplicitDeny,
			IdentityBased},
		{"root may do all at home", root, "", "", "", "", "", false, Allowed, ""},
		{"root can be denied by a resource", root, "", "", "", denyTo(`"*"`), "", false, ExplicitDeny, ResourceBased},
		{"root is nobody elsewhere", root, "", "", "", "", "444455556666", false, ImplicitDeny, ResourceBased},
		{"root of a trusted account", root, "", "", "", grantTo(acct), "444455556666", false, Allowed, ResourceBased},
		{"a service needs the resource", service, "", "", "", "", "", false, ImplicitDeny, ResourceBased},
		{"a service that is let in", service, "", "", "", grantTo(s3svc), "", false, Allowed, ResourceBased},
		{"a service is no member of the account", service, "", "", "", grantTo(acct), "", false, ImplicitDeny, ResourceBased},
		{"another service", service, "", "", "", grantTo(`{"Service":"sns.amazonaws.com"}`), "", false, ImplicitDeny,
			ResourceBased},
		{"anonymous, private", Principal{}, "", "", "", grantTo(acct), account, false, ImplicitDeny, ResourceBased},
		{"anonymous, public", Principal{}, "", "", "", grantTo(`{"AWS":"*"}`), account, false, Allowed, ResourceBased},
		{"a trust policy has to allow", alice(), allowS3, "", "", "", "", true, ImplicitDeny, ResourceBased},
		{"a trust policy that names the user is enough", alice(), "", "", "", grantTo(aliceARN), "", true, Allowed,
			ResourceBased},
		{"one that names the account is not", alice(), "", "", "", grantTo(acct), "", true, ImplicitDeny, IdentityBased},
		{"NotPrincipal spares those it names", alice(), allowS3, "", "",
			`{"Effect":"Deny","NotPrincipal":` + aliceARN + `,"Action":"*","Resource":"*"}`, "", false, Allowed, IdentityBased},
		{"NotPrincipal strikes others", etl(), allowS3, "", "",
			`{"Effect":"Deny","NotPrincipal":` + aliceARN + `,"Action":"*","Resource":"*"}`, "", false, ExplicitDeny,
			ResourceBased},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := &Request{Principal: tc.who, Action: "s3:GetObject", Resource: "arn:aws:s3:::orders/a.json",
				ResourceAccount: tc.owner, ResourceRequired: tc.required}
			if tc.identity != "" {
				r.Identity = one(t, Identity, tc.identity)
			}
			if tc.boundary != "" {
				r.Ceilings = append(r.Ceilings, Ceiling{Type: PermissionsBoundary, Policies: one(t, Identity, tc.boundary)})
			}
			if tc.session != "" {
				r.Ceilings = append(r.Ceilings, Ceiling{Type: SessionPolicy, Policies: one(t, Identity, tc.session)})
			}
			if tc.resource != "" {
				r.Resources = one(t, Resource, tc.resource)
			}
			d := Evaluate(r)
			require.Equal(t, tc.want, d.Outcome, "%+v", d)
			require.Equal(t, tc.by, d.Type)
			require.Equal(t, tc.want != ImplicitDeny && tc.by != "", d.Cause != nil)
		})
	}
}

func TestEvaluate_matchesActionsAndResources(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		statement, action, resource string
		want                        bool
	}{
		{`"Action":"s3:GetObject","Resource":"*"`, "s3:GetObject", "arn:aws:s3:::b/k", true},
		{`"Action":"S3:getobject","Resource":"*"`, "s3:GetObject", "arn:aws:s3:::b/k", true},
		{`"Action":"s3:Get*","Resource":"*"`, "s3:PutObject", "arn:aws:s3:::b/k", false},
		{`"Action":["s3:Put?bject","sqs:*"],"Resource":"*"`, "s3:PutObject", "arn:aws:s3:::b/k", true},
		{`"Action":"iam:*AccessKey*","Resource":"*"`, "iam:ListAccessKeys", "*", true},
		{`"NotAction":"iam:*","Resource":"*"`, "iam:ListUsers", "*", false},
		{`"NotAction":"iam:*","Resource":"*"`, "s3:ListBucket", "*", true},
		{`"Action":"s3:*","NotResource":"arn:aws:s3:::secret/*"`, "s3:GetObject", "arn:aws:s3:::secret/k", false},
		{`"Action":"s3:*","NotResource":"arn:aws:s3:::secret/*"`, "s3:GetObject", "arn:aws:s3:::open/k", true},
		{`"Action":"s3:*","Resource":"arn:aws:s3:::b/*/year=20??/*"`, "s3:GetObject", "arn:aws:s3:::b/x/y/year=2026/a/b",
			true},
		{`"Action":"s3:*","Resource":"arn:aws:s3:::b"`, "s3:GetObject", "arn:aws:s3:::b/k", false},
		{`"Action":"s3:*","Resource":"arn:aws:s3:::B/*"`, "s3:GetObject", "arn:aws:s3:::b/k", false},
		// Wildcards and colons: reference_policies_elements_resource.html
		{`"Action":"*","Resource":"arn:aws:sqs:*:111122223333:orders"`, "sqs:SendMessage",
			"arn:aws:sqs:us-east-1:111122223333:orders", true},
		{`"Action":"*","Resource":"arn:aws:sqs:us-*-1:111122223333:orders"`, "sqs:SendMessage",
			"arn:aws:sqs:us-east-1:111122223333:orders", true},
		{`"Action":"*","Resource":"arn:aws:*1:111122223333:orders"`, "sqs:SendMessage",
			"arn:aws:sqs:us-east-1:111122223333:orders", false},
		{`"Action":"*","Resource":"arn:aws:sqs:*"`, "sqs:SendMessage", "arn:aws:sqs:us-east-1:111122223333:orders", true},
		{`"Action":"*","Resource":"arn:aws:logs:*:*:log-group:/aws/*:log-stream:*"`, "logs:PutLogEvents",
			"arn:aws:logs:us-east-1:1:log-group:/aws/lambda/f:log-stream:2026/03/02/[$LATEST]1", true},
		// Variables: reference_policies_variables.html
		{`"Action":"*","Resource":"arn:aws:s3:::b/${aws:username}/*"`, "s3:GetObject", "arn:aws:s3:::b/alice/k", true},
		{`"Action":"*","Resource":"arn:aws:s3:::b/${aws:username}/*"`, "s3:GetObject", "arn:aws:s3:::b/bob/k", false},
		{`"Action":"*","Resource":"arn:aws:s3:::b/${aws:PrincipalTag/team, 'company-wide'}/*"`, "s3:GetObject",
			"arn:aws:s3:::b/company-wide/k", true},
		{`"Action":"*","Resource":"arn:aws:s3:::b/${aws:PrincipalTag/team}/*"`, "s3:GetObject", "arn:aws:s3:::b//k", false},
		{`"Action":"*","Resource":"arn:aws:s3:::b/${*}/k"`, "s3:GetObject", "arn:aws:s3:::b/x/k", false},
		{`"Action":"*","Resource":"arn:aws:s3:::b/${*}/k"`, "s3:GetObject", "arn:aws:s3:::b/*/k", true},
		{`"Action":"*","Resource":"arn:aws:s3:::b/${?}${$}"`, "s3:GetObject", "arn:aws:s3:::b/?$", true},
		{`"Action":"*","Resource":"arn:aws:s3:::b/${wild}/k"`, "s3:GetObject", "arn:aws:s3:::b/x/k", false},
		{`"Action":"*","Resource":"arn:aws:s3:::b/${many}/k"`, "s3:GetObject", "arn:aws:s3:::b/x/k", false},
	} {
		r := &Request{Principal: alice(), Action: tc.action, Resource: tc.resource,
			Identity: one(t, Identity, `{"Effect":"Allow",`+tc.statement+`}`),
			Keys:     keys("aws:username=alice", "wild=*", "many=x|y")}
		require.Equal(t, tc.want, Evaluate(r).Allowed(), "%s on %s %s", tc.statement, tc.action, tc.resource)
	}
	old := parse(t, Identity, `{"Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::b/${aws:username}"}}`)
	require.False(t, Evaluate(&Request{Principal: alice(), Action: "s3:GetObject", Resource: "arn:aws:s3:::b/alice",
		Identity: []Named{{Document: old}}, Keys: keys("aws:username=alice")}).Allowed(), "2008-10-17 knows no variables")
}

func TestDecision_explainsItself(t *testing.T) {
	t.Parallel()
	r := &Request{Principal: alice(), Action: "s3:GetObject", Resource: "arn:aws:s3:::orders/a",
		Identity: []Named{{Name: "reader", Document: parse(t, Identity, `{"Version":"2012-10-17","Statement":[`+
			`{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"},`+denyS3+`]}`)}}}
	d := Evaluate(r)
	require.Equal(t, &Cause{Type: IdentityBased, Policy: "reader", Sid: "D", Index: 1}, d.Cause)
	require.Equal(t, "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: s3:GetObject on resource: "+
		"arn:aws:s3:::orders/a with an explicit deny in an identity-based policy",
		d.Refusal(r.Principal.ARN, r.Action, r.Resource))

	r.Identity = nil
	r.Resources = one(t, Resource, grantTo(`{"AWS":"111122223333"}`))
	d = Evaluate(r)
	require.Equal(t, "because no identity-based policy allows the s3:GetObject action", d.Because(r.Action))
	require.Equal(t, []Finding{
		{Type: ResourceBased, Outcome: Allowed, Cause: &Cause{Type: ResourceBased, Policy: "p", Sid: "R"}, Delegates: true},
		{Type: IdentityBased, Outcome: ImplicitDeny},
	}, d.Findings)

	r.ResourceRequired, r.ResourceType, r.Resources = true, RoleTrust, one(t, Resource, denyTo(`"*"`))
	require.Equal(t, "with an explicit deny in the role trust policy", Evaluate(r).Because(r.Action))
	require.Equal(t, "User: x is not authorized to perform: s3:ListAllMyBuckets because no permissions boundary allows "+
		"the "+
		"s3:ListAllMyBuckets action", Decision{Outcome: ImplicitDeny, Type: PermissionsBoundary}.Refusal("x",
		"s3:ListAllMyBuckets", "*"))
}
