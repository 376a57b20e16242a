package gateway

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// Gateway is the door. Make one with New, give it services, then serve it.
type Gateway struct {
	host     *Host
	services map[string]map[string]Operation
	list     []Service
	endpoint string
}

// New returns a gateway without services over an unopened store.
func New(st *store.Store, clk *clock.Clock, ids *ident.Source, log *slog.Logger) *Gateway {
	g := &Gateway{services: map[string]map[string]Operation{}}
	g.host = &Host{
		Store: st, Clock: clk, IDs: ids, Log: log, Invoke: g.Invoke,
		Signals: NewSignals(), Faults: NewFaults(), Endpoint: func() string { return g.endpoint },
	}
	return g
}

// Host is what services are made with.
func (g *Gateway) Host() *Host { return g.host }

// Register adds a service.
func (g *Gateway) Register(s Service) {
	ops := map[string]Operation{}
	for _, op := range s.Operations() {
		ops[op.Name] = op
	}
	g.services[s.Name()] = ops
	g.list = append(g.list, s)
}

// Invoke passes a call through the chain and returns its answer.
func (g *Gateway) Invoke(ctx context.Context, c Call) (any, error) {
	op, ok := g.services[c.Service][c.Operation]
	if !ok {
		return nil, Errorf(501, "NotImplemented", "PipeLab does not emulate %s.%s", c.Service, c.Operation)
	}
	if op.Handle == nil {
		return nil, fmt.Errorf("%s.%s answers with an event stream", c.Service, c.Operation)
	}
	if parent, ok := ctx.Value(callKey{}).(*Call); ok && c.Parent == "" {
		c.Parent = parent.ID
	}
	c.ID, c.Time = g.host.IDs.UUID(), g.host.Clock.Now()
	return op.Handle(WithCall(ctx, &c), c.Input)
}
