package store

import (
	"bufio"
	"encoding/json"
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
	snap, seq := s.snapshot(), j.seq
	err := s.nextGeneration(j, false)
	gen := j.gen
	s.mu.Unlock()
	if err == nil {
		err = s.writeSnapshot(gen, seq, snap)
	}
	if err != nil {
		return err // journals of both generations replay in order
	}
	removeBefore(j.dir, gen)
	s.sweep()
	return nil
}

// batch is how many bytes of rows share a frame of a snapshot.
const batch = 256 << 10

// writeSnapshot makes the snapshot of a generation, whole or not at all.
func (s *Store) writeSnapshot(gen, seq uint64, snap *Snapshot) error {
	f, err := os.CreateTemp(s.dir, "tmp-*")
	if err != nil {
		return err
	}
	w := &snapshotWriter{w: bufio.NewWriterSize(f, 1<<20), gen: gen}
	if err = w.rows(s, seq, snap); err == nil {
		err = w.w.Flush()
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path(s.dir, "snapshot", gen))
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(s.dir)
}

// snapshotWriter writes frames of rows.
type snapshotWriter struct {
	w        *bufio.Writer
	gen, seq uint64
	buf      []byte
}

func (w *snapshotWriter) rows(s *Store, seq uint64, snap *Snapshot) error {
	m := manifest{Collections: s.versions()}
	for _, c := range s.order {
		m.Rows += uint64(c.size(snap.trees[c.Name()]))
	}
	first, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if _, err := w.w.Write(header(kindSnapshot, w.gen, seq)); err != nil {
		return err
	}
	w.buf = append(beginFrame(w.buf), first...)
	if err := w.flush(); err != nil {
		return err
	}
	for _, c := range s.order {
		err := c.each(snap.trees[c.Name()], func(key string, value []byte) error {
			w.buf = appendChange(w.buf, c.Name(), key, value, false)
			if len(w.buf) < batch {
				return nil
			}
			return w.flush()
		})
		if err != nil {
			return err
		}
	}
	if len(w.buf) == headLen {
		return nil
	}
	return w.flush()
}

// flush ends the frame that was begun and begins the next.
func (w *snapshotWriter) flush() error {
	w.seq++
	b, err := endFrame(w.buf, w.gen, w.seq)
	if err != nil {
		return err
	}
	_, err = w.w.Write(b)
	w.buf = beginFrame(b)
	return err
}

// syncDir makes the names in a folder durable where the system can.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	_ = d.Sync() // Windows has no such thing
	return d.Close()
}

// removeBefore deletes files that a complete snapshot has made superfluous. A
// file that stays is harmless: replay begins at the newest snapshot.
func removeBefore(dir string, gen uint64) {
	for _, kind := range []string{"snapshot", "journal"} {
		gens, err := generations(dir, kind)
		if err != nil {
			return
		}
		for _, g := range gens {
			if g < gen {
				_ = os.Remove(path(dir, kind, g))
			}
		}
	}
}
