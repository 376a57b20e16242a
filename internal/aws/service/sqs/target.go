package sqs

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/outbox"
)

// targets let deliveries reach queues.
func (s *Service) targets() []outbox.Target {
	return []outbox.Target{{Name: "sqs", Deliver: s.deliver}}
}

// deliver sends a message. AWS's services know the URL of a queue by its ARN:
// none of their policies grants GetQueueUrl.
// Source: https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaSQSQueueExecutionRole.html
func (s *Service) deliver(ctx context.Context, d *outbox.Delivery) error {
	arn, err := ident.ParseARN(d.Target)
	if err != nil {
		return &outbox.GiveUp{Err: err}
	}
	url, body := s.queueURL(arn.Scope(), arn.Resource), string(d.Payload)
	in := &sqs.SendMessageInput{QueueUrl: &url, MessageBody: &body}
	for name, a := range d.Attributes {
		if in.MessageAttributes == nil {
			in.MessageAttributes = map[string]types.MessageAttributeValue{}
		}
		in.MessageAttributes[name] = types.MessageAttributeValue{DataType: &a.Type, StringValue: &a.Value}
	}
	if strings.HasSuffix(arn.Resource, ".fifo") {
		in.MessageGroupId, in.MessageDeduplicationId = &d.Group, &d.ID // a repetition arrives once
	}
	_, err = gateway.Deliver[sqs.SendMessageOutput](ctx, s.host, d, "sqs", "SendMessage", in)
	return err
}
