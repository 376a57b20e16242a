package lambda

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/outbox"
	"github.com/pipelab/pipelab/internal/aws/service/lambda/esm"
	"github.com/pipelab/pipelab/internal/aws/store"
	"github.com/pipelab/pipelab/internal/aws/worker"
)

// eventQueue is the adapter that runs functions for asynchronous invocations
// that were accepted. Each run is an Invoke of its own under the call that was
// accepted.
const eventQueue = "lambda events"

// event is what the queue remembers of an invocation between two attempts.
type event struct {
	RequestID string // which the function sees, the same in all attempts
	Client    string `json:",omitempty"` // client context, JSON
	Runs      int    // that ended in a function error
	Waits     int    // that never reached the function
	Last      string `json:",omitempty"` // id of the latest attempt's call
	// Done is set when only the record for a destination is left to
	// deliver; only releases before the outbox stored such events.
	Done *ending `json:",omitempty"`
}

// ending is what became of an event.
type ending struct {
	Condition string
	Failed    bool
	Version   string
	Payload   []byte // the function's answer; nil when it never ran
	Recursive bool   `json:",omitempty"`
}

// reorderDelay is how long an event waits so that later ones are delivered first.
const reorderDelay = 300 * time.Millisecond

// enqueue accepts an event: it is stored before the caller is answered.
func (s *Service) enqueue(ctx context.Context, j job) error {
	call := gateway.From(ctx)
	d, err := queued(j.fn, event{RequestID: j.id, Client: j.client}, j.payload)
	if err != nil {
		return err
	}
	d.Cause, d.Trace, d.Made, d.Due = call.ID, call.Trace, call.Time, call.Time
	if _, hit := s.host.Faults.Take(gateway.FaultReorder, "lambda", "Invoke", j.fn.Name); hit {
		d.Due = d.Due.Add(reorderDelay)
	}
	times := 1
	if _, hit := s.host.Faults.Take(gateway.FaultDuplicate, "lambda", "Invoke", j.fn.Name); hit {
		times = 2
	}
	return s.host.Store.Update(func(tx *store.Tx) error {
		for range times {
			s.host.Outbox.Send(tx, d)
		}
		return nil
	})
}

// queued is an event on its way to its function.
func queued(fn esm.Function, e event, payload []byte) (outbox.Delivery, error) {
	state, err := json.Marshal(e)
	return outbox.Delivery{Adapter: eventQueue, Target: fn.ARN(), Payload: payload, State: state,
		Sender: outbox.Sender{Service: "lambda.amazonaws.com", Account: fn.Scope.Account}}, err
}

// attempt runs the function once for an event, and decides what is next.
//
// Function errors are retried after one minute and then two; an event that
// cannot reach the function waits longer and longer, until it is too old.
// Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
func (s *Service) attempt(ctx context.Context, d *outbox.Delivery) error {
	var e event
	if err := json.Unmarshal(d.State, &e); err != nil {
		return &outbox.GiveUp{Err: err}
	}
	fn, err := esm.ParseFunction(d.Target, d.Scope)
	if err != nil {
		return &outbox.GiveUp{Err: err}
	}
	if e.Done != nil {
		return s.conclude(d, fn, e, *e.Done)
	}
	age, retries := s.patience(fn)
	if s.host.Clock.Now().Sub(d.Made) > age {
		return s.conclude(d, fn, e, ending{Condition: "EventAgeExceeded", Failed: true})
	}
	out, err := s.runEvent(ctx, d, fn, &e)
	var gone *types.ResourceNotFoundException
	switch {
	case errors.As(err, &gone): // its destinations are gone with it
		return &outbox.GiveUp{Err: err}
	case recursive(err):
		return s.conclude(d, fn, e, ending{Condition: "RetriesExhausted", Failed: true, Recursive: true})
	case err != nil && s.switchedOff(fn):
		return s.conclude(d, fn, e, ending{Condition: "RetriesExhausted", Failed: true})
	case err != nil:
		e.Waits++
		return later(d, e, worker.Backoff(e.Waits, time.Second, 5*time.Minute), err)
	}
	e.Runs++
	end := ending{Condition: "Success", Version: aws.ToString(out.ExecutedVersion), Payload: out.Payload}
	if out.FunctionError == nil {
		return s.conclude(d, fn, e, end)
	}
	if e.Runs <= retries {
		return later(d, e, time.Duration(e.Runs)*time.Minute, errors.New("the function failed"))
	}
	end.Condition, end.Failed = "RetriesExhausted", true
	return s.conclude(d, fn, e, end)
}

// later keeps an event for another attempt.
func later(d *outbox.Delivery, e event, wait time.Duration, reason error) error {
	state, err := json.Marshal(e)
	if err != nil {
		return &outbox.GiveUp{Err: err}
	}
	d.State = state
	return &outbox.Retry{After: wait, Err: reason}
}

type requestKey struct{}

// requestID is the id that the function sees: that of the call at hand, or of
// the one whose event is attempted.
func requestID(ctx context.Context) string {
	if id, ok := ctx.Value(requestKey{}).(string); ok {
		return id
	}
	return gateway.From(ctx).ID
}

// runEvent makes the call of one attempt.
func (s *Service) runEvent(ctx context.Context, d *outbox.Delivery, fn esm.Function, e *event) (*sdk.InvokeOutput,
	error) {
	in := &sdk.InvokeInput{FunctionName: &fn.Name, InvocationType: types.InvocationTypeRequestResponse, Payload: d.Payload}
	if fn.Qualifier != "" {
		in.Qualifier = &fn.Qualifier
	}
	if e.Client != "" {
		in.ClientContext = aws.String(base64.StdEncoding.EncodeToString([]byte(e.Client)))
	}
	call := gateway.Attempt(d, "lambda", "Invoke", in)
	call.ID = s.host.IDs.UUID()
	e.Last = call.ID
	return gateway.Invoke[sdk.InvokeOutput](context.WithValue(ctx, requestKey{}, e.RequestID), s.host, call)
}

// switchedOff reports whether a function has no concurrency at all: its events
// are not retried.
// Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
func (s *Service) switchedOff(fn esm.Function) (off bool) {
	_ = s.host.Store.View(func(tx *store.Tx) error { // reads only: no error
		f, ok := s.functions.Get(tx, fn.Scope, fn.Name)
		off = ok && f.Reserved != nil && *f.Reserved == 0
		return nil
	})
	return off
}

// config is the invoke configuration that holds for a function as invoked.
func (s *Service) config(fn esm.Function) (c invokeConfig) {
	_ = s.host.Store.View(func(tx *store.Tx) error { // reads only: no error
		c, _ = s.configs.Get(tx, fn.Scope, configKey(fn)) // zero: the defaults
		return nil
	})
	return c
}

// patience is how old an event may become and how often it is retried.
func (s *Service) patience(fn esm.Function) (age time.Duration, retries int) {
	c := s.config(fn)
	age, retries = time.Duration(limit("eventAgeSeconds"))*time.Second, int(limit("eventRetries"))
	if c.Age != nil {
		age = time.Duration(*c.Age) * time.Second
	}
	if c.Retries != nil {
		retries = int(*c.Retries)
	}
	return age, retries
}

// storedEvent is how releases before the outbox stored an event.
type storedEvent struct {
	ID            string
	Function      esm.Function
	Payload       []byte
	Client        string
	Received, Due time.Time
	Runs, Waits   int
	Done          *ending
}

// takeOver hands such an event to the outbox. Of an event that a fault had
// doubled, the copy has the same request id.
func (s *Service) takeOver(tx *store.Tx, _ ident.Scope, _ string, old []byte) error {
	var was storedEvent
	if err := json.Unmarshal(old, &was); err != nil {
		return fmt.Errorf("event: %w", err)
	}
	id := strings.TrimSuffix(was.ID, "-again")
	d, err := queued(was.Function, event{RequestID: id, Client: was.Client, Runs: was.Runs, Waits: was.Waits,
		Done: was.Done}, was.Payload)
	if err != nil {
		return err
	}
	d.Cause, d.Made, d.Due, d.Attempts = id, was.Received, was.Due, was.Runs+was.Waits
	s.host.Outbox.Send(tx, d)
	return nil
}
