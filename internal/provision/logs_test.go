package provision_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	logsservice "github.com/pipelab/pipelab/internal/aws/service/cloudwatchlogs"
	"github.com/pipelab/pipelab/internal/aws/service/sts"
	"github.com/pipelab/pipelab/internal/provision"
)

const logsTemplate = `
Resources:
  Group:
    Type: AWS::Logs::LogGroup
    Properties:
      LogGroupName: /pipeline/orders
      RetentionInDays: 7
      Tags: [{ Key: team, Value: data }]
  Stream:
    Type: AWS::Logs::LogStream
    Properties: { LogGroupName: !Ref Group, LogStreamName: loader }
  Unnamed: { Type: AWS::Logs::LogGroup }
Outputs:
  Arn: { Value: !GetAtt Group.Arn }
  Unnamed: { Value: !Ref Unnamed }
`

func TestLogGroups_areMadeChangedAndDeleted(t *testing.T) {
	c := awstest.NewWithClock(t, clock.New(), func(h *gateway.Host) gateway.Service { return logsservice.New(h) },
		func(h *gateway.Host) gateway.Service { return sts.New(h) })
	client, state := cloudwatchlogs.NewFromConfig(c.Config()), provision.NewMemoryState()
	deploy := func(template string) *provision.Result {
		res, err := provision.Deploy(t.Context(), c.Config(), provision.Request{StackName: "s", Template: []byte(template),
			State: state})
		require.NoError(t, err)
		return res
	}
	describe := func() types.LogGroup {
		out, err := client.DescribeLogGroups(t.Context(),
			&cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String("/pipeline/")})
		require.NoError(t, err)
		require.Len(t, out.LogGroups, 1)
		return out.LogGroups[0]
	}
	tags := func() map[string]string {
		out, err := client.ListTagsForResource(t.Context(),
			&cloudwatchlogs.ListTagsForResourceInput{ResourceArn: describe().LogGroupArn})
		require.NoError(t, err)
		return out.Tags
	}
	res := deploy(logsTemplate)
	require.Len(t, res.Changes, 3)
	require.Equal(t, *describe().Arn, res.Outputs["Arn"])
	require.True(t, strings.HasPrefix(res.Outputs["Unnamed"], "s-Unnamed-"), res.Outputs["Unnamed"])
	require.EqualValues(t, 7, *describe().RetentionInDays)
	require.Equal(t, map[string]string{"team": "data"}, tags())
	_, err := client.PutLogEvents(t.Context(),
		&cloudwatchlogs.PutLogEventsInput{LogGroupName: aws.String("/pipeline/orders"), LogStreamName: aws.String("loader"),
			LogEvents: []types.InputLogEvent{{Timestamp: aws.Int64(c.Clock.Now().UnixMilli()), Message: aws.String("kept")}}})
	require.NoError(t, err)

	// A change keeps the group and its events; what is left out goes back.
	changed := strings.NewReplacer("      RetentionInDays: 7\n", "", "team", "owner").Replace(logsTemplate)
	require.Len(t, deploy(changed).Changes, 1)
	require.Nil(t, describe().RetentionInDays)
	require.Equal(t, map[string]string{"owner": "data"}, tags())
	events, err := client.FilterLogEvents(t.Context(),
		&cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("/pipeline/orders")})
	require.NoError(t, err)
	require.Len(t, events.Events, 1)
	require.Empty(t, deploy(changed).Changes)

	require.NoError(t, provision.Delete(t.Context(), c.Config(), state, "s", nil))
	left, err := client.DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{})
	require.NoError(t, err)
	require.Empty(t, left.LogGroups)
}
