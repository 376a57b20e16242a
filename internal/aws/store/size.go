package store

import (
	"errors"
	"fmt"
	"sync/atomic"
)

// ErrFull is wrapped by PutBlob and Update when what they add would pass the
// bound of Options.MaxBytes. Nothing of it is kept.
var ErrFull = errors.New("the storage of this emulator is full")

// rowBytes is what a row counts for beside its key and its encoded value.
const rowBytes = 64

func rowSize(key string, value []byte) int64 { return int64(len(key)+len(value)) + rowBytes }

// budget counts bytes: of bodies as they are received, and of rows.
type budget struct {
	max  int64 // 0: no bound
	used atomic.Int64
}

// take counts n more bytes, unless that would pass the bound.
func (b *budget) take(n int64) bool {
	if used := b.used.Add(n); b.max == 0 || used <= b.max || n <= 0 {
		return true
	}
	b.used.Add(-n)
	return false
}

func (b *budget) full(n int64) error {
	return fmt.Errorf("%w: %d bytes are in use of %d, and %d more were asked for", ErrFull, b.used.Load(), b.max, n)
}

// Used is how many bytes the store holds: bodies, and rows with their keys. The
// journal's older rows, at most a few dozen megabytes, are not counted, nor are
// rows that only a snapshot still has. Rows are counted only when there is a
// bound.
func (s *Store) Used() int64 { return s.budget.used.Load() }

// Max is the bound of Options.MaxBytes, in bytes; 0 is none. Services hold what they
// keep on disk beside the store to it, too.
func (s *Store) Max() int64 { return s.budget.max }

// reserve counts n bytes, after getting rid of what nobody needs if need be.
func (s *Store) reserve(n int64) error {
	if s.budget.take(n) {
		return nil
	}
	s.reap()
	if s.budget.take(n) {
		return nil
	}
	return s.budget.full(n)
}

// grow counts what the rows of a transaction add.
func (s *Store) grow(n int64) error {
	if s.budget.max == 0 || n == 0 {
		return nil
	}
	if err := s.reserve(n); err != nil {
		return err
	}
	s.values += n
	return nil
}

// shrink takes back what grow counted.
func (s *Store) shrink(n int64) {
	if s.budget.max != 0 {
		s.budget.used.Add(-n)
		s.values -= n
	}
}
