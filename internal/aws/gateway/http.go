package gateway

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/pipelab/pipelab/internal/aws/wire"
)

// ServeHTTP answers one AWS request, or one that goes through a door of its own.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	epoch := g.underWay.epoch.Load()
	if h := g.door(req); h != nil {
		g.enter(h, w, req, epoch)
		return
	}
	if req.Method == http.MethodOptions {
		g.preflight(w, req)
		return
	}
	if g.form(w, req, epoch) {
		return
	}
	id := g.host.IDs.UUID()
	t, err := g.registry.Route(req)
	g.crossOrigin(w.Header(), t, req)
	if err != nil {
		g.fail(t, w, req, id, err)
		return
	}
	op, known := g.services.Operation(t.Service, t.Operation)
	if !known {
		g.fail(t, w, req, id, notEmulated(t.Service, t.Operation))
		return
	}
	call, err := g.caller(t, req)
	if err != nil {
		g.fail(t, w, req, id, err)
		return
	}
	in, err := t.Decode(req)
	if err != nil {
		g.fail(t, w, req, id, err)
		return
	}
	call.ID, call.Input, call.Zeros, call.validate, call.epoch = id, in, t.Zeros(), t.Validate, epoch
	streams := t.Streams() && !call.inside
	if streams {
		defer g.underWay.reading(w)()
	}
	call.Looking = req.Context().Value(looking{}) != nil
	g.follow(call)
	if op.Stream != nil {
		g.stream(t, w, req, call, op)
		return
	}
	out, err := g.pass(req.Context(), call, op)
	if errors.Is(err, ErrDropped) {
		panic(http.ErrAbortHandler) // net/http's way to cut a connection
	}
	if err != nil && streams && g.underWay.epoch.Load() != epoch {
		// The body was cut off, which ends the request's context; its client is there.
		req, err = req.WithContext(context.WithoutCancel(req.Context())), Stopping()
	}
	if err != nil {
		g.fail(t, w, req, id, err)
		return
	}
	if err := t.WriteOutput(w, req, id, out); err != nil {
		g.cut(req, "answer not written", t.Service, t.Operation, err)
	}
}

// follow finds what has caused a call from the network: the run of a function that
// makes it.
func (g *Gateway) follow(c *Call) {
	c.Trace = c.HTTP.Header.Get("X-Amzn-Trace-Id")
	if p, ok := g.host.Processes.behind(c); ok {
		c.Parent = p.Invocation
		if !strings.Contains(c.Trace, "Lineage=") { // of a client that does not pass it on
			c.Trace = p.Trace
		}
	}
}

// caller begins the call of a request with who makes it. Services that act on
// somebody's behalf are believed: their requests do not come from the network.
func (g *Gateway) caller(t *wire.Target, req *http.Request) (*Call, error) {
	c := &Call{Service: t.Service, Operation: t.Operation, HTTP: req}
	if b, ok := req.Context().Value(behalfKey{}).(*Behalf); ok {
		c.Principal, c.Scope, c.Parent, c.Via, c.inside = b.Principal, b.Scope, b.Parent, b.Via, true
		return c, nil
	}
	var err error
	if c.Principal, c.Scope, err = g.identify(t, req); err != nil {
		return nil, err
	}
	return c, g.unsigned(c.Principal, t)
}

// cut ends an answer that could not be written whole: a client must not take
// what it has for all of it, or nothing at all for an empty success.
func (g *Gateway) cut(req *http.Request, what, service, operation string, err error) {
	if req.Context().Err() == nil {
		g.host.Log.Warn(what, "service", service, "operation", operation, "error", err)
	}
	panic(http.ErrAbortHandler) // net/http's way to cut a connection
}

// fail answers with an error. A client that has ended its side counts as gone, though
// it may read on: without a word the answer would be an empty success.
func (g *Gateway) fail(t *wire.Target, w http.ResponseWriter, req *http.Request, id string, err error) {
	if req.Context().Err() != nil {
		panic(http.ErrAbortHandler) // as in cut
	}
	// Without the client's doing a call is cut short when the cloud is emptied or
	// stops: to the client that is a failure as any other of ours.
	if ErrorCode(err) == "" && !errors.Is(err, context.Canceled) {
		g.host.Log.Error("call failed", "path", req.URL.Path, "target", req.Header.Get("X-Amz-Target"), "error", err)
	}
	if t == nil {
		err = wire.WriteUnrouted(w, req, id, err)
	} else {
		err = t.WriteError(w, req, id, err)
	}
	if err != nil {
		g.cut(req, "error not written", "", "", err)
	}
}
