package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"reflect"
	"runtime/debug"
	"sync/atomic"

	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/outbox"
	"github.com/pipelab/pipelab/internal/aws/sigv4"
	"github.com/pipelab/pipelab/internal/aws/store"
	"github.com/pipelab/pipelab/internal/aws/wire"
)

// Gateway is the door. Make one with New, give it services, then serve it; it
// is an http.Handler. Register is not safe beside calls, all else is.
type Gateway struct {
	host     *Host
	services *Catalogue
	list     []Service
	registry *wire.Registry
	trace    *Trace
	streams  streams
	creds    Credentials
	signing  sigv4.Keys
	endpoint string
	scratch  func() (string, error)
	full     atomic.Int64 // calls that found no room
	underWay underWay
	public   map[string]Public
	cors     map[string]CrossOrigin
	forms    map[string]Forms

	doors       []Door
	listeners   []*listener
	authorities authorities
	mode        atomic.Value // Mode
}

// New returns a gateway without services over an unopened store.
func New(st *store.Store, clk *clock.Clock, ids *ident.Source, log *slog.Logger) *Gateway {
	g := &Gateway{services: NewCatalogue(), registry: wire.NewRegistry(), trace: NewTrace(),
		public: map[string]Public{}, cors: map[string]CrossOrigin{}, forms: map[string]Forms{},
		scratch:     func() (string, error) { return "", errors.New("this cloud has no folder for temporary files") },
		authorities: newAuthorities()}
	g.host = &Host{
		Store: st, Clock: clk, IDs: ids, Log: log, Invoke: g.Invoke, Client: g.Client,
		Outbox:  outbox.New(st, clk, ids, log),
		Signals: NewSignals(), Faults: NewFaults(), Processes: NewProcesses(), Endpoint: func() string { return g.endpoint },
		Scratch: func() (string, error) { return g.scratch() }, Address: g.address,
		Forbids: g.forbids,
	}
	return g
}

// Host is what services are made with.
func (g *Gateway) Host() *Host { return g.host }

// Trace is the record of calls.
func (g *Gateway) Trace() *Trace { return g.trace }

// Services are what the services that are registered say of themselves, in
// order.
func (g *Gateway) Services() *Catalogue { return g.services }

// SetEndpoint tells under which URL programs reach this cloud; call it before
// services start.
func (g *Gateway) SetEndpoint(url string) { g.endpoint = url }

// SetScratch tells where files go that need not be kept; call it before
// services start.
func (g *Gateway) SetScratch(folder func() (string, error)) { g.scratch = folder }

// SetCredentials tells who knows the owners of access keys.
func (g *Gateway) SetCredentials(c Credentials) { g.creds = c }

// Register adds a service.
func (g *Gateway) Register(s Service) {
	d := s.Describe()
	d.Route(g.registry)
	g.services.add(d)
	g.list = append(g.list, s)
	for _, t := range d.Targets {
		g.host.Outbox.Register(t)
	}
	g.doors = append(g.doors, d.Doors...)
	for _, l := range d.Listeners {
		g.listeners = append(g.listeners, &listener{Listener: l, log: g.host.Log, conns: map[net.Conn]bool{}})
	}
	if p, ok := s.(Public); ok {
		g.public[d.Name] = p
	}
	if x, ok := s.(CrossOrigin); ok {
		g.cors[d.Name] = x
	}
	if f, ok := s.(Forms); ok {
		g.forms[d.Name] = f
	}
	g.authorities.register(s, d)
	if c, ok := s.(Credentials); ok { // a service that issues keys knows their owners
		g.creds = issuers{g.creds, c}
	}
}

// Start starts the background work of all services, then the deliveries from
// one to another, then the doors that listen.
func (g *Gateway) Start(ctx context.Context) error {
	for _, s := range g.list {
		if err := s.Start(ctx); err != nil {
			return fmt.Errorf("start %s: %w", s.Describe().Name, err)
		}
	}
	if err := g.host.Outbox.Start(ctx); err != nil {
		return err
	}
	return g.listen(ctx)
}

// Stop ends open connections and event streams, then the background work of all services, last
// started first. No delivery begins meanwhile; those under way end with the
// services that they have called.
func (g *Gateway) Stop() {
	for _, l := range g.listeners {
		l.stop()
	}
	g.streams.stop()
	g.host.Outbox.Cancel()
	defer g.host.Outbox.Stop()
	for i := len(g.list) - 1; i >= 0; i-- {
		g.list[i].Stop()
	}
}

// Invoke passes a call of one service to another through the chain and returns
// its answer.
func (g *Gateway) Invoke(ctx context.Context, c Call) (any, error) {
	if parent, ok := ctx.Value(callKey{}).(*Call); ok {
		if c.Parent == "" {
			c.Parent = parent.ID
		}
		if c.Trace == "" {
			c.Trace = parent.Trace
		}
	}
	op, ok := g.services.Operation(c.Service, c.Operation)
	if !ok {
		return nil, notEmulated(c.Service, c.Operation)
	}
	if op.Handle == nil {
		return nil, fmt.Errorf("%s.%s answers with an event stream", c.Service, c.Operation)
	}
	return g.pass(ctx, &c, op)
}

func notEmulated(service, operation string) *Error {
	return Errorf(http.StatusNotImplemented, "NotImplemented", "PipeLab does not emulate %s.%s", service, operation)
}

// pass is the chain after identification: authorisation, faults, handler, record.
func (g *Gateway) pass(ctx context.Context, c *Call, op Operation) (out any, err error) {
	if c.ID == "" {
		c.ID = g.host.IDs.UUID()
	}
	c.Time = g.host.Clock.Now()
	rec := g.trace.Begin(c, g.services.Resource(c))
	defer func() { g.trace.End(rec, g.host.Clock.Now(), out, err) }()
	spared := exempt(ctx, c)
	if err := g.authorise(ctx, c, op, rec); err != nil {
		return nil, err
	}
	site := g.services.Site(c, rec.Resource)
	if !spared {
		if err := g.crash(c, op, site); err != nil {
			return nil, err
		}
		if err := g.host.Faults.Before(ctx, g.host.Clock.SleepMachine, site); err != nil {
			return nil, op.injected(c.Input, err)
		}
	}
	if op.first != nil {
		if err := op.first(c.Input); err != nil {
			return nil, err
		}
	}
	if c.validate != nil {
		if err := c.validate(c.Input); err != nil {
			return nil, err
		}
	}
	if err := op.refusal(c.Service, c.Input); err != nil {
		return nil, err
	}
	if out, err = g.handle(WithCall(ctx, c), c, op); err != nil {
		return nil, g.refused(site, err)
	}
	if spared {
		return out, nil
	}
	if err := g.host.Faults.After(site); err != nil {
		discard(out)
		return nil, op.injected(c.Input, err)
	}
	return out, nil
}

// discard closes the body of an answer that nobody gets: it may hold what is
// stored.
func discard(out any) {
	v := reflect.Indirect(reflect.ValueOf(out))
	if v.Kind() != reflect.Struct {
		return
	}
	if f := v.FieldByName("Body"); f.IsValid() {
		if body, ok := f.Interface().(io.Closer); ok && !f.IsZero() {
			_ = body.Close() // it was only to be read
		}
	}
}

// refused counts a call that failed since the store is full, and words it as the
// service would.
func (g *Gateway) refused(site Site, err error) error {
	if errors.Is(err, store.ErrFull) {
		g.full.Add(1)
	}
	return site.Errors.full(err)
}

// Full is how many calls have failed since the store had no room.
func (g *Gateway) Full() int64 { return g.full.Load() }

// injected is an injected error as the service would word it.
func (o Operation) injected(input any, err error) error {
	var plain *Error
	if o.Inject == nil || !errors.As(err, &plain) {
		return err
	}
	return o.Inject(input, plain)
}

// handle runs the handler; a panic in one is our failure and ends one call.
func (g *Gateway) handle(ctx context.Context, c *Call, op Operation) (out any, err error) {
	defer func() {
		if p := recover(); p != nil {
			g.host.Log.Error("handler panicked", "service", c.Service, "operation", c.Operation, "panic", p, "stack",
				string(debug.Stack()))
			out, err = nil, fmt.Errorf("%s.%s panicked: %v", c.Service, c.Operation, p)
		}
	}()
	if !c.Internal() {
		if !g.underWay.begin(c.epoch) {
			return nil, Stopping()
		}
		defer g.underWay.end()
	}
	return op.Handle(ctx, c.Input)
}
