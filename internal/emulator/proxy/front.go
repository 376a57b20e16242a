package proxy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/probe"
	"github.com/pipelab/pipelab/internal/loopback"
)

// Front is a driver that puts a proxy in front of what another driver starts.
type Front struct {
	Under emulator.Driver
	Log   *slog.Logger
	// Token opens the control endpoints; empty makes a random one.
	Token string
	// Doubt is called with a capability that the kind of emulator should have and
	// that a trial has not found; may be nil.
	Doubt func(emulator.Capability, error)
}

// Prospect is what an emulator may implement that the name of its driver says
// too little about.
type Prospect interface {
	// Prospects are its capabilities and those that it may turn out to have.
	Prospects() []emulator.Capability
}

// Name is that of the driver behind.
func (f Front) Name() string { return f.Under.Name() }

// Start listens, starts the emulator behind, tries what it can and serves until
// Close. The port is taken first: what may fail at once should.
func (f Front) Start(ctx context.Context, o emulator.Options) (emulator.Emulator, error) {
	listener, err := loopback.Listen(ctx, o.Addr)
	if err != nil {
		return nil, err
	}
	under, err := f.Under.Start(ctx, emulator.Options{Dir: o.Dir})
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	fail := func(err error) (emulator.Emulator, error) {
		return nil, errors.Join(err, listener.Close(), under.Close())
	}
	token := f.Token
	if token == "" {
		token = emulator.NewToken()
	}
	p, err := New(Options{Upstream: under.Endpoint().URL, Name: f.Name(), Token: token, Log: f.Log,
		Resets: []string{"/_ministack/reset", "/_localstack/state/reset", "/moto-api/reset"}})
	if err != nil {
		return fail(err)
	}
	if err := p.Alive(ctx); err != nil {
		p.Close()
		return fail(err)
	}
	endpoint := under.Endpoint()
	endpoint.URL, endpoint.Token = "http://"+listener.Addr().String(), token
	e := &instance{endpoint: endpoint, under: under, proxy: p, served: make(chan error, 1)}
	e.capabilities = f.tried(ctx, under)
	e.server = loopback.Server(p, p.o.Log)
	go func() { e.served <- e.server.Serve(listener) }()
	return e, nil
}

// tried are the capabilities of an emulator with a proxy in front of it,
// without those that a trial has not found.
func (f Front) tried(ctx context.Context, under emulator.Emulator) []emulator.Capability {
	has := emulator.Possible(emulator.Kind(f.Name()), false)
	if p, ok := under.(Prospect); ok {
		// What it says of itself wins; the rest is for a trial to show.
		known := p.Prospects()
		has = slices.DeleteFunc(has, func(c emulator.Capability) bool {
			return !slices.Contains(known, c) && !probe.Can(c) && c != emulator.Reset
		})
		for _, c := range known {
			if !slices.Contains(has, c) {
				has = append(has, c)
			}
		}
	}
	failed := probe.Verify(ctx, under.Endpoint().AWSConfig(), has)
	return slices.DeleteFunc(slices.Clone(has), func(c emulator.Capability) bool {
		err := failed[c]
		if err != nil && f.Doubt != nil {
			f.Doubt(c, err)
		}
		return err != nil
	})
}

type instance struct {
	endpoint     emulator.Endpoint
	under        emulator.Emulator
	proxy        *Proxy
	server       *http.Server
	served       chan error
	capabilities []emulator.Capability
	closing      sync.Once
	closed       error
}

func (e *instance) Endpoint() emulator.Endpoint { return e.endpoint }
func (e *instance) Control() *emulator.Control  { return emulator.NewControl(e.endpoint) }

// Idle implements emulator.Resting.
func (e *instance) Idle() time.Duration { return e.proxy.Idle() }

// Capabilities are those of the emulator behind and of the proxy.
func (e *instance) Capabilities() []emulator.Capability { return slices.Clone(e.capabilities) }

// Close stops serving, then what is behind.
func (e *instance) Close() error {
	e.closing.Do(func() {
		err := e.server.Close()
		if served := <-e.served; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, fmt.Errorf("serve: %w", served))
		}
		e.proxy.Close()
		e.closed = errors.Join(err, e.under.Close())
	})
	return e.closed
}
