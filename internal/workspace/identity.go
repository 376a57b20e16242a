package workspace

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/pipelab/pipelab/internal/filelock"
)

// newID is a number that no other workspace has.
func newID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails
	return hex.EncodeToString(b[:])
}

// lock keeps others from workspace.json until it is closed. A file system without
// locks has none.
func (w *Workspace) lock() (*os.File, error) {
	f, err := filelock.Take(w.Path("meta.lock"))
	if errors.Is(err, syscall.ENOTSUP) || errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.ENOLCK) {
		return os.Open(w.Path())
	}
	return f, err
}

// Settled is what Settle has found out about a folder.
type Settled struct {
	// Original is the workspace of which this folder is a copy, which it was until now.
	Original string
	// Unhidden says that version control may hold what is in the state folder: it had
	// nothing that hides it.
	Unhidden bool
}

// Settle makes a workspace known to be in its folder. A folder that was copied, or
// cloned with its state, has the original's state, with the way to the original's
// emulator and its token: it gets an identity of its own and forgets both, so that
// nothing that is done in it touches the original. One that was moved stays what it
// was. Where nothing can be written nothing is: then nothing is started there either.
func (w *Workspace) Settle() (s Settled, err error) {
	if s.Unhidden, err = w.mend(); err == nil && !w.here() {
		s.Original, err = w.bind()
	}
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		err = nil
	}
	return s, err
}

// mend hides the state folder from version control, as newer workspaces do from the
// beginning.
func (w *Workspace) mend() (done bool, err error) {
	if _, err := os.Lstat(w.Path(".gitignore")); !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	return true, w.hide()
}

// hide keeps version control from the state folder, which holds the token that
// commands the emulator.
func (w *Workspace) hide() error {
	return os.WriteFile(w.Path(".gitignore"), []byte("*\n"), 0o600)
}

// here reports whether the folder is the one that the workspace was last seen in,
// perhaps by another name.
func (w *Workspace) here() bool {
	return w.Meta.ID != "" && (w.Meta.Path == w.Root || same(w.Meta.Path, w.Root))
}

// same reports whether two paths lead to one folder.
func same(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// bind writes down where the workspace is, and says of which one it is a copy.
func (w *Workspace) bind() (original string, err error) {
	lock, err := w.lock()
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := w.Reload(); err != nil || w.here() {
		return "", err // another command was faster
	}
	if w.Meta.ID != "" && idAt(w.Meta.Path) == w.Meta.ID {
		original = w.Meta.Path
		// Killed in between, it is a copy still.
		if err := w.forgetEmulator(); err != nil {
			return "", err
		}
		w.Meta.ID, w.Meta.Deployed = newID(), ""
	}
	if w.Meta.ID == "" {
		w.Meta.ID = newID()
	}
	w.Meta.Path = w.Root
	return original, w.save()
}

// forgetEmulator removes what belongs to a running emulator, and its state: a copy
// that was taken while it ran need not be whole.
func (w *Workspace) forgetEmulator() error {
	return errors.Join(w.ForgetDaemon(), os.RemoveAll(w.Path("stacks")), w.SaveOutputs(Outputs{}),
		os.RemoveAll(w.Path("state")), os.RemoveAll(w.Path("emulator.log")))
}

// idAt is the identity of the workspace in a folder, "" if there is none.
func idAt(root string) string {
	var m Meta
	b, err := os.ReadFile(filepath.Join(root, StateDir, "workspace.json"))
	if err != nil || json.Unmarshal(b, &m) != nil {
		return ""
	}
	return m.ID
}

// StartedHere reports whether a daemon was started for this folder under the path
// that it has now, or another name of it.
func (w *Workspace) StartedHere(d Daemon) bool {
	return d.Dir == "" || d.Dir == w.Root || same(d.Dir, w.Root)
}
