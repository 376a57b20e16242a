package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pipelab/pipelab/internal/filelock"
)

// journal makes transactions durable: each is one frame, appended with one
// write before Update returns. A write that the kernel has taken survives the
// death of the process; a second goroutine asks for the disk once a second, so
// that a power cut costs a second at the most.
//
// Files of a generation n: snapshot-n holds everything before journal-n.
type journal struct {
	dir    string
	gen    uint64
	seq    uint64 // of the last change
	file   atomic.Pointer[os.File]
	size   int64
	limit  int64  // size at which the journal makes room for a snapshot
	broken error  // why nothing can be appended any more
	frame  []byte // what is appended next
	lock   *os.File
	full   chan struct{} // the limit is passed

	// Locks are taken in the order compacting, Store.mu, syncing.
	compacting sync.Mutex
	syncing    sync.Mutex // until all older files are on the disk
	done       chan struct{}
	wait       sync.WaitGroup
}

// compactAt is the journal size in bytes at which a new snapshot is written. A
// store with a bound writes one at a quarter of that bound already.
const compactAt = 64 << 20

// Open reads back what the directory holds, if the store has one, upgrades what
// an older release wrote, and lets transactions begin. Collections must be
// registered before. It fails when another process has the directory open, with
// ErrCorrupt when its content cannot be read, and with ErrNewer when a later
// release wrote it; in each of these cases no file is changed.
func (s *Store) Open() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened = true
	if s.dir == "" {
		s.bodies = newBodies("")
		return nil
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	lock, err := filelock.Try(filepath.Join(s.dir, "lock"))
	if err != nil {
		return fmt.Errorf("state in %s is in use by another process: %w", s.dir, err)
	}
	s.bodies = newBodies(filepath.Join(s.dir, "blobs"))
	j := &journal{dir: s.dir, lock: lock, limit: compactAt, full: make(chan struct{}, 1), done: make(chan struct{})}
	if s.budget.max > 0 {
		j.limit = min(compactAt, max(1<<20, s.budget.max/4))
	}
	if err := s.load(j); err != nil {
		return errors.Join(err, lock.Close())
	}
	s.log = j
	s.disk.Store(j)
	j.wait.Go(func() { s.syncLoop(j) })
	return nil
}

// load reads the files and opens the journal that goes on.
func (s *Store) load(j *journal) error {
	r := &replay{s: s, dir: s.dir, old: oldCollections{}}
	if err := r.run(); err != nil {
		return err
	}
	if err := s.upgrade(r); err != nil {
		return err
	}
	j.gen, j.seq, j.size = r.gen, r.seq, r.size
	if !r.fresh {
		if err := j.reopen(); err != nil {
			return err
		}
	}
	refs, err := s.takeStock()
	if err != nil {
		return err
	}
	base := r.base
	if r.rewrite || r.fresh {
		old, err := s.nextGeneration(j, r.fresh)
		if err = errors.Join(err, closeIf(old)); err != nil {
			return err
		}
		if err := s.writeSnapshot(j.gen, j.seq, s.publish()); err != nil {
			return errors.Join(err, j.file.Load().Close())
		}
		base = j.gen
	}
	removeBefore(j.dir, base)
	return s.clean(refs)
}

// reopen opens the last journal to append to it. A frame that a crash cut short
// was never acknowledged and goes.
func (j *journal) reopen() error {
	file, err := os.OpenFile(path(j.dir, "journal", j.gen), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(file.Truncate(j.size), seekTo(file, j.size)); err != nil {
		return errors.Join(err, file.Close())
	}
	j.file.Store(file)
	return nil
}

// takeStock counts the rows that were read, and what they refer to.
func (s *Store) takeStock() (references, error) {
	refs := references{}
	for _, c := range s.order {
		c.refer(refs)
		if s.budget.max > 0 {
			n, err := c.measure()
			if err != nil {
				return nil, err
			}
			s.values += n
		}
	}
	s.budget.used.Add(s.values)
	return refs, nil
}

// clean removes the files that nobody needs, and counts the others.
func (s *Store) clean(refs references) error {
	left, err := filepath.Glob(filepath.Join(s.dir, "tmp-*"))
	for _, path := range left {
		_ = os.Remove(path) // tried again the next time
	}
	size, e := s.bodies.index(refs)
	s.budget.used.Add(size)
	return errors.Join(err, e)
}

// nextGeneration makes an empty journal the present one, and returns the file of
// the one before, if there is one. The store is locked.
func (s *Store) nextGeneration(j *journal, first bool) (old *os.File, err error) {
	gen := j.gen + 1
	if first {
		gen = j.gen
	}
	// Under its own name it has its header from the beginning.
	file, err := os.CreateTemp(j.dir, "tmp-*")
	if err != nil {
		return nil, err
	}
	_, err = file.Write(header(kindJournal, gen, j.seq))
	if err = errors.Join(err, file.Sync()); err == nil {
		err = os.Rename(file.Name(), path(j.dir, "journal", gen))
	}
	if err != nil {
		return nil, errors.Join(err, file.Close(), os.Remove(file.Name()))
	}
	j.size, j.gen = headerLen, gen
	return j.file.Swap(file), nil
}

// Close flushes and closes the state. Writes fail from now on.
func (s *Store) Close() error {
	s.mu.Lock()
	j := s.log
	s.log, s.closed = nil, true
	s.mu.Unlock()
	if j == nil {
		return nil
	}
	close(j.done)
	j.wait.Wait()
	s.reap()
	file := j.file.Load()
	return errors.Join(file.Sync(), file.Close(), j.lock.Close())
}

func (s *Store) syncLoop(j *journal) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-j.done:
			return
		case <-tick.C:
			_, _ = s.sync(j) // the write is in the kernel; nobody was promised the disk
			s.reap()
		case <-j.full:
			_ = s.compact() // the old generation stays valid until the new one is complete
		}
	}
}

// sync brings the journal to the disk, and returns the last transaction that is
// there for certain.
func (s *Store) sync(j *journal) (uint64, error) {
	j.syncing.Lock()
	defer j.syncing.Unlock()
	seq := s.roots.seq.Load()
	return seq, j.file.Load().Sync()
}

func path(dir, kind string, gen uint64) string {
	return filepath.Join(dir, kind+"-"+strconv.FormatUint(gen, 10))
}

// generations lists the files of a kind, oldest first.
func generations(dir, kind string) ([]uint64, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []uint64
	for _, e := range entries {
		if rest, ok := strings.CutPrefix(e.Name(), kind+"-"); ok {
			if n, err := strconv.ParseUint(rest, 10, 64); err == nil {
				out = append(out, n)
			}
		}
	}
	slices.Sort(out)
	return out, nil
}

// append makes the frame that was prepared the last of the file.
func (j *journal) append() error {
	if j.broken != nil {
		return fmt.Errorf("journal: %w", j.broken)
	}
	b, err := endFrame(j.frame, j.gen, j.seq+1)
	if err != nil {
		return err
	}
	if j.frame = b; cap(b) > 4<<20 {
		j.frame = nil
	}
	file := j.file.Load()
	if _, err := file.Write(b); err != nil {
		// Cut a half-written frame off, or later ones would lie behind it.
		j.broken = errors.Join(file.Truncate(j.size), seekTo(file, j.size))
		return errors.Join(fmt.Errorf("journal: %w", err), j.broken)
	}
	j.size += int64(len(b))
	j.seq++
	if j.size > j.limit {
		select {
		case j.full <- struct{}{}:
		default:
		}
	}
	return nil
}

func seekTo(f *os.File, at int64) error {
	_, err := f.Seek(at, io.SeekStart)
	return err
}
