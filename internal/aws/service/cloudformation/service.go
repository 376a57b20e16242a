package cloudformation

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/limits"
	"github.com/pipelab/pipelab/internal/aws/store"
	"github.com/pipelab/pipelab/internal/aws/worker"
	"github.com/pipelab/pipelab/internal/cfn"
)

// Provision makes what creates resources for an account and region at an
// endpoint, through a client that knows for whom.
type Provision func(client aws.HTTPClient, endpoint string, scope ident.Scope) cfn.Provider

// Service is AWS CloudFormation. Make one with New.
type Service struct {
	*worker.Worker
	host      *gateway.Host
	provision Provision
	schemas   func() map[string]*cfn.Schema // of the types that can be made
	stacks    *store.Collection[stack]      // by id
	names     *store.Collection[string]
	documents *store.Collection[json.RawMessage] // of the engine, by id
	events    *store.Collection[event]
	sets      *store.Collection[changeSet]
}

// stack is a stack or what is remembered of one that was deleted. Its key is
// its id; names leads from a name to the id of the stack that has it now.
type stack struct {
	Name, ID         string
	Template         string
	Parameters       map[string]string
	Capabilities     []types.Capability
	Tags             []types.Tag
	Status           types.StackStatus
	Reason           string
	Created          time.Time
	Updated, Deleted time.Time
	Protected        bool
	OnFailure        types.OnFailure
	ChangeSet        string
	Token            string
	NextEvent        int
	Role             string  // that all operations use; empty for none
	By               starter // of the operation under way, or of the last one

	before *stack // of an update that is about to begin; not stored
}

// event is one line of a stack's history. Its key is the stack's id and a
// number.
type event struct {
	ID, LogicalID, PhysicalID, Type, Status, Reason, Properties, Token string
	Time                                                               time.Time
}

// New returns the service on a host.
func New(h *gateway.Host, provision Provision) *Service {
	s := &Service{
		host: h, provision: provision,
		stacks:    store.NewCollection[stack](h.Store, "cloudformation.stacks"),
		names:     store.NewCollection[string](h.Store, "cloudformation.names"),
		documents: store.NewCollection[json.RawMessage](h.Store, "cloudformation.documents"),
		events:    store.NewCollection[event](h.Store, "cloudformation.events"),
		sets:      store.NewCollection[changeSet](h.Store, "cloudformation.changeSets"),
	}
	s.schemas = sync.OnceValue(func() map[string]*cfn.Schema {
		return provision(h.Client(gateway.Behalf{}), h.Endpoint(), ident.Scope{}).Types()
	})
	s.Worker = worker.New("cloudformation", h.Clock, h.Log, s.resume)
	return s
}

// note keeps an event and, when it is about the stack itself, its new status.
func (s *Service) note(scope ident.Scope, id string, e cfn.Event) {
	now := s.host.Clock.Now()
	err := s.host.Store.Update(func(tx *store.Tx) error {
		st, ok := s.stacks.Get(tx, scope, id)
		if !ok {
			return nil // a reset has come in between
		}
		ev := event{LogicalID: e.LogicalID, PhysicalID: e.PhysicalID, Type: e.Type, Status: e.Status, Reason: e.Reason,
			Time: now, Token: st.Token}
		if e.Properties != nil {
			text, err := json.Marshal(e.Properties)
			if err != nil {
				return err
			}
			ev.Properties = string(text)
		}
		s.keep(tx, scope, &st, ev)
		if e.Type == cfn.StackType {
			st.Status, st.Reason = types.StackStatus(e.Status), e.Reason
			if st.Status == types.StackStatusDeleteComplete {
				st.Deleted = now
				s.names.Delete(tx, scope, st.Name)
			}
		}
		s.stacks.Put(tx, scope, id, st)
		return nil
	})
	if err != nil {
		s.host.Log.Error("stack event not kept", "error", err)
	}
}

// keep adds an event to a stack's history; the stack is to be put afterwards.
func (s *Service) keep(tx *store.Tx, scope ident.Scope, st *stack, ev event) {
	ev.ID = s.host.IDs.UUID()
	s.events.Put(tx, scope, store.Key(st.ID, fmt.Sprintf("%012d", st.NextEvent)), ev)
	st.NextEvent++
}

// documents keeps the engine's state of one stack.
type documents struct {
	s     *Service
	scope ident.Scope
	id    string
}

// Load implements cfn.StateStore.
func (d documents) Load(context.Context, string) (out []byte, err error) {
	err = d.s.host.Store.View(func(tx *store.Tx) error {
		doc, _ := d.s.documents.Get(tx, d.scope, d.id) // none: a new stack
		out = doc
		return nil
	})
	return out, err
}

// Save implements cfn.StateStore.
func (d documents) Save(_ context.Context, _ string, doc []byte) error {
	return d.s.host.Store.Update(func(tx *store.Tx) error {
		if doc == nil {
			d.s.documents.Delete(tx, d.scope, d.id)
			return nil
		}
		d.s.documents.Put(tx, d.scope, d.id, doc)
		return nil
	})
}

// find returns the stack of a name or an id; by name only one that exists.
func (s *Service) find(tx *store.Tx, scope ident.Scope, nameOrID string) (stack, error) {
	id := nameOrID
	if !ident.IsARN(nameOrID) {
		var ok bool
		if id, ok = s.names.Get(tx, scope, nameOrID); !ok {
			return stack{}, invalid("Stack with id %s does not exist", nameOrID)
		}
	}
	st, ok := s.stacks.Get(tx, scope, id)
	if !ok {
		return st, invalid("Stack with id %s does not exist", nameOrID)
	}
	return st, nil
}

// get is find in a transaction of its own.
func (s *Service) get(ctx context.Context, nameOrID *string) (st stack, err error) {
	err = s.host.Store.View(func(tx *store.Tx) error {
		st, err = s.find(tx, gateway.From(ctx).Scope, aws.ToString(nameOrID))
		return err
	})
	return st, err
}

// named is get with the words of the operations that say "Stack [NAME]"; others say
// "Stack with id NAME". CDK ends its watch of a deleted stack by them.
// Source: recorded on AWS; aws-cdk's stack activity monitor compares the text
func (s *Service) named(ctx context.Context, nameOrID *string) (stack, error) {
	st, err := s.get(ctx, nameOrID)
	if gateway.ErrorCode(err) == validation {
		err = missingStack(aws.ToString(nameOrID))
	}
	return st, err
}

func missingStack(name string) error { return invalid("Stack [%s] does not exist", name) }

// validation is the code of most errors.
const validation = "ValidationError"

func invalid(format string, args ...any) error {
	return gateway.Errorf(400, validation, format, args...)
}

func limit(name string) int64 { return limits.Get("cloudformation", name) }
