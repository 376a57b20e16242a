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
	file   *os.File
	size   int64
	broken error // why nothing can be appended any more
	buf    []byte
	lock   *os.File
	done   chan struct{}
	wait   sync.WaitGroup
}

// compactAt is the journal size in bytes at which a new snapshot is written.
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
		s.blobs = newBlobs("")
		return nil
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	lock, err := filelock.Try(filepath.Join(s.dir, "lock"))
	if err != nil {
		return fmt.Errorf("state in %s is in use by another process: %w", s.dir, err)
	}
	s.blobs = newBlobs(filepath.Join(s.dir, "blobs"))
	j := &journal{dir: s.dir, lock: lock, done: make(chan struct{})}
	if err := s.load(j); err != nil {
		return errors.Join(err, lock.Close())
	}
	s.log = j
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
	base := r.base
	if r.rewrite || r.fresh {
		if err := s.nextGeneration(j, r.fresh); err != nil {
			return err
		}
		if err := s.writeSnapshot(j.gen, j.seq, s.snapshot()); err != nil {
			return errors.Join(err, j.file.Close())
		}
		base = j.gen
	}
	removeBefore(j.dir, base)
	return nil
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
	j.file = file
	return nil
}

// nextGeneration makes an empty journal the present one. The store is locked.
func (s *Store) nextGeneration(j *journal, first bool) error {
	gen := j.gen + 1
	if first {
		gen = j.gen
	}
	// Under its own name it has its header from the beginning.
	file, err := os.CreateTemp(j.dir, "tmp-*")
	if err != nil {
		return err
	}
	_, err = file.Write(header(kindJournal, gen, j.seq))
	if err = errors.Join(err, file.Sync()); err == nil {
		err = os.Rename(file.Name(), path(j.dir, "journal", gen))
	}
	if err != nil {
		return errors.Join(err, file.Close(), os.Remove(file.Name()))
	}
	if j.file != nil {
		err = errors.Join(j.file.Sync(), j.file.Close())
	}
	j.file, j.size, j.gen, j.broken = file, headerLen, gen, nil
	return err
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
	return errors.Join(j.file.Sync(), j.file.Close(), j.lock.Close())
}

func (s *Store) syncLoop(j *journal) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-j.done:
			return
		case <-tick.C:
		}
		s.mu.RLock()
		file, full := j.file, j.size > compactAt
		s.mu.RUnlock()
		_ = file.Sync() // the write is in the kernel; nobody was promised the disk
		if full {
			_ = s.compact() // the old generation stays valid until the new one is complete
		}
	}
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

// commit appends a transaction's last write of each key.
func (j *journal) commit(tx *Tx) error {
	if j.broken != nil {
		return fmt.Errorf("journal: %w", j.broken)
	}
	b := beginFrame(j.buf)
	type place struct {
		in  string
		key string
	}
	last := map[place]int{}
	if len(tx.undo) > 1 {
		for i := range tx.undo {
			last[place{tx.undo[i].in.Name(), tx.undo[i].key}] = i
		}
	}
	for i := range tx.undo {
		c := &tx.undo[i]
		if len(last) > 0 && last[place{c.in.Name(), c.key}] != i {
			continue
		}
		var value []byte
		if !c.deleted {
			var err error
			if value, err = c.in.encode(c.key); err != nil {
				return err
			}
		}
		b = appendChange(b, c.in.Name(), c.key, value, c.deleted)
	}
	b, err := endFrame(b, j.gen, j.seq+1)
	if err != nil {
		return err
	}
	if cap(b) <= 4<<20 {
		j.buf = b
	}
	if _, err := j.file.Write(b); err != nil {
		// Cut a half-written frame off, or later ones would lie behind it.
		undo := errors.Join(j.file.Truncate(j.size), seekTo(j.file, j.size))
		j.broken = undo
		return errors.Join(fmt.Errorf("journal: %w", err), undo)
	}
	j.size += int64(len(b))
	j.seq++
	return nil
}

func seekTo(f *os.File, at int64) error {
	_, err := f.Seek(at, io.SeekStart)
	return err
}
