package check

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/pipelab/pipelab/internal/emulator"
)

// messages looks at what a queue holds, in any state. An emulator that has no view
// of it can only be asked by receiving, which is done where it does no harm.
func (s *session) messages(ctx context.Context, name string) (any, error) {
	queue, err := s.expand(name)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(s.o.Emulator.Capabilities(), emulator.SQSView) {
		return s.received(ctx, queue)
	}
	// The view has words of its own for a queue that is not there; AWS's are better.
	if err := s.exists(ctx, queue); err != nil {
		return nil, err
	}
	out := []any{}
	err = s.o.Emulator.Control().View(ctx, "sqs", "messages", s.config.Region, queue, func(raw json.RawMessage) error {
		var m struct {
			ID, Body, State string
			Receives        int64
			Attributes      map[string]string
		}
		if err := json.Unmarshal(raw, &m); err != nil {
			return err
		}
		out, err = s.found(out, message(m.ID, m.Body, m.State, m.Receives, m.Attributes))
		return err
	})
	return out, err
}

func (s *session) exists(ctx context.Context, queue string) error {
	_, err := sqs.NewFromConfig(s.config).GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &queue})
	return err
}

// message is what expressions see of one.
func message(id, body, state string, receives any, attributes map[string]string) map[string]any {
	all := make(map[string]any, len(attributes))
	for k, v := range attributes {
		all[k] = v
	}
	return map[string]any{"id": id, "body": body, "json": parseJSON([]byte(body)), "state": state,
		"attributes": all, "receives": receives}
}

// received receives the visible messages and makes them visible again. That counts
// as a receipt, after which a redrive policy may make a dead letter of a message, and
// in a FIFO queue it hides what comes behind: such queues cannot be looked at so.
func (s *session) received(ctx context.Context, queue string) (any, error) {
	client := sqs.NewFromConfig(s.config)
	policy, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &queue,
		AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameRedrivePolicy}})
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(queue, ".fifo") || policy.Attributes[string(types.QueueAttributeNameRedrivePolicy)] != "" {
		return nil, fmt.Errorf("%w: this emulator shows the messages of a queue only by receiving them, "+
			"which would change %s", errUnsupported, queue)
	}
	out, found := []any{}, map[string]bool{}
	var receipts []*string
	defer func() {
		for _, r := range receipts {
			_, _ = client.ChangeMessageVisibility(context.WithoutCancel(ctx), &sqs.ChangeMessageVisibilityInput{QueueUrl: &queue,
				ReceiptHandle: r}) // it comes back by itself, too
		}
	}()
	for misses := 0; misses < 2; {
		r, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &queue, MaxNumberOfMessages: 10,
			VisibilityTimeout: 30, MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"}})
		if err != nil {
			return nil, err
		}
		misses++
		for _, m := range r.Messages {
			receipts = append(receipts, m.ReceiptHandle)
			if id := aws.ToString(m.MessageId); !found[id] {
				found[id], misses = true, 0
				if out, err = s.found(out, message(id, aws.ToString(m.Body), "visible",
					plainNumber(m.Attributes["ApproximateReceiveCount"]), m.Attributes)); err != nil {
					return nil, err
				}
			}
		}
	}
	return out, nil
}
