package provision_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	dynamoservice "github.com/pipelab/pipelab/internal/aws/service/dynamodb"
	"github.com/pipelab/pipelab/internal/aws/service/dynamodbstreams"
	"github.com/pipelab/pipelab/internal/aws/service/sts"
	"github.com/pipelab/pipelab/internal/provision"
)

const tableTemplate = `
Resources:
  Orders:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: orders
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
      ResourcePolicy:
        PolicyDocument:
          Version: "2012-10-17"
          Statement: [{ Effect: Allow, Principal: { AWS: "111122223333" }, Action: "dynamodb:GetItem", Resource: "*" }]
      StreamSpecification:
        StreamViewType: NEW_IMAGE
        ResourcePolicy:
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - { Effect: Allow, Principal: { AWS: "111122223333" }, Action: "dynamodb:GetRecords", Resource: "*" }
Outputs:
  Arn: { Value: !GetAtt Orders.Arn }
  Stream: { Value: !GetAtt Orders.StreamArn }
`

func TestTables_haveTheirPoliciesAndThoseOfTheirStreams(t *testing.T) {
	clk := clock.New()
	c := awstest.NewWithClock(t, clk, dynamoservice.New, dynamodbstreams.New,
		func(h *gateway.Host) gateway.Service { return sts.New(h) })
	client, state := dynamodb.NewFromConfig(c.Config()), provision.NewMemoryState()
	deploy := func(template string) *provision.Result {
		res, err := provision.Deploy(t.Context(), c.Config(), provision.Request{StackName: "s", Template: []byte(template),
			State: state})
		require.NoError(t, err)
		return res
	}
	policy := func(arn string) string {
		out, err := client.GetResourcePolicy(t.Context(), &dynamodb.GetResourcePolicyInput{ResourceArn: &arn})
		if err != nil {
			require.ErrorContains(t, err, "PolicyNotFoundException")
			return ""
		}
		return *out.Policy
	}
	res := deploy(tableTemplate)
	table, stream := res.Outputs["Arn"], res.Outputs["Stream"]
	require.Contains(t, policy(table), "dynamodb:GetItem")
	require.Contains(t, policy(stream), "dynamodb:GetRecords")

	// Policies change in place, as soon as DynamoDB lets them; the stream stays.
	go func() {
		for seq := uint64(0); ; {
			entries, more := c.Gateway.Trace().After(seq, 1000)
			for _, e := range entries {
				if seq = e.Seq; e.Operation == "PutResourcePolicy" && e.Error == "ThrottlingException" {
					_ = clk.Advance(t.Context(), 30*time.Second) // fails when the test has ended
					return
				}
			}
			select {
			case <-more:
			case <-t.Context().Done():
				return
			}
		}
	}()
	changed := strings.NewReplacer("dynamodb:GetItem", "dynamodb:Query", "dynamodb:GetRecords",
		"dynamodb:DescribeStream").Replace(tableTemplate)
	res = deploy(changed)
	require.Len(t, res.Changes, 1)
	require.Equal(t, stream, res.Outputs["Stream"])
	require.Contains(t, policy(table), "dynamodb:Query")
	require.Contains(t, policy(stream), "dynamodb:DescribeStream")
	require.Empty(t, deploy(changed).Changes)

	// A stream that shows something else is another one, with the same policy.
	require.NoError(t, clk.Advance(t.Context(), 30*time.Second))
	changed = strings.Replace(changed, "NEW_IMAGE", "KEYS_ONLY", 1)
	res = deploy(changed)
	require.NotEqual(t, stream, res.Outputs["Stream"])
	stream = res.Outputs["Stream"]
	require.Contains(t, policy(stream), "dynamodb:DescribeStream")

	require.NoError(t, clk.Advance(t.Context(), 30*time.Second))
	without := changed[:strings.Index(changed, "      ResourcePolicy:")] + "      StreamSpecification: " +
		"{ StreamViewType: KEYS_ONLY }\n" + changed[strings.Index(changed, "Outputs:"):]
	res = deploy(without)
	require.Equal(t, stream, res.Outputs["Stream"])
	require.Empty(t, policy(table))
	require.Empty(t, policy(stream))

	require.NoError(t, provision.Delete(t.Context(), c.Config(), state, "s", nil))
	left, err := client.ListTables(t.Context(), &dynamodb.ListTablesInput{Limit: aws.Int32(1)})
	require.NoError(t, err)
	require.Empty(t, left.TableNames)
}
