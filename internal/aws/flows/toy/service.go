package toy

import (
	"bufio"
	"context"
	_ "embed" // the model
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/outbox"
	"github.com/pipelab/pipelab/internal/aws/store"
)

//go:embed model.json
var model []byte

// Service is the toy service. Make one with New.
type Service struct {
	gateway.Passive
	host     *gateway.Host
	counters *store.Collection[counter]
}

type counter struct {
	Name   string
	Target string `json:",omitempty"`
	Total  int32
}

// New returns the service on a host.
func New(h *gateway.Host) gateway.Service {
	return &Service{host: h, counters: store.NewCollection[counter](h.Store, "toy.counters")}
}

// Describe implements gateway.Service.
func (s *Service) Describe() gateway.Descriptor {
	return gateway.Descriptor{
		Name: "toy", Title: "Toy", Model: model,
		Members: gateway.Members{Used: map[string][]string{
			"CreateCounterInput": {"Name", "TargetArn"},
			"DeleteCounterInput": {"Name"},
			"CountInput":         {"Name", "Amount"},
		}},
		Operations: gateway.With([]gateway.Operation{
			gateway.Op(gateway.Control, s.CreateCounter),
			gateway.Op(gateway.Control, s.DeleteCounter),
			gateway.Op(gateway.Data, s.Count),
		}, gateway.Prefix("toy"), gateway.About(counterNamed, "Name"), gateway.Traced(nil, "Name")),
		Doors:     []gateway.Door{{Host: "counters", Handler: http.HandlerFunc(s.show)}},
		Listeners: []gateway.Listener{{Name: "toy", Serve: s.speak}},
	}
}

func counterNamed(name string, sc ident.Scope) string { return sc.ARN("toy", "counter:"+name) }

// CreateCounterInput names a counter, and the queue that is to hear of it.
type CreateCounterInput struct{ Name, TargetArn, Colour *string }

// CreateCounterOutput has the new counter's ARN.
type CreateCounterOutput struct{ Arn *string }

// CreateCounter makes a counter that stands at zero.
func (s *Service) CreateCounter(ctx context.Context, in *CreateCounterInput) (*CreateCounterOutput, error) {
	c := gateway.From(ctx)
	err := s.host.Store.Update(func(tx *store.Tx) error {
		if _, ok := s.counters.Get(tx, c.Scope, *in.Name); ok {
			return &CounterExistsException{Message: in.Name}
		}
		n := counter{Name: *in.Name}
		if in.TargetArn != nil {
			n.Target = *in.TargetArn
		}
		s.counters.Put(tx, c.Scope, n.Name, n)
		return nil
	})
	if err != nil {
		return nil, err
	}
	arn := counterNamed(*in.Name, c.Scope)
	return &CreateCounterOutput{Arn: &arn}, nil
}

// DeleteCounterInput names a counter.
type DeleteCounterInput struct{ Name *string }

// DeleteCounterOutput is empty.
type DeleteCounterOutput struct{}

// DeleteCounter deletes a counter.
func (s *Service) DeleteCounter(ctx context.Context, in *DeleteCounterInput) (*DeleteCounterOutput, error) {
	c := gateway.From(ctx)
	return &DeleteCounterOutput{}, s.host.Store.Update(func(tx *store.Tx) error {
		if _, ok := s.counters.Get(tx, c.Scope, *in.Name); !ok {
			return &NoSuchCounterException{Message: in.Name}
		}
		s.counters.Delete(tx, c.Scope, *in.Name)
		return nil
	})
}

// CountInput names a counter and what is added to it, 1 unless it is sent.
type CountInput struct {
	Name   *string
	Amount int32
}

// CountOutput has what the counter stands at.
type CountOutput struct{ Total int32 }

// Count adds to a counter and tells its target, in the same transaction.
func (s *Service) Count(ctx context.Context, in *CountInput) (*CountOutput, error) {
	c := gateway.From(ctx)
	amount := in.Amount
	if amount == 0 && !c.Has("Amount") {
		amount = 1
	}
	var total int32
	err := s.host.Store.Update(func(tx *store.Tx) error {
		n, ok := s.counters.Get(tx, c.Scope, *in.Name)
		if !ok {
			return &NoSuchCounterException{Message: in.Name}
		}
		n.Total += amount
		total = n.Total
		s.counters.Put(tx, c.Scope, n.Name, n)
		if n.Target == "" {
			return nil
		}
		payload, err := json.Marshal(n)
		if err != nil {
			return err
		}
		s.host.Outbox.Send(tx, outbox.Delivery{
			Cause: c.ID, Sender: outbox.Sender{Service: "toy.amazonaws.com", Account: c.Scope.Account},
			SourceARN: counterNamed(n.Name, c.Scope), SourceAccount: c.Scope.Account, Target: n.Target, Scope: c.Scope,
			Payload: payload, Policy: outbox.Policy{Attempts: 3, First: time.Second},
		})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &CountOutput{Total: total}, nil
}

// total is what a counter of the default account stands at.
func (s *Service) total(name string) (int32, bool) {
	var n counter
	var ok bool
	_ = s.host.Store.View(func(tx *store.Tx) error {
		n, ok = s.counters.Get(tx, ident.Scope{Account: ident.DefaultAccount, Region: ident.DefaultRegion}, name)
		return nil
	})
	return n.Total, ok
}

// show answers at <counter>.counters.localhost.
func (s *Service) show(w http.ResponseWriter, req *http.Request) {
	name, _, _ := strings.Cut(req.Host, ".")
	total, ok := s.total(name)
	if !ok {
		http.NotFound(w, req)
		return
	}
	fmt.Fprint(w, total)
}

// speak answers each line, a counter's name, with what it stands at.
func (s *Service) speak(_ context.Context, conn net.Conn) {
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		answer := "none"
		if total, ok := s.total(lines.Text()); ok {
			answer = strconv.Itoa(int(total))
		}
		if _, err := fmt.Fprintln(conn, answer); err != nil {
			return
		}
	}
}
