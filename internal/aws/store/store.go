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
	"sync/atomic"

	"github.com/pipelab/pipelab/internal/aws/ident"
)

// Store is the state of one emulated cloud. Make one with New, register
// collections with NewCollection, then Open it. It is safe for concurrent use.
type Store struct {
	mu          sync.Mutex // one writer at a time
	dir         string
	opened      bool
	closed      bool
	collections map[string]collection
	order       []collection
	retired     map[string]UpgradeFunc
	seq         uint64 // transactions so far, in this process
	values      int64  // bytes that rows count for
	log         *journal
	disk        atomic.Pointer[journal] // log, for those who do not hold mu
	roots       roots
	bodies      *bodies
	budget      budget
}

// Options configure a store.
type Options struct {
	// Dir holds the journal, snapshots and object bodies. Empty keeps
	// everything in memory.
	Dir string
	// MaxBytes bounds what is held, see Used: what would pass it fails with
	// ErrFull, and deleting makes room again. 0 is no bound.
	MaxBytes int64
}

// New returns an empty store that is not open yet.
func New(o Options) *Store {
	return &Store{dir: o.Dir, budget: budget{max: o.MaxBytes}, bodies: newBodies(""),
		collections: map[string]collection{}, retired: map[string]UpgradeFunc{}}
}

// collection is what the store needs of a Collection whatever its type. Trees
// are those that share returned.
type collection interface {
	Name() string
	version() int
	upgradeFrom(from int) UpgradeFunc
	place(index int)
	// written notes the number of a transaction that has changed the collection.
	written(seq uint64)
	// share returns a copy that later writes leave alone, and false when nothing
	// was written since the last one.
	share() (tree any, changed bool)
	set(tree any)
	clear()
	size(tree any) int
	each(tree any, fn func(key string, value []byte) error) error
	encode(key string) ([]byte, error)
	weigh(key string, size int64)
	apply(key string, value []byte, deleted bool) error
	refer(refs references)
	measure() (int64, error)
}

func (s *Store) register(c collection) {
	s.mayRegister(c.Name())
	c.place(len(s.order))
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

// View runs fn over the state that the last transaction left, whatever is
// written meanwhile. It waits for no writer that began after the last View and
// no writer waits for it, however long fn takes. fn must not call Update.
func (s *Store) View(fn func(tx *Tx) error) error {
	r := s.enter()
	defer s.leave(r)
	return fn(&Tx{store: s, root: r})
}

// Peek is View for what is written rarely and read with every call. Where no
// collection that fn reads was written since a state was last published, fn sees
// that one, which is the present as far as fn can tell, and the next writer has
// nothing to copy for its sake. Otherwise fn is called a second time, with the
// present state: what it found the first time it must forget. It must not read
// bodies.
func (s *Store) Peek(fn func(tx *Tx) error) error {
	if r := s.roots.last.Load(); r != nil {
		tx := &Tx{store: s, root: r, peeks: true}
		if err := fn(tx); !tx.stale {
			return err
		}
	}
	return s.View(fn)
}

// Update runs fn and makes its changes durable as one unit: when Update
// returns nil they survive the death of the process; when fn or the journal
// fails, or fn panics, none of them is seen. After Close it returns ErrClosed.
func (s *Store) Update(fn func(tx *Tx) error) error {
	tx := &Tx{store: s, writable: true}
	if err := s.update(tx, fn); err != nil {
		return err
	}
	if s.bodies.waiting.Load() {
		s.reapSoon()
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
	if err := s.commit(tx); err != nil {
		return err
	}
	done = true
	return nil
}

// commit makes a transaction durable and shows it to readers. The store is
// locked.
func (s *Store) commit(tx *Tx) error {
	if len(tx.undo) == 0 {
		return nil
	}
	if err := s.bodies.check(tx.refs); err != nil {
		return err
	}
	grown, err := s.encode(tx)
	if err != nil {
		return err
	}
	if err := s.grow(grown); err != nil {
		return err
	}
	if s.log != nil {
		if err := s.log.append(); err != nil {
			s.shrink(grown)
			return err
		}
	}
	s.changed()
	for i := range tx.undo {
		tx.undo[i].in.written(s.seq)
	}
	s.bodies.count(tx.refs, s.seq)
	return nil
}

// encode encodes the last write of each key for the journal, if there is one,
// and returns by how many bytes the rows grow, if anybody counts.
func (s *Store) encode(tx *Tx) (grown int64, err error) {
	if s.log == nil && s.budget.max == 0 {
		return 0, nil
	}
	var frame []byte
	if s.log != nil {
		frame = beginFrame(s.log.frame)
	}
	last := tx.lastWrites()
	for i := range tx.undo {
		c := &tx.undo[i]
		grown -= c.was
		if last != nil && last[place{c.in, c.key}] != i {
			continue
		}
		var value []byte
		if !c.deleted {
			if value, err = c.in.encode(c.key); err != nil {
				return 0, err
			}
			if s.budget.max > 0 {
				size := rowSize(c.key, value)
				c.in.weigh(c.key, size)
				grown += size
			}
		}
		if s.log != nil {
			frame = appendChange(frame, c.in.Name(), c.key, value, c.deleted)
		}
	}
	if s.log != nil {
		s.log.frame = frame
	}
	return grown, nil
}

// Tx is one transaction. It is valid only inside the function it was given to
// and only in that goroutine.
type Tx struct {
	store    *Store
	root     *root // what a reader sees; nil for a writer
	writable bool
	peeks    bool // root may be older than the present
	stale    bool // and something that was read has changed since
	undo     []change
	refs     references // by how much rows refer to bodies more than before
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
	was     int64 // bytes that the row before counted for
	revert  func()
}

// place is where a change was made.
type place struct {
	in  collection
	key string
}

// lastWrites are the indexes of the last change of each key; nil means that
// there is but one change.
func (tx *Tx) lastWrites() map[place]int {
	if len(tx.undo) < 2 {
		return nil
	}
	last := make(map[place]int, len(tx.undo))
	for i := range tx.undo {
		last[place{tx.undo[i].in, tx.undo[i].key}] = i
	}
	return last
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
