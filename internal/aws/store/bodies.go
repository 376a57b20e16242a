package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
)

// bodies keeps what is too large for a row, in memory or in one file each, and
// counts who needs it: rows, and holds.
//
// Locks are taken in the order Store.mu, files, mu, roots.mu. None but the
// first is held while anything is read, written or waited for, except that
// files is held while a file gets or loses its name.
type bodies struct {
	dir     string      // empty: in memory
	waiting atomic.Bool // some body is dead and could not be deleted yet

	files sync.Mutex // a body's file and its entry in byID come and go together

	mu   sync.Mutex
	byID map[string]*body
	dead []string // bodies that lost their last reference, oldest first
}

// body is one body.
type body struct {
	size  int64
	rows  int    // references from rows
	holds int    // of PutBlob and of readers
	died  uint64 // the transaction that took away the last row's reference
	dead  bool   // it is in the list
	// doubtful is a file that another process left and nobody has read since.
	doubtful bool
	missing  bool // a row refers to it, and there is no file
	bytes    []byte
}

func newBodies(dir string) *bodies { return &bodies{dir: dir, byID: map[string]*body{}} }

// path is where the file of a body lies. The first two digits of its name make
// a folder, so that no folder grows beyond what file systems like.
func (b *bodies) path(id string) string { return filepath.Join(b.dir, id[:2], id) }

// references are the bodies that a transaction's rows refer to more often, or
// less often, than before.
type references map[string]int

func (r references) add(ids []string, n int) {
	for _, id := range ids {
		if id != "" {
			r[id] += n
		}
	}
}

// check returns an error when rows would refer to a body that is not there.
func (b *bodies) check(refs references) error {
	if len(refs) == 0 {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, n := range refs {
		if n > 0 && (b.byID[id] == nil || b.byID[id].missing) {
			return errors.New("store: a value refers to the body " + id + ", which is not stored or was released")
		}
	}
	return nil
}

// count applies references of the transaction with the number seq.
func (b *bodies) count(refs references, seq uint64) {
	if len(refs) == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, n := range refs {
		if e := b.byID[id]; e != nil {
			e.rows += n
			if n < 0 && e.rows == 0 {
				e.died = seq
				b.retire(id, e)
			}
		}
	}
}

// retire remembers a body that nobody may need any more. b.mu is held.
func (b *bodies) retire(id string, e *body) {
	if e.rows > 0 || e.holds > 0 || e.dead {
		return
	}
	e.dead = true
	b.dead = append(b.dead, id)
	b.waiting.Store(true)
}

// hold keeps bodies whatever becomes of the rows that refer to them.
func (b *bodies) hold(ids []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range ids {
		if e := b.byID[id]; e != nil {
			e.holds++
		}
	}
}

// release ends holds and reports whether a body is now without need.
func (b *bodies) release(ids []string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range ids {
		if e := b.byID[id]; e != nil && e.holds > 0 {
			e.holds--
			b.retire(id, e)
		}
	}
	return b.waiting.Load()
}

// recount forgets all references and counts anew.
func (b *bodies) recount(refs references, seq uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, e := range b.byID {
		if had := e.rows > 0; had && refs[id] == 0 {
			e.died = seq
		}
		e.rows = refs[id]
		b.retire(id, e)
	}
	for id, n := range refs {
		if b.byID[id] == nil {
			b.byID[id] = &body{rows: n, missing: true}
		}
	}
}

// doomed takes the bodies out that nobody needs, neither a row, nor a hold, nor
// a state older than their death that is still read. upTo is the last
// transaction that a power cut cannot undo any more.
func (b *bodies) doomed(oldest func() uint64, upTo uint64) (ids []string, size int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.dead) == 0 {
		return nil, 0
	}
	limit := min(oldest(), upTo)
	later := b.dead[:0]
	for _, id := range b.dead {
		switch e := b.byID[id]; {
		case e == nil:
		case e.rows > 0 || e.holds > 0:
			e.dead = false
		case e.died > limit:
			later = append(later, id)
		default:
			delete(b.byID, id)
			ids, size = append(ids, id), size+e.size
		}
	}
	b.dead = later
	b.waiting.Store(len(later) > 0)
	return ids, size
}

// reapSoon deletes what nobody needs any more: at once in memory, and on disk
// after the next time that the journal has reached it.
func (s *Store) reapSoon() {
	if s.bodies.dir == "" {
		s.reap()
	}
}

// reap deletes the bodies that nobody needs any more. On disk the journal must
// have got there first: after a power cut a row must not be back without its
// body.
func (s *Store) reap() {
	b := s.bodies
	if !b.waiting.Load() {
		return
	}
	upTo := ^uint64(0)
	if j := s.disk.Load(); j != nil {
		var err error
		if upTo, err = s.sync(j); err != nil {
			return // tried again a second later
		}
	}
	b.files.Lock()
	ids, size := b.doomed(s.roots.oldest, upTo)
	trash := make([]string, 0, len(ids))
	for _, id := range ids {
		if b.dir == "" {
			continue
		}
		// To take a name away is quick whatever the size, and whoever stores the
		// same body again gets the name for a new file.
		to := filepath.Join(b.dir, "tmp-"+id)
		if err := os.Rename(b.path(id), to); err == nil {
			trash = append(trash, to)
		}
	}
	b.files.Unlock()
	for _, path := range trash {
		_ = os.Remove(path) // Open removes it otherwise
	}
	s.budget.used.Add(-size)
}

// index learns which bodies the folder holds, and removes what uploads that
// were killed have left. refs are the references of all rows.
func (b *bodies) index(refs references) (size int64, err error) {
	folders, err := os.ReadDir(b.dir)
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	for _, folder := range folders {
		at := filepath.Join(b.dir, folder.Name())
		if !folder.IsDir() {
			if strings.HasPrefix(folder.Name(), "tmp-") {
				_ = os.Remove(at) // tried again the next time
			}
			continue
		}
		files, e := os.ReadDir(at)
		err = errors.Join(err, e)
		for _, file := range files {
			if refs[file.Name()] == 0 {
				_ = os.Remove(filepath.Join(at, file.Name()))
				continue
			}
			info, e := file.Info()
			if err = errors.Join(err, e); e == nil {
				b.byID[file.Name()] = &body{size: info.Size(), doubtful: true}
				size += info.Size()
			}
		}
	}
	b.recount(refs, 0)
	return size, err
}
