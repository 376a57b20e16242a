// Package tempdir makes folders for files that need not be kept, below the system's
// folder for temporary files. A process that is killed leaves its folders behind; the
// next that makes one removes them. What tells the folders of the living from those
// of the dead is a lock on a file beside each, which the kernel drops when its
// process dies.
package tempdir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/pipelab/pipelab/internal/filelock"
	"github.com/pipelab/pipelab/internal/rmtree"
)

// Names of folders, "pipelab-KIND-" and random digits, and of their locks.
const (
	prefix = "pipelab-"
	suffix = ".lock"
)

// Dir is a folder of this process. Make one with New.
type Dir struct {
	path string
	lock *os.File
	once sync.Once
	err  error
}

// New makes an empty folder that only this user can enter, and removes those that
// dead processes have left. kind stands in its name.
func New(kind string) (*Dir, error) {
	sweep(os.TempDir())
	for {
		f, err := os.CreateTemp("", prefix+kind+"-*"+suffix)
		if err != nil {
			return nil, err
		}
		if err := f.Close(); err != nil {
			return nil, errors.Join(err, os.Remove(f.Name()))
		}
		d := &Dir{path: strings.TrimSuffix(f.Name(), suffix)}
		if d.lock, err = filelock.Try(f.Name()); err != nil {
			continue // another process took it for one that was left
		}
		if !d.locked() {
			_ = d.lock.Close() // as above; it has removed it
			continue
		}
		if err := os.Mkdir(d.path, 0o700); err != nil {
			return nil, errors.Join(err, d.unlock())
		}
		return d, nil
	}
}

// Path is where the folder is.
func (d *Dir) Path() string { return d.path }

// Remove removes the folder with all that is in it, whatever has become of its
// rights. It may be called more than once; a nil Dir has nothing to remove.
func (d *Dir) Remove() error {
	if d == nil {
		return nil
	}
	d.once.Do(func() {
		if d.err = rmtree.RemoveAll(d.path); d.err != nil {
			d.err = errors.Join(d.err, d.lock.Close()) // for the next process
			return
		}
		d.err = d.unlock()
	})
	return d.err
}

// locked reports whether the lock is still the file of its name: another process may
// have removed that between its making and its locking.
func (d *Dir) locked() bool {
	ours, err := d.lock.Stat()
	there, e := os.Lstat(d.path + suffix)
	return err == nil && e == nil && os.SameFile(ours, there)
}

// unlock removes the lock, while it is held where the system lets that.
func (d *Dir) unlock() error {
	name := d.lock.Name()
	err := os.Remove(name)
	if e := d.lock.Close(); err != nil { // Windows removes no file that is open
		err = os.Remove(name)
		if errors.Is(err, fs.ErrNotExist) {
			err = nil // another process was faster
		}
		return errors.Join(err, e)
	}
	return nil
}

// sweep removes what dead processes have left in a folder. What cannot be removed is
// another user's, or tried again the next time.
func sweep(in string) {
	locks, _ := filepath.Glob(filepath.Join(in, prefix+"*"+suffix)) // the pattern is well formed
	for _, name := range locks {
		if info, err := os.Lstat(name); err != nil || !info.Mode().IsRegular() {
			continue // whoever made that, it was not this package
		}
		lock, err := filelock.Try(name)
		if err != nil {
			continue // of a process that lives, or of another user
		}
		d := &Dir{path: strings.TrimSuffix(name, suffix), lock: lock}
		if !d.locked() {
			_ = lock.Close() // somebody else is at it
			continue
		}
		_ = d.Remove()
	}
}
