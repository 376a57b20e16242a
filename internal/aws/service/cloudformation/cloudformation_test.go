package cloudformation_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/embedded"
	"github.com/pipelab/pipelab/internal/provision"
)

var ctx = context.Background()

type world struct {
	t   testing.TB
	e   emulator.Emulator
	cfn *sdk.Client
}

// start runs a whole cloud: stacks reach into every service.
func start(t testing.TB, dir string) *world {
	t.Helper()
	e, err := embedded.Driver{Provision: provision.At}.Start(ctx, emulator.Options{Dir: dir})
	require.NoError(t, err)
	t.Cleanup(func() { _ = e.Close() })
	return &world{t: t, e: e, cfn: sdk.NewFromConfig(e.Endpoint().AWSConfig())}
}

const queues = `
Description: Two queues
Parameters:
  Seconds: { Type: Number, Default: 30 }
  Secret: { Type: String, NoEcho: true, Default: hidden }
Resources:
  Dead: { Type: AWS::SQS::Queue }
  Jobs:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: !Ref Seconds
      RedrivePolicy: { deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3 }
Outputs:
  Jobs: { Value: !Ref Jobs, Export: { Name: jobs-url } }
`

const broken = `
Resources:
  Fine: { Type: AWS::SQS::Queue }
  Clash: { Type: AWS::S3::Bucket, DependsOn: Fine, Properties: { BucketName: Not_A_Bucket } }
`

func (w *world) wait(name string, want types.StackStatus) types.Stack {
	w.t.Helper()
	var st types.Stack
	require.Eventually(w.t, func() bool {
		out, err := w.cfn.DescribeStacks(ctx, &sdk.DescribeStacksInput{StackName: &name})
		require.NoError(w.t, err)
		st = out.Stacks[0]
		return st.StackStatus == want
	}, 20*time.Second, 10*time.Millisecond, "%s", want)
	return st
}

func (w *world) create(name, template string) string {
	w.t.Helper()
	out, err := w.cfn.CreateStack(ctx, &sdk.CreateStackInput{StackName: &name, TemplateBody: &template})
	require.NoError(w.t, err)
	return *out.StackId
}

func TestStacks_areCreatedUpdatedAndDeleted(t *testing.T) {
	w := start(t, "")
	id := w.create("jobs", queues)
	require.NoError(t, sdk.NewStackCreateCompleteWaiter(w.cfn, func(o *sdk.StackCreateCompleteWaiterOptions) {
		o.MinDelay = 20 * time.Millisecond
	}).Wait(ctx, &sdk.DescribeStacksInput{StackName: aws.String("jobs")}, time.Minute))
	st := w.wait("jobs", types.StackStatusCreateComplete)
	require.Equal(t, "Two queues", *st.Description)
	require.Equal(t, "Jobs", *st.Outputs[0].OutputKey)
	require.Equal(t, "****", *st.Parameters[1].ParameterValue)
	queue := *st.Outputs[0].OutputValue
	seconds := func() string {
		out, err := sqs.NewFromConfig(w.e.Endpoint().AWSConfig()).GetQueueAttributes(ctx,
			&sqs.GetQueueAttributesInput{QueueUrl: &queue, AttributeNames: []sqstypes.QueueAttributeName{"VisibilityTimeout"}})
		require.NoError(t, err)
		return out.Attributes["VisibilityTimeout"]
	}
	require.Equal(t, "30", seconds())
	exports, err := w.cfn.ListExports(ctx, &sdk.ListExportsInput{})
	require.NoError(t, err)
	require.Equal(t, queue, *exports.Exports[0].Value)

	update := func(value string) error {
		_, err := w.cfn.UpdateStack(ctx, &sdk.UpdateStackInput{StackName: aws.String("jobs"),
			UsePreviousTemplate: aws.Bool(true),
			Parameters:          []types.Parameter{{ParameterKey: aws.String("Seconds"), ParameterValue: &value}}})
		return err
	}
	require.ErrorContains(t, update("30"), "No updates are to be performed.")
	require.NoError(t, update("60"))
	w.wait("jobs", types.StackStatusUpdateComplete)
	require.Equal(t, "60", seconds())

	events, err := w.cfn.DescribeStackEvents(ctx, &sdk.DescribeStackEventsInput{StackName: &id})
	require.NoError(t, err)
	require.Equal(t, types.ResourceStatusUpdateComplete, events.StackEvents[0].ResourceStatus, "newest first")
	require.Equal(t, "jobs", *events.StackEvents[0].LogicalResourceId)
	list, err := w.cfn.ListStackResources(ctx, &sdk.ListStackResourcesInput{StackName: aws.String("jobs")})
	require.NoError(t, err)
	require.Len(t, list.StackResourceSummaries, 2)

	_, err = w.cfn.UpdateTerminationProtection(ctx, &sdk.UpdateTerminationProtectionInput{StackName: aws.String("jobs"),
		EnableTerminationProtection: aws.Bool(true)})
	require.NoError(t, err)
	_, err = w.cfn.DeleteStack(ctx, &sdk.DeleteStackInput{StackName: aws.String("jobs")})
	require.ErrorContains(t, err, "TerminationProtection")
	_, err = w.cfn.UpdateTerminationProtection(ctx, &sdk.UpdateTerminationProtectionInput{StackName: aws.String("jobs"),
		EnableTerminationProtection: aws.Bool(false)})
	require.NoError(t, err)
	_, err = w.cfn.DeleteStack(ctx, &sdk.DeleteStackInput{StackName: aws.String("jobs")})
	require.NoError(t, err)
	w.wait(id, types.StackStatusDeleteComplete)
	_, err = w.cfn.DescribeStacks(ctx, &sdk.DescribeStacksInput{StackName: aws.String("jobs")})
	require.ErrorContains(t, err, "Stack with id jobs does not exist")
	_, err = sqs.NewFromConfig(w.e.Endpoint().AWSConfig()).GetQueueAttributes(ctx,
		&sqs.GetQueueAttributesInput{QueueUrl: &queue})
	require.Error(t, err)
	require.NotEqual(t, id, w.create("jobs", queues), "a new stack has a new id")
}

func TestStacks_rollBackWithTheReason(t *testing.T) {
	w := start(t, "")
	w.create("bad", broken)
	st := w.wait("bad", types.StackStatusRollbackComplete)
	events, err := w.cfn.DescribeStackEvents(ctx, &sdk.DescribeStackEventsInput{StackName: st.StackId})
	require.NoError(t, err)
	found := false
	for _, e := range events.StackEvents {
		if *e.LogicalResourceId == "Clash" && e.ResourceStatus == types.ResourceStatusCreateFailed {
			found = true
			require.Contains(t, *e.ResourceStatusReason, "InvalidBucketName")
		}
	}
	require.True(t, found)
	list, err := sqs.NewFromConfig(w.e.Endpoint().AWSConfig()).ListQueues(ctx, &sqs.ListQueuesInput{})
	require.NoError(t, err)
	require.Empty(t, list.QueueUrls, "what was made is gone again")

	w.create("good", queues)
	w.wait("good", types.StackStatusCreateComplete)
	_, err = w.cfn.UpdateStack(ctx, &sdk.UpdateStackInput{StackName: aws.String("good"), TemplateBody: aws.String(broken)})
	require.NoError(t, err)
	w.wait("good", types.StackStatusUpdateRollbackComplete)
	require.Eventually(t, func() bool {
		text, err := w.cfn.GetTemplate(ctx, &sdk.GetTemplateInput{StackName: aws.String("good")})
		require.NoError(t, err)
		return *text.TemplateBody == queues
	}, 5*time.Second, 10*time.Millisecond, "the template in force is the old one")

	_, err = w.cfn.CreateStack(ctx, &sdk.CreateStackInput{StackName: aws.String("gone"), TemplateBody: aws.String(broken),
		OnFailure: types.OnFailureDelete})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, err := w.cfn.DescribeStacks(ctx, &sdk.DescribeStacksInput{StackName: aws.String("gone")})
		return err != nil
	}, 20*time.Second, 10*time.Millisecond)
}

// TestChangeSets_deployAsToolsDo makes the calls of "aws cloudformation deploy".
func TestChangeSets_deployAsToolsDo(t *testing.T) {
	w := start(t, "")
	deploy := func(set string, kind types.ChangeSetType, template string) *sdk.DescribeChangeSetOutput {
		_, err := w.cfn.CreateChangeSet(ctx, &sdk.CreateChangeSetInput{StackName: aws.String("tool"), ChangeSetName: &set,
			ChangeSetType: kind, TemplateBody: &template})
		require.NoError(t, err)
		out, err := w.cfn.DescribeChangeSet(ctx, &sdk.DescribeChangeSetInput{StackName: aws.String("tool"),
			ChangeSetName: &set})
		require.NoError(t, err)
		return out
	}
	first := deploy("one", types.ChangeSetTypeCreate, queues)
	require.Equal(t, types.ChangeSetStatusCreateComplete, first.Status)
	require.Len(t, first.Changes, 2)
	require.Equal(t, types.ChangeActionAdd, first.Changes[0].ResourceChange.Action)
	w.wait("tool", types.StackStatusReviewInProgress)
	_, err := w.cfn.ExecuteChangeSet(ctx, &sdk.ExecuteChangeSetInput{StackName: aws.String("tool"),
		ChangeSetName: aws.String("one")})
	require.NoError(t, err)
	w.wait("tool", types.StackStatusCreateComplete)

	same := deploy("two", types.ChangeSetTypeUpdate, queues)
	require.Equal(t, types.ChangeSetStatusFailed, same.Status)
	require.Contains(t, *same.StatusReason, "didn't contain changes")
	_, err = w.cfn.ExecuteChangeSet(ctx, &sdk.ExecuteChangeSetInput{StackName: aws.String("tool"),
		ChangeSetName: aws.String("two")})
	require.ErrorContains(t, err, "InvalidChangeSetStatus")

	other := deploy("three", types.ChangeSetTypeUpdate, strings.Replace(queues, "Default: 30", "Default: 45", 1))
	require.Len(t, other.Changes, 1)
	change := other.Changes[0].ResourceChange
	require.Equal(t, types.ChangeActionModify, change.Action)
	require.Equal(t, types.ReplacementFalse, change.Replacement)
	require.Equal(t, "VisibilityTimeout", *change.Details[0].Target.Name)
	_, err = w.cfn.ExecuteChangeSet(ctx, &sdk.ExecuteChangeSetInput{StackName: aws.String("tool"),
		ChangeSetName: aws.String("three")})
	require.NoError(t, err)
	w.wait("tool", types.StackStatusUpdateComplete)
	sets, err := w.cfn.ListChangeSets(ctx, &sdk.ListChangeSetsInput{StackName: aws.String("tool")})
	require.NoError(t, err)
	require.Len(t, sets.Summaries, 1, "the others are void")
}

func TestStacks_comeToRestAfterARestart(t *testing.T) {
	dir := t.TempDir()
	w := start(t, dir)
	slow := "Resources:\n"
	for _, n := range []string{"A", "B", "C", "D", "E"} {
		slow += "  " + n + ": { Type: AWS::Kinesis::Stream, Properties: { ShardCount: 1 } }\n"
	}
	w.create("cut", slow)
	w.create("kept", queues)
	w.wait("kept", types.StackStatusCreateComplete)
	require.NoError(t, w.e.Close())
	w = start(t, dir)
	require.Eventually(t, func() bool {
		out, err := w.cfn.DescribeStacks(ctx, &sdk.DescribeStacksInput{StackName: aws.String("cut")})
		require.NoError(t, err)
		return !strings.HasSuffix(string(out.Stacks[0].StackStatus), "_IN_PROGRESS")
	}, 20*time.Second, 20*time.Millisecond)
	w.wait("kept", types.StackStatusCreateComplete)
}

func TestTemplates_areReadFromS3AndNeedCapabilities(t *testing.T) {
	w := start(t, "")
	bucket := s3.NewFromConfig(w.e.Endpoint().AWSConfig(), func(o *s3.Options) { o.UsePathStyle = true })
	_, err := bucket.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("templates")})
	require.NoError(t, err)
	_, err = bucket.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("templates"), Key: aws.String("a/q.yaml"),
		Body: strings.NewReader(queues)})
	require.NoError(t, err)
	for i, url := range []string{w.e.Endpoint().URL + "/templates/a/q.yaml",
		"https://templates.s3.us-east-1.amazonaws.com/a/q.yaml", "https://s3.amazonaws.com/templates/a/q.yaml"} {
		out, err := w.cfn.ValidateTemplate(ctx, &sdk.ValidateTemplateInput{TemplateURL: &url})
		require.NoError(t, err, i)
		require.Len(t, out.Parameters, 2)
	}
	role := `
Resources:
  R: { Type: AWS::IAM::Role, Properties: { AssumeRolePolicyDocument: { Version: "2012-10-17",
      Statement: [{ Effect: Allow, Principal: { Service: lambda.amazonaws.com }, Action: sts:AssumeRole }] } } }
`
	_, err = w.cfn.CreateStack(ctx, &sdk.CreateStackInput{StackName: aws.String("role"), TemplateBody: &role})
	require.ErrorContains(t, err, "Requires capabilities : [CAPABILITY_IAM]")
	_, err = w.cfn.CreateStack(ctx, &sdk.CreateStackInput{StackName: aws.String("role"), TemplateBody: &role,
		Capabilities: []types.Capability{types.CapabilityCapabilityIam}})
	require.NoError(t, err)
	w.wait("role", types.StackStatusCreateComplete)
}

func TestWrongRequests_getAWSErrors(t *testing.T) {
	w := start(t, "")
	w.create("jobs", queues)
	w.wait("jobs", types.StackStatusCreateComplete)
	jobs, none, body := aws.String("jobs"), aws.String("none"), aws.String(queues)
	for name, c := range map[string]struct {
		code, text string
		do         func() error
	}{
		"describe none": {"ValidationError", "does not exist", func() error {
			_, err := w.cfn.DescribeStacks(ctx, &sdk.DescribeStacksInput{StackName: none})
			return err
		}},
		"create twice": {"AlreadyExistsException", "already exists", func() error {
			_, err := w.cfn.CreateStack(ctx, &sdk.CreateStackInput{StackName: jobs, TemplateBody: body})
			return err
		}},
		"create name": {"ValidationError", "stackName", func() error {
			_, err := w.cfn.CreateStack(ctx, &sdk.CreateStackInput{StackName: aws.String("1x"), TemplateBody: body})
			return err
		}},
		"create nothing": {"ValidationError", "Template", func() error {
			_, err := w.cfn.CreateStack(ctx, &sdk.CreateStackInput{StackName: none})
			return err
		}},
		"create no yaml": {"ValidationError", "Template format error", func() error {
			_, err := w.cfn.CreateStack(ctx, &sdk.CreateStackInput{StackName: none, TemplateBody: aws.String("{")})
			return err
		}},
		"create type": {"ValidationError", "AWS::No::Thing", func() error {
			_, err := w.cfn.CreateStack(ctx,
				&sdk.CreateStackInput{StackName: none, TemplateBody: aws.String("Resources: { A: { Type: AWS::No::Thing } }")})
			return err
		}},
		"create parameter": {"ValidationError", "do not exist in the template", func() error {
			_, err := w.cfn.CreateStack(ctx, &sdk.CreateStackInput{StackName: none, TemplateBody: body,
				Parameters: []types.Parameter{{ParameterKey: none, ParameterValue: none}}})
			return err
		}},
		"create value": {"ValidationError", "Seconds", func() error {
			_, err := w.cfn.CreateStack(ctx, &sdk.CreateStackInput{StackName: none, TemplateBody: body,
				Parameters: []types.Parameter{{ParameterKey: aws.String("Seconds"), ParameterValue: none}}})
			return err
		}},
		"create both": {"ValidationError", "not both", func() error {
			_, err := w.cfn.CreateStack(ctx, &sdk.CreateStackInput{StackName: none, TemplateBody: body, TemplateURL: none})
			return err
		}},
		"create url": {"ValidationError", "TemplateURL", func() error {
			_, err := w.cfn.CreateStack(ctx, &sdk.CreateStackInput{StackName: none, TemplateURL: none})
			return err
		}},
		"create url none": {"ValidationError", "NoSuchBucket", func() error {
			_, err := w.cfn.CreateStack(ctx,
				&sdk.CreateStackInput{StackName: none, TemplateURL: aws.String("https://s3.amazonaws.com/no-such-bucket/k")})
			return err
		}},
		"create large": {"ValidationError", "51200", func() error {
			_, err := w.cfn.CreateStack(ctx,
				&sdk.CreateStackInput{StackName: none, TemplateBody: aws.String(queues + strings.Repeat("#", 51200))})
			return err
		}},
		"create role": {"ValidationError", "role/x is invalid or cannot be assumed", func() error {
			_, err := w.cfn.CreateStack(ctx, &sdk.CreateStackInput{StackName: none, TemplateBody: body,
				RoleARN: aws.String("arn:aws:iam::000000000000:role/x")})
			return err
		}},
		"update none": {"ValidationError", "does not exist", func() error {
			_, err := w.cfn.UpdateStack(ctx, &sdk.UpdateStackInput{StackName: none, TemplateBody: body})
			return err
		}},
		"update previous": {"ValidationError", "previous value", func() error {
			_, err := w.cfn.UpdateStack(ctx, &sdk.UpdateStackInput{StackName: jobs, TemplateBody: body,
				Parameters: []types.Parameter{{ParameterKey: none, UsePreviousValue: aws.Bool(true)}}})
			return err
		}},
		"set none": {"ChangeSetNotFound", "does not exist", func() error {
			_, err := w.cfn.DescribeChangeSet(ctx, &sdk.DescribeChangeSetInput{StackName: jobs, ChangeSetName: none})
			return err
		}},
		"set no stack": {"ValidationError", "does not exist", func() error {
			_, err := w.cfn.CreateChangeSet(ctx, &sdk.CreateChangeSetInput{StackName: none, ChangeSetName: none,
				TemplateBody: body})
			return err
		}},
		"set create again": {"ValidationError", "already exists", func() error {
			_, err := w.cfn.CreateChangeSet(ctx, &sdk.CreateChangeSetInput{StackName: jobs, ChangeSetName: none,
				TemplateBody: body, ChangeSetType: types.ChangeSetTypeCreate})
			return err
		}},
		"resource none": {"ValidationError", "does not exist", func() error {
			_, err := w.cfn.DescribeStackResource(ctx, &sdk.DescribeStackResourceInput{StackName: jobs, LogicalResourceId: none})
			return err
		}},
		"events none": {"ValidationError", "does not exist", func() error {
			_, err := w.cfn.DescribeStackEvents(ctx, &sdk.DescribeStackEventsInput{StackName: none})
			return err
		}},
		"rollback at rest": {"ValidationError", "can not continue rollback", func() error {
			_, err := w.cfn.ContinueUpdateRollback(ctx, &sdk.ContinueUpdateRollbackInput{StackName: jobs})
			return err
		}},
		"drift": {"NotImplemented", "DetectStackDrift", func() error {
			_, err := w.cfn.DetectStackDrift(ctx, &sdk.DetectStackDriftInput{StackName: jobs})
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.do()
			var api smithy.APIError
			require.ErrorAs(t, err, &api)
			require.Equal(t, c.code, api.ErrorCode(), api.ErrorMessage())
			require.Contains(t, api.ErrorMessage(), c.text)
		})
	}
}

// sam deploy waits on from the newest event of a stack in review.
func TestChangeSets_giveANewStackAnEvent(t *testing.T) {
	w := start(t, "")
	for _, name := range []string{"first", "second"} {
		_, err := w.cfn.CreateChangeSet(ctx, &sdk.CreateChangeSetInput{StackName: aws.String("new"),
			ChangeSetName: aws.String(name), ChangeSetType: types.ChangeSetTypeCreate, TemplateBody: aws.String(queues),
			IncludeNestedStacks: aws.Bool(false), ImportExistingResources: aws.Bool(false),
			DeploymentConfig: &types.DeploymentConfig{Mode: types.DeploymentConfigModeStandard}})
		require.NoError(t, err)
	}
	out, err := w.cfn.DescribeStackEvents(ctx, &sdk.DescribeStackEventsInput{StackName: aws.String("new")})
	require.NoError(t, err)
	require.Len(t, out.StackEvents, 1)
	e := out.StackEvents[0]
	require.Equal(t, types.ResourceStatus("REVIEW_IN_PROGRESS"), e.ResourceStatus)
	require.Equal(t, "User Initiated", *e.ResourceStatusReason)
	require.Equal(t, "new", *e.LogicalResourceId)
	require.Equal(t, "AWS::CloudFormation::Stack", *e.ResourceType)
}

// Nothing but tags changes: the stack must come to rest all the same.
func TestStacks_updateTheirTagsAlone(t *testing.T) {
	w := start(t, "")
	w.create("tagged", queues)
	w.wait("tagged", types.StackStatusCreateComplete)
	for _, value := range []string{"a", "b"} {
		_, err := w.cfn.UpdateStack(ctx, &sdk.UpdateStackInput{StackName: aws.String("tagged"),
			UsePreviousTemplate: aws.Bool(true), Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String(value)}},
			DeploymentConfig: &types.DeploymentConfig{Mode: types.DeploymentConfigModeStandard}})
		require.NoError(t, err)
		st := w.wait("tagged", types.StackStatusUpdateComplete)
		require.Equal(t, value, *st.Tags[0].Value)
	}
	out, err := w.cfn.DescribeStackEvents(ctx, &sdk.DescribeStackEventsInput{StackName: aws.String("tagged")})
	require.NoError(t, err)
	require.Equal(t, types.ResourceStatusUpdateComplete, out.StackEvents[0].ResourceStatus)
	_, err = w.cfn.DeleteStack(ctx, &sdk.DeleteStackInput{StackName: aws.String("tagged"),
		DeploymentConfig: &types.DeploymentConfig{Mode: types.DeploymentConfigModeExpress}})
	require.ErrorContains(t, err, "DeploymentConfig Mode EXPRESS")
}

// CDK and others tell by the words that a stack is gone.
func TestMissingStacks_haveTheWordsOfTheirOperation(t *testing.T) {
	w := start(t, "")
	name := aws.String("none")
	_, err := w.cfn.DescribeStackEvents(ctx, &sdk.DescribeStackEventsInput{StackName: name})
	require.ErrorContains(t, err, "Stack [none] does not exist")
	_, err = w.cfn.DescribeStacks(ctx, &sdk.DescribeStacksInput{StackName: name})
	require.ErrorContains(t, err, "Stack with id none does not exist")
	_, err = w.cfn.UpdateStack(ctx, &sdk.UpdateStackInput{StackName: name, TemplateBody: aws.String(queues)})
	require.ErrorContains(t, err, "Stack [none] does not exist")
	_, err = w.cfn.DescribeStackResource(ctx, &sdk.DescribeStackResourceInput{StackName: name, LogicalResourceId: name})
	require.ErrorContains(t, err, "Stack 'none' does not exist")
}
