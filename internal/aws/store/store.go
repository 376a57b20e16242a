// Package store holds all state of the embedded AWS: typed, ordered
// collections by account and region, changed in transactions. Workers keep no
// state of their own; they resume from here. That makes durability, reset,
// restart, checkpoints and forks one mechanism.
//
// It does not interpret what it stores: services own their types.
package store

import (
	"fmt"
	"strings"
	"sync"

	"github.com/pipelab/pipelab/internal/aws/ident"
)

// Store is the state of one emulated cloud. Make one with New, register
// collections with NewCollection, then Open it. It is safe for concurrent use.
type Store struct {
	mu          sync.RWMutex
	dir         string
	opened      bool
	collections map[string]collection
	order       []collection
	retired     map[string]UpgradeFunc
	closed      bool
	log         *journal
	blobs       *blobs
	snapshots   map[*Snapshot]bool // those whose bodies must stay
}

// Options configure a store.
type Options struct {
	// Dir holds the journal, snapshots and object bodies. Empty keeps
	// everything in memory.
	Dir string
}

// New returns an empty store that is not open yet.
func New(o Options) *Store {
	return &Store{dir: o.Dir, collections: map[string]collection{}, retired: map[string]UpgradeFunc{},
		snapshots: map[*Snapshot]bool{}}
}

// collection is what the store needs of a Collection whatever its type.
type collection interface {
	Name() string
	version() int
	upgradeFrom(from int) UpgradeFunc
	size(tree any) int
	clear()
	copyTree() any
	setTree(any)
	encode(key string) ([]byte, error)
	apply(key string, value []byte, deleted bool) error
	each(tree any, fn func(key string, value []byte) error) error
	blobIDs(tree any, add func(id string))
}

func (s *Store) register(c collection) {
	s.mayRegister(c.Name())
	s.collections[c.Name()] = c
	s.order = append(s.order, c)
}

func (s *Store) mayRegister(name string) {
	if s.opened {
		panic("store: collection " + name + " registered after Open")
	}
	if _, dup := s.collections[name]; dup || s.retired[name] != nil {
		panic("store: collection " + name + " registered twice")
	}
}

// versions are the collections that there are, with the versions of their form.
func (s *Store) versions() map[string]int {
	v := make(map[string]int, len(s.order))
	for _, c := range s.order {
		v[c.Name()] = c.version()
	}
	return v
}

// View runs fn over a consistent state that no writer changes meanwhile. fn
// must not call View or Update of the same store.
func (s *Store) View(fn func(tx *Tx) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return fn(&Tx{store: s})
}

// Update runs fn and makes its changes durable as one unit: when Update
// returns nil they survive the death of the process; when fn or the journal
// fails, or fn panics, none of them is seen. After Close it returns ErrClosed.
func (s *Store) Update(fn func(tx *Tx) error) error {
	tx := &Tx{store: s, writable: true}
	if err := s.update(tx, fn); err != nil {
		return err
	}
	for _, then := range tx.committed {
		then()
	}
	return nil
}

func (s *Store) update(tx *Tx, fn func(tx *Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	done := false
	defer func() {
		if !done {
			tx.rollback()
		}
	}()
	if err := fn(tx); err != nil {
		return err
	}
	if s.log != nil && len(tx.undo) > 0 {
		if err := s.log.commit(tx); err != nil {
			return err
		}
	}
	done = true
	return nil
}

// Tx is one transaction. It is valid only inside the function it was given to
// and only in that goroutine.
type Tx struct {
	store    *Store
	writable bool
	undo     []change
	// committed are called when the transaction is durable.
	committed []func()
}

// OnCommit calls fn after the transaction has become durable and its lock is
// free, before Update returns; never when the transaction fails. What must
// happen because of a change stands in the store; fn only hurries it up.
func (tx *Tx) OnCommit(fn func()) {
	tx.mustWrite("a hook")
	tx.committed = append(tx.committed, fn)
}

// change is one write of a transaction with the way back.
type change struct {
	in      collection
	key     string
	deleted bool
	revert  func()
}

func (tx *Tx) rollback() {
	for i := len(tx.undo) - 1; i >= 0; i-- {
		tx.undo[i].revert()
	}
	tx.undo = nil
}

func (tx *Tx) mustWrite(name string) {
	if !tx.writable {
		panic("store: write to " + name + " in a read-only transaction")
	}
}

// sep separates the parts of a stored key; it occurs in no account, region or
// name of a collection. Keys of services may hold any byte.
const sep = "\x00"

// scoped is the stored form of a key.
func scoped(sc ident.Scope, key string) string {
	return sc.Account + sep + sc.Region + sep + key
}

// unscoped takes a stored key apart.
func unscoped(full string) (ident.Scope, string, error) {
	p := strings.SplitN(full, sep, 3)
	if len(p) != 3 {
		return ident.Scope{}, "", fmt.Errorf("%w: key %q has no scope", ErrCorrupt, full)
	}
	return ident.Scope{Account: p[0], Region: p[1]}, p[2], nil
}

// Key joins parts of a compound key so that no part can run into the next and
// order by parts is kept.
func Key(parts ...string) string { return strings.Join(parts, sep) }
