package gateway

import (
	"errors"
	"net/http"

	"github.com/pipelab/pipelab/internal/aws/outbox"
	"github.com/pipelab/pipelab/internal/aws/sigv4"
	"github.com/pipelab/pipelab/internal/aws/store"
	"github.com/pipelab/pipelab/internal/aws/wire"
)

// Descriptor is what a service says of itself, once. All that needs to know a
// service - the door, the proxy, the tests, the table of coverage - reads it
// here; no list elsewhere names one.
type Descriptor struct {
	// Name is the SDK's package name, such as "dynamodbstreams".
	Name string
	// Title is what the documentation calls it: "DynamoDB Streams".
	Title string
	// Errors are the service's own errors where the protocol leaves the choice.
	Errors Errors
	// Operations are those implemented; all others answer 501.
	Operations []Operation
	// Members are those of the inputs that the service uses; all others answer 501.
	Members Members
	// Targets say how others deliver to the service's resources; they are
	// registered with the outbox.
	Targets []outbox.Target
	// Views show a judge what resources hold.
	Views []View
	// Doors are URLs beside the API, Listeners ports for other protocols.
	Doors     []Door
	Listeners []Listener
	// Signature is how requests are signed where that differs.
	Signature sigv4.Form
	// TagKeys are condition keys that ask for the tags of its resources, in small
	// letters, beside those that all services have: "s3:existingobjecttag".
	TagKeys []string
	// Trust says that the policies of its resources are trust policies, which have
	// a say in the operations that are Trusting and in no others.
	Trust bool
	// Model is the API's model, as wire reads it, of a service whose model is not
	// among those that the wire has.
	Model []byte
}

// Errors are the errors that a service answers with when nothing of its own is
// wrong: each has a code of its own for these.
type Errors struct {
	// Wording is how it answers requests that break its model, and what it says
	// when it fails.
	Wording wire.Wording
	// Throttled says that it is called too often. The zero value is
	// ThrottlingException with status 400.
	Throttled wire.Fault
	// Denied says that policies do not allow a call. The zero value is
	// AccessDeniedException with status 400. The message is the door's; one that
	// stands here goes to callers who are told no reason: those without
	// credentials, and those of other accounts.
	Denied wire.Fault
	// Unidentified are the answers to requests whose sender cannot be made out.
	// The zero value is those of the protocol.
	Unidentified Unidentified
}

// throttled is Throttled with what is left out.
func (e Errors) throttled() *Error {
	f := e.Throttled
	if f.Code == "" {
		f = wire.Fault{Code: "ThrottlingException", Status: http.StatusBadRequest}
	}
	if f.Message == "" {
		f.Message = "Rate exceeded"
	}
	return Errorf(f.Status, f.Code, "%s", f.Message)
}

// failed is the code with which the service says that it has failed.
func (e Errors) failed() string {
	if e.Wording.Failed.Code == "" {
		return "InternalFailure"
	}
	return e.Wording.Failed.Code
}

// full makes the service's own failure of an ErrFull: of S3 the one that its
// clients slow down for. Other errors stay as they are.
func (e Errors) full(err error) error {
	if !errors.Is(err, store.ErrFull) {
		return err
	}
	if e.Throttled.Status == http.StatusServiceUnavailable {
		return Errorf(e.Throttled.Status, e.Throttled.Code, "%v", err)
	}
	return Errorf(http.StatusInternalServerError, e.failed(), "%v", err)
}

// Route makes a registry know the service: its model, its operations and its words.
func (d Descriptor) Route(r *wire.Registry) {
	if d.Model != nil {
		api, err := wire.ReadAPI(d.Name, d.Model)
		if err != nil {
			panic(err) // the model is part of the program
		}
		r.Add(api)
	}
	for _, op := range d.Operations {
		r.Types(d.Name, op.Name, op.Input, op.Output)
	}
	r.Words(d.Name, d.Errors.Wording)
}

// Need is one permission that a call needs.
type Need struct {
	Action string // "s3:GetObject"
	// Resources are the ARNs that the call is about, "*" where the action has
	// no resource.
	Resources []string
	// Keys are the service's own condition keys, with their values.
	Keys map[string][]string

	late func() map[string][]string // gives Keys when a policy asks for one
}

// keys are Keys, found out at the first call.
func (n *Need) keys() map[string][]string {
	if n.late != nil {
		n.Keys, n.late = n.late(), nil
	}
	return n.Keys
}

// Needs lists the permissions that a call needs, all of them. It is empty for
// the operations that anybody may call, such as GetCallerIdentity.
func (o Operation) Needs(c *Call) []Need {
	if o.Permissions != nil {
		return o.Permissions(c)
	}
	if o.Action == "" {
		return nil
	}
	n := Need{Action: o.Action, Resources: []string{"*"}}
	if o.Resources != nil {
		n.Resources = o.Resources(c)
	}
	if o.ConditionKeys != nil {
		n.late = func() map[string][]string { return o.ConditionKeys(c) }
	}
	return []Need{n}
}

// Catalogue finds services and operations by their names.
type Catalogue struct {
	list     []Descriptor
	services map[string]described
}

type described struct {
	errors     Errors
	signature  sigv4.Form
	operations map[string]Operation
}

// NewCatalogue is made of what services say of themselves.
func NewCatalogue(all ...Descriptor) *Catalogue {
	c := &Catalogue{services: map[string]described{}}
	for _, d := range all {
		c.add(d)
	}
	return c
}

func (c *Catalogue) add(d Descriptor) {
	ops := make(map[string]Operation, len(d.Operations))
	for _, op := range d.Operations {
		if d.Members.Used != nil {
			op.limits = d.Members.limit(op.Input, nil)
		}
		ops[op.Name] = op
	}
	c.services[d.Name] = described{d.Errors, d.Signature, ops}
	c.list = append(c.list, d)
}

// All are the descriptors, in the order in which they came.
func (c *Catalogue) All() []Descriptor { return c.list }

// Operation finds an implemented operation.
func (c *Catalogue) Operation(service, operation string) (Operation, bool) {
	op, ok := c.services[service].operations[operation]
	return op, ok
}

// Errors are a service's own errors; those of a service that is not known are
// what most services answer.
func (c *Catalogue) Errors(service string) Errors { return c.services[service].errors }

// Resource is the name of what a call is about, as the trace shows it and fault
// rules match it: "clicks", "bucket/key"; empty when it names nothing.
func (c *Catalogue) Resource(call *Call) string {
	op, ok := c.Operation(call.Service, call.Operation)
	if !ok || op.Trace == nil || call.Input == nil {
		return ""
	}
	return op.Trace(call.Input)
}
