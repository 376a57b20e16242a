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

// BlobReader reads a body.
type BlobReader interface {
	io.ReadSeeker
	io.ReaderAt
	io.Closer
}

// blobs keeps bodies outside the collections, in memory or one file each.
type blobs struct {
	dir string

	mu     sync.Mutex
	memory map[string][]byte
	// young are bodies that no value may refer to yet: they outlive one sweep.
	young map[string]bool
	grown int64
}

// sweepAt is how many bytes may be added before unused bodies are looked for.
const sweepAt = 256 << 20

func newBlobs(dir string) *blobs {
	return &blobs{dir: dir, memory: map[string][]byte{}, young: map[string]bool{}}
}

// PutBlob stores a body and returns its name. The body is kept as long as a
// value of a collection refers to it; put that value soon after. It holds no
// lock while reading.
func (s *Store) PutBlob(ctx context.Context, r io.Reader) (Blob, error) {
	b := s.blobs
	hash := sha256.New()
	if b.dir == "" {
		var buf bytes.Buffer
		n, err := io.Copy(io.MultiWriter(&buf, hash), contextReader{ctx, r})
		if err != nil {
			return Blob{}, err
		}
		blob := Blob{ID: hex.EncodeToString(hash.Sum(nil)), Size: n}
		if b.keep(blob, buf.Bytes()) {
			s.sweep()
		}
		return blob, nil
	}
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return Blob{}, err
	}
	f, err := os.CreateTemp(b.dir, "tmp-*")
	if err != nil {
		return Blob{}, err
	}
	n, err := io.Copy(io.MultiWriter(f, hash), contextReader{ctx, r})
	if err = errors.Join(err, f.Close()); err != nil {
		return Blob{}, errors.Join(err, os.Remove(f.Name()))
	}
	blob := Blob{ID: hex.EncodeToString(hash.Sum(nil)), Size: n}
	b.mu.Lock()
	b.young[blob.ID] = true
	b.mu.Unlock()
	path := b.path(blob.ID)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return Blob{}, errors.Join(err, os.Remove(f.Name()))
	}
	return blob, os.Rename(f.Name(), path)
}

// OpenBlob opens a body; the caller closes it.
func (s *Store) OpenBlob(id string) (BlobReader, error) {
	if s.blobs.dir != "" {
		f, err := os.Open(s.blobs.path(id))
		if err != nil {
			return nil, fmt.Errorf("%w: body %s: %w", ErrCorrupt, id, err)
		}
		return f, nil
	}
	s.blobs.mu.Lock()
	defer s.blobs.mu.Unlock()
	body, ok := s.blobs.memory[id]
	if !ok {
		return nil, fmt.Errorf("%w: no body %s", ErrCorrupt, id)
	}
	return memoryBlob{bytes.NewReader(body)}, nil
}

type memoryBlob struct{ *bytes.Reader }

func (memoryBlob) Close() error { return nil }

// keep stores a body in memory and reports whether it is time to sweep.
func (b *blobs) keep(blob Blob, body []byte) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.young[blob.ID] = true
	if _, had := b.memory[blob.ID]; had {
		return false
	}
	b.memory[blob.ID] = body
	b.grown += blob.Size
	return b.grown > sweepAt
}

func (b *blobs) path(id string) string { return filepath.Join(b.dir, id[:2], id) }

// sweep removes bodies that no value refers to. In memory it keeps all while
// snapshots may still refer to them: they hold trees, which are asked too.
func (s *Store) sweep() {
	live := map[string]bool{}
	s.mu.Lock()
	snap := s.snapshot()
	s.mu.Unlock()
	for _, c := range s.order {
		c.blobIDs(snap.trees[c.Name()], func(id string) { live[id] = true })
	}
	b := s.blobs
	b.mu.Lock()
	defer b.mu.Unlock()
	young := b.young
	b.young, b.grown = map[string]bool{}, 0
	if b.dir == "" {
		for id := range b.memory {
			if !live[id] && !young[id] && !s.pinned(id) {
				delete(b.memory, id)
			}
		}
		return
	}
	dirs, _ := os.ReadDir(b.dir)
	for _, d := range dirs {
		files, _ := os.ReadDir(filepath.Join(b.dir, d.Name()))
		for _, f := range files {
			if id := f.Name(); !live[id] && !young[id] && !s.pinned(id) {
				_ = os.Remove(filepath.Join(b.dir, d.Name(), id)) // tried again at the next sweep
			}
		}
	}
}

// contextReader ends a copy when its context does.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
