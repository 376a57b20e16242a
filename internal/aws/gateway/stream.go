package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"sync"

	"github.com/pipelab/pipelab/internal/aws/wire"
)

// eventStream is the answer of one call of a StreamOp. Its handler has a
// goroutine of its own and hands over one event at a time; the goroutine of
// the request writes them.
type eventStream struct {
	ctx    context.Context // ends when the client goes away or the cloud stops
	cancel context.CancelFunc
	events chan any
	done   chan struct{} // the handler has returned, err is set
	err    error
}

// streams are those that are open, so that Stop can end them.
type streams struct {
	mu   sync.Mutex
	open map[*eventStream]bool
}

func (s *streams) add(e *eventStream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[*eventStream]bool{}
	}
	s.open[e] = true
}

func (s *streams) remove(e *eventStream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, e)
}

// stop ends all open streams and waits for their handlers.
func (s *streams) stop() {
	s.mu.Lock()
	var all []*eventStream
	for e := range s.open {
		all = append(all, e)
	}
	s.mu.Unlock()
	for _, e := range all {
		e.cancel()
	}
	for _, e := range all {
		<-e.done
	}
}

// send is what handlers call; it blocks while the client is slow.
func (e *eventStream) send(event any) error {
	select {
	case e.events <- event:
		return nil
	case <-e.ctx.Done():
		return e.ctx.Err()
	}
}

// begin makes a Handle of a Stream: it starts the handler and returns with the
// first thing sent, which is the output. So a stream passes the same chain as
// any other call, and is on record from when it is open.
func (g *Gateway) begin(op Operation, e *eventStream) func(context.Context, any) (any, error) {
	return func(ctx context.Context, input any) (any, error) {
		e.ctx, e.cancel = context.WithCancel(ctx)
		e.events, e.done = make(chan any), make(chan struct{})
		g.streams.add(e)
		go func() {
			defer close(e.done)
			defer func() {
				if p := recover(); p != nil {
					g.host.Log.Error("handler panicked", "operation", op.Name, "panic", p, "stack", string(debug.Stack()))
					e.err = fmt.Errorf("%s panicked: %v", op.Name, p)
				}
			}()
			e.err = op.Stream(e.ctx, input, e.send)
		}()
		select {
		case out := <-e.events:
			return out, nil
		case <-e.done:
			if e.err == nil {
				return nil, fmt.Errorf("%s ended without an answer", op.Name)
			}
			return nil, e.err
		}
	}
}

// stream answers a call with events until its handler returns.
func (g *Gateway) stream(t *wire.Target, w http.ResponseWriter, req *http.Request, c *Call, op Operation) {
	e := &eventStream{}
	op.Handle = g.begin(op, e)
	out, err := g.pass(req.Context(), c, op)
	if e.cancel != nil {
		defer g.streams.remove(e)
		defer func() { <-e.done }() // no handler outlives its request
		defer e.cancel()
	}
	if errors.Is(err, ErrDropped) {
		panic(http.ErrAbortHandler)
	}
	if err != nil {
		g.fail(t, w, req, c.ID, err)
		return
	}
	answer, err := t.StartEvents(w, c.ID, out)
	for err == nil {
		select {
		case event := <-e.events:
			err = answer.Send(event)
			continue
		case <-e.done:
		}
		if e.err != nil {
			// Also when the cloud has ended it: an end without a word would say that
			// all events were sent.
			err = answer.Fail(e.err)
		}
		break
	}
	if err != nil {
		g.cut(req, "event not written", c.Service, c.Operation, err)
	}
}

// OpenStreams is how many event streams are being answered.
func (g *Gateway) OpenStreams() int {
	g.streams.mu.Lock()
	defer g.streams.mu.Unlock()
	return len(g.streams.open)
}
