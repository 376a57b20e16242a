package gateway

import (
	"net/http"
	"reflect"
	"strconv"
	"sync"
	"time"

	"github.com/aws/smithy-go"
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
	// Judged is how policies decided what the call needs; kept where they matter.
	Judged Judgements `json:"judged,omitempty"`
}

// Trace keeps the latest calls. Safe for concurrent use.
type Trace struct {
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
	}
	if c.Principal.Kind == AWSService {
		e.Principal = c.Principal.Service
	}
	e.Entries = entries(c.Input)
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

// read is the size of the content that an output streams, such as GetObject's.
func read(out any) (int64, bool) {
	v := reflect.Indirect(reflect.ValueOf(out))
	if v.Kind() != reflect.Struct || !v.FieldByName("Body").IsValid() {
		return 0, false
	}
	n, ok := v.FieldByName("ContentLength").Interface().(*int64)
	if !ok || n == nil {
		return 0, false
	}
	return *n, true
}

// count is a number that an output of Query or Scan holds.
func count(out any, name string) int {
	v := reflect.Indirect(reflect.ValueOf(out))
	if v.Kind() != reflect.Struct {
		return 0
	}
	if f := v.FieldByName(name); f.IsValid() && f.Kind() == reflect.Int32 {
		return int(f.Int())
	}
	return 0
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
		e.Failed = failed(out)
		e.Rows, e.Scanned = count(out, "Count"), count(out, "ScannedCount")
		if e.Entries == 0 {
			e.Entries = entries(out)
		}
		if n, ok := read(out); ok {
			e.Bytes = n
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

// entries counts what a batch call carries, or the records that were read.
func entries(message any) int {
	v := reflect.ValueOf(message)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return 0
	}
	for _, name := range [...]string{"Records", "Entries", "TransactItems"} {
		if f := v.Elem().FieldByName(name); f.IsValid() && f.Kind() == reflect.Slice {
			return f.Len()
		}
	}
	if f := v.Elem().FieldByName("RequestItems"); f.IsValid() && f.Kind() == reflect.Map {
		n := 0
		for _, k := range f.MapKeys() {
			if e := f.MapIndex(k); e.Kind() == reflect.Slice {
				n += e.Len()
			}
		}
		return n
	}
	return 0
}

// Tells reports whether outputs of a type have numbers for the trace in their body:
// the entries of a batch that failed, the rows of a query.
func Tells(output reflect.Type) bool {
	for _, name := range []string{"FailedRecordCount", "Failed", "UnprocessedItems", "ScannedCount"} {
		if _, ok := output.FieldByName(name); ok {
			return true
		}
	}
	return false
}

// failed counts the entries of a batch answer that did not succeed.
func failed(out any) int {
	v := reflect.ValueOf(out)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return 0
	}
	if f := v.Elem().FieldByName("FailedRecordCount"); f.IsValid() && f.Kind() == reflect.Pointer && !f.IsNil() {
		return int(f.Elem().Int())
	}
	if f := v.Elem().FieldByName("Failed"); f.IsValid() && f.Kind() == reflect.Slice {
		return f.Len()
	}
	if f := v.Elem().FieldByName("UnprocessedItems"); f.IsValid() && f.Kind() == reflect.Map {
		n := 0
		for _, k := range f.MapKeys() {
			if e := f.MapIndex(k); e.Kind() == reflect.Slice {
				n += e.Len()
			}
		}
		return n
	}
	return 0
}

var _ smithy.APIError = (*Error)(nil)
