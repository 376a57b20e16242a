package lambda

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/service/lambda/esm"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// event is an accepted asynchronous invocation. Its key is its id.
type event struct {
	ID       string
	Function esm.Function
	Payload  []byte
	Client   string
	Received time.Time
	Due      time.Time
	Runs     int // that ended in a function error
	Waits    int // that never reached the function
	// Done is set when all that is left is to tell a destination.
	Done *ending
}

// ending is what became of an event.
type ending struct {
	Condition string
	Failed    bool
	Version   string
	Payload   []byte // the function's answer; nil when it never ran
}

// enqueue accepts an event: it is stored before the caller is answered.
func (s *Service) enqueue(ctx context.Context, j job) error {
	now := gateway.From(ctx).Time
	e := event{ID: j.id, Function: j.fn, Payload: j.payload, Client: j.client, Received: now, Due: now}
	if _, hit := s.host.Faults.Take(gateway.FaultReorder, "lambda", "Invoke", j.fn.Name); hit {
		e.Due = now.Add(reorderDelay)
	}
	if err := s.keep(e); err != nil {
		return err
	}
	s.schedule(e)
	if _, hit := s.host.Faults.Take(gateway.FaultDuplicate, "lambda", "Invoke", j.fn.Name); hit {
		e.ID += "-again" // the key of the copy; the function sees the same request id
		if err := s.keep(e); err != nil {
			return err
		}
		s.schedule(e)
	}
	return nil
}

// reorderDelay lets the events that come next overtake one.
const reorderDelay = 300 * time.Millisecond

func (s *Service) keep(e event) error {
	return s.host.Store.Update(func(tx *store.Tx) error {
		s.events.Put(tx, e.Function.Scope, e.ID, e)
		return nil
	})
}

// resume schedules the events of an earlier life.
func (s *Service) resume() {
	var all []event
	_ = s.host.Store.View(func(tx *store.Tx) error { // reads only: no error
		s.events.ScanAll(tx, func(_ ident.Scope, _ string, e event) bool {
			all = append(all, e)
			return true
		})
		return nil
	})
	for _, e := range all {
		s.schedule(e)
	}
}

// schedule handles an event when it is due, in the life that it was scheduled
// in: Start schedules all that is left anew.
func (s *Service) schedule(e event) {
	life := s.living()
	if life == nil {
		return
	}
	s.host.Clock.At(e.Due, func() {
		if life.Err() != nil {
			return
		}
		s.handle(life, e)
	})
}

// handle makes one attempt at an event and decides what is next.
func (s *Service) handle(life context.Context, e event) {
	ctx := gateway.WithCall(life, &gateway.Call{ID: strings.TrimSuffix(e.ID, "-again"), Time: s.host.Clock.Now(),
		Scope: e.Function.Scope, Service: "lambda", Operation: "Invoke",
		Principal: gateway.ServicePrincipal("lambda.amazonaws.com", e.Function.Scope.Account)})
	if e.Done == nil && !s.attempt(ctx, &e) {
		if life.Err() == nil && s.keep(e) == nil {
			s.schedule(e)
		}
		return
	}
	if life.Err() != nil {
		return // comes again in the next life
	}
	if err := s.keep(e); err != nil {
		return
	}
	s.tell(ctx, e)
	_ = s.host.Store.Update(func(tx *store.Tx) error { // what stays is told once more after a restart
		s.events.Delete(tx, e.Function.Scope, e.ID)
		return nil
	})
}

// attempt runs the function once. It reports whether the event is done with;
// if not, e says when to try again.
//
// Function errors are retried after one minute and then two; an event that
// cannot reach the function waits longer and longer, until it is too old.
// Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
func (s *Service) attempt(ctx context.Context, e *event) bool {
	age, retries := s.patience(e.Function)
	now := s.host.Clock.Now()
	if now.Sub(e.Received) > age {
		e.Done = &ending{Condition: "EventAgeExceeded", Failed: true}
		return true
	}
	v, err := s.callable(ctx, e.Function)
	if _, gone := err.(*types.ResourceNotFoundException); gone { //nolint:errorlint // made by find
		return s.drop(e)
	}
	var out result
	if err == nil {
		out, err = s.run(ctx, job{fn: e.Function, version: v, id: gateway.From(ctx).ID, payload: e.Payload, client: e.Client})
	}
	switch {
	case err != nil && s.switchedOff(e.Function):
		e.Done = &ending{Condition: "RetriesExhausted", Failed: true}
		return true
	case err != nil:
		wait := min(5*time.Minute, time.Second<<min(e.Waits, 10))
		e.Waits++
		e.Due = s.host.Clock.Now().Add(wait)
		return false
	case !out.Failed:
		e.Runs++
		e.Done = &ending{Condition: "Success", Version: *v.Config.Version, Payload: out.Payload}
		return true
	}
	e.Runs++
	if e.Runs > retries {
		e.Done = &ending{Condition: "RetriesExhausted", Failed: true, Version: *v.Config.Version, Payload: out.Payload}
		return true
	}
	e.Due = s.host.Clock.Now().Add(time.Duration(e.Runs) * time.Minute)
	return false
}

// drop ends an event whose function is gone: there is nobody to tell.
func (s *Service) drop(e *event) bool {
	s.host.Log.Debug("event of a deleted function dropped", "function", e.Function.ARN())
	e.Done = &ending{Condition: "RetriesExhausted", Failed: true}
	return true
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
