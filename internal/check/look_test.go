package check_test

import (
	"strconv"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/report"
)

const lookedAt = head + `
probes:
  redriven: { messages: { queue: "${outputs.Redriven}" } }
  ordered: { messages: { queue: "${outputs.Ordered}" } }
checks:
  - id: redriven
    title: Looked at again and again
    points: 50
    hints: [a, b, c]
    steps: [{ sendMessages: { queue: "${outputs.Redriven}", bodies: ["one"] } }]
    eventually: { until: "size(redriven) == 2", within: 3s }
    expect:
      - { that: "redriven.map(m, m.body + ' ' + m.state + ' ' + string(m.receives)) == ['one visible 0']",
          message: One that nobody has received }
  - id: ordered
    title: All of a group
    points: 50
    hints: [a, b, c]
    expect:
      - { that: "ordered.map(m, m.body) == lists.range(25).map(i, string(i))", message: All in order }
      - { that: "ordered.all(m, m.attributes.MessageGroupId == 'g')", message: With what they were sent with }
`

// plain is an emulator that lacks the view of queues, as other emulators do.
type plain struct{ emulator.Emulator }

func (plain) Capabilities() []emulator.Capability {
	return []emulator.Capability{emulator.CallTrace, emulator.SQSFIFO}
}

func TestProbe_ofMessagesChangesNoQueue(t *testing.T) {
	ctx, o := t.Context(), options(t, lookedAt)
	e := o.Emulator
	client := sqs.NewFromConfig(e.Endpoint().AWSConfig())
	queue := func(name string, attributes map[string]string) string {
		out, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
		require.NoError(t, err)
		return *out.QueueUrl
	}
	dead := queue("dead", nil)
	redriven := queue("redriven", map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:` +
		`000000000000:dead","maxReceiveCount":"3"}`})
	ordered := queue("ordered.fifo", map[string]string{"FifoQueue": "true"})
	for i := range 25 {
		_, err := client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &ordered, MessageBody: aws.String(strconv.Itoa(i)),
			MessageGroupId: aws.String("g"), MessageDeduplicationId: aws.String(strconv.Itoa(i))})
		require.NoError(t, err)
	}
	o.Outputs = map[string]string{"Redriven": redriven, "Ordered": ordered}
	passes(t, o)
	got, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &dead})
	require.NoError(t, err)
	require.Empty(t, got.Messages, "looking makes no dead letters")
	got, err = client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &ordered,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"}})
	require.NoError(t, err)
	require.Equal(t, "0 1", *got.Messages[0].Body+" "+got.Messages[0].Attributes["ApproximateReceiveCount"],
		"the first receipt is the first")

	o.Emulator = plain{e}
	for _, c := range judge(t, o).Checks {
		require.Equal(t, report.Unsupported, c.Verdict, "%+v", c)
		require.Contains(t, c.Message, "only by receiving them, which would change http")
	}
}
