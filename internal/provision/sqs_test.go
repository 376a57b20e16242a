package provision_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	sqsservice "github.com/pipelab/pipelab/internal/aws/service/sqs"
	"github.com/pipelab/pipelab/internal/aws/service/sts"
	"github.com/pipelab/pipelab/internal/provision"
)

const queueTemplate = `
Resources:
  Dead: { Type: AWS::SQS::Queue }
  Jobs:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 60
      RedrivePolicy: { deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3 }
      Tags: [{ Key: team, Value: data }]
  Ordered:
    Type: AWS::SQS::Queue
    Properties: { FifoQueue: true, ContentBasedDeduplication: true }
  Policy:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Jobs]
      PolicyDocument:
        Version: "2012-10-17"
        Statement: [{ Effect: Allow, Principal: "*", Action: "sqs:SendMessage", Resource: !GetAtt Jobs.Arn }]
Outputs:
  Jobs: { Value: !Ref Jobs }
  Ordered: { Value: !GetAtt Ordered.QueueName }
`

func TestQueues_areMadeChangedAndDeleted(t *testing.T) {
	c := awstest.NewWithClock(t, clock.New(), func(h *gateway.Host) gateway.Service { return sqsservice.New(h) },
		func(h *gateway.Host) gateway.Service { return sts.New(h) })
	client, state := sqs.NewFromConfig(c.Config()), provision.NewMemoryState()
	deploy := func(template string) *provision.Result {
		res, err := provision.Deploy(t.Context(), c.Config(), provision.Request{StackName: "s", Template: []byte(template),
			State: state})
		require.NoError(t, err)
		return res
	}
	attributes := func(url string) map[string]string {
		out, err := client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url,
			AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll}})
		require.NoError(t, err)
		return out.Attributes
	}
	res := deploy(queueTemplate)
	require.Len(t, res.Changes, 4)
	jobs := res.Outputs["Jobs"]
	require.True(t, strings.HasSuffix(res.Outputs["Ordered"], ".fifo"))
	require.Equal(t, "60", attributes(jobs)["VisibilityTimeout"])
	require.Contains(t, attributes(jobs)["RedrivePolicy"], `"maxReceiveCount":3`)
	require.Contains(t, attributes(jobs)["Policy"], "sqs:SendMessage")
	tags, err := client.ListQueueTags(t.Context(), &sqs.ListQueueTagsInput{QueueUrl: &jobs})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"team": "data"}, tags.Tags)

	// A change keeps the queue and what is in it; what is left out goes back.
	_, err = client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &jobs, MessageBody: aws.String("kept")})
	require.NoError(t, err)
	changed := strings.Replace(queueTemplate, "VisibilityTimeout: 60", "DelaySeconds: 5", 1)
	changed = strings.Replace(changed, "      Tags: [{ Key: team, Value: data }]\n", "", 1)
	res = deploy(changed)
	require.Len(t, res.Changes, 1)
	require.Equal(t, jobs, res.Outputs["Jobs"])
	require.Equal(t, "30", attributes(jobs)["VisibilityTimeout"])
	require.Equal(t, "5", attributes(jobs)["DelaySeconds"])
	require.Equal(t, "1", attributes(jobs)["ApproximateNumberOfMessages"])
	tags, err = client.ListQueueTags(t.Context(), &sqs.ListQueueTagsInput{QueueUrl: &jobs})
	require.NoError(t, err)
	require.Empty(t, tags.Tags)
	require.Empty(t, deploy(changed).Changes)

	require.NoError(t, provision.Delete(t.Context(), c.Config(), state, "s", nil))
	left, err := client.ListQueues(t.Context(), &sqs.ListQueuesInput{})
	require.NoError(t, err)
	require.Empty(t, left.QueueUrls)
}
