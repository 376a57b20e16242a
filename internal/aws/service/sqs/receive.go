package sqs

import (
	"context"
	"fmt"
	"slices"
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

// oldNames moves what AttributeNames asks for to the member that has replaced it. The model
// gives the old one the names of a queue's attributes; what AWS takes in it are those of
// a message, as its documentation and most programs have them.
// Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
func oldNames(input any) error {
	in := input.(*sqs.ReceiveMessageInput) //nolint:forcetypeassert // the operation's own
	for _, n := range in.AttributeNames {  //nolint:staticcheck // old clients send it
		in.MessageSystemAttributeNames = append(in.MessageSystemAttributeNames, types.MessageSystemAttributeName(n))
	}
	in.AttributeNames = nil //nolint:staticcheck // as above
	return nil
}

// ReceiveMessage hides up to ten messages and returns them. With a wait, its
// own or the queue's, it returns when there is one, or empty when the wait is
// over.
func (s *Service) ReceiveMessage(ctx context.Context, in *sqs.ReceiveMessageInput) (*sqs.ReceiveMessageOutput, error) {
	c := gateway.From(ctx)
	switch {
	case in.MaxNumberOfMessages < 0 || in.MaxNumberOfMessages > 10 ||
		in.MaxNumberOfMessages == 0 && c.Has("MaxNumberOfMessages"):
		return nil, invalidReason(in.MaxNumberOfMessages, "MaxNumberOfMessages", "Must be between 1 and 10, if provided.")
	case in.WaitTimeSeconds < 0 || in.WaitTimeSeconds > 20:
		return nil, invalidReason(in.WaitTimeSeconds, "WaitTimeSeconds", "Must be >= 0 and <= 20, if provided.")
	case in.VisibilityTimeout < 0 || int64(in.VisibilityTimeout) > limit("visibilitySeconds"):
		return nil, invalidReason(in.VisibilityTimeout, "VisibilityTimeout", "Must be between 0 and 43200, if provided.")
	}
	running, end, ok := s.Begin(ctx)
	if !ok { // the messages may be those of a state that is being replaced
		return nil, gateway.Stopping()
	}
	defer end()
	sc, name, err := locate(c.Scope, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	arrived := make(chan struct{}, 1)
	cancel := s.host.Signals.Listen(queueARN(sc, name), func() {
		select {
		case arrived <- struct{}{}:
		default: // one is enough: the state is looked at, not the signal
		}
	})
	defer cancel()
	var deadline time.Time
	for {
		var out []types.Message
		var wait time.Duration
		next := time.Time{}
		now := s.host.Clock.Now()
		err := s.in(ctx, in.QueueUrl, func(tx *store.Tx, sc ident.Scope, q queue) error {
			wait = time.Duration(in.WaitTimeSeconds) * time.Second
			if !c.Has("WaitTimeSeconds") {
				wait = q.seconds("ReceiveMessageWaitTimeSeconds")
			}
			var err error
			out, next, err = s.take(tx, sc, &q, c, in, now)
			return err
		})
		if err != nil || len(out) > 0 {
			return &sqs.ReceiveMessageOutput{Messages: out}, err
		}
		if deadline.IsZero() {
			deadline = now.Add(wait)
		}
		if !s.await(ctx, running, arrived, now, deadline, next) {
			return &sqs.ReceiveMessageOutput{}, ctx.Err()
		}
	}
}

// await returns true when there may be something new, false at the deadline or
// when the caller or the service ends.
func (s *Service) await(ctx, running context.Context, arrived <-chan struct{}, now, deadline, next time.Time) bool {
	if !now.Before(deadline) {
		return false
	}
	until := deadline
	if !next.IsZero() && next.Before(deadline) {
		until = next
	}
	due := make(chan struct{})
	timer := s.host.Clock.At(until, func() { close(due) })
	defer timer.Stop()
	select {
	case <-arrived:
		return true
	case <-due:
		// A last look at the deadline itself.
		return true
	case <-running.Done():
		return false
	case <-ctx.Done():
		return false
	}
}

// take hides and returns what can be received now; next is when, by itself,
// the next message comes into sight.
func (s *Service) take(tx *store.Tx, sc ident.Scope, q *queue, c *gateway.Call, in *sqs.ReceiveMessageInput,
	now time.Time) (out []types.Message, next time.Time, err error) {
	s.expire(tx, sc, q, now)
	ready, next := s.ready(tx, sc, q, max(int(in.MaxNumberOfMessages), 1), now)
	if len(ready) == 0 {
		return nil, next, nil
	}
	if err := s.checkInFlight(tx, sc, q, now); err != nil {
		return nil, next, err
	}
	hide := time.Duration(in.VisibilityTimeout) * time.Second
	if !c.Has("VisibilityTimeout") {
		hide = q.seconds("VisibilityTimeout")
	}
	if _, hit := s.host.Faults.Take(gateway.FaultReorder, "sqs", "ReceiveMessage", q.Name); hit && !q.fifo() {
		slices.Reverse(ready)
	}
	for _, m := range ready {
		m.Receives++
		m.Nonce = s.host.IDs.Hex(16)
		if m.First.IsZero() {
			m.First = now
		}
		m.Visible = now.Add(hide)
		if _, hit := s.host.Faults.Take(gateway.FaultDuplicate, "sqs", "ReceiveMessage", q.Name); hit && !q.fifo() {
			m.Visible = now // another receive gets it too
		}
		s.put(tx, sc, q.Name, m)
		out = append(out, show(q, &m, in))
	}
	return out, next, nil
}

// ready picks messages that may be received, moving those that were received
// too often to the dead-letter queue.
func (s *Service) ready(tx *store.Tx, sc ident.Scope, q *queue, n int, now time.Time) (ready []message,
	next time.Time) {
	var dead []message
	_, limit, redrives := q.redrive()
	consider := func(m message) bool {
		if redrives && m.Receives >= limit {
			dead = append(dead, m)
		} else {
			ready = append(ready, m)
		}
		return len(ready) < n
	}
	if q.fifo() {
		next = s.inGroups(tx, sc, q, now, consider)
	} else {
		s.waiting.Scan(tx, sc, q.Name+"/", "", func(_, key string) bool {
			m, _ := s.messages.Get(tx, sc, key)
			if m.Visible.After(now) {
				next = m.Visible
				return false
			}
			return consider(m)
		})
	}
	for i := range dead {
		s.deadLetter(tx, sc, q, &dead[i], now)
	}
	return ready, next
}

// inGroups goes over a FIFO queue in order. A message that is hidden holds up
// the rest of its group.
func (s *Service) inGroups(tx *store.Tx, sc ident.Scope, q *queue, now time.Time,
	consider func(message) bool) (next time.Time) {
	held := map[string]bool{}
	s.each(tx, sc, q.Name, func(m message) bool {
		if held[m.Group] {
			return true
		}
		if m.Visible.After(now) {
			held[m.Group] = true
			if next.IsZero() || m.Visible.Before(next) {
				next = m.Visible
			}
			return true
		}
		return consider(m)
	})
	return next
}

// deadLetter moves a message to the dead-letter queue. Without that queue it stays.
func (s *Service) deadLetter(tx *store.Tx, sc ident.Scope, q *queue, m *message, now time.Time) {
	target, _, _ := q.redrive()
	dead, ok := s.queues.Get(tx, sc, target.Resource)
	if !ok {
		return
	}
	s.remove(tx, sc, q.Name, m)
	moved := *m
	moved.Number, moved.Visible, moved.Nonce, moved.Source = dead.Next, now, "", queueARN(sc, q.Name)
	if q.fifo() {
		// The age of a standard queue's message goes on in the dead-letter queue.
		// Source: SQSDeveloperGuide, "message retention periods for dead-letter queues".
		moved.Sent = now
	}
	dead.Next++
	s.queues.Put(tx, sc, dead.Name, dead)
	s.put(tx, sc, dead.Name, moved)
}

// expire removes messages that are older than the queue keeps them.
func (s *Service) expire(tx *store.Tx, sc ident.Scope, q *queue, now time.Time) {
	oldest := now.Add(-q.seconds("MessageRetentionPeriod"))
	var over []message
	s.each(tx, sc, q.Name, func(m message) bool {
		if m.Sent.Before(oldest) {
			over = append(over, m)
			return true
		}
		// Dead letters keep their age, so an older one may come later.
		return m.Source != ""
	})
	for i := range over {
		s.remove(tx, sc, q.Name, &over[i])
	}
}

func (s *Service) checkInFlight(tx *store.Tx, sc ident.Scope, q *queue, now time.Time) error {
	name := "inFlight"
	if q.fifo() {
		name = "inFlightFifo"
	}
	// Few messages cannot be too many in flight; counting them is not free.
	if q.Next < uint64(limit(name)) { // a positive quota
		return nil
	}
	if _, _, hidden := s.count(tx, sc, q.Name, now); int64(hidden) >= limit(name) {
		return &types.OverLimit{Message: aws.String("The maximum number of in flight messages is reached.")}
	}
	return nil
}

// show is a message as a receiver asked to see it.
func show(q *queue, m *message, in *sqs.ReceiveMessageInput) types.Message {
	out := types.Message{MessageId: aws.String(m.ID), Body: aws.String(m.Body),
		MD5OfBody:     aws.String(digest([]byte(m.Body))),
		ReceiptHandle: aws.String(handle(q.Name, m))}
	all := map[string]string{
		"SenderId": m.Sender, "SentTimestamp": millis(m.Sent), "ApproximateReceiveCount": strconv.Itoa(m.Receives),
		"ApproximateFirstReceiveTimestamp": millis(m.First), "MessageGroupId": m.Group, "MessageDeduplicationId": m.Dedup,
		"SequenceNumber": aws.ToString(sequence(q, m)), "AWSTraceHeader": m.Trace, "DeadLetterQueueSourceArn": m.Source,
	}
	var wanted []string
	for _, n := range in.MessageSystemAttributeNames {
		wanted = append(wanted, string(n))
	}
	for name, v := range all {
		if v != "" && (slices.Contains(wanted, "All") || slices.Contains(wanted, name)) {
			if out.Attributes == nil {
				out.Attributes = map[string]string{}
			}
			out.Attributes[name] = v
		}
	}
	for name, v := range m.Attributes {
		if selected(in.MessageAttributeNames, name) {
			if out.MessageAttributes == nil {
				out.MessageAttributes = map[string]types.MessageAttributeValue{}
			}
			out.MessageAttributes[name] = v
		}
	}
	out.MD5OfMessageAttributes = attributesDigest(out.MessageAttributes)
	return out
}

// selected tells whether a list of names, which may hold All, .* and prefixes
// such as trace.*, asks for an attribute.
func selected(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool {
		return n == "All" || n == ".*" || n == name || strings.HasSuffix(n, ".*") &&
			strings.HasPrefix(name, strings.TrimSuffix(n, "*"))
	})
}

func millis(t time.Time) string { return fmt.Sprint(t.UnixMilli()) }
