package gateway

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"sync"
	"time"
)

// FaultKind is what goes wrong.
type FaultKind string

// The kinds of fault. The gateway acts out the first six; services act out
// the others, which need their knowledge, by asking Faults.Take.
const (
	FaultError    FaultKind = "error"    // answer Error with Status before the handler runs
	FaultThrottle FaultKind = "throttle" // answer the service's own throttling error; Resource may name a shard or table
	FaultLatency  FaultKind = "latency"  // wait Latency of machine time, then go on
	// hold calls until Count have come, at most Latency of machine time (5 s when 0), then let them go
	// on together
	FaultGather FaultKind = "gather"
	FaultDrop   FaultKind = "drop"  // cut the connection in the middle of the request body
	FaultAfter  FaultKind = "after" // run the handler, then answer Error: the side effect happened
	// fail Share of the entries of a batch call (PutRecords, BatchWriteItem, SendMessageBatch)
	FaultEntries FaultKind = "entries"
	// kill the function's process before its handler is called; with another service than lambda, when
	// it makes such a call
	FaultCrash     FaultKind = "crash"
	FaultCrashLate FaultKind = "crashLate" // kill it after the handler's work, before its answer counts
	FaultDuplicate FaultKind = "duplicate" // deliver an event or batch a second time
	FaultReorder   FaultKind = "reorder"   // deliver events in another order than they happened
)

// Fault is one rule. Empty matchers match everything.
type Fault struct {
	ID        string    `json:"id"`
	Kind      FaultKind `json:"kind"`
	Service   string    `json:"service,omitempty"`   // SDK package name
	Operation string    `json:"operation,omitempty"` // path.Match pattern
	// path.Match pattern over the resource's name, such as "orders" or "orders/shardId-*"
	Resource string `json:"resource,omitempty"`
	// Carrying are texts that a call must carry, all of them, such as the id of an event: in
	// its input, or in the payload of a function. A call is then chosen by the record it is
	// about, whatever was called before; with a Count of 1 it is the record's first.
	Carrying []string `json:"carrying,omitempty"`
	// Share is the fraction of matching calls (or entries) that are hit, 0 < Share <= 1; 0 means all.
	Share float64 `json:"share,omitempty"`
	// Skip lets so many matching calls pass first; Count ends the rule after
	// so many hits, 0 for never.
	Skip    int           `json:"skip,omitempty"`
	Count   int           `json:"count,omitempty"`
	Error   string        `json:"error,omitempty"`  // AWS error code; the service's default when empty
	Status  int           `json:"status,omitempty"` // HTTP status, 500 when 0
	Latency time.Duration `json:"latency,omitempty"`
	// Seed decides which calls a Share hits: the same seed hits the same ones.
	Seed uint64 `json:"seed,omitempty"`
}

// Faults is the set of active rules. Safe for concurrent use; nil has none.
type Faults struct {
	mu    sync.Mutex
	rules []*activeFault
}

type activeFault struct {
	Fault
	seen, hits uint64
	gate       chan struct{} // of a gather rule: closed when all have come
}

// NewFaults returns an empty set.
func NewFaults() *Faults { return &Faults{} }

// Add puts a rule in force.
func (f *Faults) Add(rule Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = append(f.rules, &activeFault{Fault: rule, gate: make(chan struct{})})
}

// Clear removes the rule with this id, or all with an empty id.
func (f *Faults) Clear(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	kept := f.rules[:0]
	for _, r := range f.rules {
		if id != "" && r.ID != id {
			kept = append(kept, r)
		}
	}
	f.rules = kept
}

// List returns the rules with the number of times each has struck.
func (f *Faults) List() (rules []Fault, hits []int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.rules {
		rules, hits = append(rules, r.Fault), append(hits, int(r.hits))
	}
	return rules, hits
}

// Has reports whether a rule of this kind is in force for a service, whether or
// not it strikes.
func (f *Faults) Has(kind FaultKind, service string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.rules {
		if r.Kind == kind && match(r.Service, service) {
			return true
		}
	}
	return false
}

// Take asks whether a fault of this kind strikes now, and counts it. Call it
// once per call, or once per entry of a batch for FaultEntries. Rules that look at
// what a call carries are asked with Strike.
func (f *Faults) Take(kind FaultKind, service, operation, resource string) (Fault, bool) {
	return f.Strike(kind, Site{Service: service, Operation: operation, Resource: resource})
}

// Strike is Take for a call whose input is known.
func (f *Faults) Strike(kind FaultKind, s Site) (Fault, bool) {
	if f == nil {
		return Fault{}, false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.rules {
		if r.Kind != kind || !r.about(s) {
			continue
		}
		r.seen++
		if r.seen <= uint64(r.Skip) || r.Count > 0 && r.hits >= uint64(r.Count) {
			continue
		}
		if r.Share > 0 && r.Share < 1 && unit(r.Seed, r.seen) >= r.Share {
			continue
		}
		r.hits++
		return r.Fault, true
	}
	return Fault{}, false
}

// patience bounds how long a gather rule without a Latency holds a call: fewer
// may come than it waits for.
const patience = 5 * time.Second

// about reports whether a call is one that a rule means.
func (f *Fault) about(s Site) bool {
	return match(f.Service, s.Service) && match(f.Operation, s.Operation) && match(f.Resource, s.Resource) &&
		!slices.ContainsFunc(f.Carrying, func(text string) bool { return !carries(s.Input, text) })
}

// gathering returns the gate of a gather rule that holds this call and how long
// it may wait, nil when none does. The call that completes the number opens the
// gate.
func (f *Faults) gathering(s Site) (gate chan struct{}, atMost time.Duration) {
	if f == nil {
		return nil, 0
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.rules {
		if r.Kind != FaultGather || !r.about(s) {
			continue
		}
		r.seen++
		if r.seen <= uint64(r.Skip) || r.hits >= uint64(r.Count) {
			continue
		}
		if r.hits++; r.hits == uint64(r.Count) {
			close(r.gate)
		}
		if r.Latency == 0 {
			return r.gate, patience
		}
		return r.gate, r.Latency
	}
	return nil, 0
}

// giveUp opens a gate before all have come: nobody waits twice.
func (f *Faults) giveUp(gate chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.rules {
		if r.gate == gate && r.hits < uint64(r.Count) {
			r.hits = uint64(r.Count)
			close(gate)
		}
	}
}

func match(pattern, s string) bool {
	if pattern == "" || pattern == "*" || pattern == s {
		return true
	}
	ok, err := path.Match(pattern, s)
	return err == nil && ok
}

// unit maps (seed, n) to [0, 1) by SplitMix64's finaliser, so that a seed
// always hits the same calls whatever else happens.
func unit(seed, n uint64) float64 {
	z := seed*0x9e3779b97f4a7c15 + n*0xbf58476d1ce4e5b9 + 0x94d049bb133111eb
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	return float64(z>>11) / (1 << 53)
}

// Validate says what is wrong with a rule, nil if nothing.
func (f Fault) Validate() error {
	switch f.Kind {
	case FaultError, FaultThrottle, FaultLatency, FaultGather, FaultDrop, FaultAfter, FaultEntries, FaultCrash,
		FaultCrashLate, FaultDuplicate, FaultReorder:
	default:
		return fmt.Errorf("unknown kind of fault %q", f.Kind)
	}
	switch f.Kind {
	case FaultEntries, FaultDuplicate, FaultReorder:
		if len(f.Carrying) > 0 {
			return fmt.Errorf("a fault of the kind %s cannot choose its calls by what they carry; leave carrying out", f.Kind)
		}
	}
	switch {
	case slices.Contains(f.Carrying, ""):
		return errors.New("every call carries an empty text: leave it out")
	case f.Share < 0 || f.Share > 1:
		return fmt.Errorf("share %v is not between 0 and 1", f.Share)
	case f.Skip < 0 || f.Count < 0 || f.Latency < 0:
		return errors.New("skip, count and latency cannot be negative")
	case f.Kind == FaultLatency && f.Latency == 0:
		return errors.New("a latency fault needs a latency")
	case f.Kind == FaultGather && f.Count < 2:
		return errors.New("a gather fault needs a count of two calls or more")
	case f.Kind == FaultGather && f.Share != 0:
		return errors.New("a gather fault has no share")
	}
	return nil
}
