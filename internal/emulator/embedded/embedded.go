// Package embedded is the default driver: the AWS that is part of this
// program. It runs inside the process (tests, grading) or serves as a daemon
// of its own; both answer on a loopback port, because functions and learners'
// programs are other processes.
package embedded

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/pipelab/pipelab/internal/aws/cloud"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
	"github.com/pipelab/pipelab/internal/cfn"
	"github.com/pipelab/pipelab/internal/confine"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/loopback"
	"github.com/pipelab/pipelab/internal/prefork"
)

// Driver starts embedded emulators in this process.
type Driver struct {
	// Log takes what goes wrong inside; nil discards it.
	Log *slog.Logger
	// Token opens the control endpoints; empty makes a random one.
	Token string
	// MaxBytes bounds what is stored, in bytes; 0 is no bound.
	MaxBytes int64
	// Provision makes what creates the resources of CloudFormation's stacks,
	// for an account and region at an endpoint, through a client that knows for
	// whom. Nil leaves CloudFormation out.
	Provision func(client aws.HTTPClient, endpoint, account, region string) cfn.Provider
	// Interpreters run Python functions; nil starts one for each.
	Interpreters *prefork.Interpreters
	// IAM says what becomes of calls that policies do not allow; empty is off.
	IAM emulator.IAMMode
	// Confine says what functions may do, and keeps programs that are judged from
	// emptying the emulator; nil leaves them unconfined.
	Confine *confine.Policy
}

// Name is "embedded".
func (Driver) Name() string { return "embedded" }

// Start opens the state, listens and serves until Close.
func (d Driver) Start(ctx context.Context, o emulator.Options) (emulator.Emulator, error) {
	log := d.Log
	if log == nil {
		log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	listener, err := loopback.Listen(ctx, o.Addr)
	if err != nil {
		return nil, err
	}
	token := d.Token
	if token == "" {
		token = emulator.NewToken()
	}
	endpoint := emulator.NewEndpoint("http://"+listener.Addr().String(), token)
	options := cloud.Options{Dir: o.Dir, Token: token, MaxBytes: d.MaxBytes, Log: log, Interpreters: d.Interpreters,
		Confine: d.Confine, IAM: gateway.Mode(d.IAM)}
	if d.Provision != nil {
		options.Provision = func(client aws.HTTPClient, endpoint string, scope ident.Scope) cfn.Provider {
			return d.Provision(client, endpoint, scope.Account, scope.Region)
		}
	}
	c, err := cloud.New(context.WithoutCancel(ctx), endpoint.URL, options)
	if err != nil {
		if newer := errors.Is(err, store.ErrNewer); newer || errors.Is(err, store.ErrCorrupt) {
			err = &emulator.StateError{Dir: o.Dir, Newer: newer, Cause: err}
		}
		return nil, errors.Join(err, listener.Close())
	}
	e := &instance{endpoint: endpoint, cloud: c, served: make(chan error, 1)}
	e.server = loopback.Server(c, log)
	go func() { e.served <- e.server.Serve(listener) }()
	return e, nil
}

type instance struct {
	endpoint emulator.Endpoint
	cloud    *cloud.Cloud
	server   *http.Server
	served   chan error
	closing  sync.Once
	closed   error
}

func (e *instance) Endpoint() emulator.Endpoint { return e.endpoint }
func (e *instance) Control() *emulator.Control  { return emulator.NewControl(e.endpoint) }

// Idle implements emulator.Resting.
func (e *instance) Idle() time.Duration { return e.cloud.Idle() }

// Capabilities is what the embedded AWS can judge.
func (e *instance) Capabilities() []emulator.Capability {
	return emulator.CapabilitiesOf(emulator.Embedded)
}

// Close stops serving, ends background work and closes the state.
func (e *instance) Close() error {
	e.closing.Do(func() { e.closed = e.close() })
	return e.closed
}

func (e *instance) close() error {
	err := e.server.Close() // open long polls are cut: their clients retry
	if served := <-e.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return errors.Join(err, e.cloud.Close())
}
