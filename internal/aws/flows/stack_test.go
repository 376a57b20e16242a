package flows_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
)

const twoQueues = `
Resources:
  Dead: { Type: AWS::SQS::Queue, Properties: { QueueName: dead } }
  Jobs:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: jobs
      RedrivePolicy: { deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3 }
`

func (r *region) stack(name, template string, role *string) {
	r.t.Helper()
	_, err := r.cfn.CreateStack(r.t.Context(), &cloudformation.CreateStackInput{StackName: &name, TemplateBody: &template,
		RoleARN: role})
	require.NoError(r.t, err)
}

func (r *region) rest(name string, want types.StackStatus) {
	r.t.Helper()
	require.Eventually(r.t, func() bool {
		out, err := r.cfn.DescribeStacks(r.t.Context(), &cloudformation.DescribeStacksInput{StackName: &name})
		require.NoError(r.t, err)
		return out.Stacks[0].StackStatus == want
	}, 20*time.Second, 5*time.Millisecond, "%s", want)
}

// builder is a role that CloudFormation may use.
func (r *region) builder() *string {
	r.t.Helper()
	out, err := r.iam.CreateRole(r.t.Context(), &iam.CreateRoleInput{RoleName: aws.String("builder"),
		AssumeRolePolicyDocument: aws.String(awstest.Trust(`{"Service":"cloudformation.amazonaws.com"}`))})
	require.NoError(r.t, err)
	return out.Role.Arn
}

func TestFlow_stackToResources(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.stack("mine", twoQueues, nil)
	r.rest("mine", types.StackStatusCreateComplete)
	require.Equal(t, `
cloudformation.CreateStack mine by root
  sqs.GetQueueUrl dead by root !QueueDoesNotExist
  sqs.CreateQueue dead by root
  sqs.GetQueueUrl jobs by root !QueueDoesNotExist
  sqs.CreateQueue jobs by root
`, r.told())
	_, err := r.cfn.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: aws.String("mine"),
		RoleARN: r.builder()})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		out, err := r.cfn.ListStacks(t.Context(), &cloudformation.ListStacksInput{})
		require.NoError(t, err)
		return out.StackSummaries[0].StackStatus == types.StackStatusDeleteComplete
	}, 20*time.Second, 5*time.Millisecond)
	require.Equal(t, `
cloudformation.DeleteStack mine by root
  sqs.DeleteQueue jobs by assumed-role/builder/AWSCloudFormation
  sqs.DeleteQueue dead by assumed-role/builder/AWSCloudFormation
`, r.told())
}

// told is the tree without the questions of the test itself; all calls that a
// stack makes come from inside.
func (r *region) told() string {
	r.t.Helper()
	entries, _ := r.gateway.Trace().After(r.seen, 10_000)
	for _, e := range entries {
		require.True(r.t, e.Service != "sqs" || e.Internal, "%+v", e)
	}
	out := ""
	for line := range strings.Lines(r.tree()) {
		if !strings.Contains(line, ".DescribeStacks ") && !strings.Contains(line, ".ListStacks ") {
			out += line
		}
	}
	return out
}

// The emulator ends while a stack is made: it is rolled back after, by its role
// and under the call that began it.
func TestFlow_stackGoesOnAfterARestart(t *testing.T) {
	t.Parallel()
	dir, clk := t.TempDir(), clock.NewManual(awstest.Epoch)
	r := open(t, dir, clk)
	role := r.builder()
	faults := r.gateway.Host().Faults
	faults.Add(gateway.Fault{ID: "slow", Kind: gateway.FaultLatency, Service: "sqs", Operation: "CreateQueue",
		Resource: "jobs", Latency: time.Hour})
	r.tree()
	r.stack("mine", twoQueues, role)
	require.Eventually(t, func() bool {
		_, hits := faults.List()
		return hits[0] == 1
	}, 20*time.Second, time.Millisecond)
	entries, _ := r.gateway.Trace().After(r.seen, 10_000)
	id := ""
	for _, e := range entries {
		if e.Operation == "CreateStack" {
			id = e.ID
		}
	}
	require.NotEmpty(t, id)
	r.close()

	r = open(t, dir, clk)
	r.rest("mine", types.StackStatusRollbackComplete)
	entries, _ = r.gateway.Trace().After(0, 10_000)
	deleted := false
	for _, e := range entries {
		if e.Service != "sqs" {
			continue
		}
		require.Equal(t, id, e.Parent, "%+v", e)
		require.Equal(t, "arn:aws:sts::"+ident.DefaultAccount+":assumed-role/builder/AWSCloudFormation", e.Principal)
		deleted = deleted || e.Operation == "DeleteQueue" && e.Resource == "dead" && e.Error == ""
	}
	require.True(t, deleted)
}
