// Package cloud puts the embedded AWS together: one store, one clock, one
// door, every service, and the endpoints beside AWS's own that tools and the
// CLI use. It knows no service's behaviour.
package cloud

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/service/cloudformation"
	"github.com/pipelab/pipelab/internal/aws/store"
	"github.com/pipelab/pipelab/internal/confine"
	"github.com/pipelab/pipelab/internal/prefork"
)

// Options configure a cloud.
type Options struct {
	// Dir keeps the state on disk; empty keeps it in memory.
	Dir string
	// MaxBytes bounds what is stored, as store.Options says; 0 is no bound.
	MaxBytes int64
	// Token opens the endpoints under /_pipelab/; empty closes them.
	Token string
	Log   *slog.Logger
	// Clock is the time; nil runs with the machine's. The cloud closes it.
	Clock *clock.Clock
	// Services are further services, beside those that are emulated always.
	Services []func(*gateway.Host) gateway.Service
	// Provision makes the resources of CloudFormation's stacks; without one
	// there is no CloudFormation.
	Provision cloudformation.Provision
	// Interpreters run Python functions; nil starts one for each.
	Interpreters *prefork.Interpreters
	// Confine says what functions may do; nil leaves them unconfined. With it,
	// nothing but the token empties the cloud.
	Confine *confine.Policy
	// IAM says what becomes of calls that policies do not allow; empty is Off.
	IAM gateway.Mode
}

// Cloud is one emulated AWS, an http.Handler. Make one with New.
type Cloud struct {
	gateway *gateway.Gateway
	aws     http.Handler // the gateway, for requests of AWS
	store   *store.Store
	clock   *clock.Clock
	shifts  *store.Collection[[]clock.Shift]
	token   string
	max     int64 // bytes that may be stored
	closed  bool  // what tools may do without the token is closed too
	mux     *http.ServeMux
	use     *gateway.Use
	scratch scratch

	mu        sync.Mutex // lifecycle: reset and restore, one at a time
	snapshots map[string]*store.Snapshot
	nextID    int
}

// New opens the state and starts the services. endpoint is the URL under
// which programs will reach the cloud.
func New(ctx context.Context, endpoint string, o Options) (*Cloud, error) {
	st := store.New(store.Options{Dir: o.Dir, MaxBytes: o.MaxBytes})
	c := &Cloud{store: st, max: o.MaxBytes, token: o.Token, closed: o.Confine != nil,
		snapshots: map[string]*store.Snapshot{}}
	c.shifts = store.NewCollection[[]clock.Shift](st, "clock.shifts")
	clk := o.Clock
	if clk == nil {
		clk = clock.New()
	}
	c.clock, c.use = clk, gateway.NewUse(clk)
	c.gateway = gateway.New(st, clk, ident.NewSource(), o.Log)
	c.aws = gateway.NewResends(c.gateway)
	c.gateway.Host().Interpreters, c.gateway.Host().Confine = o.Interpreters, o.Confine
	if o.IAM != "" {
		c.gateway.SetMode(o.IAM)
	}
	for _, make := range services(o) {
		c.gateway.Register(make(c.gateway.Host()))
	}
	c.gateway.SetEndpoint(endpoint)
	c.scratch.parent = o.Dir
	c.gateway.SetScratch(c.scratch.folder)
	if err := st.Open(); err != nil {
		clk.Close()
		return nil, err
	}
	// What an earlier process, killed without warning, has left is of no use.
	if err := c.scratch.clear(); err != nil {
		clk.Close()
		return nil, errors.Join(err, st.Close())
	}
	_ = st.View(func(tx *store.Tx) error {
		if s, ok := c.shifts.Get(tx, ident.Scope{}, "shifts"); ok {
			clk.Resume(s)
		}
		return nil
	})
	if err := c.gateway.Start(ctx); err != nil {
		clk.Close()
		return nil, err
	}
	c.routes()
	return c, nil
}

// Idle is how long ago the last use was: a request from the network, or work in the
// background. It is 0 while there is either, while the clock is held, and while faults
// are in force, which nothing brings back.
func (c *Cloud) Idle() time.Duration {
	rules, _ := c.gateway.Host().Faults.List()
	if c.clock.Busy() || c.clock.Held() || len(rules) > 0 {
		c.use.Touch()
		return 0
	}
	return c.use.Idle()
}

// Close stops the services and closes the state.
func (c *Cloud) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gateway.Stop()
	c.clock.Close()
	return errors.Join(c.gateway.Close(), c.store.Close(), c.scratch.remove())
}

// between stops all background work, waits for the calls under way, changes the state
// and starts again: neither must see state that is not theirs.
func (c *Cloud) between(ctx context.Context, change func() error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gateway.Stop()
	defer c.gateway.Hold()()
	err := change()
	if err == nil {
		// The state that is there now has other moves of the clock or none. Time
		// goes on from the present all the same, also after a restart.
		err = c.saveShifts()
	}
	if startErr := c.gateway.Start(context.WithoutCancel(ctx)); err == nil {
		err = startErr
	}
	return err
}

// saveShifts makes the virtual time survive a restart.
func (c *Cloud) saveShifts() error {
	return c.store.Update(func(tx *store.Tx) error {
		c.shifts.Put(tx, ident.Scope{}, "shifts", c.clock.Shifts())
		return nil
	})
}
