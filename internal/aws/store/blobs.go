package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// Blob names a body by its content.
type Blob struct {
	ID   string `json:"id"`   // SHA-256 in hexadecimal
	Size int64  `json:"size"` // bytes
}

// Hold keeps bodies although no value may refer to them.
type Hold struct {
	s    *Store
	ids  []string
	once sync.Once
}

// Release lets go of the bodies. Only the first call does anything; a nil hold
// has none.
func (h *Hold) Release() {
	if h == nil {
		return
	}
	h.once.Do(func() {
		if h.s.bodies.release(h.ids) {
			h.s.reapSoon()
		}
	})
}

// Hold keeps bodies that values of this transaction refer to until Release,
// also when those values are replaced or deleted meanwhile: for what is read
// from them after the transaction, or put again in a later one.
func (tx *Tx) Hold(ids ...string) *Hold {
	tx.store.bodies.hold(ids)
	return &Hold{s: tx.store, ids: ids}
}

// BlobReader reads a body.
type BlobReader interface {
	io.ReadSeeker
	io.ReaderAt
	io.Closer
}

// PutBlob stores a body and returns its name. The body is kept as long as a
// value of a collection refers to it, and until the hold is released: the caller
// does that when the transaction that refers to it has been made, or will not
// be. Nothing of the body is kept after an error, which is an ErrFull when the
// body would pass the bound. PutBlob holds no lock while reading.
func (s *Store) PutBlob(ctx context.Context, r io.Reader) (Blob, *Hold, error) {
	in := &intake{ctx: ctx, s: s, r: r}
	blob, err := s.receive(in)
	if err != nil {
		s.budget.used.Add(-in.taken)
		return Blob{}, nil, err
	}
	return blob, &Hold{s: s, ids: []string{blob.ID}}, nil
}

func (s *Store) receive(in *intake) (Blob, error) {
	b := s.bodies
	hash := sha256.New()
	if b.dir == "" {
		var buf bytes.Buffer
		n, err := io.Copy(io.MultiWriter(&buf, hash), in)
		if err != nil {
			return Blob{}, err
		}
		blob := Blob{ID: hex.EncodeToString(hash.Sum(nil)), Size: n}
		return blob, b.add(blob, in, &body{size: n, bytes: buf.Bytes()}, func() error { return nil })
	}
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return Blob{}, err
	}
	f, err := os.CreateTemp(b.dir, "tmp-*")
	if err != nil {
		return Blob{}, err
	}
	n, err := io.Copy(io.MultiWriter(f, hash), in)
	blob := Blob{ID: hex.EncodeToString(hash.Sum(nil)), Size: n}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.MkdirAll(filepath.Dir(b.path(blob.ID)), 0o700)
	}
	if err == nil {
		err = b.add(blob, in, &body{size: n}, func() error { return os.Rename(f.Name(), b.path(blob.ID)) })
	}
	if gone := os.Remove(f.Name()); gone != nil && !errors.Is(gone, os.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	return blob, err
}

// add holds a body that was received. place gives it its name, unless there is
// one like it.
func (b *bodies) add(blob Blob, in *intake, e *body, place func() error) error {
	b.files.Lock()
	defer b.files.Unlock()
	b.mu.Lock()
	had := b.byID[blob.ID]
	if had != nil && !had.missing && !had.doubtful {
		had.holds++
		b.mu.Unlock()
		in.giveBack()
		return nil
	}
	b.mu.Unlock()
	// Nothing else adds or removes an entry while files is held.
	if err := place(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if had != nil {
		// What was missing, or perhaps damaged, is whole again.
		in.s.budget.used.Add(-had.size)
		had.size, had.missing, had.doubtful, had.bytes = e.size, false, false, e.bytes
		had.holds++
		return nil
	}
	e.holds = 1
	b.byID[blob.ID] = e
	return nil
}

// OpenBlob opens a body; the caller closes it. A body that another process left
// is compared with its name first, and one that is damaged is an ErrCorrupt.
func (s *Store) OpenBlob(id string) (BlobReader, error) {
	b := s.bodies
	b.mu.Lock()
	e := b.byID[id]
	if e == nil || e.missing {
		b.mu.Unlock()
		return nil, fmt.Errorf("%w: there is no body %s", ErrCorrupt, id)
	}
	bytesOf, doubtful := e.bytes, e.doubtful
	b.mu.Unlock()
	if b.dir == "" {
		return memoryBlob{bytes.NewReader(bytesOf)}, nil
	}
	f, err := os.Open(b.path(id))
	if err == nil && doubtful {
		err = b.prove(id, f)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w: the body %s: %w", ErrCorrupt, b.path(id), err), closeIf(f))
	}
	return f, nil
}

// prove compares the content of a body with its name, once.
func (b *bodies) prove(id string, f *os.File) error {
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return err
	}
	if hex.EncodeToString(hash.Sum(nil)) != id {
		return errors.New("its content is not what was stored")
	}
	b.mu.Lock()
	if e := b.byID[id]; e != nil {
		e.doubtful = false
	}
	b.mu.Unlock()
	_, err := f.Seek(0, io.SeekStart)
	return err
}

func closeIf(f *os.File) error {
	if f == nil {
		return nil
	}
	return f.Close()
}

type memoryBlob struct{ *bytes.Reader }

func (memoryBlob) Close() error { return nil }

// intake reads a body that comes in: until its context ends or the store is
// full.
type intake struct {
	ctx   context.Context
	s     *Store
	r     io.Reader
	taken int64 // bytes counted
}

// Read implements io.Reader.
func (in *intake) Read(p []byte) (int, error) {
	if err := in.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := in.r.Read(p)
	if n > 0 {
		if full := in.s.reserve(int64(n)); full != nil {
			return 0, full
		}
		in.taken += int64(n)
	}
	return n, err
}

// giveBack uncounts a body that is there already.
func (in *intake) giveBack() {
	in.s.budget.used.Add(-in.taken)
	in.taken = 0
}
