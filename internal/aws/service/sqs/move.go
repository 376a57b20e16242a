package sqs

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// The states of a task.
const (
	running   = "RUNNING"
	completed = "COMPLETED"
	cancelled = "CANCELLED"
	failed    = "FAILED"
)

// moveTask moves the messages of a dead-letter queue back. Its key is the
// queue's name and the time of its start.
type moveTask struct {
	ID          string
	Queue       string // the dead-letter queue
	Destination string // ARN; empty for where each message came from
	Rate        int32  // messages a second; 0 for as fast as SQS sees fit
	Status      string
	Reason      string
	Moved       int64
	Total       int64
	Started     time.Time
}

func (t *moveTask) key() string { return fmt.Sprintf("%s/%020d", t.Queue, t.Started.UnixNano()) }

// handle is the secret by which a running task can be cancelled.
func (t *moveTask) handle(sc ident.Scope) string {
	return base64.StdEncoding.EncodeToString(
		[]byte(text(map[string]string{"taskId": t.ID, "sourceArn": queueARN(sc, t.Queue), "key": t.key()})))
}

// StartMessageMoveTask begins to move messages from a dead-letter queue to
// where they came from, or to another queue.
func (s *Service) StartMessageMoveTask(ctx context.Context,
	in *sqs.StartMessageMoveTaskInput) (*sqs.StartMessageMoveTaskOutput, error) {
	c := gateway.From(ctx)
	source, err := ident.ParseARN(aws.ToString(in.SourceArn))
	if err != nil || source.Service != "sqs" {
		return nil,
			invalidParameter(
				"You must use this format to specify the SourceArn: arn:<partition>:<service>:<region>:<account-id>:<resource-id>")
	}
	if r := aws.ToInt32(in.MaxNumberOfMessagesPerSecond); in.MaxNumberOfMessagesPerSecond != nil &&
		(r < 1 || int64(r) > limit("moveMessagesPerSecond")) {
		return nil, invalidReason(r, "MaxNumberOfMessagesPerSecond", "You must enter a value between 1 and 500.")
	}
	t := moveTask{ID: s.host.IDs.UUID(), Queue: source.Resource, Destination: aws.ToString(in.DestinationArn),
		Rate: aws.ToInt32(in.MaxNumberOfMessagesPerSecond), Status: running, Started: c.Time}
	err = s.host.Store.Update(func(tx *store.Tx) error {
		if _, ok := s.queues.Get(tx, c.Scope, t.Queue); !ok || source.Scope() != c.Scope {
			return missingResource("The resource that you specified for the SourceArn parameter doesn't exist.")
		}
		if !s.isDeadLetterQueue(tx, c.Scope, source.String()) {
			return invalidParameter("Source queue must be configured as a Dead Letter Queue.")
		}
		if d, err := ident.ParseARN(t.Destination); t.Destination != "" {
			if _, ok := s.queues.Get(tx, c.Scope, d.Resource); err != nil || !ok {
				return missingResource("The resource that you specified for the DestinationArn parameter doesn't exist.")
			}
		}
		busy := false
		s.tasks.Scan(tx, c.Scope, t.Queue+"/", "", func(_ string, other moveTask) bool {
			busy = busy || other.Status == running
			return true
		})
		if busy {
			return &types.UnsupportedOperation{Message: aws.String(
				"There is already a task running. Only one active task is allowed for a source queue arn at a given time.")}
		}
		s.each(tx, c.Scope, t.Queue, func(message) bool {
			t.Total++
			return true
		})
		s.tasks.Put(tx, c.Scope, t.key(), t)
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.schedule(c.Scope, t.key(), 0)
	return &sqs.StartMessageMoveTaskOutput{TaskHandle: aws.String(t.handle(c.Scope))}, nil
}

func missingResource(message string) error {
	return &types.ResourceNotFoundException{Message: aws.String(message)}
}

func (s *Service) isDeadLetterQueue(tx *store.Tx, sc ident.Scope, arn string) (found bool) {
	s.queues.Scan(tx, sc, "", "", func(_ string, q queue) bool {
		target, _, ok := q.redrive()
		found = ok && target.String() == arn
		return !found
	})
	return found
}

func (s *Service) schedule(sc ident.Scope, key string, after time.Duration) {
	s.After(after, "message move task", func(context.Context) { s.step(sc, key) })
}

// resumeTasks goes on with what was running when the process ended.
func (s *Service) resumeTasks(context.Context) error {
	return s.host.Store.View(func(tx *store.Tx) error {
		s.tasks.ScanAll(tx, func(sc ident.Scope, key string, t moveTask) bool {
			if t.Status == running {
				s.schedule(sc, key, 0)
			}
			return true
		})
		return nil
	})
}

// step moves what one second allows.
func (s *Service) step(sc ident.Scope, key string) {
	now, more := s.host.Clock.Now(), false
	var touched []string
	err := s.host.Store.Update(func(tx *store.Tx) error {
		t, ok := s.tasks.Get(tx, sc, key)
		if !ok || t.Status != running {
			return nil
		}
		n := int(limit("moveMessagesPerSecond"))
		if t.Rate > 0 {
			n = int(t.Rate)
		}
		var batch []message
		s.each(tx, sc, t.Queue, func(m message) bool {
			if more = len(batch) == n; more {
				return false
			}
			if !m.Visible.After(now) {
				batch = append(batch, m)
			}
			return true
		})
		for i := range batch {
			name, ok := s.back(tx, sc, &t, &batch[i], now)
			if !ok {
				t.Status, t.Reason, more = failed, "AWS.SimpleQueueService.NonExistentQueue", false
				break
			}
			if !slices.Contains(touched, name) {
				touched = append(touched, name)
			}
			t.Moved++
		}
		if !more && t.Status == running {
			t.Status = completed
		}
		s.tasks.Put(tx, sc, key, t)
		return nil
	})
	if err != nil {
		s.host.Log.Error("messages not moved", "task", key, "error", err)
		s.schedule(sc, key, time.Second)
		return
	}
	for _, name := range touched {
		s.host.Signals.Notify(queueARN(sc, name))
	}
	if more {
		s.schedule(sc, key, time.Second)
	}
}

// back moves one message; a moved message is new where it arrives.
func (s *Service) back(tx *store.Tx, sc ident.Scope, t *moveTask, m *message, now time.Time) (string, bool) {
	to := t.Destination
	if to == "" {
		to = m.Source
	}
	arn, err := ident.ParseARN(to)
	q, ok := s.queues.Get(tx, sc, arn.Resource)
	if err != nil || !ok {
		return "", false
	}
	s.remove(tx, sc, t.Queue, m)
	moved := *m
	moved.Number, moved.Sent, moved.Visible, moved.First = q.Next, now, now, time.Time{}
	moved.Receives, moved.Nonce, moved.Source = 0, "", ""
	q.Next++
	s.queues.Put(tx, sc, q.Name, q)
	s.put(tx, sc, q.Name, moved)
	return q.Name, true
}

// ListMessageMoveTasks lists the newest tasks of a dead-letter queue first.
func (s *Service) ListMessageMoveTasks(ctx context.Context,
	in *sqs.ListMessageMoveTasksInput) (*sqs.ListMessageMoveTasksOutput, error) {
	c := gateway.From(ctx)
	source, err := ident.ParseARN(aws.ToString(in.SourceArn))
	if err != nil {
		return nil,
			invalidParameter(
				"You must use this format to specify the SourceArn: arn:<partition>:<service>:<region>:<account-id>:<resource-id>")
	}
	n := 1 // the newest
	if in.MaxResults != nil {
		n = int(*in.MaxResults)
	}
	if n < 1 || n > 10 {
		return nil, invalidReason(n, "MaxResults", "You must enter a value between 1 and 10.")
	}
	out := &sqs.ListMessageMoveTasksOutput{}
	err = s.host.Store.View(func(tx *store.Tx) error {
		if _, ok := s.queues.Get(tx, c.Scope, source.Resource); !ok {
			return missingResource("The resource that you specified for the SourceArn parameter doesn't exist.")
		}
		s.tasks.ScanBack(tx, c.Scope, source.Resource+"/", "", func(_ string, t moveTask) bool {
			e := types.ListMessageMoveTasksResultEntry{SourceArn: in.SourceArn, Status: aws.String(t.Status),
				StartedTimestamp:                 t.Started.UnixMilli(),
				ApproximateNumberOfMessagesMoved: t.Moved, ApproximateNumberOfMessagesToMove: aws.Int64(t.Total)}
			if t.Destination != "" {
				e.DestinationArn = aws.String(t.Destination)
			}
			if t.Rate > 0 {
				e.MaxNumberOfMessagesPerSecond = aws.Int32(t.Rate)
			}
			if t.Reason != "" {
				e.FailureReason = aws.String(t.Reason)
			}
			if t.Status == running {
				e.TaskHandle = aws.String(t.handle(c.Scope))
			}
			out.Results = append(out.Results, e)
			return len(out.Results) < n
		})
		return nil
	})
	return out, err
}

// CancelMessageMoveTask stops a running task; what was moved stays moved.
func (s *Service) CancelMessageMoveTask(ctx context.Context,
	in *sqs.CancelMessageMoveTaskInput) (*sqs.CancelMessageMoveTaskOutput, error) {
	c := gateway.From(ctx)
	out := &sqs.CancelMessageMoveTaskOutput{}
	err := s.host.Store.Update(func(tx *store.Tx) error {
		var found *moveTask
		s.tasks.Scan(tx, c.Scope, "", "", func(_ string, t moveTask) bool {
			if t.handle(c.Scope) == aws.ToString(in.TaskHandle) {
				found = &t
			}
			return found == nil
		})
		switch {
		case found == nil:
			return missingResource("Task does not exist.")
		case found.Status != running:
			return &types.UnsupportedOperation{Message: aws.String("The task is not running.")}
		}
		found.Status = cancelled
		s.tasks.Put(tx, c.Scope, found.key(), *found)
		out.ApproximateNumberOfMessagesMoved = found.Moved
		return nil
	})
	return out, err
}
