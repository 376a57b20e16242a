package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/pipelab/pipelab/internal/aws/gateway"
)

// healthTime bounds the question whether an emulator is there; one that starts
// a virtual machine on the side is slow.
const healthTime = 10 * time.Second

// controls are the endpoints of emulator.Control. What only the embedded AWS
// can do answers an error that says so.
func (p *Proxy) controls() *http.ServeMux {
	m := http.NewServeMux()
	gateway.Routes(m, p.trace, p.faults, p.ids, p.accept)
	gateway.UseRoutes(m, p.Idle)
	m.HandleFunc("GET /_pipelab/info", p.info)
	m.HandleFunc("POST /_pipelab/reset", p.reset)
	for path, what := range map[string]string{
		"/_pipelab/clock": "a clock of its own", "/_pipelab/clock/": "a clock that can be moved",
		"/_pipelab/snapshots": "snapshots of its state", "/_pipelab/snapshots/": "snapshots of its state",
	} {
		m.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			gateway.Reply(w, http.StatusNotImplemented, gateway.Problem("the emulator %s has no %s; the embedded one has",
				p.o.Name, strings.TrimPrefix(what, "a ")))
		})
	}
	return m
}

// info tells the newest call, or that the emulator is gone.
func (p *Proxy) info(w http.ResponseWriter, req *http.Request) {
	if err := p.Alive(req.Context()); err != nil {
		gateway.Reply(w, http.StatusServiceUnavailable, gateway.Problem("%v", err))
		return
	}
	gateway.Reply(w, http.StatusOK, map[string]any{"edition": "proxy", "emulator": p.o.Name, "upstream": p.o.Upstream,
		"trace": p.trace.Last()})
}

// Alive asks whether the emulator answers HTTP at all; the error says why not.
func (p *Proxy) Alive(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, healthTime)
	defer cancel()
	resp, err := p.ask(ctx, http.MethodGet, "/_localstack/health")
	if err != nil {
		return p.gone(reason(err))
	}
	return resp.Body.Close()
}

// reason is the last of the errors that were wrapped: what went wrong without
// the address, which has been told.
func reason(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no answer within %s", healthTime)
	}
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

func (p *Proxy) ask(ctx context.Context, method, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(p.o.Upstream, "/")+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	return p.under.RoundTrip(req)
}

// reset empties the emulator if it knows how.
func (p *Proxy) reset(w http.ResponseWriter, req *http.Request) {
	p.faults.Clear("")
	for _, path := range p.o.Resets {
		resp, err := p.ask(req.Context(), http.MethodPost, path)
		if err != nil {
			gateway.Reply(w, http.StatusServiceUnavailable, gateway.Problem("%v", p.gone(reason(err))))
			return
		}
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)) // what it says does not matter
		if err := resp.Body.Close(); err == nil && resp.StatusCode < http.StatusMultipleChoices {
			gateway.Reply(w, http.StatusOK, map[string]string{"status": "ok"})
			return
		}
	}
	gateway.Reply(w, http.StatusNotImplemented,
		gateway.Problem("the emulator %s cannot be emptied from outside; remove what is in it, or start it anew", p.o.Name))
}

// accept refuses the faults that a proxy cannot act out: nothing is accepted
// and ignored.
func (p *Proxy) accept(f gateway.Fault) error {
	if err := f.Validate(); err != nil {
		return err
	}
	switch f.Kind {
	case gateway.FaultCrash, gateway.FaultCrashLate, gateway.FaultDuplicate, gateway.FaultReorder:
		return fmt.Errorf("a fault of the kind %s acts inside the emulator; only the embedded AWS can do that, not %s",
			f.Kind, p.o.Name)
	case gateway.FaultThrottle:
		if strings.Contains(f.Resource, "/shardId-") {
			return fmt.Errorf(
				"the shard of a record is known inside the emulator only; in front of %s a throttle can name a stream", p.o.Name)
		}
	}
	return nil
}
