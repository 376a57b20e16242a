package cloud_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfntypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
)

const oneQueue = "Resources: { Q: { Type: AWS::SQS::Queue, Properties: { QueueName: q } } }"

// deploy makes a stack and returns it, and the reason of the first resource that
// failed, once it has come to rest.
func (g *guarded) deploy(cfg aws.Config, name string, role *string) (st cfntypes.Stack, reason string) {
	g.t.Helper()
	ctx := g.t.Context()
	_, err := cloudformation.NewFromConfig(cfg).CreateStack(ctx, &cloudformation.CreateStackInput{StackName: &name,
		TemplateBody: aws.String(oneQueue), RoleARN: role})
	require.NoError(g.t, err)
	st = g.rest(name)
	events, err := cloudformation.NewFromConfig(g.root).DescribeStackEvents(ctx,
		&cloudformation.DescribeStackEventsInput{StackName: st.StackId})
	require.NoError(g.t, err)
	for _, e := range events.StackEvents {
		if e.ResourceStatus == cfntypes.ResourceStatusCreateFailed {
			reason = *e.ResourceStatusReason
		}
	}
	return st, reason
}

// rest is a stack that nobody works on.
func (g *guarded) rest(name string) (st cfntypes.Stack) {
	g.t.Helper()
	require.Eventually(g.t, func() bool {
		out, err := cloudformation.NewFromConfig(g.root).DescribeStacks(g.t.Context(),
			&cloudformation.DescribeStacksInput{StackName: &name})
		require.NoError(g.t, err)
		st = out.Stacks[0]
		return !strings.HasSuffix(string(st.StackStatus), "_IN_PROGRESS")
	}, 20*time.Second, 5*time.Millisecond)
	return st
}

func TestEnforced_stacksWorkWithTheirCallersPermissions(t *testing.T) {
	t.Parallel()
	g := enforced(t)
	const stacks = `{"Effect":"Allow","Action":"cloudformation:*","Resource":"*"},`
	may := g.user("may", stacks+`{"Effect":"Allow","Action":"sqs:*","Resource":"*"}`)
	st, reason := g.deploy(may, "may", nil)
	require.Equal(t, cfntypes.StackStatusCreateComplete, st.StackStatus, reason)
	_, err := cloudformation.NewFromConfig(may).DeleteStack(t.Context(), &cloudformation.DeleteStackInput{
		StackName: aws.String("may")})
	require.NoError(t, err)
	g.rest(*st.StackId)

	mayNot := g.user("maynot", stacks+`{"Effect":"Allow","Action":"sqs:GetQueueUrl","Resource":"*"}`)
	st, reason = g.deploy(mayNot, "maynot", nil)
	require.Equal(t, cfntypes.StackStatusRollbackComplete, st.StackStatus)
	require.Contains(t, reason, "User: arn:aws:iam::000000000000:user/maynot is not authorized to perform: "+
		"sqs:CreateQueue on resource: arn:aws:sqs:us-east-1:000000000000:q because no identity-based policy allows the "+
		"sqs:CreateQueue action")

	for user, statement := range map[string]string{
		"via":      `"ForAnyValue:StringEquals":{"aws:CalledVia":"cloudformation.amazonaws.com"}`,
		"first":    `"StringEquals":{"aws:CalledViaFirst":"cloudformation.amazonaws.com"}`,
		"last":     `"StringEquals":{"aws:CalledViaLast":"cloudformation.amazonaws.com"}`,
		"services": `"Bool":{"aws:ViaAWSService":"true"},"Null":{"aws:SourceIp":"true"}`,
	} {
		cfg := g.user(user, stacks+`{"Effect":"Allow","Action":"sqs:*","Resource":"*","Condition":{`+statement+`}}`)
		st, reason = g.deploy(cfg, user, nil)
		require.Equal(t, cfntypes.StackStatusCreateComplete, st.StackStatus, "%s: %s", user, reason)
		_, err = cloudformation.NewFromConfig(cfg).DeleteStack(t.Context(), &cloudformation.DeleteStackInput{
			StackName: &user})
		require.NoError(t, err)
		g.rest(*st.StackId)
	}
}

func TestEnforced_stacksWorkWithTheirRole(t *testing.T) {
	t.Parallel()
	g, ctx := enforced(t), t.Context()
	builder := g.role("builder", awstest.Trust(`{"Service":"cloudformation.amazonaws.com"}`),
		`{"Effect":"Allow","Action":"sqs:*","Resource":"*","Condition":{"Bool":{"aws:ViaAWSService":"false"}}}`)
	const stacks = `{"Effect":"Allow","Action":"cloudformation:*","Resource":"*"}`
	operator := g.user("operator", stacks)
	_, err := cloudformation.NewFromConfig(operator).CreateStack(ctx, &cloudformation.CreateStackInput{
		StackName: aws.String("no"), TemplateBody: aws.String(oneQueue), RoleARN: &builder})
	refused(t, err, "AccessDenied", "not authorized to perform: iam:PassRole on resource: "+builder)

	passer := g.user("passer", stacks+`,{"Effect":"Allow","Action":"iam:PassRole","Resource":"`+builder+`",
		"Condition":{"StringEquals":{"iam:PassedToService":"cloudformation.amazonaws.com"}}}`)
	st, reason := g.deploy(passer, "own", &builder)
	require.Equal(t, cfntypes.StackStatusCreateComplete, st.StackStatus, reason)
	require.Equal(t, builder, *st.RoleARN)

	// The stack keeps its role, which whoever may change the stack uses.
	_, err = cloudformation.NewFromConfig(operator).UpdateStack(ctx, &cloudformation.UpdateStackInput{
		StackName: aws.String("own"), TemplateBody: aws.String(strings.Replace(oneQueue, "QueueName: q",
			"QueueName: q, DelaySeconds: 5", 1))})
	require.NoError(t, err)
	require.Equal(t, cfntypes.StackStatusUpdateComplete, g.rest("own").StackStatus)
	cfn := cloudformation.NewFromConfig(operator)
	_, err = cfn.CreateChangeSet(ctx, &cloudformation.CreateChangeSetInput{StackName: aws.String("own"),
		ChangeSetName: aws.String("c"), TemplateBody: aws.String(oneQueue), RoleARN: &builder})
	refused(t, err, "AccessDenied", "iam:PassRole")
	_, err = cfn.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: aws.String("own"), RoleARN: &builder})
	refused(t, err, "AccessDenied", "iam:PassRole")

	// A role that does not trust CloudFormation, or that is gone, is refused at once.
	other := g.role("other", awstest.Trust(`{"Service":"lambda.amazonaws.com"}`), "")
	_, err = cloudformation.NewFromConfig(g.root).CreateStack(ctx, &cloudformation.CreateStackInput{
		StackName: aws.String("no"), TemplateBody: aws.String(oneQueue), RoleARN: &other})
	refused(t, err, "ValidationError", "Role "+other+" is invalid or cannot be assumed")
	_, err = g.iam.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: aws.String("builder"),
		PolicyName: aws.String("own")})
	require.NoError(t, err)
	_, err = g.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: aws.String("builder")})
	require.NoError(t, err)
	_, err = cfn.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: aws.String("own")})
	refused(t, err, "ValidationError", "Role "+builder+" is invalid or cannot be assumed")
}

func TestEnforced_changeSetsBringTheStackItsRole(t *testing.T) {
	t.Parallel()
	g, ctx := enforced(t), t.Context()
	builder := g.role("builder", awstest.Trust(`{"Service":"cloudformation.amazonaws.com"}`),
		`{"Effect":"Allow","Action":"sqs:*","Resource":"*"}`)
	passer := g.user("passer", `{"Effect":"Allow","Action":["cloudformation:*","iam:PassRole"],"Resource":"*"}`)
	cfn := cloudformation.NewFromConfig(passer)
	_, err := cfn.CreateChangeSet(ctx, &cloudformation.CreateChangeSetInput{StackName: aws.String("s"),
		ChangeSetName: aws.String("c"), ChangeSetType: cfntypes.ChangeSetTypeCreate, TemplateBody: aws.String(oneQueue),
		RoleARN: &builder})
	require.NoError(t, err)
	_, err = cfn.ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{StackName: aws.String("s"),
		ChangeSetName: aws.String("c")})
	require.NoError(t, err)
	st := g.rest("s")
	require.Equal(t, cfntypes.StackStatusCreateComplete, st.StackStatus)
	require.Equal(t, builder, *st.RoleARN)
}
