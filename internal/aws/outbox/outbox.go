// Package outbox delivers what one service has for another: durably, at least
// once, in the background. A producer writes a delivery in the transaction that
// makes it necessary, so that neither can be without the other; the outbox
// makes the attempts when they are due, keeps to the delivery's policy, and
// takes up what is left after a restart.
//
// It knows no service. Whoever owns a kind of target registers an adapter,
// which turns a delivery into calls; every attempt is a call through the
// gateway under the call that caused it, so it is recorded, authorised and open
// to faults like any other. See package gateway for that side.
package outbox

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync"

	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
	"github.com/pipelab/pipelab/internal/aws/worker"
)

// Target is an adapter: how deliveries reach one kind of resource. The service
// that owns the resources registers it.
type Target struct {
	// Name is the service of the ARNs that it takes, or what deliveries name as
	// their Adapter.
	Name string
	// Deliver makes one attempt. nil means that it was delivered; see Retry and
	// GiveUp for errors that the policy does not decide on. It may change State
	// and DeadLetter of the delivery and call Commit. It must not outlast ctx by
	// more than a call that has begun.
	Deliver func(ctx context.Context, d *Delivery) error
	// Check asks, without delivering anything, whether a delivery would be let
	// in. nil for targets that cannot tell.
	Check func(ctx context.Context, d *Delivery) error
}

// Outbox holds the deliveries of one cloud. Make one with New. Register is not
// safe beside other calls, all else is.
type Outbox struct {
	*worker.Worker
	store   *store.Store
	clock   *clock.Clock
	ids     *ident.Source
	log     *slog.Logger
	rows    *store.Collection[Delivery] // by a number that grows
	targets map[string]Target

	mu        sync.Mutex
	last      uint64             // number of the newest row
	scheduled map[string]bool    // rows that have a timer, an attempt or a place in a line
	lines     map[string][]place // by Order: rows that wait for one another, the first is scheduled
}

// place is a row's place in a line.
type place struct {
	key string
	row Delivery
}

// everywhere holds all rows: their order is that of the whole cloud.
var everywhere = ident.Scope{}

// New returns an outbox over a store that is not open yet.
func New(st *store.Store, clk *clock.Clock, ids *ident.Source, log *slog.Logger) *Outbox {
	o := &Outbox{store: st, clock: clk, ids: ids, log: log, targets: map[string]Target{},
		rows:      store.NewCollection[Delivery](st, "outbox.deliveries"),
		scheduled: map[string]bool{}, lines: map[string][]place{}}
	o.Worker = worker.New("outbox", clk, log, o.resume)
	return o
}

// Register adds an adapter; a name belongs to one.
func (o *Outbox) Register(t Target) {
	if _, taken := o.targets[t.Name]; taken {
		panic("outbox: two targets are named " + t.Name)
	}
	o.targets[t.Name] = t
}

// resume schedules what an earlier run has left.
func (o *Outbox) resume(context.Context) error {
	return o.store.View(func(tx *store.Tx) error {
		o.rows.Scan(tx, everywhere, "", "", func(key string, d Delivery) bool {
			o.schedule(key, d)
			return true
		})
		return nil
	})
}

// Stop ends attempts and waits for those that have begun. Rows stay.
func (o *Outbox) Stop() {
	o.Worker.Stop()
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.scheduled)
	clear(o.lines)
}

// Send writes a delivery in the producer's transaction. It is attempted when
// that has committed, or when it is due.
func (o *Outbox) Send(tx *store.Tx, d Delivery) {
	now := o.clock.Now()
	if d.ID == "" {
		d.ID = o.ids.UUID()
	}
	if d.Made.IsZero() {
		d.Made = now
	}
	if d.Due.IsZero() {
		d.Due = now
	}
	key := o.number(tx)
	o.rows.Put(tx, everywhere, key, d)
	tx.OnCommit(func() { o.schedule(key, d) })
}

// number makes the key of a new row. Transactions that write come one after the
// other, so rows are numbered in the order in which they commit.
func (o *Outbox) number(tx *store.Tx) string {
	newest := uint64(0)
	o.rows.ScanBack(tx, everywhere, "", "", func(key string, _ Delivery) bool {
		newest, _ = strconv.ParseUint(key, 16, 64) // made below
		return false
	})
	o.mu.Lock()
	defer o.mu.Unlock()
	// Never one that was used before: a timer may still know it.
	o.last = max(o.last, newest) + 1
	return fmt.Sprintf("%016x", o.last)
}

// schedule sees to it that a row is attempted when it is due. A row is scheduled
// once, whoever learns of it first: the transaction that wrote it or Start.
func (o *Outbox) schedule(key string, d Delivery) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.scheduled[key] {
		return
	}
	if d.Order != "" && len(o.lines[d.Order]) > 0 {
		o.scheduled[key] = true
		o.lines[d.Order] = append(o.lines[d.Order], place{key, d})
		return
	}
	if o.arm(key, d) && d.Order != "" {
		o.lines[d.Order] = []place{{key, d}}
	}
}

// arm sets a row's timer, unless the outbox is stopped; the caller holds o.mu.
func (o *Outbox) arm(key string, d Delivery) bool {
	timer := o.At(d.Due, "delivery to "+d.Target, func(ctx context.Context) { o.attempt(ctx, key) })
	if timer == nil {
		delete(o.scheduled, key)
		return false
	}
	o.scheduled[key] = true
	return true
}

// settled forgets a row that is no more and lets out the next one of its line.
func (o *Outbox) settled(key string, d Delivery) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.scheduled, key)
	if d.Order == "" {
		return
	}
	line := o.lines[d.Order]
	if len(line) <= 1 {
		delete(o.lines, d.Order)
		return
	}
	o.lines[d.Order] = line[1:]
	o.arm(line[1].key, line[1].row)
}

// again schedules the next attempt at a row.
func (o *Outbox) again(key string, d Delivery) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.arm(key, d)
}
