package emulator

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// TokenHeader carries the token that only the pipelab command knows. It opens
// an emulator's own endpoints; on a call of AWS it keeps injected faults away
// from the judge.
const TokenHeader = "X-Pipelab-Token"

// LookHeader marks a read of the judge's, beside the token: it counts towards no
// throughput of what it reads.
const LookHeader = "X-Pipelab-Look"

// Control is a client of an emulator's own endpoints: its clock, trace, faults
// and snapshots. The zero value is not usable; make one with NewControl.
type Control struct {
	base  string
	token string
	http  *http.Client
}

// NewControl returns a client for the endpoint.
func NewControl(e Endpoint) *Control {
	return &Control{base: e.URL, token: e.Token, http: &http.Client{}}
}

// Call is one recorded API call.
type Call struct {
	Seq       uint64    `json:"seq"`
	ID        string    `json:"id"`
	Parent    string    `json:"parent,omitempty"`
	Time      time.Time `json:"time"`
	Service   string    `json:"service"`
	Operation string    `json:"operation"`
	Resource  string    `json:"resource,omitempty"`
	Principal string    `json:"principal,omitempty"`
	Source    string    `json:"source,omitempty"` // ARN of the resource for which a service called
	Internal  bool      `json:"internal,omitempty"`
	Error     string    `json:"error,omitempty"`
	Millis    float64   `json:"millis"`
	Entries   int       `json:"entries,omitempty"`
	Failed    int       `json:"failed,omitempty"`
	Bytes     int64     `json:"bytes,omitempty"`   // of the body that was read, else of the one that was sent
	Rows      int       `json:"rows,omitempty"`    // that a query or scan has answered
	Scanned   int       `json:"scanned,omitempty"` // that it has read for that, before any filter
	// Carries are fingerprints (digest.Fingerprint) of the records that the call has
	// delivered, in the order of its batch, or of the one that it has made: the shard and
	// sequence number of a record, the id of a message.
	Carries []uint32 `json:"carries,omitempty"`
	// Broke is the HTTP status, 500 or more, of an emulator behind the proxy that
	// failed without a fault that asked for it; 0 for all other calls.
	Broke int `json:"broke,omitempty"`
}

// Fault is a rule that makes calls go wrong; see the command "pipelab fault"
// for the kinds.
type Fault struct {
	ID        string        `json:"id,omitempty"`
	Kind      string        `json:"kind"`
	Service   string        `json:"service,omitempty"`
	Operation string        `json:"operation,omitempty"`
	Resource  string        `json:"resource,omitempty"`
	Carrying  []string      `json:"carrying,omitempty"` // texts that the call must carry
	Share     float64       `json:"share,omitempty"`
	Skip      int           `json:"skip,omitempty"`
	Count     int           `json:"count,omitempty"`
	Error     string        `json:"error,omitempty"`
	Status    int           `json:"status,omitempty"`
	Latency   time.Duration `json:"latency,omitempty"`
	Seed      uint64        `json:"seed,omitempty"`
}

// ActiveFault is a rule in force with the number of times it has struck.
type ActiveFault struct {
	Rule Fault `json:"rule"`
	Hits int   `json:"hits"`
}

// Now is the emulator's time and how far it is ahead of the machine's.
func (c *Control) Now(ctx context.Context) (now time.Time, offset time.Duration, err error) {
	return c.clock(ctx, http.MethodGet, "/_pipelab/clock", nil)
}

// Advance moves the emulator's time and returns when all that fell due is done.
func (c *Control) Advance(ctx context.Context, d time.Duration) (now time.Time, offset time.Duration, err error) {
	return c.clock(ctx, http.MethodPost, "/_pipelab/clock/advance", map[string]string{"duration": d.String()})
}

// Pass returns when d has passed on the emulator's clock. It waits while
// something works in the background and skips the rest: what happens is what
// would have happened, only sooner.
func (c *Control) Pass(ctx context.Context, d time.Duration) (now time.Time, offset time.Duration, err error) {
	return c.clock(ctx, http.MethodPost, "/_pipelab/clock/pass", map[string]string{"duration": d.String()})
}

// Hold makes the emulator's clock stand still until Release; Advance moves it
// all the same. Faults' latencies and programs' own sleeps go on.
func (c *Control) Hold(ctx context.Context) error {
	_, _, err := c.clock(ctx, http.MethodPost, "/_pipelab/clock/hold", nil)
	return err
}

// Release lets a held clock go on, from the time that it would have by now.
func (c *Control) Release(ctx context.Context) error {
	_, _, err := c.clock(ctx, http.MethodPost, "/_pipelab/clock/release", nil)
	return err
}

func (c *Control) clock(ctx context.Context, method, path string, in any) (time.Time, time.Duration, error) {
	var out struct {
		Now    time.Time `json:"now"`
		Offset string    `json:"offset"`
	}
	if err := c.do(ctx, method, path, in, &out); err != nil {
		return time.Time{}, 0, err
	}
	offset, err := time.ParseDuration(out.Offset)
	return out.Now, offset, err
}

// Trace returns the calls after a sequence number, oldest first.
func (c *Control) Trace(ctx context.Context, after uint64) ([]Call, error) {
	var calls []Call
	err := c.trace(ctx, after, false, func(call Call) error {
		calls = append(calls, call)
		return nil
	})
	return calls, err
}

// FollowTrace calls fn for each call after a sequence number as it happens,
// until fn or ctx ends it.
func (c *Control) FollowTrace(ctx context.Context, after uint64, fn func(Call) error) error {
	return c.trace(ctx, after, true, fn)
}

func (c *Control) trace(ctx context.Context, after uint64, follow bool, fn func(Call) error) error {
	q := url.Values{"after": {strconv.FormatUint(after, 10)}}
	if follow {
		q.Set("follow", "1")
	}
	resp, err := c.send(ctx, http.MethodGet, "/_pipelab/trace?"+q.Encode(), nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(make([]byte, 64<<10), 4<<20)
	for lines.Scan() {
		var call Call
		if err := json.Unmarshal(lines.Bytes(), &call); err != nil {
			return fmt.Errorf("read trace: %w", err)
		}
		if err := fn(call); err != nil {
			return err
		}
	}
	return lines.Err()
}

// LastCall is the sequence number of the newest recorded call.
func (c *Control) LastCall(ctx context.Context) (uint64, error) {
	var out struct {
		Trace uint64 `json:"trace"`
	}
	err := c.do(ctx, http.MethodGet, "/_pipelab/info", nil, &out)
	return out.Trace, err
}

// Storage is what may be stored in an emulator.
type Storage struct {
	Max     int64 `json:"max"`     // bytes; 0 is no bound
	Refused int64 `json:"refused"` // calls that failed since there was no room
}

// Storage tells whether the emulator has had room for everything.
func (c *Control) Storage(ctx context.Context) (Storage, error) {
	var out struct {
		Storage Storage `json:"storage"`
	}
	err := c.do(ctx, http.MethodGet, "/_pipelab/info", nil, &out)
	return out.Storage, err
}

// Use is how much an emulator is used.
type Use struct {
	Idle   time.Duration // since the last use; 0 while something is at work
	Memory int64         // bytes that its process holds
}

// Use tells it; to ask is no use.
func (c *Control) Use(ctx context.Context) (Use, error) {
	var out struct {
		IdleSeconds float64 `json:"idleSeconds"`
		MemoryBytes int64   `json:"memoryBytes"`
	}
	err := c.do(ctx, http.MethodGet, "/_pipelab/use", nil, &out)
	return Use{time.Duration(out.IdleSeconds * float64(time.Second)), out.MemoryBytes}, err
}

// Stay keeps the emulator in use until ctx ends or it goes away.
func (c *Control) Stay(ctx context.Context) error {
	return c.do(ctx, http.MethodGet, "/_pipelab/stay", nil, nil)
}

// Operations lists what each service of the emulator implements, by plane:
// "control" or "data".
func (c *Control) Operations(ctx context.Context) (map[string]map[string][]string, error) {
	var out struct {
		Operations map[string]map[string][]string `json:"operations"`
	}
	err := c.do(ctx, http.MethodGet, "/_pipelab/info", nil, &out)
	return out.Operations, err
}

// View calls fn for each thing that a resource of a service holds, in order and
// without changing anything: of "sqs" the "messages" of a queue, by its URL.
func (c *Control) View(ctx context.Context, service, view, region, resource string,
	fn func(json.RawMessage) error) error {
	for after := ""; ; {
		q := url.Values{"resource": {resource}, "region": {region}, "after": {after}}
		out := map[string]json.RawMessage{}
		path := "/_pipelab/views/" + url.PathEscape(service) + "/" + url.PathEscape(view) + "?" + q.Encode()
		if err := c.do(ctx, http.MethodGet, path, nil, &out); err != nil {
			return err
		}
		var page []json.RawMessage
		if err := errors.Join(json.Unmarshal(out[view], &page), json.Unmarshal(out["next"], &after)); err != nil {
			return fmt.Errorf("emulator's %s of %s: %w", view, resource, err)
		}
		for _, one := range page {
			if err := fn(one); err != nil {
				return err
			}
		}
		if after == "" {
			return nil
		}
	}
}

// AddFault puts a rule in force and returns it with its id.
func (c *Control) AddFault(ctx context.Context, f Fault) (Fault, error) {
	var out Fault
	err := c.do(ctx, http.MethodPost, "/_pipelab/faults", f, &out)
	return out, err
}

// ClearFaults removes the rule with this id, or all with an empty one.
func (c *Control) ClearFaults(ctx context.Context, id string) error {
	path := "/_pipelab/faults"
	if id != "" {
		path += "/" + url.PathEscape(id)
	}
	return c.do(ctx, http.MethodDelete, path, nil, nil)
}

// Faults lists the rules in force.
func (c *Control) Faults(ctx context.Context) ([]ActiveFault, error) {
	var out []ActiveFault
	err := c.do(ctx, http.MethodGet, "/_pipelab/faults", nil, &out)
	return out, err
}

// Snapshot takes the present state and returns its id.
func (c *Control) Snapshot(ctx context.Context) (string, error) {
	var out struct {
		ID string `json:"id"`
	}
	err := c.do(ctx, http.MethodPost, "/_pipelab/snapshots", nil, &out)
	return out.ID, err
}

// Restore makes a taken state the present one.
func (c *Control) Restore(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodPost, "/_pipelab/snapshots/"+url.PathEscape(id)+"/restore", nil, nil)
}

// DropSnapshot lets go of a taken state.
func (c *Control) DropSnapshot(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, "/_pipelab/snapshots/"+url.PathEscape(id), nil, nil)
}

// Reset empties the emulator: resources, data, faults. Time stays.
func (c *Control) Reset(ctx context.Context) error {
	return c.do(ctx, http.MethodPost, "/_pipelab/reset", nil, nil)
}

func (c *Control) do(ctx context.Context, method, path string, in, out any) error {
	resp, err := c.send(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if out == nil {
		_, err := io.Copy(io.Discard, resp.Body)
		return err
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return fmt.Errorf("emulator's answer to %s: %w", path, err)
	}
	return nil
}

func (c *Control) send(ctx context.Context, method, path string, in any) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set(TokenHeader, c.token)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= http.StatusBadRequest {
		defer resp.Body.Close()
		var problem struct {
			Error string `json:"error"`
		}
		if json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&problem) == nil && problem.Error != "" {
			return nil, errors.New(problem.Error)
		}
		return nil, fmt.Errorf("emulator answered %s to %s", resp.Status, path)
	}
	return resp, nil
}
