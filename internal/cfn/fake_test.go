package cfn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
)

// boxes is a provider of one simple resource type that records its calls.
type boxes struct {
	mu    sync.Mutex
	live  map[string]map[string]any // physical id -> properties
	calls []string
	fail  map[string]error  // "Create Logical" -> error
	after func(call string) // called when a call has taken effect
}

func newBoxes() *boxes { return &boxes{live: map[string]map[string]any{}, fail: map[string]error{}} }

func testTypes() map[string]*Schema {
	box := &Schema{Type: "Test::Box", Name: "Name", NameMax: 40, Attributes: []string{"Arn", "Size"},
		Properties: Properties{
			"Name": Str().Replaces(), "Size": Int(0, 100), "Kind": Str("small", "big"), "Parent": Str().Replaces(),
			"Note": JSON(), "Labels": ListOf(Str()), "Tags": TagList(), "On": Flag(),
		}}
	out := map[string]*Schema{"Test::Box": box}
	for _, t := range []string{"AWS::Lambda::Function", "AWS::IAM::Role", "AWS::S3::Bucket", "AWS::Lambda::Permission",
		"AWS::Lambda::EventSourceMapping", "AWS::DynamoDB::Table", "AWS::Lambda::EventInvokeConfig",
		"AWS::Lambda::LayerVersion"} {
		s := *box
		s.Type, s.Attributes = t, []string{"Arn"}
		s.Properties = Properties{}
		for _, p := range []string{"Handler", "Runtime", "Code", "Role", "Environment", "Tags", "AssumeRolePolicyDocument",
			"ManagedPolicyArns", "Policies", "NotificationConfiguration", "Action", "FunctionName", "Principal", "SourceAccount",
			"EventSourceArn", "StartingPosition", "BatchSize", "AttributeDefinitions", "KeySchema", "BillingMode", "Timeout",
			"Qualifier", "MaximumRetryAttempts", "DestinationConfig", "DeadLetterConfig"} {
			s.Properties[p] = JSON()
		}
		out[t] = &s
	}
	return out
}

func (b *boxes) Types() map[string]*Schema { return testTypes() }

func (b *boxes) did(op string, r Resource) error {
	call := op + " " + r.LogicalID
	b.calls = append(b.calls, call)
	return b.fail[call]
}

func (b *boxes) state(id string) State {
	return State{PhysicalID: id, Attributes: map[string]any{"Arn": "arn:" + id, "Size": fmt.Sprint(b.live[id]["Size"])}}
}

func (b *boxes) Create(_ context.Context, r Resource) (State, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.did("Create", r); err != nil {
		return State{}, err
	}
	if _, dup := b.live[r.Name]; dup {
		return State{}, fmt.Errorf("%s already exists", r.Name)
	}
	b.live[r.Name] = r.Properties
	if b.after != nil {
		b.after("Create " + r.LogicalID)
	}
	return b.state(r.Name), nil
}

func (b *boxes) Update(_ context.Context, r Resource) (State, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.did("Update", r); err != nil {
		return State{}, err
	}
	b.live[r.PhysicalID] = r.Properties
	if b.after != nil {
		b.after("Update " + r.LogicalID)
	}
	return b.state(r.PhysicalID), nil
}

func (b *boxes) Delete(_ context.Context, r Resource) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.did("Delete", r); err != nil {
		return err
	}
	if _, ok := b.live[r.PhysicalID]; !ok {
		return ErrNotFound
	}
	delete(b.live, r.PhysicalID)
	return nil
}

func (b *boxes) Read(_ context.Context, r Resource) (State, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	id := r.PhysicalID
	if id == "" {
		id = r.Name
	}
	if _, ok := b.live[id]; !ok {
		return State{}, ErrNotFound
	}
	return b.state(id), nil
}

// memory is a StateStore that can be made to fail, as if the process died.
type memory struct {
	docs map[string][]byte
	dead bool
}

var errDead = errors.New("process died")

func (m *memory) Load(_ context.Context, stack string) ([]byte, error) { return m.docs[stack], nil }

func (m *memory) Save(_ context.Context, stack string, b []byte) error {
	if m.dead {
		return errDead
	}
	if !json.Valid(b) {
		return errors.New("not JSON")
	}
	m.docs[stack] = b
	return nil
}

// killer is a memory that stops storing after so many saves: from then on the
// process is as good as dead.
type killer struct {
	*memory
	left int
}

func (k *killer) Save(ctx context.Context, stack string, b []byte) error {
	if k.left--; k.left < 0 {
		return errDead
	}
	return k.memory.Save(ctx, stack, b)
}
