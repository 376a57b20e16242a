package gateway

import (
	"context"
	"net/http"
	"strings"
	"sync"
)

// Resends gives an answer again to a Go program that closed its own connection under
// it. AWS carries a repeated call out again, and so does the emulator in every other
// case; this one does not happen there, because AWS is too far away.
//
// The SDK for Go closes a request's body as soon as the answer's header is there. On
// the loopback address that can be before its transport has looked for the end of that
// body, which it then takes for a failed write: it closes the connection under an
// answer that is on its way, and the SDK sends the call once more (smithy-go v1.28.9,
// transport/http/internal/io.safeWriteToReadCloser). On a busy machine that was one
// program in eight, each with a batch of records too many.
//
// What a lab makes fail is not affected: an answer is kept only if it was a success and
// if the client was still there when it began. Not kept are answers that are large,
// and the oldest when there are many.
type Resends struct {
	under http.Handler

	mu    sync.Mutex
	kept  map[string]keptAnswer
	order []string // of kept, oldest first
	bytes int
}

// keptAnswer is what was sent: header and body in one piece, in which the collector
// of garbage finds nothing to follow.
type keptAnswer struct {
	status int
	all    []byte
	head   int // bytes of the header
}

// keep begins a keptAnswer.
func keep(status int, header http.Header) keptAnswer {
	a := keptAnswer{status: status, all: make([]byte, 0, 512)}
	for name, values := range header {
		for _, v := range values { // neither holds a zero
			a.all = append(append(append(append(a.all, name...), 0), v...), 0)
		}
	}
	a.head = len(a.all)
	return a
}

// again sends it.
func (a keptAnswer) again(w http.ResponseWriter) {
	words := strings.Split(string(a.all[:a.head]), "\x00")
	for i := 0; i+1 < len(words); i += 2 {
		w.Header()[words[i]] = append(w.Header()[words[i]], words[i+1])
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.all[a.head:]) // the client is gone if this fails
}

const (
	resendAnswer = 1 << 20 // bytes of an answer that is kept
	resendAll    = 8 << 20 // bytes of all that are
	resendCalls  = 1000    // how many are: a first repetition comes within a second
)

// NewResends returns a handler in front of another.
func NewResends(under http.Handler) *Resends {
	return &Resends{under: under, kept: map[string]keptAnswer{}}
}

// ServeHTTP implements http.Handler.
func (r *Resends) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	key, again := attempt(req)
	if key == "" {
		r.under.ServeHTTP(w, req)
		return
	}
	if again {
		if a, ok := r.find(key); ok {
			a.again(w)
			return
		}
	}
	t := &teed{ResponseWriter: w, client: req.Context()}
	r.under.ServeHTTP(t, req) // a panic is a cut connection: nothing is kept
	if t.keep {
		r.put(key, t.kept)
	}
}

// attempt names a call of the SDK for Go with a body, empty for all others, and tells
// whether it was sent before.
// Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
func attempt(req *http.Request) (key string, again bool) {
	id := req.Header.Get("Amz-Sdk-Invocation-Id")
	if id == "" || req.ContentLength <= 0 || !strings.Contains(req.UserAgent(), "aws-sdk-go-v2/") {
		return "", false
	}
	number, _, _ := strings.Cut(req.Header.Get("Amz-Sdk-Request"), ";")
	caller, _, _ := strings.Cut(req.Header.Get("Authorization"), ",")
	return id + " " + caller, strings.TrimSpace(number) != "attempt=1"
}

func (r *Resends) find(key string) (keptAnswer, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a, ok := r.kept[key]
	return a, ok
}

func (r *Resends) put(key string, a keptAnswer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, taken := r.kept[key]; taken {
		return // two at a time by the same name: not ours to tell apart
	}
	r.kept[key], r.order = a, append(r.order, key)
	r.bytes += size(key, a)
	for ; r.bytes > resendAll || len(r.order) > resendCalls; r.order = r.order[1:] {
		oldest := r.order[0]
		r.bytes -= size(oldest, r.kept[oldest])
		delete(r.kept, oldest)
	}
}

// size is what an answer takes with its place in the map, roughly.
func size(key string, a keptAnswer) int { return 128 + len(key) + cap(a.all) }

// teed copies what is answered.
type teed struct {
	http.ResponseWriter
	client context.Context // of the request: ends when the client is gone
	kept   keptAnswer
	keep   bool
	failed bool
}

// WriteHeader implements http.ResponseWriter.
func (t *teed) WriteHeader(status int) {
	if t.kept.status == 0 && status >= http.StatusOK {
		t.kept.status = status
		t.keep = status < http.StatusMultipleChoices && t.client.Err() == nil &&
			t.Header().Get("Content-Type") != "application/vnd.amazon.eventstream" // has no end
		if t.keep {
			t.kept = keep(status, t.Header())
		}
	}
	t.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter. An answer that is kept is written to its end,
// wherever the client closed the connection.
func (t *teed) Write(p []byte) (int, error) {
	if t.kept.status == 0 {
		t.WriteHeader(http.StatusOK)
	}
	if !t.keep {
		return t.ResponseWriter.Write(p)
	}
	if len(t.kept.all)-t.kept.head+len(p) > resendAnswer {
		t.keep, t.kept.all = false, nil
		return t.ResponseWriter.Write(p)
	}
	t.kept.all = append(t.kept.all, p...)
	if !t.failed {
		_, err := t.ResponseWriter.Write(p)
		t.failed = err != nil
	}
	return len(p), nil
}

// Unwrap lets an http.ResponseController through.
func (t *teed) Unwrap() http.ResponseWriter { return t.ResponseWriter }
