package cfn_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/cfn"
)

func TestVariants_oneAtATime(t *testing.T) {
	const src = `Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      FifoQueue: true # keeps the order
      VisibilityTimeout: 30
      RedrivePolicy: { maxReceiveCount: 3, deadLetterTargetArn: !GetAtt Dead.Arn }
      Tags:
        - { Key: a, Value: !Ref "AWS::Region" }
        - { Key: b, Value: x }
  Dead:
    Type: AWS::SQS::Queue
Outputs:
  Url: { Value: !Ref Queue }
`
	got, err := cfn.Variants([]byte(src))
	require.NoError(t, err)
	var what []string
	seen := map[string]bool{}
	for _, c := range got {
		what = append(what, c.What)
		require.False(t, seen[string(c.Source)], "%s is like another", c.What)
		seen[string(c.Source)] = true
		require.Contains(t, string(c.Source), "!Ref Queue", c.What)
		require.Contains(t, string(c.Source), "Dead:", c.What)
	}
	require.Equal(t, []string{
		"without Queue.FifoQueue", "Queue.FifoQueue: false instead of true",
		"without Queue.VisibilityTimeout", "Queue.VisibilityTimeout: 61 instead of 30",
		"without Queue.RedrivePolicy",
		"without Queue.RedrivePolicy.maxReceiveCount", "Queue.RedrivePolicy.maxReceiveCount: 7 instead of 3",
		"without Queue.RedrivePolicy.deadLetterTargetArn",
		"without Queue.Tags",
		"without Queue.Tags[0]", "without Queue.Tags[0].Key", "without Queue.Tags[0].Value",
		"without Queue.Tags[1]", "without Queue.Tags[1].Key", "without Queue.Tags[1].Value",
	}, what)
	require.Equal(t, 6, got[2].Line)
	require.NotContains(t, string(got[2].Source), "VisibilityTimeout")
	require.Contains(t, string(got[3].Source), "VisibilityTimeout: 61\n")
	require.Contains(t, string(got[5].Source), "deadLetterTargetArn: !GetAtt Dead.Arn")
	require.Equal(t, 1, strings.Count(string(got[9].Source), "- {"))
	_, err = cfn.Variants([]byte("a: ["))
	require.Error(t, err)
}
