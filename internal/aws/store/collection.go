package store

import (
	"encoding/json"
	"fmt"

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
	tree  *btree.Map[string, T]
	codec Codec[T]
	clone func(T) T
	blobs func(T) []string

	latest   int // version of the rows' form
	upgrades map[int]UpgradeFunc
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
		store: s, name: name, tree: new(btree.Map[string, T]),
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

// Get returns the value of key, and whether there is one.
func (c *Collection[T]) Get(tx *Tx, sc ident.Scope, key string) (T, bool) {
	v, ok := c.tree.Get(scoped(sc, key))
	if !ok {
		var zero T
		return zero, false
	}
	return c.clone(v), true
}

// Put stores v under key.
func (c *Collection[T]) Put(tx *Tx, sc ident.Scope, key string, v T) {
	tx.mustWrite(c.name)
	full := scoped(sc, key)
	old, had := c.tree.Set(full, v)
	tx.undo = append(tx.undo, change{in: c, key: full, revert: func() { c.revert(full, old, had) }})
}

// Delete removes key and reports whether it was there.
func (c *Collection[T]) Delete(tx *Tx, sc ident.Scope, key string) bool {
	tx.mustWrite(c.name)
	full := scoped(sc, key)
	old, had := c.tree.Delete(full)
	if had {
		tx.undo = append(tx.undo, change{in: c, key: full, deleted: true, revert: func() { c.revert(full, old, true) }})
	}
	return had
}

func (c *Collection[T]) revert(full string, old T, had bool) {
	if had {
		c.tree.Set(full, old)
		return
	}
	c.tree.Delete(full)
}

// Scan calls fn for the keys of sc that begin with prefix and are not less
// than from, in ascending order, until fn returns false. fn must not write to
// this collection; collect keys first.
func (c *Collection[T]) Scan(tx *Tx, sc ident.Scope, prefix, from string, fn func(key string, v T) bool) {
	base := scoped(sc, "")
	lo := base + max(prefix, from)
	c.tree.Ascend(lo, func(full string, v T) bool {
		if len(full) < len(base)+len(prefix) || full[:len(base)+len(prefix)] != base+prefix {
			return false
		}
		return fn(full[len(base):], c.clone(v))
	})
}

// ScanBack is Scan in descending order, over keys that are not greater than
// from; an empty from starts at the end of the prefix.
func (c *Collection[T]) ScanBack(tx *Tx, sc ident.Scope, prefix, from string, fn func(key string, v T) bool) {
	base := scoped(sc, "")
	visit := func(full string, v T) bool {
		if len(full) < len(base) || full[:len(base)] != base || full[len(base):] < prefix {
			return false
		}
		key := full[len(base):]
		if len(key) < len(prefix) || key[:len(prefix)] != prefix {
			return true // still above the prefix
		}
		return fn(key, c.clone(v))
	}
	if from == "" {
		if end, ok := after(base + prefix); ok {
			c.tree.Descend(end, visit)
			return
		}
		c.tree.Reverse(visit)
		return
	}
	c.tree.Descend(base+from, visit)
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
	c.tree.Scan(func(full string, v T) bool {
		sc, key, err := unscoped(full)
		if err != nil {
			return true // cannot happen: every key was made by scoped
		}
		return fn(sc, key, c.clone(v))
	})
}

func (c *Collection[T]) version() int                     { return c.latest }
func (c *Collection[T]) upgradeFrom(from int) UpgradeFunc { return c.upgrades[from] }
func (c *Collection[T]) size(tree any) int                { return tree.(*btree.Map[string, T]).Len() }

func (c *Collection[T]) clear()        { c.tree = new(btree.Map[string, T]) }
func (c *Collection[T]) copyTree() any { return c.tree.Copy() }
func (c *Collection[T]) setTree(t any) { c.tree = t.(*btree.Map[string, T]).Copy() }

func (c *Collection[T]) encode(full string) ([]byte, error) {
	v, ok := c.tree.Get(full)
	if !ok {
		return nil, fmt.Errorf("store: %s has no key %q to encode", c.name, full)
	}
	return c.codec.Encode(v)
}

func (c *Collection[T]) apply(full string, value []byte, deleted bool) error {
	if deleted {
		c.tree.Delete(full)
		return nil
	}
	v, err := c.codec.Decode(value)
	if err != nil {
		return fmt.Errorf("a value of %s cannot be decoded: %w", c.name, err)
	}
	c.tree.Set(full, v)
	return nil
}

func (c *Collection[T]) each(tree any, fn func(string, []byte) error) (err error) {
	tree.(*btree.Map[string, T]).Scan(func(full string, v T) bool {
		var b []byte
		if b, err = c.codec.Encode(v); err == nil {
			err = fn(full, b)
		}
		return err == nil
	})
	return err
}

func (c *Collection[T]) blobIDs(tree any, add func(string)) {
	if c.blobs == nil {
		return
	}
	tree.(*btree.Map[string, T]).Scan(func(_ string, v T) bool {
		for _, id := range c.blobs(v) {
			add(id)
		}
		return true
	})
}
