package gateway

import (
	"context"

	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/outbox"
)

// Deliver makes the call of one attempt at a delivery, in the scope of its
// target: as its sender, for its source, under the call that caused it. An
// adapter gives it the operation that takes the payload.
func Deliver[O any](ctx context.Context, h *Host, d *outbox.Delivery, service, operation string, input any) (*O,
	error) {
	return Invoke[O](ctx, h, Attempt(d, service, operation, input))
}

// Attempt is the call that Deliver makes.
func Attempt(d *outbox.Delivery, service, operation string, input any) Call {
	scope := d.Scope
	if arn, err := ident.ParseARN(d.Target); err == nil && arn.Account != "" && arn.Region != "" {
		scope = arn.Scope()
	}
	return Call{Parent: d.Cause, Principal: sender(d.Sender), SourceARN: d.SourceARN, SourceAccount: d.SourceAccount,
		Scope: scope, Service: service, Operation: operation, Input: input,
		Carries: d.Carries, Trace: d.Trace}
}

func sender(s outbox.Sender) Principal {
	if s.Role != "" {
		return RolePrincipal(s.Role, s.Session, s.Account)
	}
	return ServicePrincipal(s.Service, s.Account)
}
