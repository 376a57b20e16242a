package store

import (
	"fmt"
	"slices"

	"github.com/tidwall/btree"

	"github.com/pipelab/pipelab/internal/aws/ident"
)

// UpgradeFunc turns one row that an older release stored into rows of today.
// It writes them through tx, to its own collection or to any other of the same
// store: one old row may become several, or none. The old row itself is gone
// afterwards, unless it is put again in its new form. old is the value as the
// older codec encoded it.
//
// It runs inside Open, before any transaction, for each old row in the order of
// the keys; what earlier calls wrote can be read through tx. An error makes
// Open fail and leaves the files as they were. What it writes becomes durable
// as a whole, together with the upgrades of all other collections.
type UpgradeFunc func(tx *Tx, sc ident.Scope, key string, old []byte) error

// WithUpgrade says that rows of version from have another form than today's,
// and how to turn them into it. A collection without upgrades has version 1;
// one whose form has changed has the highest from plus 1. Every function gives
// rows of today, not of the version after from.
//
// To change the form of a collection, keep a private copy of the old type for
// decoding, and have New write
//
//	s.objects = store.NewCollection(h.Store, "s3.objects", store.WithUpgrade[entry](1,
//		func(tx *store.Tx, sc ident.Scope, key string, old []byte) error {
//			var was entryV1
//			if err := json.Unmarshal(old, &was); err != nil {
//				return err
//			}
//			for _, v := range was.Versions {
//				s.versions.Put(tx, sc, store.Key(key, v.ID), v)
//			}
//			s.objects.Put(tx, sc, key, entry{Key: was.Key})
//			return nil
//		}))
//
// The function may use collections that are registered after its own.
func WithUpgrade[T any](from int, fn UpgradeFunc) Option[T] {
	if from < 1 || fn == nil {
		panic(fmt.Sprintf("store: upgrade from version %d", from))
	}
	return func(k *Collection[T]) {
		k.upgrades[from] = fn
		k.latest = max(k.latest, from+1)
	}
}

// Retire names a collection that is no longer there: rows that an older release
// stored in it, of whatever version, are given to fn, and are gone then. Call
// it before the store is opened.
func (s *Store) Retire(name string, fn UpgradeFunc) {
	s.mayRegister(name)
	s.retired[name] = fn
}

// oldRows are rows that wait for their upgrade, encoded as they were read.
type oldRows = btree.Map[string, []byte]

// upgrade turns old rows into rows of today. The rows of collections that
// nobody knows any more make it fail: a newer release has written them.
func (s *Store) upgrade(r *replay) error {
	for _, name := range slices.Sorted(r.old.names()) {
		rows := r.old[name]
		fn := s.upgrader(name, r.version(name))
		if fn == nil && rows.Len() > 0 {
			return fmt.Errorf("%w: it holds %d rows of %q, version %d, which this release does not know",
				ErrNewer, rows.Len(), name, r.version(name))
		}
		tx := &Tx{store: s, writable: true}
		var err error
		rows.Scan(func(full string, value []byte) bool {
			var sc ident.Scope
			var key string
			if sc, key, err = unscoped(full); err == nil {
				err = fn(tx, sc, key, value)
			}
			if err != nil {
				err = fmt.Errorf("upgrade %s, key %q: %w", name, key, err)
			}
			return err == nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// upgrader is the function for rows of a collection's version, nil when there
// is none.
func (s *Store) upgrader(name string, from int) UpgradeFunc {
	if c := s.collections[name]; c != nil {
		return c.upgradeFrom(from)
	}
	return s.retired[name]
}
