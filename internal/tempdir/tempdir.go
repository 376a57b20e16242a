// Package tempdir makes folders for files that need not be kept, below the system's
// folder for temporary files. A process that is killed leaves its folders behind; the
// next that makes one removes them. What tells the folders of the living from those
// of the dead is a lock on a file beside each, which the kernel drops when its
// process dies.
package tempdir

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/pipelab/pipelab/internal/filelock"
	"github.com/pipelab/pipelab/internal/rmtree"
)

// Names of folders, "pipelab-KIND-" and random digits, and of their locks. All are of
// one length: what programs say of their folders is cut, and the digits taken out of
// it, where two runs of one program are to say the same.
const (
	prefix = "pipelab-"
	suffix = ".lock"
	digits = 10
)

// Dir is a folder of this process. Make one with New.
type Dir struct {
	path string
	lock *os.File
	once sync.Once
	err  error
}

// Sweep removes what dead processes have left, as New does.
func Sweep() { sweep(os.TempDir()) }

// New makes an empty folder that only this user can enter, and removes those that
// dead processes have left. kind stands in its name.
func New(kind string) (*Dir, error) {
	sweep(os.TempDir())
	for {
		name := filepath.Join(os.TempDir(), prefix+kind+"-"+chance()+suffix)
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
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

// Within makes an empty folder in another that only this user can enter. Its name has
// the same length whenever it begins in the same way.
func Within(parent, begins string) (path string, err error) {
	for {
		path = filepath.Join(parent, begins+chance())
		if err = os.Mkdir(path, 0o700); !errors.Is(err, fs.ErrExist) {
			return path, err
		}
	}
}

// chance is a number that nobody guesses, of as many digits as all are.
func chance() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails
	return fmt.Sprintf("%0*d", digits, binary.LittleEndian.Uint64(b[:])%1e10)
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
