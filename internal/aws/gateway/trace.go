package gateway

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/aws/smithy-go"

	"github.com/pipelab/pipelab/internal/digest"
)

// TraceEntry is one recorded call.
type TraceEntry struct {
	Seq       uint64    `json:"seq"` // from 1, without gaps
	ID        string    `json:"id"`
	Parent    string    `json:"parent,omitempty"` // the call that caused it
	Time      time.Time `json:"time"`
	Service   string    `json:"service"`
	Operation string    `json:"operation"`
	Resource  string    `json:"resource,omitempty"` // name of the stream, table, bucket/key, function, queue
	Principal string    `json:"principal,omitempty"`
	Source    string    `json:"source,omitempty"` // ARN of the resource for which a service called
	Internal  bool      `json:"internal,omitempty"`
	Error     string    `json:"error,omitempty"` // AWS error code
	Millis    float64   `json:"millis"`
	Entries   int       `json:"entries,omitempty"` // of a batch call; records that a read answered
	Failed    int       `json:"failed,omitempty"`  // entries that failed
	Bytes     int64     `json:"bytes,omitempty"`   // of the body that was read, else of the one that was sent
	Rows      int       `json:"rows,omitempty"`    // that a query or scan has answered
	Scanned   int       `json:"scanned,omitempty"` // that it has read for that, before any filter
	Denied    string    `json:"denied,omitempty"`  // why policies refuse the call, or would where they are not enforced
	Broke     int       `json:"broke,omitempty"`   // HTTP status of a failure that nobody asked for; a proxy sees those
	// Carries are fingerprints of the records that the call delivers, in order, or of the
	// one that it has made; see Call.Carries.
	Carries []uint32 `json:"carries,omitempty"`
	// Judged is how policies decided what the call needs; kept where they matter.
	Judged Judgements `json:"judged,omitempty"`
}

// Trace keeps the latest calls. Safe for concurrent use.
type Trace struct {
	numbers members

	mu   sync.Mutex
	ring ring
	last uint64        // sequence of the newest entry
	more chan struct{} // closed by the next entry; nil while nobody waits
}

// NewTrace returns an empty trace.
func NewTrace() *Trace { return &Trace{} }

// Begin starts the record of a call that is about a resource; it is kept when
// it ends.
func (t *Trace) Begin(c *Call, resource string) *TraceEntry {
	e := &TraceEntry{
		ID: c.ID, Parent: c.Parent, Time: c.Time, Service: c.Service, Operation: c.Operation,
		Principal: c.Principal.ARN, Source: c.SourceARN, Internal: c.Internal(), Resource: resource,
		Carries: c.Carries,
	}
	if c.Principal.Kind == AWSService {
		e.Principal = c.Principal.Service
	}
	e.Entries = t.numbers.of(c.Input).entries
	if c.HTTP != nil {
		e.Bytes = sent(c.HTTP)
	}
	return e
}

// sent is the size of a request's content: without the framing of aws-chunked.
func sent(req *http.Request) int64 {
	if n, err := strconv.ParseInt(req.Header.Get("X-Amz-Decoded-Content-Length"), 10, 64); err == nil {
		return n
	}
	return max(req.ContentLength, 0)
}

// End keeps a record, with what became of the call: out is a pointer to its
// output, nil with an error.
func (t *Trace) End(e *TraceEntry, now time.Time, out any, err error) {
	e.Millis = float64(now.Sub(e.Time).Microseconds()) / 1e3
	if err != nil {
		if e.Error = ErrorCode(err); e.Error == "" {
			e.Error = "InternalFailure"
		}
	} else {
		n := t.numbers.of(out)
		e.Failed, e.Rows, e.Scanned = n.failed, n.rows, n.scanned
		if e.Entries == 0 {
			e.Entries = n.entries
		}
		if n.streams {
			e.Bytes = n.bytes
		}
		if n.made != "" && len(e.Carries) == 0 {
			e.Carries = []uint32{digest.Fingerprint(n.made)}
		}
	}
	t.keep(e)
}

// keep adds an entry and wakes who waits for one.
func (t *Trace) keep(e *TraceEntry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last++
	e.Seq = t.last
	t.ring.add(e)
	if t.more != nil {
		close(t.more)
		t.more = nil
	}
}

// After returns up to limit entries whose sequence is greater than seq, oldest
// first, and a channel that is closed when there are more. Entries that have
// been overwritten are missing: their sequence tells.
func (t *Trace) After(seq uint64, limit int) ([]TraceEntry, <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.more == nil {
		t.more = make(chan struct{})
	}
	return t.ring.after(seq, limit), t.more
}

// Last is the sequence of the newest entry, 0 when there is none.
func (t *Trace) Last() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last
}

var _ smithy.APIError = (*Error)(nil)
