package gateway

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"strconv"

	"github.com/pipelab/pipelab/internal/aws/ident"
)

// TokenHeader carries the token of the /_pipelab/ endpoints. AWS calls that
// carry it are the judge's: injected faults leave them alone.
const TokenHeader = "X-Pipelab-Token"

// Trusted reports whether a request carries the token; an empty one opens
// nothing.
func Trusted(req *http.Request, token string) bool {
	return token != "" && subtle.ConstantTimeCompare([]byte(req.Header.Get(TokenHeader)), []byte(token)) == 1
}

// Routes adds the endpoints under /_pipelab/ that show a trace and manage
// faults. They belong to whoever keeps a door: the cloud and the proxy in front
// of other emulators. accept says what is wrong with a rule, nil if nothing.
func Routes(m *http.ServeMux, t *Trace, f *Faults, ids *ident.Source, accept func(Fault) error) {
	c := &control{t, f, ids, accept}
	m.HandleFunc("GET /_pipelab/trace", c.show)
	m.HandleFunc("GET /_pipelab/faults", c.list)
	m.HandleFunc("POST /_pipelab/faults", c.add)
	m.HandleFunc("DELETE /_pipelab/faults", c.clear)
	m.HandleFunc("DELETE /_pipelab/faults/{id}", c.clear)
}

type control struct {
	trace  *Trace
	faults *Faults
	ids    *ident.Source
	accept func(Fault) error
}

// show sends JSON lines after a sequence number; with follow it goes on until
// the client leaves.
func (c *control) show(w http.ResponseWriter, req *http.Request) {
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
		entries, more := c.trace.After(after, limit)
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

func (c *control) list(w http.ResponseWriter, _ *http.Request) {
	rules, hits := c.faults.List()
	out := make([]map[string]any, len(rules))
	for i := range rules {
		out[i] = map[string]any{"rule": rules[i], "hits": hits[i]}
	}
	Reply(w, http.StatusOK, out)
}

func (c *control) add(w http.ResponseWriter, req *http.Request) {
	var f Fault
	if !ReadJSON(w, req, &f) {
		return
	}
	if err := c.accept(f); err != nil {
		Reply(w, http.StatusBadRequest, Problem("%v", err))
		return
	}
	for _, pattern := range []string{f.Operation, f.Resource} {
		if _, err := path.Match(pattern, ""); err != nil {
			Reply(w, http.StatusBadRequest, Problem("pattern %q: %v", pattern, err))
			return
		}
	}
	if f.ID == "" {
		f.ID = "fault-" + c.ids.Hex(8)
	}
	c.faults.Add(f)
	Reply(w, http.StatusCreated, f)
}

func (c *control) clear(w http.ResponseWriter, req *http.Request) {
	c.faults.Clear(req.PathValue("id"))
	w.WriteHeader(http.StatusNoContent)
}

// Reply answers a control endpoint with JSON.
func Reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client is gone if this fails
}

// Problem is the answer of a control endpoint that could not do it.
func Problem(format string, args ...any) map[string]string {
	return map[string]string{"error": fmt.Sprintf(format, args...)}
}

// ReadJSON reads the body of a control request strictly; when it cannot be
// read it answers and returns false.
func ReadJSON(w http.ResponseWriter, req *http.Request, v any) bool {
	d := json.NewDecoder(http.MaxBytesReader(w, req.Body, 1<<20))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		Reply(w, http.StatusBadRequest, Problem("request: %v", err))
		return false
	}
	return true
}
