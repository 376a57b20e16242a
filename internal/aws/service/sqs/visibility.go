package sqs

import (
	"context"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// handle is a receipt handle: the queue, the message and this very receipt.
func handle(queue string, m *message) string {
	return base64.StdEncoding.EncodeToString([]byte(queue + "/" + strconv.FormatUint(m.Number, 10) + "/" + m.Nonce))
}

// resolve finds the message of a receipt handle. ok is false when the message
// is gone or was received again since, so that the handle is stale.
func (s *Service) resolve(tx *store.Tx, sc ident.Scope, q *queue, raw string) (m message, ok bool, err error) {
	b, bad := base64.StdEncoding.DecodeString(raw)
	parts := strings.Split(string(b), "/")
	if bad != nil || len(parts) != 3 || parts[0] != q.Name {
		return m, false, invalidHandle(raw)
	}
	n, bad := strconv.ParseUint(parts[1], 10, 64)
	if bad != nil {
		return m, false, invalidHandle(raw)
	}
	m, there := s.messages.Get(tx, sc, messageKey(q.Name, n))
	return m, there && m.Nonce == parts[2], nil
}

func invalidHandle(raw string) error {
	return &types.ReceiptHandleIsInvalid{Message: aws.String("The input receipt handle \"" + raw +
		"\" is not a valid receipt handle.")}
}

// discard deletes by receipt handle. A stale handle of a standard queue is no
// error and deletes nothing; in a FIFO queue it is one.
func (s *Service) discard(tx *store.Tx, sc ident.Scope, q *queue, raw string, now time.Time) error {
	m, ok, err := s.resolve(tx, sc, q, raw)
	switch {
	case err != nil:
		return err
	case q.fifo() && ok && !m.Visible.After(now):
		return invalidReason(raw, "ReceiptHandle", "The receipt handle has expired.")
	case ok:
		s.remove(tx, sc, q.Name, &m)
	}
	return nil
}

// rehide changes until when a message that was received stays hidden.
func (s *Service) rehide(tx *store.Tx, sc ident.Scope, q *queue, raw string, seconds int32, now time.Time) error {
	if seconds < 0 || int64(seconds) > limit("visibilitySeconds") {
		return invalidReason(seconds, "VisibilityTimeout", "Must be between 0 and 43200, if provided.")
	}
	m, ok, err := s.resolve(tx, sc, q, raw)
	switch {
	case err != nil:
		return err
	case !ok:
		return invalidReason(raw, "ReceiptHandle",
			"Message does not exist or is not available for visibility timeout change.")
	case !m.Visible.After(now):
		return &types.MessageNotInflight{Message: aws.String("The specified message isn't in flight.")}
	}
	m.Visible = now.Add(time.Duration(seconds) * time.Second)
	s.put(tx, sc, q.Name, m)
	return nil
}

// DeleteMessage removes a message that was received.
func (s *Service) DeleteMessage(ctx context.Context, in *sqs.DeleteMessageInput) (*sqs.DeleteMessageOutput, error) {
	now, topic := gateway.From(ctx).Time, ""
	err := s.in(ctx, in.QueueUrl, func(tx *store.Tx, sc ident.Scope, q queue) error {
		if q.fifo() {
			topic = queueARN(sc, q.Name)
		}
		return s.discard(tx, sc, &q, aws.ToString(in.ReceiptHandle), now)
	})
	s.wake(topic)
	return &sqs.DeleteMessageOutput{}, err
}

// wake tells receivers that messages may have come into sight: what follows in
// a FIFO queue's group does when the one before it goes.
func (s *Service) wake(topic string) {
	if topic != "" {
		s.host.Signals.Notify(topic)
	}
}

// DeleteMessageBatch removes up to ten messages, each by itself.
func (s *Service) DeleteMessageBatch(ctx context.Context,
	in *sqs.DeleteMessageBatchInput) (*sqs.DeleteMessageBatchOutput, error) {
	if err := checkBatch(in.Entries, func(e *types.DeleteMessageBatchRequestEntry) *string { return e.Id }); err != nil {
		return nil, err
	}
	now, topic := gateway.From(ctx).Time, ""
	out := &sqs.DeleteMessageBatchOutput{Successful: []types.DeleteMessageBatchResultEntry{},
		Failed: []types.BatchResultErrorEntry{}}
	err := s.in(ctx, in.QueueUrl, func(tx *store.Tx, sc ident.Scope, q queue) error {
		if q.fifo() {
			topic = queueARN(sc, q.Name)
		}
		for _, e := range in.Entries {
			if err := s.discard(tx, sc, &q, aws.ToString(e.ReceiptHandle), now); err != nil {
				out.Failed = append(out.Failed, failedEntry(e.Id, err))
			} else {
				out.Successful = append(out.Successful, types.DeleteMessageBatchResultEntry{Id: e.Id})
			}
		}
		return nil
	})
	s.wake(topic)
	return out, err
}

// ChangeMessageVisibility hides a received message for longer or shorter; 0
// gives it back at once.
func (s *Service) ChangeMessageVisibility(ctx context.Context,
	in *sqs.ChangeMessageVisibilityInput) (*sqs.ChangeMessageVisibilityOutput, error) {
	now, topic := gateway.From(ctx).Time, ""
	err := s.in(ctx, in.QueueUrl, func(tx *store.Tx, sc ident.Scope, q queue) error {
		topic = queueARN(sc, q.Name)
		return s.rehide(tx, sc, &q, aws.ToString(in.ReceiptHandle), in.VisibilityTimeout, now)
	})
	s.wake(topic)
	return &sqs.ChangeMessageVisibilityOutput{}, err
}

// ChangeMessageVisibilityBatch does so for up to ten messages, each by itself.
func (s *Service) ChangeMessageVisibilityBatch(ctx context.Context,
	in *sqs.ChangeMessageVisibilityBatchInput) (*sqs.ChangeMessageVisibilityBatchOutput, error) {
	if err := checkBatch(in.Entries, func(e *types.ChangeMessageVisibilityBatchRequestEntry) *string {
		return e.Id
	}); err != nil {
		return nil, err
	}
	now, topic := gateway.From(ctx).Time, ""
	out := &sqs.ChangeMessageVisibilityBatchOutput{Successful: []types.ChangeMessageVisibilityBatchResultEntry{},
		Failed: []types.BatchResultErrorEntry{}}
	err := s.in(ctx, in.QueueUrl, func(tx *store.Tx, sc ident.Scope, q queue) error {
		topic = queueARN(sc, q.Name)
		for _, e := range in.Entries {
			if err := s.rehide(tx, sc, &q, aws.ToString(e.ReceiptHandle), e.VisibilityTimeout, now); err != nil {
				out.Failed = append(out.Failed, failedEntry(e.Id, err))
			} else {
				out.Successful = append(out.Successful, types.ChangeMessageVisibilityBatchResultEntry{Id: e.Id})
			}
		}
		return nil
	})
	s.wake(topic)
	return out, err
}
