package dynamodb

import (
	"encoding/binary"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/expr"
	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/item"
	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/streamlog"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// mutation is one write to one item, whichever operation asks for it.
type mutation struct {
	kind      mutationKind
	table     string
	item      item.Item // Put: the item; others: the key
	condition *expr.Condition
	update    *expr.Update
}

type mutationKind uint8

const (
	putItem mutationKind = iota
	updateItem
	deleteItem
	checkItem
)

// outcome is what a mutation found and left; nil records do not exist.
type outcome struct {
	table    *Table
	key      string
	hash     item.Value // of the item: what names its collection
	old, new *record
	usage    usage
	failed   bool // the condition did not hold; nothing was written
	size     *types.ItemCollectionMetrics
}

// work is the state of one write transaction.
type work struct {
	s      *Service
	tx     *store.Tx
	sc     ident.Scope
	now    time.Time
	topics map[string]bool
	armed  []*Table // tables whose TTL timer may be due earlier
}

// write runs fn in a transaction and wakes the readers of the streams that
// it wrote to.
func (s *Service) write(sc ident.Scope, now time.Time, fn func(*work) error) error {
	w := &work{s: s, sc: sc, now: now}
	err := s.host.Store.Update(func(tx *store.Tx) error {
		w.tx = tx
		return fn(w)
	})
	if err != nil {
		return err
	}
	for _, t := range w.armed {
		s.armTTL(sc, t.Name, t.Key)
	}
	for topic := range w.topics {
		s.host.Signals.Notify(topic)
	}
	return nil
}

// plan finds the item and computes what the mutation would make of it,
// without writing.
func (w *work) plan(m mutation) (outcome, error) {
	t, err := w.s.open(w.tx, w.sc, m.table, w.now)
	if err != nil {
		return outcome{}, err
	}
	o := outcome{table: t}
	if m.kind == putItem {
		err = t.checkItem(m.item)
	} else {
		err = t.checkKey(m.item)
	}
	if err != nil {
		return o, err
	}
	if m.update != nil {
		for _, p := range m.update.Paths() {
			if t.Schema.has(p.Top()) {
				return o, refuse(invalid+"Cannot update attribute %s. This attribute is part of the key", p.Top())
			}
		}
	}
	o.key, o.hash = t.itemKey(m.item), m.item[t.Schema.Hash]
	o.old, _ = w.s.items.Get(w.tx, w.sc, o.key)
	if m.condition != nil && !m.condition.Holds(o.old.attributes()) {
		o.failed, o.new = true, o.old
		o.usage = usage{table: t, write: true, base: writeUnits(o.old.bytes())}
		o.usage.key("", m.item[t.Schema.Hash], o.usage.base)
		return o, nil
	}
	if err := m.apply(t, &o); err != nil {
		return o, err
	}
	o.usage = t.writeUsage(o.old, o.new, o.key)
	return o, nil
}

// apply computes the new record.
func (m mutation) apply(t *Table, o *outcome) error {
	switch m.kind {
	case putItem:
		o.new = newRecord(m.item)
	case updateItem:
		if o.old == nil && m.update != nil && m.update.Deletes() {
			return nil
		}
		base := o.old.attributes()
		if base == nil {
			base = m.item
		}
		next := base
		if m.update != nil {
			var err error
			if next, err = m.update.Apply(base); err != nil {
				return refused(err)
			}
		}
		if o.new = newRecord(next); o.new.size > int(limit("itemBytes")) {
			return refuse("Item size to update has exceeded the maximum allowed size")
		}
		for _, p := range m.paths() {
			if next[p.Top()].Depth() > item.MaxDepth {
				return refuse("Nesting Levels have exceeded supported limits")
			}
		}
		return t.checkItem(next)
	case checkItem:
		o.new = o.old
	}
	return nil
}

func (m mutation) paths() []expr.Path {
	if m.update == nil {
		return nil
	}
	return m.update.Paths()
}

// commit writes an outcome: the item, its index entries, counts, expiry and
// stream record. expired marks removals by TTL.
func (w *work) commit(o outcome, expired bool) {
	if o.failed || o.old == o.new {
		return
	}
	s, t := w.s, o.table
	if o.new != nil {
		s.items.Put(w.tx, w.sc, o.key, o.new)
	} else {
		s.items.Delete(w.tx, w.sc, o.key)
	}
	w.count(t.Key, o.old, o.new, o.old.bytes(), o.new.bytes())
	for _, ix := range t.Indexes {
		if ix.GoneAt.IsZero() {
			w.indexItem(t, ix, o)
		}
	}
	w.expiry(t, o)
	if t.Stream != nil && t.Stream.Closed.IsZero() {
		w.stream(t, o, expired)
	}
}

func (w *work) count(key string, old, new *record, was, is int) {
	c, _ := w.s.counts.Get(w.tx, w.sc, key)
	before := c
	if old == nil {
		c.Items++
	}
	if new == nil {
		c.Items--
	}
	c.Bytes += int64(is - was)
	if c != before {
		w.s.counts.Put(w.tx, w.sc, key, c)
	}
}

func (w *work) indexItem(t *Table, ix *Index, o outcome) {
	was, had := ix.entryKey(t, o.old.attributes(), o.key)
	is, has := ix.entryKey(t, o.new.attributes(), o.key)
	if !had && !has {
		return
	}
	if had && was != is {
		w.s.entries.Delete(w.tx, w.sc, was)
	}
	if has && (!had || was != is) {
		w.s.entries.Put(w.tx, w.sc, is, o.key)
	}
	var old, new *record
	if had {
		old = newRecord(ix.project(t, o.old.item))
	}
	if has {
		new = newRecord(ix.project(t, o.new.item))
	}
	w.count(ix.prefix(t), old, new, old.bytes(), new.bytes())
}

// stream records the change. A write that leaves the item as it was makes no
// record.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
func (w *work) stream(t *Table, o outcome, expired bool) {
	r := &streamlog.Record{
		At: w.now, ID: w.s.host.IDs.Hex(32), Old: o.old.attributes(), New: o.new.attributes(), Expired: expired,
	}
	switch {
	case o.old == nil:
		r.Event, r.Keys = "INSERT", t.keys(o.new.item, nil)
	case o.new == nil:
		r.Event, r.Keys = "REMOVE", t.keys(o.old.item, nil)
	case o.old.item.Equal(o.new.item):
		return
	default:
		r.Event, r.Keys = "MODIFY", t.keys(o.new.item, nil)
	}
	w.s.log.Append(w.tx, w.sc, *t.Stream, r)
	if w.topics == nil {
		w.topics = map[string]bool{}
	}
	w.topics[t.Stream.ARN(w.sc)] = true
}

// expiry keeps the order of expirations of a table with TTL.
func (w *work) expiry(t *Table, o outcome) {
	if t.TTL == nil || !t.TTL.Enabled {
		return
	}
	was, had := t.expiryKey(o.old.attributes(), o.key)
	is, has := t.expiryKey(o.new.attributes(), o.key)
	if had && (!has || was != is) {
		w.s.expires.Delete(w.tx, w.sc, was)
	}
	if has && (!had || was != is) {
		w.s.expires.Put(w.tx, w.sc, is, o.key)
		w.armed = append(w.armed, t)
	}
}

// expiryKey orders an item by its expiry time; ok is false when it never
// expires because its TTL attribute is missing or no number.
func (t *Table) expiryKey(it item.Item, key string) (string, bool) {
	at, ok := t.expiresAt(it)
	if !ok {
		return "", false
	}
	b := append(make([]byte, 0, 128), t.Key...)
	b = binary.BigEndian.AppendUint64(b, uint64(at.Unix()))
	return string(append(b, key...)), true
}
