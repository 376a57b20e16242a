package gateway

import (
	"context"
	"net/http"
)

type spared struct{}

// WithoutFaults makes the gateway act out no injected fault on the call of a
// request with this context. What the call sets off is not spared.
func WithoutFaults(ctx context.Context) context.Context {
	return context.WithValue(ctx, spared{}, true)
}

// exempt reports whether a call comes from the network with such a context.
func exempt(ctx context.Context, c *Call) bool { return !c.Internal() && ctx.Value(spared{}) != nil }

// faultsBefore acts out the faults that strike before a handler runs.
func (g *Gateway) faultsBefore(ctx context.Context, c *Call, resource string) error {
	faults := g.host.Faults
	if exempt(ctx, c) {
		return nil
	}
	if f, hit := faults.Take(FaultLatency, c.Service, c.Operation, resource); hit {
		if err := g.host.Clock.SleepMachine(ctx, f.Latency); err != nil {
			return err
		}
	}
	if _, hit := faults.Take(FaultDrop, c.Service, c.Operation, resource); hit {
		return errDropped
	}
	// An invocation itself crashes in the lambda service, which knows more.
	if p, ok := g.host.Processes.behind(c); ok && c.Service != "lambda" {
		if _, hit := faults.Take(FaultCrash, c.Service, c.Operation, resource); hit {
			p.kill()
			return errDropped
		}
	}
	if f, hit := faults.Take(FaultError, c.Service, c.Operation, resource); hit {
		return f.err(c.Service)
	}
	if f, hit := faults.Take(FaultThrottle, c.Service, c.Operation, resource); hit {
		return f.throttle(c.Service)
	}
	return nil
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
