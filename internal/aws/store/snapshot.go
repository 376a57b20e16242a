package store

import (
	"bufio"
	"errors"
	"os"
)

// Snapshot is the state at one moment; it stays valid whatever happens to the
// store. Taking one copies no values.
type Snapshot struct {
	trees  map[string]any
	bodies map[string]bool
}

// Snapshot returns the present state. Object bodies that it refers to are kept
// until Release.
func (s *Store) Snapshot() *Snapshot {
	s.mu.Lock() // copying marks the trees as shared
	defer s.mu.Unlock()
	snap := s.snapshot()
	snap.bodies = map[string]bool{}
	for _, c := range s.order {
		c.blobIDs(snap.trees[c.Name()], func(id string) { snap.bodies[id] = true })
	}
	s.snapshots[snap] = true
	return snap
}

// Release lets go of a snapshot, which must not be restored after.
func (s *Store) Release(snap *Snapshot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.snapshots, snap)
}

// pinned reports whether a snapshot needs a body.
func (s *Store) pinned(id string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for snap := range s.snapshots {
		if snap.bodies[id] {
			return true
		}
	}
	return false
}

func (s *Store) snapshot() *Snapshot {
	snap := &Snapshot{trees: map[string]any{}}
	for _, c := range s.order {
		snap.trees[c.Name()] = c.copyTree()
	}
	return snap
}

// Restore makes the state of a snapshot the present one, durably. Background
// work must be stopped meanwhile.
func (s *Store) Restore(snap *Snapshot) error {
	s.mu.Lock()
	for _, c := range s.order {
		if t, ok := snap.trees[c.Name()]; ok {
			c.setTree(t)
		} else {
			c.clear()
		}
	}
	s.mu.Unlock()
	return s.compact()
}

// Reset empties the store, durably.
func (s *Store) Reset() error { return s.Restore(&Snapshot{}) }

// compact begins a new generation: a snapshot of now, and an empty journal.
// The old files go when the new snapshot is complete.
func (s *Store) compact() error {
	s.mu.Lock()
	j := s.log
	if j == nil {
		s.mu.Unlock()
		s.sweep()
		return nil
	}
	snap, gen := s.snapshot(), j.gen+1
	next, err := os.OpenFile(j.path("journal", gen), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		s.mu.Unlock()
		return err
	}
	old := j.file
	j.file, j.size, j.gen = next, 0, gen
	s.mu.Unlock()
	err = errors.Join(old.Sync(), old.Close())
	if err == nil {
		err = s.writeSnapshot(j.path("snapshot", gen), snap)
	}
	if err != nil {
		return err // journals of both generations replay in order
	}
	s.removeBefore(j, gen)
	s.sweep()
	return nil
}

func (s *Store) writeSnapshot(path string, snap *Snapshot) error {
	f, err := os.CreateTemp(s.dir, "tmp-*")
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	for _, c := range s.order {
		err = errors.Join(err, c.each(snap.trees[c.Name()], func(key string, value []byte) error {
			b := appendChange(make([]byte, 8, 8+len(key)+len(value)+64), c.Name(), key, value, false)
			_, err := w.Write(frame(b))
			return err
		}))
	}
	if err = errors.Join(err, w.Flush(), f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), path)
}

// removeBefore deletes files that a complete snapshot has made superfluous. A
// file that stays is harmless: replay begins at the newest snapshot.
func (s *Store) removeBefore(j *journal, gen uint64) {
	for _, kind := range []string{"snapshot", "journal"} {
		gens, err := generations(s.dir, kind)
		if err != nil {
			return
		}
		for _, g := range gens {
			if g < gen {
				_ = os.Remove(j.path(kind, g))
			}
		}
	}
}
