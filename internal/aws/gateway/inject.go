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

// Before acts out the faults that strike before a call takes effect: it waits
// with sleep, and returns the error to answer with or ErrDropped.
func (f *Faults) Before(ctx context.Context, sleep func(context.Context, time.Duration) error, service, operation,
	resource string) error {
	if err := f.gather(ctx, sleep, service, operation, resource); err != nil {
		return err
	}
	if rule, hit := f.Take(FaultLatency, service, operation, resource); hit {
		if err := sleep(ctx, rule.Latency); err != nil {
			return err
		}
	}
	if _, hit := f.Take(FaultDrop, service, operation, resource); hit {
		return ErrDropped
	}
	if rule, hit := f.Take(FaultError, service, operation, resource); hit {
		return rule.err(service)
	}
	if rule, hit := f.Take(FaultThrottle, service, operation, resource); hit {
		return rule.throttle(service)
	}
	return nil
}

// After returns the error to answer with in place of what a call that has taken
// effect would answer; nil when no fault strikes.
func (f *Faults) After(service, operation, resource string) error {
	if rule, hit := f.Take(FaultAfter, service, operation, resource); hit {
		return rule.err(service)
	}
	return nil
}

// gather holds a call until those that a rule waits for have come too.
func (f *Faults) gather(ctx context.Context, sleep func(context.Context, time.Duration) error, service, operation,
	resource string) error {
	gate, atMost := f.gathering(service, operation, resource)
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
func (f Fault) err(service string) error {
	status, code := f.Status, f.Error
	if status == 0 {
		status = http.StatusInternalServerError
	}
	if code == "" {
		code = "InternalFailure"
		switch service {
		case "s3":
			code = "InternalError"
		case "dynamodb", "dynamodbstreams":
			code = "InternalServerError"
		case "lambda":
			code = "ServiceException"
		}
	}
	return Errorf(status, code, "Injected fault %s", f.ID)
}

// throttle is the error with which a service says that it is called too often.
func (f Fault) throttle(service string) error {
	if f.Error != "" {
		status := f.Status
		if status == 0 {
			status = http.StatusBadRequest
		}
		return Errorf(status, f.Error, "Rate exceeded")
	}
	switch service {
	case "kinesis", "dynamodb", "dynamodbstreams":
		return Errorf(http.StatusBadRequest, "ProvisionedThroughputExceededException", "Rate exceeded")
	case "s3":
		return Errorf(http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate.")
	case "lambda":
		return Errorf(http.StatusTooManyRequests, "TooManyRequestsException", "Rate Exceeded.")
	case "sqs":
		return Errorf(http.StatusForbidden, "RequestThrottled", "The request was denied due to request throttling.")
	}
	return Errorf(http.StatusBadRequest, "ThrottlingException", "Rate exceeded")
}
