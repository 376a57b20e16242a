package cloud

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// TokenHeader carries the token of the /_pipelab/ endpoints. AWS calls that
// carry it are the judge's: injected faults leave them alone.
const TokenHeader = "X-Pipelab-Token"

// ServeHTTP answers AWS requests and the endpoints beside them. S3 keys may
// hold any path, so the mux, which cleans paths, sees only our own prefixes.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	switch p := req.URL.Path; {
	case strings.HasPrefix(p, "/_pipelab/"):
		if !c.trusted(req) {
			reply(w, http.StatusForbidden, problem("this endpoint is for the pipelab command only"))
			return
		}
		c.mux.ServeHTTP(w, req)
	case strings.HasPrefix(p, "/_localstack/"), p == "/moto-api/reset":
		c.mux.ServeHTTP(w, req)
	default:
		if c.trusted(req) {
			req = req.WithContext(gateway.WithoutFaults(req.Context()))
		}
		c.gateway.ServeHTTP(w, req)
	}
}

// trusted reports whether a request carries the token.
func (c *Cloud) trusted(req *http.Request) bool {
	return c.token != "" && subtle.ConstantTimeCompare([]byte(req.Header.Get(TokenHeader)), []byte(c.token)) == 1
}

func (c *Cloud) routes() {
	m := http.NewServeMux()
	m.HandleFunc("/_localstack/health", c.health)
	m.HandleFunc("/_localstack/info", c.info)
	m.HandleFunc("/_localstack/init", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, map[string]any{"completed": map[string]bool{"BOOT": true, "START": true, "READY": true}, "scripts": []string{}})
	})
	m.HandleFunc("POST /_localstack/state/reset", c.openReset)
	m.HandleFunc("POST /moto-api/reset", c.openReset)
	m.HandleFunc("GET /_pipelab/info", c.info)
	m.HandleFunc("GET /_pipelab/clock", c.now)
	m.HandleFunc("POST /_pipelab/clock/advance", c.move(c.clock.Advance))
	m.HandleFunc("POST /_pipelab/clock/pass", c.move(c.clock.Pass))
	m.HandleFunc("POST /_pipelab/clock/hold", func(w http.ResponseWriter, req *http.Request) { c.clock.Hold(); c.now(w, req) })
	m.HandleFunc("POST /_pipelab/clock/release", func(w http.ResponseWriter, req *http.Request) { c.clock.Release(); c.now(w, req) })
	m.HandleFunc("GET /_pipelab/trace", c.trace)
	m.HandleFunc("GET /_pipelab/faults", c.listFaults)
	m.HandleFunc("POST /_pipelab/faults", c.addFault)
	m.HandleFunc("DELETE /_pipelab/faults", c.clearFaults)
	m.HandleFunc("DELETE /_pipelab/faults/{id}", c.clearFaults)
	m.HandleFunc("POST /_pipelab/reset", c.reset)
	m.HandleFunc("POST /_pipelab/snapshots", c.snapshot)
	m.HandleFunc("POST /_pipelab/snapshots/{id}/restore", c.restore)
	m.HandleFunc("DELETE /_pipelab/snapshots/{id}", c.dropSnapshot)
	c.mux = m
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client is gone if this fails
}

func problem(format string, args ...any) map[string]string {
	return map[string]string{"error": fmt.Sprintf(format, args...)}
}

func (c *Cloud) health(w http.ResponseWriter, _ *http.Request) {
	states := map[string]string{}
	for _, s := range c.gateway.Services() {
		states[s.Name()] = "running"
	}
	reply(w, http.StatusOK, map[string]any{"services": states, "edition": "pipelab", "version": "4.14.0"})
}

func (c *Cloud) info(w http.ResponseWriter, _ *http.Request) {
	type operations struct {
		Control []string `json:"control"`
		Data    []string `json:"data"`
	}
	table := map[string]operations{}
	for _, s := range c.gateway.Services() {
		var o operations
		for _, op := range s.Operations() {
			if op.Plane == gateway.Control {
				o.Control = append(o.Control, op.Name)
			} else {
				o.Data = append(o.Data, op.Name)
			}
		}
		table[s.Name()] = o
	}
	reply(w, http.StatusOK, map[string]any{"edition": "pipelab", "operations": table, "trace": c.gateway.Trace().Last()})
}

func (c *Cloud) now(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, map[string]any{"now": c.clock.Now(), "offset": c.clock.Offset().String(), "held": c.clock.Held()})
}

// move answers with the time after a move of the clock.
func (c *Cloud) move(by func(context.Context, time.Duration) error) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		var in struct {
			Duration string `json:"duration"`
		}
		if !decode(w, req, &in) {
			return
		}
		d, err := time.ParseDuration(in.Duration)
		if err != nil || d < 0 {
			reply(w, http.StatusBadRequest, problem("duration %q: want a positive one such as 90s or 25h", in.Duration))
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
			reply(w, http.StatusInternalServerError, problem("move the clock: %v", err))
			return
		}
		c.now(w, req)
	}
}

func decode(w http.ResponseWriter, req *http.Request, v any) bool {
	d := json.NewDecoder(http.MaxBytesReader(w, req.Body, 1<<20))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		reply(w, http.StatusBadRequest, problem("request: %v", err))
		return false
	}
	return true
}

// trace sends JSON lines after a sequence number; with follow it goes on until
// the client leaves.
func (c *Cloud) trace(w http.ResponseWriter, req *http.Request) {
	q := req.URL.Query()
	after, _ := strconv.ParseUint(q.Get("after"), 10, 64)
	limit, err := strconv.Atoi(q.Get("limit"))
	if err != nil || limit <= 0 {
		limit = 1 << 30
	}
	follow := q.Get("follow") == "1"
	w.Header().Set("Content-Type", "application/jsonl")
	enc := json.NewEncoder(w)
	for {
		entries, more := c.gateway.Trace().After(after, limit)
		for i := range entries {
			if enc.Encode(&entries[i]) != nil {
				return
			}
			after = entries[i].Seq
		}
		if !follow {
			return
		}
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
		select {
		case <-more:
		case <-req.Context().Done():
			return
		}
	}
}

func (c *Cloud) listFaults(w http.ResponseWriter, _ *http.Request) {
	rules, hits := c.gateway.Host().Faults.List()
	out := make([]map[string]any, len(rules))
	for i := range rules {
		out[i] = map[string]any{"rule": rules[i], "hits": hits[i]}
	}
	reply(w, http.StatusOK, out)
}

func (c *Cloud) addFault(w http.ResponseWriter, req *http.Request) {
	var f gateway.Fault
	if !decode(w, req, &f) {
		return
	}
	if err := f.Validate(); err != nil {
		reply(w, http.StatusBadRequest, problem("%v", err))
		return
	}
	for _, pattern := range []string{f.Operation, f.Resource} {
		if _, err := path.Match(pattern, ""); err != nil {
			reply(w, http.StatusBadRequest, problem("pattern %q: %v", pattern, err))
			return
		}
	}
	if f.ID == "" {
		f.ID = "fault-" + c.gateway.Host().IDs.Hex(8)
	}
	c.gateway.Host().Faults.Add(f)
	reply(w, http.StatusCreated, f)
}

func (c *Cloud) clearFaults(w http.ResponseWriter, req *http.Request) {
	c.gateway.Host().Faults.Clear(req.PathValue("id"))
	w.WriteHeader(http.StatusNoContent)
}

// openReset is for tools that know no token. A program that is judged could use
// it to get rid of the faults that it is to withstand.
func (c *Cloud) openReset(w http.ResponseWriter, req *http.Request) {
	if c.closed && !c.trusted(req) {
		reply(w, http.StatusForbidden, problem("programs that are judged cannot empty the cloud"))
		return
	}
	c.reset(w, req)
}

func (c *Cloud) reset(w http.ResponseWriter, req *http.Request) {
	c.gateway.Host().Faults.Clear("")
	c.clock.Release()
	if err := c.between(req.Context(), c.store.Reset); err != nil {
		reply(w, http.StatusInternalServerError, problem("reset: %v", err))
		return
	}
	if err := c.saveShifts(); err != nil {
		reply(w, http.StatusInternalServerError, problem("reset: %v", err))
		return
	}
	reply(w, http.StatusOK, map[string]string{"status": "ok"})
}

func (c *Cloud) snapshot(w http.ResponseWriter, _ *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nextID++
	id := "snapshot-" + strconv.Itoa(c.nextID)
	c.snapshots[id] = c.store.Snapshot()
	reply(w, http.StatusCreated, map[string]string{"id": id})
}

func (c *Cloud) find(w http.ResponseWriter, req *http.Request) *store.Snapshot {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.snapshots[req.PathValue("id")]
	if s == nil {
		reply(w, http.StatusNotFound, problem("there is no snapshot %s", req.PathValue("id")))
	}
	return s
}

func (c *Cloud) restore(w http.ResponseWriter, req *http.Request) {
	s := c.find(w, req)
	if s == nil {
		return
	}
	if err := c.between(req.Context(), func() error { return c.store.Restore(s) }); err != nil {
		reply(w, http.StatusInternalServerError, problem("restore: %v", err))
		return
	}
	reply(w, http.StatusOK, map[string]string{"status": "ok"})
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
