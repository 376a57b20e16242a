package cfn

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
)

// ErrNotFound is returned by a Provider for a resource that does not exist.
var ErrNotFound = errors.New("resource does not exist")

// Resource is what a Provider is asked to work on.
type Resource struct {
	Stack      string
	StackID    string
	LogicalID  string
	Type       string
	PhysicalID string // empty before creation
	// Name is the physical name to use: the property that the schema names, or
	// a generated one. Empty when the service makes up the id.
	Name       string
	Properties map[string]any // of the declared types; numbers are json.Number
	Previous   map[string]any // Update only: the properties in force
	Attributes map[string]any // as of the last call
}

// State is what is known of a resource that exists.
type State struct {
	PhysicalID string
	Ref        string // what Ref returns; PhysicalID when empty
	Attributes map[string]any
}

// Handled is a resource type and how it is handled, for whoever adds one to a
// provider. Update is nil where every property replaces.
type Handled struct {
	Schema *Schema
	Create func(context.Context, Resource) (State, error)
	Update func(context.Context, Resource) (State, error)
	Delete func(context.Context, Resource) error
	Read   func(context.Context, Resource) (State, error)
}

// Provider makes resources. Its methods are called concurrently for different
// resources. They wait until the resource is usable. Delete returns
// ErrNotFound for what is gone already. Read finds a resource by PhysicalID,
// or, when that is empty because a creation was cut short, by Name and
// Properties; it returns ErrNotFound if there is none.
type Provider interface {
	Types() map[string]*Schema
	Create(ctx context.Context, r Resource) (State, error)
	Update(ctx context.Context, r Resource) (State, error)
	Delete(ctx context.Context, r Resource) error
	Read(ctx context.Context, r Resource) (State, error)
}

// StateStore keeps one JSON document per stack. Load returns nil for a stack
// that was never saved. Save must be durable when it returns; a nil document
// removes the stack.
type StateStore interface {
	Load(ctx context.Context, stack string) ([]byte, error)
	Save(ctx context.Context, stack string, document []byte) error
}

// Event is a step of a deployment. The stack itself has its name as LogicalID
// and the type AWS::CloudFormation::Stack.
type Event struct {
	Stack, StackID string
	LogicalID      string
	PhysicalID     string
	Type           string
	Status         string // CREATE_IN_PROGRESS, CREATE_COMPLETE, …
	Reason         string
	Properties     map[string]any
}

// StackType is the type of events about the stack itself.
const StackType = "AWS::CloudFormation::Stack"

// Engine deploys templates over a Provider.
type Engine struct {
	Provider Provider
	Store    StateStore
	// Account, Region are what the pseudo parameters return.
	Account, Region string
	// Progress receives every event, one at a time; nil drops them.
	Progress func(Event)
	// Verify looks at each resource that would not change and makes it anew
	// when it is gone. AWS: CloudFormation does not notice; a local cloud that
	// was reset should not be taken for a deployed one.
	Verify bool
	// Resumable leaves an operation whose context ends just as it is, for
	// Recover to take up. Without it the end of the context is a failure like
	// any other, and rolled back.
	Resumable bool
	// StackID overrides the id that a new stack gets.
	StackID string

	mu sync.Mutex // guards Progress and documents while resources are made in parallel
}

// Document is the stored state of a stack.
type Document struct {
	Stack      string             `json:"stack"`
	StackID    string             `json:"stackId"`
	Status     string             `json:"status"`
	Reason     string             `json:"reason,omitempty"`
	Generation int                `json:"generation"` // counts names made, so that no two are alike
	Parameters map[string]string  `json:"parameters,omitempty"`
	Outputs    []OutputValue      `json:"outputs,omitempty"`
	Order      []string           `json:"order,omitempty"` // of creation
	Resources  map[string]*Record `json:"resources,omitempty"`
	// What a rollback of the running update returns to.
	PrevOrder   []string          `json:"prevOrder,omitempty"`
	PrevOutputs []OutputValue     `json:"prevOutputs,omitempty"`
	PrevParams  map[string]string `json:"prevParams,omitempty"`
}

// OutputValue is an output of a deployed stack.
type OutputValue struct {
	Key         string `json:"key"`
	Value       string `json:"value"`
	Description string `json:"description,omitempty"`
	Export      string `json:"export,omitempty"`
}

// Record is the stored state of one resource.
type Record struct {
	LogicalID           string         `json:"logicalId"`
	Type                string         `json:"type"`
	PhysicalID          string         `json:"physicalId,omitempty"`
	Name                string         `json:"name,omitempty"`
	Ref                 string         `json:"ref,omitempty"`
	Status              string         `json:"status"`
	Properties          map[string]any `json:"properties,omitempty"`
	Attributes          map[string]any `json:"attributes,omitempty"`
	DependsOn           []string       `json:"dependsOn,omitempty"`
	DeletionPolicy      string         `json:"deletionPolicy,omitempty"`
	UpdateReplacePolicy string         `json:"updateReplacePolicy,omitempty"`
	// Before is the record as it was when the running operation began; New says
	// that there was none.
	Before *Record `json:"before,omitempty"`
	New    bool    `json:"new,omitempty"`
	// Replacing says that this is a second object that takes Before's place.
	Replacing bool `json:"replacing,omitempty"`
}

func (r *Record) resource(d *Document) Resource {
	return Resource{Stack: d.Stack, StackID: d.StackID, LogicalID: r.LogicalID, Type: r.Type, PhysicalID: r.PhysicalID,
		Name: r.Name, Properties: r.Properties, Attributes: r.Attributes}
}

func (r *Record) learn(s State) {
	r.PhysicalID, r.Ref, r.Attributes = s.PhysicalID, s.Ref, s.Attributes
	if r.Ref == "" {
		r.Ref = s.PhysicalID
	}
}

// attribute is what templates see of a resource that exists.
func (r *Record) attribute(attr string) (any, error) {
	if attr == "" {
		return r.Ref, nil
	}
	v, ok := r.Attributes[attr]
	if !ok {
		return nil, fmt.Errorf("resource %s has no attribute %s", r.LogicalID, attr)
	}
	return v, nil
}

// Load returns the stored state of a stack, nil when there is none.
func (e *Engine) Load(ctx context.Context, stack string) (*Document, error) {
	b, err := e.Store.Load(ctx, stack)
	if err != nil || b == nil {
		return nil, err
	}
	d := &Document{}
	dec := json.NewDecoder(strings.NewReader(string(b)))
	dec.UseNumber()
	if err := dec.Decode(d); err != nil {
		return nil, fmt.Errorf("read the state of stack %s: %w", stack, err)
	}
	return d, nil
}

func (e *Engine) save(ctx context.Context, d *Document) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	b, err := json.Marshal(d)
	if err != nil {
		return err
	}
	// A rollback must be able to store what it did after the caller gave up.
	return e.Store.Save(context.WithoutCancel(ctx), d.Stack, b)
}

// with changes a document under the lock that guards it.
func (e *Engine) with(fn func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	fn()
}

func (e *Engine) emit(d *Document, r *Record, status, reason string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.Progress == nil {
		return
	}
	ev := Event{Stack: d.Stack, StackID: d.StackID, LogicalID: d.Stack, PhysicalID: d.StackID, Type: StackType,
		Status: status, Reason: reason}
	if r != nil {
		ev.LogicalID, ev.PhysicalID, ev.Type, ev.Properties = r.LogicalID, r.PhysicalID, r.Type, r.Properties
	}
	e.Progress(ev)
}

func (e *Engine) stackStatus(ctx context.Context, d *Document, status, reason string) error {
	e.with(func() { d.Status, d.Reason = status, reason })
	err := e.save(ctx, d)
	e.emit(d, nil, status, reason)
	return err
}

// interrupted is set when an operation shall stop where it is.
func (e *Engine) interrupted(ctx context.Context) error {
	if e.Resumable {
		return ctx.Err()
	}
	return nil
}

// toTheEnd is the context for work that has to be finished whatever the caller
// does, unless it can be taken up later.
func (e *Engine) toTheEnd(ctx context.Context) context.Context {
	if e.Resumable {
		return ctx
	}
	return context.WithoutCancel(ctx)
}

func (e *Engine) newDocument(stack string) *Document {
	id := e.StackID
	if id == "" {
		sum := sha256.Sum256([]byte(strings.Join([]string{e.Account, e.Region, stack}, "/")))
		h := hex.EncodeToString(sum[:16])
		id = fmt.Sprintf("arn:aws:cloudformation:%s:%s:stack/%s/%s-%s-%s-%s-%s", e.Region, e.Account, stack,
			h[:8], h[8:12], h[12:16], h[16:20], h[20:32])
	}
	return &Document{Stack: stack, StackID: id, Resources: map[string]*Record{}}
}

// nameFor returns the physical name of a resource: the one its properties
// give, or stack-logical-SUFFIX cut to the length that the type allows.
//
// AWS: CloudFormation's suffix is random. This one is drawn from the stack's
// id and a counter, so that a lab deployed afresh has the same names again.
func (e *Engine) nameFor(d *Document, s *Schema, id string, props map[string]any) string {
	if s.Name == "" {
		return ""
	}
	if name, ok := props[s.Name].(string); ok {
		return name
	}
	e.mu.Lock()
	d.Generation++
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%s/%d", d.StackID, id, d.Generation))
	e.mu.Unlock()
	suffix := base32.StdEncoding.EncodeToString(sum[:])[:12]
	limit := s.NameMax
	if limit == 0 {
		limit = 255
	}
	limit -= len(suffix) + 2 + len(s.NameEnd)
	stack := d.Stack
	if len(stack)+len(id) > limit { // both parts give way, the stack's name first
		stack = stack[:min(len(stack), max(limit-len(id), limit/2))]
		id = id[:min(len(id), limit-len(stack))]
	}
	name := stack + "-" + id + "-" + suffix
	if s.NameLower {
		name = strings.ToLower(name)
	}
	return name + s.NameEnd
}
