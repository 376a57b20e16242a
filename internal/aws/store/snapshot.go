package store

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// Snapshot is the state at one moment; it stays valid whatever happens to the
// store. Taking one copies no values.
type Snapshot struct{ root *root }

// Snapshot returns the present state. Object bodies that it refers to are kept
// until Release.
func (s *Store) Snapshot() *Snapshot { return &Snapshot{s.enter()} }

// Release lets go of a snapshot, which must not be restored after.
func (s *Store) Release(snap *Snapshot) {
	if snap.root != nil {
		s.leave(snap.root)
		snap.root = nil
	}
}

// Restore makes the state of a snapshot the present one, durably. Background
// work must be stopped meanwhile.
func (s *Store) Restore(snap *Snapshot) error {
	if snap.root == nil {
		return errors.New("store: the snapshot was released")
	}
	return s.replace(snap.root)
}

// replace makes a state the present one; nil is the empty one.
func (s *Store) replace(by *root) error {
	if err := s.restore(by); err != nil {
		return err
	}
	err := s.compact()
	if j := s.disk.Load(); err != nil && j != nil {
		// The files hold another state than the one that writes go on from.
		s.mu.Lock()
		j.broken = fmt.Errorf("the state was replaced, and could not be stored: %w", err)
		s.mu.Unlock()
	}
	return err
}

func (s *Store) restore(to *root) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	values, refs := int64(0), references{}
	for i, c := range s.order {
		if to == nil {
			c.clear()
			continue
		}
		c.set(to.trees[i])
		c.refer(refs)
	}
	if to != nil {
		values = to.values
	}
	s.budget.used.Add(values - s.values)
	s.values = values
	s.changed()
	for _, c := range s.order {
		c.written(s.seq)
	}
	s.bodies.recount(refs, s.seq)
	return nil
}

// Reset empties the store, durably.
func (s *Store) Reset() error { return s.replace(nil) }

// compact begins a new generation: a snapshot of now, and an empty journal.
// The old files go when the new snapshot is complete.
func (s *Store) compact() error {
	j := s.disk.Load()
	if j == nil {
		s.reap()
		return nil
	}
	j.compacting.Lock()
	defer j.compacting.Unlock()
	gen, seq, now, err := s.turn(j)
	if err == nil {
		err = s.writeSnapshot(gen, seq, now)
	}
	s.mu.Lock()
	if err == nil {
		j.broken = nil // whatever is wrong with older files, they are not needed
	}
	s.mu.Unlock()
	if err != nil {
		return err // journals of both generations replay in order
	}
	removeBefore(j.dir, gen)
	s.reap()
	return nil
}

// turn begins a new journal, and returns the state that it begins after.
func (s *Store) turn(j *journal) (gen, seq uint64, now *root, err error) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return 0, 0, nil, ErrClosed
	}
	now, seq = s.publish(), j.seq
	j.syncing.Lock()
	defer j.syncing.Unlock()
	old, err := s.nextGeneration(j, false)
	gen = j.gen
	s.mu.Unlock()
	if old != nil { // the disk takes its time, for which no writer waits
		err = errors.Join(err, old.Sync(), old.Close())
	}
	return gen, seq, now, err
}

// batch is how many bytes of rows share a frame of a snapshot.
const batch = 256 << 10

// writeSnapshot makes the snapshot of a generation, whole or not at all.
func (s *Store) writeSnapshot(gen, seq uint64, from *root) error {
	f, err := os.CreateTemp(s.dir, "tmp-*")
	if err != nil {
		return err
	}
	w := &snapshotWriter{w: bufio.NewWriterSize(f, 1<<20), gen: gen}
	if err = w.rows(s, seq, from); err == nil {
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

func (w *snapshotWriter) rows(s *Store, seq uint64, from *root) error {
	m := manifest{Collections: s.versions()}
	for i, c := range s.order {
		m.Rows += uint64(c.size(from.trees[i]))
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
	for i, c := range s.order {
		err := c.each(from.trees[i], func(key string, value []byte) error {
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
