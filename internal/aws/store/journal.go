package store

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
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
	dir  string
	gen  uint64
	file *os.File
	size int64
	buf  []byte
	lock *os.File
	done chan struct{}
	wait sync.WaitGroup
}

// compactAt is the journal size in bytes at which a new snapshot is written.
const compactAt = 64 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Open reads back what the directory holds, if the store has one, and lets
// transactions begin. Collections must be registered before. It fails when
// another process has the directory open, and with ErrCorrupt when its content
// cannot be read.
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
	if err := s.replay(j); err != nil {
		return errors.Join(err, lock.Close())
	}
	s.log = j
	j.wait.Go(func() { s.syncLoop(j) })
	return nil
}

// Close flushes and closes the state. The store must not be used after.
func (s *Store) Close() error {
	s.mu.Lock()
	j := s.log
	s.log = nil
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

func (j *journal) path(kind string, gen uint64) string {
	return filepath.Join(j.dir, kind+"-"+strconv.FormatUint(gen, 10))
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

// replay loads the newest snapshot and every journal since.
func (s *Store) replay(j *journal) error {
	snaps, err := generations(s.dir, "snapshot")
	if err != nil {
		return err
	}
	first := uint64(0)
	if len(snaps) > 0 {
		first = snaps[len(snaps)-1]
		if _, err := s.replayFile(j.path("snapshot", first), false); err != nil {
			return err
		}
	}
	logs, err := generations(s.dir, "journal")
	if err != nil {
		return err
	}
	j.gen = first
	for _, g := range logs {
		if g < first {
			continue
		}
		good, err := s.replayFile(j.path("journal", g), true)
		if err != nil {
			return err
		}
		j.gen, j.size = g, good
	}
	file, err := os.OpenFile(j.path("journal", j.gen), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	// A frame that a crash cut short was never acknowledged.
	if err := file.Truncate(j.size); err != nil {
		return errors.Join(err, file.Close())
	}
	if _, err := file.Seek(j.size, io.SeekStart); err != nil {
		return errors.Join(err, file.Close())
	}
	j.file = file
	return nil
}

// replayFile applies the frames of a file and returns where the good ones end.
func (s *Store) replayFile(path string, torn bool) (good int64, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<20)
	for {
		payload, err := readFrame(r)
		switch {
		case errors.Is(err, io.EOF):
			return good, nil
		case err != nil && torn:
			return good, nil
		case err != nil:
			return good, fmt.Errorf("%w: %s at byte %d: %w", ErrCorrupt, path, good, err)
		}
		if err := s.applyFrame(payload); err != nil {
			return good, fmt.Errorf("%s at byte %d: %w", path, good, err)
		}
		good += int64(len(payload)) + 8
	}
}

var errTorn = errors.New("incomplete frame")

func readFrame(r io.Reader) ([]byte, error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, errTorn
		}
		return nil, err
	}
	size := binary.LittleEndian.Uint32(head[:4])
	if size == 0 || size > 1<<30 {
		return nil, errTorn
	}
	payload := make([]byte, size)
	if _, err := io.ReadFull(r, payload); err != nil {
		return nil, errTorn
	}
	if crc32.Checksum(payload, castagnoli) != binary.LittleEndian.Uint32(head[4:]) {
		return nil, errTorn
	}
	return payload, nil
}

func (s *Store) applyFrame(b []byte) error {
	for len(b) > 0 {
		var name, key, value []byte
		var ok bool
		deleted := b[0] == 1
		if name, b, ok = cutBytes(b[1:]); !ok {
			return fmt.Errorf("%w: bad change", ErrCorrupt)
		}
		if key, b, ok = cutBytes(b); !ok {
			return fmt.Errorf("%w: bad change", ErrCorrupt)
		}
		if !deleted {
			if value, b, ok = cutBytes(b); !ok {
				return fmt.Errorf("%w: bad change", ErrCorrupt)
			}
		}
		c := s.collections[string(name)]
		if c == nil {
			return fmt.Errorf("%w: unknown collection %q (written by a newer pipelab?)", ErrCorrupt, name)
		}
		if err := c.apply(string(key), value, deleted); err != nil {
			return err
		}
	}
	return nil
}

func cutBytes(b []byte) (head, rest []byte, ok bool) {
	n, w := binary.Uvarint(b)
	if w <= 0 || n > uint64(len(b)-w) {
		return nil, nil, false
	}
	return b[w : w+int(n)], b[w+int(n):], true
}

func appendChange(b []byte, name, key string, value []byte, deleted bool) []byte {
	if deleted {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	b = append(binary.AppendUvarint(b, uint64(len(name))), name...)
	b = append(binary.AppendUvarint(b, uint64(len(key))), key...)
	if !deleted {
		b = append(binary.AppendUvarint(b, uint64(len(value))), value...)
	}
	return b
}

// frame fills in the head of a buffer whose first eight bytes are free.
func frame(b []byte) []byte {
	binary.LittleEndian.PutUint32(b[:4], uint32(len(b)-8))
	binary.LittleEndian.PutUint32(b[4:8], crc32.Checksum(b[8:], castagnoli))
	return b
}

// commit appends a transaction's last write of each key.
func (j *journal) commit(tx *Tx) error {
	b := append(j.buf[:0], 0, 0, 0, 0, 0, 0, 0, 0)
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
	j.buf = b
	if _, err := j.file.Write(frame(b)); err != nil {
		// Cut a half-written frame off, or later ones would lie behind it.
		return errors.Join(fmt.Errorf("journal: %w", err), j.file.Truncate(j.size), seekTo(j.file, j.size))
	}
	j.size += int64(len(b))
	if cap(j.buf) > 4<<20 {
		j.buf = nil
	}
	return nil
}

func seekTo(f *os.File, at int64) error {
	_, err := f.Seek(at, io.SeekStart)
	return err
}
