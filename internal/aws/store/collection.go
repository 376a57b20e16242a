package store

import (
	"encoding/json"
	"fmt"
	"sync/atomic"

	"github.com/tidwall/btree"

	"github.com/pipelab/pipelab/internal/aws/ident"
)

// Collection is an ordered map of one type of value, split by account and
// region. Values are immutable once put: change a copy and put that. What Get
// and the scans return is the stored value, so everything it points to must be
// left alone; give WithClone where callers want to change what they read.
type Collection[T any] struct {
	store *Store
	name  string
	index int      // in the store's order
	tree  *tree[T] // of the writer
	dirty bool     // tree was written since it was shared
	last  atomic.Uint64
	codec Codec[T]
	clone func(T) T
	blobs func(T) []string

	latest   int // version of the rows' form
	upgrades map[int]UpgradeFunc
}

// tree holds the rows by their stored keys. It can be shared at the cost of
// copying what is written next: small nodes of pointers.
type tree[T any] = btree.Map[string, *row[T]]

// degree bounds a node to 31 rows, 750 bytes.
const degree = 16

func newTree[T any]() *tree[T] { return btree.NewMap[string, *row[T]](degree) }

// row is a stored value. It is never changed once it is in a tree, but for its
// size, which the transaction that made it fills in.
type row[T any] struct {
	value T
	size  int64 // bytes that it counts for, 0 when nobody counts
}

// Codec turns a value into bytes for the journal and back.
type Codec[T any] struct {
	Encode func(T) ([]byte, error)
	Decode func([]byte) (T, error)
}

// Option configures a collection.
type Option[T any] func(*Collection[T])

// WithCodec replaces JSON, the default, for values that are large in number or
// that JSON cannot hold.
func WithCodec[T any](c Codec[T]) Option[T] { return func(k *Collection[T]) { k.codec = c } }

// WithClone makes reads return clone(value), which callers may then change.
func WithClone[T any](clone func(T) T) Option[T] { return func(k *Collection[T]) { k.clone = clone } }

// WithBlobs names the bodies that a value refers to, so that they are kept.
func WithBlobs[T any](ids func(T) []string) Option[T] {
	return func(k *Collection[T]) { k.blobs = ids }
}

// NewCollection registers a collection. Call it before the store is opened;
// the name is part of the stored form: "<service>.<plural>".
func NewCollection[T any](s *Store, name string, opts ...Option[T]) *Collection[T] {
	c := &Collection[T]{
		store: s, name: name, tree: newTree[T](), dirty: true,
		codec: Codec[T]{
			Encode: func(v T) ([]byte, error) { return json.Marshal(v) },
			Decode: func(b []byte) (v T, err error) { err = json.Unmarshal(b, &v); return v, err },
		},
		clone:  func(v T) T { return v },
		latest: 1, upgrades: map[int]UpgradeFunc{},
	}
	for _, o := range opts {
		o(c)
	}
	s.register(c)
	return c
}

// Name is the name that the collection was registered under.
func (c *Collection[T]) Name() string { return c.name }

// in is the tree that a transaction sees.
func (c *Collection[T]) in(tx *Tx) *tree[T] {
	if tx.root == nil {
		return c.tree
	}
	if tx.peeks && c.last.Load() > tx.root.seq {
		tx.stale = true
	}
	return tx.root.trees[c.index].(*tree[T])
}

// State stands for what a View sees of the collection: of two Views it is the
// same if, and only if, nothing was written in between. Compare it with ==.
func (c *Collection[T]) State(tx *Tx) State { return c.in(tx) }

// LastWrite is the number of the last transaction that changed the collection, 0
// for none since the store was opened. While it is the same, so is the content;
// in an Update that holds for what other transactions have left.
func (c *Collection[T]) LastWrite() uint64 { return c.last.Load() }

// Get returns the value of key, and whether there is one.
func (c *Collection[T]) Get(tx *Tx, sc ident.Scope, key string) (T, bool) {
	r, ok := c.in(tx).Get(scoped(sc, key))
	if !ok {
		var zero T
		return zero, false
	}
	return c.clone(r.value), true
}

// Put stores v under key.
func (c *Collection[T]) Put(tx *Tx, sc ident.Scope, key string, v T) {
	tx.mustWrite(c.name)
	full, now := scoped(sc, key), &row[T]{value: v}
	old, _ := c.tree.Set(full, now)
	c.wrote(tx, full, old, now)
}

// Delete removes key and reports whether it was there.
func (c *Collection[T]) Delete(tx *Tx, sc ident.Scope, key string) bool {
	tx.mustWrite(c.name)
	full := scoped(sc, key)
	old, had := c.tree.Delete(full)
	if had {
		c.wrote(tx, full, old, nil)
	}
	return had
}

// wrote notes a change from one row to another, each nil for none.
func (c *Collection[T]) wrote(tx *Tx, full string, old, now *row[T]) {
	c.dirty = true
	ch := change{in: c, key: full, deleted: now == nil}
	if old != nil {
		ch.was = old.size
	}
	ch.revert = func() {
		if old == nil {
			c.tree.Delete(full)
			return
		}
		c.tree.Set(full, old)
	}
	if c.blobs != nil {
		if tx.refs == nil {
			tx.refs = references{}
		}
		if old != nil {
			tx.refs.add(c.blobs(old.value), -1)
		}
		if now != nil {
			tx.refs.add(c.blobs(now.value), 1)
		}
	}
	tx.undo = append(tx.undo, ch)
}

// Scan calls fn for the keys of sc that begin with prefix and are not less
// than from, in ascending order, until fn returns false. fn must not write to
// this collection; collect keys first.
func (c *Collection[T]) Scan(tx *Tx, sc ident.Scope, prefix, from string, fn func(key string, v T) bool) {
	base := scoped(sc, "")
	lo := base + max(prefix, from)
	c.in(tx).Ascend(lo, func(full string, r *row[T]) bool {
		if len(full) < len(base)+len(prefix) || full[:len(base)+len(prefix)] != base+prefix {
			return false
		}
		return fn(full[len(base):], c.clone(r.value))
	})
}

// ScanBack is Scan in descending order, over keys that are not greater than
// from; an empty from starts at the end of the prefix.
func (c *Collection[T]) ScanBack(tx *Tx, sc ident.Scope, prefix, from string, fn func(key string, v T) bool) {
	base := scoped(sc, "")
	visit := func(full string, r *row[T]) bool {
		if len(full) < len(base) || full[:len(base)] != base || full[len(base):] < prefix {
			return false
		}
		key := full[len(base):]
		if len(key) < len(prefix) || key[:len(prefix)] != prefix {
			return true // still above the prefix
		}
		return fn(key, c.clone(r.value))
	}
	if from == "" {
		if end, ok := after(base + prefix); ok {
			c.in(tx).Descend(end, visit)
			return
		}
		c.in(tx).Reverse(visit)
		return
	}
	c.in(tx).Descend(base+from, visit)
}

// after returns the least string greater than every string with this prefix.
func after(prefix string) (string, bool) {
	b := []byte(prefix)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] != 0xff {
			b[i]++
			return string(b[:i+1]), true
		}
	}
	return "", false
}

// ScanAll calls fn for every value of every account and region.
func (c *Collection[T]) ScanAll(tx *Tx, fn func(sc ident.Scope, key string, v T) bool) {
	c.in(tx).Scan(func(full string, r *row[T]) bool {
		sc, key, err := unscoped(full)
		if err != nil {
			return true // cannot happen: every key was made by scoped
		}
		return fn(sc, key, c.clone(r.value))
	})
}

func (c *Collection[T]) version() int                     { return c.latest }
func (c *Collection[T]) upgradeFrom(from int) UpgradeFunc { return c.upgrades[from] }
func (c *Collection[T]) place(index int)                  { c.index = index }
func (c *Collection[T]) written(seq uint64)               { c.last.Store(seq) }
func (c *Collection[T]) size(t any) int                   { return t.(*tree[T]).Len() }
func (c *Collection[T]) clear()                           { c.tree, c.dirty = newTree[T](), true }
func (c *Collection[T]) set(t any)                        { c.tree, c.dirty = t.(*tree[T]).Copy(), true }

func (c *Collection[T]) share() (any, bool) {
	if !c.dirty {
		return nil, false
	}
	c.dirty = false
	return c.tree.Copy(), true
}

func (c *Collection[T]) encode(full string) ([]byte, error) {
	r, ok := c.tree.Get(full)
	if !ok {
		return nil, fmt.Errorf("store: %s has no key %q to encode", c.name, full)
	}
	return c.codec.Encode(r.value)
}

func (c *Collection[T]) weigh(full string, size int64) {
	if r, ok := c.tree.Get(full); ok {
		r.size = size
	}
}

func (c *Collection[T]) apply(full string, value []byte, deleted bool) error {
	c.dirty = true
	if deleted {
		c.tree.Delete(full)
		return nil
	}
	v, err := c.codec.Decode(value)
	if err != nil {
		return fmt.Errorf("a value of %s cannot be decoded: %w", c.name, err)
	}
	c.tree.Set(full, &row[T]{value: v, size: rowSize(full, value)})
	return nil
}

func (c *Collection[T]) each(t any, fn func(string, []byte) error) (err error) {
	t.(*tree[T]).Scan(func(full string, r *row[T]) bool {
		var b []byte
		if b, err = c.codec.Encode(r.value); err == nil {
			err = fn(full, b)
		}
		return err == nil
	})
	return err
}

func (c *Collection[T]) refer(refs references) {
	if c.blobs == nil {
		return
	}
	c.tree.Scan(func(_ string, r *row[T]) bool {
		refs.add(c.blobs(r.value), 1)
		return true
	})
}

func (c *Collection[T]) measure() (total int64, err error) {
	c.tree.Scan(func(full string, r *row[T]) bool {
		if r.size == 0 { // an upgrade put it
			var b []byte
			if b, err = c.codec.Encode(r.value); err != nil {
				return false
			}
			r.size = rowSize(full, b)
		}
		total += r.size
		return true
	})
	return total, err
}
