package outbox

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
	"github.com/pipelab/pipelab/internal/aws/worker"
)

// Delivery is something on its way to a target: an event, a message, an
// object. Target and Sender must be set, all else has a meaning when empty.
type Delivery struct {
	// ID is the delivery's own on every attempt, so that a target which knows
	// repetitions can tell; Send makes one.
	ID string
	// Cause is the id of the call that made the delivery necessary, the parent
	// of every attempt's call. Empty when nobody called.
	Cause string `json:",omitempty"`
	// Trace is X-Amzn-Trace-Id of that call.
	Trace  string `json:",omitempty"`
	Sender Sender
	// SourceARN is the resource for which the sender acts, SourceAccount its
	// owner: resource policies ask for both.
	SourceARN     string `json:",omitempty"`
	SourceAccount string `json:",omitempty"`
	Target        string // ARN
	// Adapter names the Target that takes the delivery; empty for the one that
	// is named as the service of the ARN is.
	Adapter string `json:",omitempty"`
	// Scope is where the call is made when the ARN tells neither account nor
	// region, as those of buckets.
	Scope   ident.Scope
	Payload []byte `json:",omitempty"`
	// Attributes go beside the payload, where the target has room for them.
	Attributes map[string]Attribute `json:",omitempty"`
	// Name is the key of the object that a bucket gets.
	Name string `json:",omitempty"`
	// Group is the message group in a target that keeps groups in order.
	Group string `json:",omitempty"`
	// Carries are the fingerprints of the records that the delivery is about; see
	// gateway.Call.
	Carries []uint32 `json:",omitempty"`
	// Order, when it is set, lets one delivery with this value out at a time, in
	// the order in which they were sent.
	Order  string `json:",omitempty"`
	Policy Policy
	// DeadLetter is sent when the delivery is given up. What it leaves empty of
	// cause, sender, source, scope, payload and attributes is the delivery's.
	DeadLetter *Delivery `json:",omitempty"`
	// State is the adapter's own, kept from one attempt to the next.
	State json.RawMessage `json:",omitempty"`

	// Made is when the delivery was sent, Due when the next attempt is; Send
	// sets both when they are zero.
	Made, Due time.Time
	Attempts  int // that have failed

	commit []func(*store.Tx)
}

// Sender is who makes the call: a service for itself, or with a role.
type Sender struct {
	Service string `json:",omitempty"` // host name, "s3.amazonaws.com"
	Role    string `json:",omitempty"` // ARN; the service acts with its permissions
	Session string `json:",omitempty"` // of the role
	Account string
}

// Attribute is one attribute of a message.
type Attribute struct {
	Type  string // String or Number
	Value string
}

// Policy says how long a delivery is tried. The zero value tries for ever.
type Policy struct {
	Attempts int           `json:",omitempty"` // at most so many; 0 for any number
	Age      time.Duration `json:",omitempty"` // no attempt when the delivery is older; 0 for any age
	// First is the wait after the first failure, doubled after each other, up to
	// Longest. A second and five minutes when zero.
	First   time.Duration `json:",omitempty"`
	Longest time.Duration `json:",omitempty"`
}

// wait is how long to wait after so many failures.
func (p Policy) wait(failures int) time.Duration {
	first, longest := p.First, p.Longest
	if first == 0 {
		first = time.Second
	}
	if longest == 0 {
		longest = 5 * time.Minute
	}
	return worker.Backoff(failures, first, longest)
}

// over reports whether a delivery that has failed is given up.
func (p Policy) over(d *Delivery, now time.Time) bool {
	return p.Attempts > 0 && d.Attempts >= p.Attempts || p.Age > 0 && now.Sub(d.Made) > p.Age
}

// Commit makes fn part of the transaction that settles the attempt at hand: it
// happens if, and only if, the attempt counts. For adapters.
func (d *Delivery) Commit(fn func(tx *store.Tx)) { d.commit = append(d.commit, fn) }

// Retry is the error of an attempt after which the adapter, not the policy,
// says when the next one is.
type Retry struct {
	After time.Duration
	Err   error
}

// Error implements error.
func (r *Retry) Error() string { return r.Err.Error() }

// Unwrap gives the reason.
func (r *Retry) Unwrap() error { return r.Err }

// GiveUp is the error of an attempt that was the last, whatever the policy
// says: its reason does not pass.
type GiveUp struct{ Err error }

// Error implements error.
func (g *GiveUp) Error() string { return g.Err.Error() }

// Unwrap gives the reason.
func (g *GiveUp) Unwrap() error { return g.Err }

// next decides what a failed attempt means: when the next one is, or that
// there is none.
func (d *Delivery) next(err error, now time.Time) (due time.Time, again bool) {
	var retry *Retry
	if errors.As(err, &retry) {
		return now.Add(retry.After), true
	}
	var last *GiveUp
	if errors.As(err, &last) || d.Policy.over(d, now) {
		return time.Time{}, false
	}
	return now.Add(d.Policy.wait(d.Attempts)), true
}

// deadLetter is the delivery that takes the place of one that was given up.
func (d *Delivery) deadLetter() Delivery {
	out := *d.DeadLetter
	if out.Cause == "" {
		out.Cause = d.Cause
	}
	if out.Trace == "" {
		out.Trace = d.Trace
	}
	if out.Sender == (Sender{}) {
		out.Sender = d.Sender
	}
	if out.SourceARN == "" {
		out.SourceARN, out.SourceAccount = d.SourceARN, d.SourceAccount
	}
	if out.Scope == (ident.Scope{}) {
		out.Scope = d.Scope
	}
	if out.Payload == nil {
		out.Payload = d.Payload
	}
	if out.Attributes == nil {
		out.Attributes = d.Attributes
	}
	return out
}
