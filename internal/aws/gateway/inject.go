package gateway

import (
	"context"
	"errors"
	"net/http"
	"time"
)

type spared struct{}

// WithoutFaults makes the gateway act out no injected fault on the call of a
// request with this context. What the call sets off is not spared.
func WithoutFaults(ctx context.Context) context.Context {
	return context.WithValue(ctx, spared{}, true)
}

// exempt reports whether a call comes from the network with such a context.
func exempt(ctx context.Context, c *Call) bool { return !c.Internal() && Spared(ctx) }

// Spared reports whether ctx was made by WithoutFaults.
func Spared(ctx context.Context) bool { return ctx.Value(spared{}) != nil }

// ErrDropped asks the HTTP side to cut the connection.
var ErrDropped = errors.New("connection dropped by an injected fault")

// Site is where a fault may strike: a call, with the errors of its service.
type Site struct {
	Service, Operation, Resource string
	// Input is what the call carries, the SDK's own type or a payload; nil where it is
	// not known, and then no fault strikes that looks at it.
	Input  any
	Errors Errors
}

// Site is where faults may strike on a call that is about a resource.
func (c *Catalogue) Site(call *Call, resource string) Site {
	return Site{call.Service, call.Operation, resource, call.Input, c.Errors(call.Service)}
}

// Before acts out the faults that strike before a call takes effect: it waits
// with sleep, and returns the error to answer with or ErrDropped.
func (f *Faults) Before(ctx context.Context, sleep func(context.Context, time.Duration) error, s Site) error {
	if err := f.gather(ctx, sleep, s); err != nil {
		return err
	}
	if rule, hit := f.Strike(FaultLatency, s); hit {
		if err := sleep(ctx, rule.Latency); err != nil {
			return err
		}
	}
	if _, hit := f.Strike(FaultDrop, s); hit {
		return ErrDropped
	}
	if rule, hit := f.Strike(FaultError, s); hit {
		return rule.err(s.Errors)
	}
	if rule, hit := f.Strike(FaultThrottle, s); hit {
		return rule.throttle(s.Errors)
	}
	return nil
}

// After returns the error to answer with in place of what a call that has taken
// effect would answer; nil when no fault strikes.
func (f *Faults) After(s Site) error {
	if rule, hit := f.Strike(FaultAfter, s); hit {
		return rule.err(s.Errors)
	}
	return nil
}

// gather holds a call until those that a rule waits for have come too.
func (f *Faults) gather(ctx context.Context, sleep func(context.Context, time.Duration) error, s Site) error {
	gate, atMost := f.gathering(s)
	if gate == nil {
		return nil
	}
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // ends with the call
		if sleep(waiting, atMost) == nil {
			f.giveUp(gate)
		}
	}()
	select {
	case <-gate:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// err is the error that a rule answers with.
func (f Fault) err(e Errors) error {
	status, code := f.Status, f.Error
	if status == 0 {
		status = http.StatusInternalServerError
	}
	if code == "" {
		code = e.failed()
	}
	return Errorf(status, code, "Injected fault %s", f.ID)
}

// throttle is the error with which a service says that it is called too often.
func (f Fault) throttle(e Errors) error {
	if f.Error != "" {
		status := f.Status
		if status == 0 {
			status = http.StatusBadRequest
		}
		return Errorf(status, f.Error, "Rate exceeded")
	}
	return e.throttled()
}
