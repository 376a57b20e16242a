package gateway

import (
	"context"
	"log/slog"
	"net/http"
	"reflect"
	"strings"

	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/outbox"
	"github.com/pipelab/pipelab/internal/aws/policy"
	"github.com/pipelab/pipelab/internal/aws/store"
	"github.com/pipelab/pipelab/internal/confine"
	"github.com/pipelab/pipelab/internal/prefork"
)

// Service is one emulated AWS service.
type Service interface {
	// Describe says what the service is and does: the same at each call.
	Describe() Descriptor
	// Start takes up background work (timers, pollers) from what the store
	// holds. It is called when the store is open, and again after Stop.
	Start(ctx context.Context) error
	// Stop ends background work and waits for it, so that the store can be
	// reset or restored. State stays.
	Stop()
}

// Passive is embedded by services without background work.
type Passive struct{}

// Start does nothing.
func (Passive) Start(context.Context) error { return nil }

// Stop does nothing.
func (Passive) Stop() {}

// Plane tells what an operation touches, for the table of coverage.
type Plane int

// The planes: Control manages resources, Data moves what is in them.
const (
	Control Plane = iota
	Data
)

// Operation is one implemented API operation.
type Operation struct {
	Name   string
	Plane  Plane
	Input  reflect.Type // struct type, not pointer
	Output reflect.Type
	// Handle takes a pointer to Input and returns a pointer to Output.
	Handle func(ctx context.Context, input any) (output any, err error)
	// Stream, in its place, sends the events of an event stream operation: the
	// initial response first (a pointer to Output), then event structs. Its ctx
	// ends when the client goes away or the cloud stops; it must return then.
	Stream func(ctx context.Context, input any, send func(event any) error) error
	// Inject, if there is one, gives an injected error what the service's own
	// errors of that code have beside their message.
	Inject func(input any, injected *Error) error

	// Action is the IAM action that a call needs, "kinesis:PutRecords"; empty
	// where no permission is needed.
	Action string
	// Resources are the ARNs that a call is about; nil where the action has no
	// resource.
	Resources func(*Call) []string
	// ConditionKeys are the service's own condition keys of a call, with their
	// values; nil without any.
	ConditionKeys func(*Call) map[string][]string
	// Permissions, in place of these three, lists what a call needs where that
	// depends on its input or is several things.
	Permissions func(*Call) []Need
	// Trace names what a call is about for the trace and for fault rules, from
	// a pointer to Input; nil where it names nothing.
	Trace func(input any) string

	// split takes entries out of an input; nil for what is no batch.
	split func(input any, hit func(resource string) bool) *Batch

	// first looks at the input before it is compared with the model; nil for nothing.
	first func(input any) error

	limits *limits // members of Input that may not be set; nil when all may
	named  bool    // Action was given, perhaps as none
	partly bool    // the handler asks which parts of a call are refused
	hashes bool    // the handler compares the body with its hash
	trusts bool    // a role is taken, whose trust policy has to allow it
	frees  bool    // no policy of a resource denies it to the root of its account
	runs   bool    // the handler runs a program, and crashes it where a fault says so
}

// Op makes an operation of a handler; the name comes from the input's type.
func Op[I, O any](p Plane, h func(context.Context, *I) (*O, error), options ...Option) Operation {
	in := reflect.TypeFor[I]()
	op := Operation{
		Name: strings.TrimSuffix(in.Name(), "Input"), Plane: p, Input: in, Output: reflect.TypeFor[O](),
		Handle: func(ctx context.Context, input any) (any, error) {
			out, err := h(ctx, input.(*I))
			if err != nil {
				return nil, err // a typed nil must not reach the caller as a value
			}
			return out, nil
		},
	}
	for _, o := range options {
		o(&op)
	}
	return op
}

// Injecting returns the operation with an Inject; f's input is a pointer to Input.
func Injecting[I any](op Operation, f func(*I, *Error) error) Operation {
	op.Inject = func(input any, injected *Error) error { return f(input.(*I), injected) }
	return op
}

// StreamOp makes an operation of a handler that answers with an event stream.
func StreamOp[I, O any](p Plane, h func(context.Context, *I, func(event any) error) error,
	options ...Option) Operation {
	in := reflect.TypeFor[I]()
	op := Operation{
		Name: strings.TrimSuffix(in.Name(), "Input"), Plane: p, Input: in, Output: reflect.TypeFor[O](),
		Stream: func(ctx context.Context, input any, send func(any) error) error { return h(ctx, input.(*I), send) },
	}
	for _, o := range options {
		o(&op)
	}
	return op
}

// Host is what a service gets to work with.
type Host struct {
	Store *store.Store
	Clock *clock.Clock
	IDs   *ident.Source
	Log   *slog.Logger
	// Invoke calls another service (or the own one) through the whole chain.
	// Principal, Scope, Service, Operation and Input must be set. The answer
	// is a pointer to the operation's output.
	Invoke func(ctx context.Context, c Call) (any, error)
	// Client is for SDK clients of services that act on somebody's behalf:
	// Gateway.Client.
	Client func(Behalf) *http.Client
	// Outbox delivers what one service has for another, in the background.
	Outbox *outbox.Outbox
	// Signals wakes workers of other services when data arrive.
	Signals *Signals
	// Faults are the injected faults that a service has to act out itself.
	Faults *Faults
	// Processes are the functions at work, by their access keys.
	Processes *Processes
	// Endpoint returns the URL on which programs reach this cloud.
	Endpoint func() string
	// Address is where a service's Listener of this name is, host and port; empty
	// before services have started.
	Address func(listener string) string
	// Forbids reports whether a resource's policy would explicitly deny an action
	// to whoever makes the call, who could lock himself out with it. The mode does
	// not matter.
	Forbids func(c *Call, doc *policy.Document, action string, resource ident.ARN) bool
	// Scratch returns a folder for files that need not be kept: unpacked code
	// of functions. It is empty at the start and goes with the cloud.
	Scratch func() (string, error)
	// Interpreters run Python functions; nil starts one for each.
	Interpreters *prefork.Interpreters
	// Confine says what functions may do; nil leaves them unconfined.
	Confine *confine.Policy
}

// Invoke is Host.Invoke with the answer's type.
func Invoke[O any](ctx context.Context, h *Host, c Call) (*O, error) {
	out, err := h.Invoke(ctx, c)
	if err != nil {
		return nil, err
	}
	return out.(*O), nil
}
