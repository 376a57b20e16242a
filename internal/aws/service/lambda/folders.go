package lambda

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
	"github.com/pipelab/pipelab/internal/tempdir"
)

// folders are the unpacked archives of functions and layers. One is made when a
// process first needs it, and stays while a version or a process uses it.
type folders struct {
	mu    sync.Mutex
	kept  map[string]*folder // by the archives that are in it
	bytes int64              // of all files in them
}

// folder is one unpacked archive, or several one over the other.
type folder struct {
	users    int  // processes
	orphaned bool // no version has it
	making   sync.Mutex
	dir      string // empty until it is unpacked
	bytes    int64  // of its files
}

// contents names what is in a folder; the same archives have the same folder.
func contents(ids ...string) string { return strings.Join(ids, ",") }

// folder unpacks archives one over the other and returns the folder, which stays
// at least until release is called.
func (s *Service) folder(ids ...string) (dir string, release func(), err error) {
	key := contents(ids...)
	s.folders.mu.Lock()
	f := s.folders.kept[key]
	if f == nil {
		f = &folder{}
		s.folders.kept[key] = f
	}
	f.users++
	s.folders.mu.Unlock()
	release = sync.OnceFunc(func() { s.folders.release(key, f) })
	f.making.Lock()
	defer f.making.Unlock()
	if f.dir == "" {
		if err = s.makeRoom(f, ids); err == nil {
			f.dir, err = s.unpackAll(key, ids)
		}
		if err != nil {
			release()
			return "", nil, err
		}
	}
	return f.dir, release, nil
}

// makeRoom counts the files of a folder that is to be made. Where the store has a
// bound, unpacked code keeps to the same: folders that no process uses go first, and
// are unpacked again when one does. A small archive may hold 250 MB, and a template
// may have many functions.
func (s *Service) makeRoom(f *folder, ids []string) error {
	var size int64
	for _, id := range ids {
		n, err := s.unpackedBytes(id)
		if err != nil {
			return err
		}
		size += n
	}
	c := &s.folders
	c.mu.Lock()
	defer c.mu.Unlock()
	if most := s.host.Store.Max(); most > 0 {
		for key, other := range c.kept {
			if c.bytes+size <= most {
				break
			}
			if other.users == 0 {
				c.remove(key, other)
			}
		}
		if c.bytes+size > most {
			return fmt.Errorf("%w: %d bytes of unpacked code are in use of %d, and %d more were asked for", store.ErrFull,
				c.bytes, most, size)
		}
	}
	f.bytes = size
	c.bytes += size
	return nil
}

// release is the end of a process that has used a folder.
func (c *folders) release(key string, f *folder) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.users--
	c.drop(key, f)
}

// drop removes a folder that nobody needs; the caller holds c.mu. One that cannot
// be removed goes with the emulator.
func (c *folders) drop(key string, f *folder) {
	if f.users > 0 || !f.orphaned && f.dir != "" {
		return
	}
	c.remove(key, f)
}

// remove forgets a folder that no process uses; the caller holds c.mu.
func (c *folders) remove(key string, f *folder) {
	delete(c.kept, key)
	c.bytes -= f.bytes
	if f.dir != "" {
		_ = os.RemoveAll(f.dir)
	}
}

// sweep drops the folders that no version has. It runs whenever versions have
// gone or changed.
func (s *Service) sweep() {
	s.folders.mu.Lock()
	defer s.folders.mu.Unlock()
	if len(s.folders.kept) == 0 {
		return
	}
	used := map[string]bool{}
	_ = s.host.Store.View(func(tx *store.Tx) error { // which cannot fail
		s.versions.ScanAll(tx, func(_ ident.Scope, _ string, v version) bool {
			used[contents(v.Code.ID)], used[contents(v.Layers...)] = true, true
			return true
		})
		return nil
	})
	for key, f := range s.folders.kept {
		f.orphaned = !used[key]
		s.folders.drop(key, f)
	}
}

// unpackAll makes a folder. Its name is not used a second time: the remains of
// an earlier one may be on their way out.
func (s *Service) unpackAll(key string, ids []string) (dir string, err error) {
	scratch, err := s.host.Scratch()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(key))
	if dir, err = tempdir.Within(scratch, "code-"+hex.EncodeToString(sum[:8])+"-"); err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	if err := os.Chmod(dir, 0o755); err != nil { // a function's code is no secret
		return "", err
	}
	root, err := os.OpenRoot(filepath.Clean(dir))
	if err != nil {
		return "", err
	}
	for _, id := range ids {
		if err := s.unpack(root, id); err != nil {
			return "", errors.Join(err, root.Close())
		}
	}
	return dir, root.Close()
}
