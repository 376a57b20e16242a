package cloud

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// ServeHTTP answers AWS requests and the endpoints beside them. S3 keys may
// hold any path, so the mux, which cleans paths, sees only our own prefixes.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	defer c.use.Begin(req)()
	switch p := req.URL.Path; {
	case strings.HasPrefix(p, "/_pipelab/"):
		if !c.trusted(req) {
			gateway.Reply(w, http.StatusForbidden, gateway.Problem("this endpoint is for the pipelab command only"))
			return
		}
		c.mux.ServeHTTP(w, req)
	case strings.HasPrefix(p, "/_localstack/"), p == "/moto-api/reset":
		c.mux.ServeHTTP(w, req)
	default:
		if c.trusted(req) {
			ctx := gateway.WithoutFaults(req.Context())
			if req.Header.Get(gateway.LookHeader) != "" {
				ctx = gateway.WithLook(ctx)
			}
			req = req.WithContext(ctx)
		}
		c.aws.ServeHTTP(w, req)
	}
}

// trusted reports whether a request carries the token.
func (c *Cloud) trusted(req *http.Request) bool {
	return gateway.Trusted(req, c.token)
}

func (c *Cloud) routes() {
	m := http.NewServeMux()
	m.HandleFunc("/_localstack/health", c.health)
	m.HandleFunc("/_localstack/info", c.info)
	m.HandleFunc("/_localstack/init", func(w http.ResponseWriter, _ *http.Request) {
		gateway.Reply(w, http.StatusOK,
			map[string]any{"completed": map[string]bool{"BOOT": true, "START": true, "READY": true}, "scripts": []string{}})
	})
	m.HandleFunc("POST /_localstack/state/reset", c.openReset)
	m.HandleFunc("POST /moto-api/reset", c.openReset)
	m.HandleFunc("GET /_pipelab/info", c.info)
	m.HandleFunc("GET /_pipelab/clock", c.now)
	m.HandleFunc("POST /_pipelab/clock/advance", c.move(c.clock.Advance))
	m.HandleFunc("POST /_pipelab/clock/pass", c.move(c.clock.Pass))
	m.HandleFunc("POST /_pipelab/clock/hold", func(w http.ResponseWriter, req *http.Request) {
		c.clock.Hold()
		c.now(w, req)
	})
	m.HandleFunc("POST /_pipelab/clock/release", func(w http.ResponseWriter, req *http.Request) {
		c.clock.Release()
		c.now(w, req)
	})
	gateway.Routes(m, c.gateway.Trace(), c.gateway.Host().Faults, c.gateway.Host().IDs, gateway.Fault.Validate)
	c.gateway.ViewRoutes(m)
	gateway.UseRoutes(m, c.Idle)
	m.HandleFunc("GET /_pipelab/iam", c.mode)
	m.HandleFunc("PUT /_pipelab/iam", c.setMode)
	m.HandleFunc("POST /_pipelab/reset", c.reset)
	m.HandleFunc("POST /_pipelab/snapshots", c.snapshot)
	m.HandleFunc("POST /_pipelab/snapshots/{id}/restore", c.restore)
	m.HandleFunc("DELETE /_pipelab/snapshots/{id}", c.dropSnapshot)
	c.mux = m
}

func (c *Cloud) health(w http.ResponseWriter, _ *http.Request) {
	states := map[string]string{}
	for _, d := range c.gateway.Services().All() {
		states[d.Name] = "running"
	}
	gateway.Reply(w, http.StatusOK, map[string]any{"services": states, "edition": "pipelab", "version": "4.14.0"})
}

func (c *Cloud) info(w http.ResponseWriter, _ *http.Request) {
	type operations struct {
		Control []string `json:"control"`
		Data    []string `json:"data"`
	}
	table := map[string]operations{}
	for _, d := range c.gateway.Services().All() {
		var o operations
		for _, op := range d.Operations {
			if op.Plane == gateway.Control {
				o.Control = append(o.Control, op.Name)
			} else {
				o.Data = append(o.Data, op.Name)
			}
		}
		table[d.Name] = o
	}
	gateway.Reply(w, http.StatusOK, map[string]any{"edition": "pipelab", "operations": table,
		"storage": map[string]int64{"max": c.max, "refused": c.gateway.Full()},
		"trace":   c.gateway.Trace().Last()})
}

func (c *Cloud) now(w http.ResponseWriter, _ *http.Request) {
	gateway.Reply(w, http.StatusOK, map[string]any{"now": c.clock.Now(), "offset": c.clock.Offset().String(),
		"held": c.clock.Held()})
}

// move answers with the time after a move of the clock.
func (c *Cloud) move(by func(context.Context, time.Duration) error) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		var in struct {
			Duration string `json:"duration"`
		}
		if !gateway.ReadJSON(w, req, &in) {
			return
		}
		d, err := time.ParseDuration(in.Duration)
		if err != nil || d < 0 {
			gateway.Reply(w, http.StatusBadRequest, gateway.Problem("duration %q: want a positive one such as 90s or 25h",
				in.Duration))
			return
		}
		before := c.clock.Offset()
		err = by(req.Context(), d)
		if c.clock.Offset() != before {
			if saveErr := c.saveShifts(); err == nil {
				err = saveErr
			}
		}
		if err != nil {
			gateway.Reply(w, http.StatusInternalServerError, gateway.Problem("move the clock: %v", err))
			return
		}
		c.now(w, req)
	}
}

// openReset is for tools that know no token. A program that is judged could use
// it to get rid of the faults that it is to withstand.
func (c *Cloud) openReset(w http.ResponseWriter, req *http.Request) {
	if c.closed && !c.trusted(req) {
		gateway.Reply(w, http.StatusForbidden, gateway.Problem("programs that are judged cannot empty the cloud"))
		return
	}
	c.reset(w, req)
}

func (c *Cloud) reset(w http.ResponseWriter, req *http.Request) {
	c.gateway.Host().Faults.Clear("")
	c.clock.Release()
	if err := c.between(req.Context(), c.store.Reset); err != nil {
		gateway.Reply(w, http.StatusInternalServerError, gateway.Problem("reset: %v", err))
		return
	}
	gateway.Reply(w, http.StatusOK, map[string]string{"status": "ok"})
}

func (c *Cloud) snapshot(w http.ResponseWriter, _ *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nextID++
	id := "snapshot-" + strconv.Itoa(c.nextID)
	c.snapshots[id] = c.store.Snapshot()
	gateway.Reply(w, http.StatusCreated, map[string]string{"id": id})
}

func (c *Cloud) find(w http.ResponseWriter, req *http.Request) *store.Snapshot {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.snapshots[req.PathValue("id")]
	if s == nil {
		gateway.Reply(w, http.StatusNotFound, gateway.Problem("there is no snapshot %s", req.PathValue("id")))
	}
	return s
}

func (c *Cloud) restore(w http.ResponseWriter, req *http.Request) {
	s := c.find(w, req)
	if s == nil {
		return
	}
	if err := c.between(req.Context(), func() error { return c.store.Restore(s) }); err != nil {
		gateway.Reply(w, http.StatusInternalServerError, gateway.Problem("restore: %v", err))
		return
	}
	gateway.Reply(w, http.StatusOK, map[string]string{"status": "ok"})
}

func (c *Cloud) dropSnapshot(w http.ResponseWriter, req *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.snapshots[req.PathValue("id")]; s != nil {
		c.store.Release(s)
		delete(c.snapshots, req.PathValue("id"))
	}
	w.WriteHeader(http.StatusNoContent)
}

// mode tells what becomes of calls that policies do not allow.
func (c *Cloud) mode(w http.ResponseWriter, _ *http.Request) {
	gateway.Reply(w, http.StatusOK, map[string]gateway.Mode{"mode": c.gateway.Mode()})
}

// setMode changes it, until the cloud is made anew.
func (c *Cloud) setMode(w http.ResponseWriter, req *http.Request) {
	var in struct {
		Mode string `json:"mode"`
	}
	if !gateway.ReadJSON(w, req, &in) {
		return
	}
	m, err := gateway.ParseMode(in.Mode)
	if err != nil {
		gateway.Reply(w, http.StatusBadRequest, gateway.Problem("%v", err))
		return
	}
	c.gateway.SetMode(m)
	c.mode(w, req)
}
