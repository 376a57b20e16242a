// Package workspace is a learner's copy of a lab: the folder they work in and
// what PipeLab keeps about it in .pipelab (which lab, which emulator, attempts,
// hints taken). It starts nothing and judges nothing.
package workspace

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pipelab/pipelab/internal/digest"
	"github.com/pipelab/pipelab/internal/version"
)

// StateDir is the folder inside a workspace that belongs to PipeLab.
const StateDir = ".pipelab"

// ErrNone is returned by Find when no folder upwards is a workspace.
var ErrNone = errors.New("this folder is not a lab workspace")

// Meta is what workspace.json holds.
type Meta struct {
	Version int    `json:"version"`
	Lab     string `json:"lab"`
	// ID and Path tell a folder from its copies; see Settle.
	ID       string `json:"id,omitempty"`
	Path     string `json:"path,omitempty"`
	Emulator string `json:"emulator"`          // embedded, localstack, ministack or the URL of one that runs
	RealAWS  bool   `json:"realAws,omitempty"` // the learner knows that the URL looks like the real AWS
	// of the learner's data; checks draw a new one unless told otherwise
	Seed    uint64         `json:"seed"`
	Created time.Time      `json:"created"`
	Source  string         `json:"source,omitempty"` // folder of a lab that is not built in
	Hints   map[string]int `json:"hints,omitempty"`  // check id -> hints shown
	// Digest of the files that were deployed last; empty when nothing is
	Deployed string `json:"deployed,omitempty"`
	Solved   bool   `json:"solved,omitempty"` // the reference solution was copied in
	Stack    string `json:"stack"`            // name of the learner's CloudFormation stack
	// Edition is the lab as the workspace knows it; nil until that is found out. Of its
	// resources it has those that were provided last.
	Edition *Edition `json:"edition,omitempty"`
	// Told is the digest of the lab's resources of which the learner was told last.
	Told string `json:"told,omitempty"`
}

// embedded is the word for the emulator that is part of this program.
const embedded = "embedded"

// Embedded reports whether the workspace uses the embedded emulator.
func (w *Workspace) Embedded() bool { return w.Meta.Emulator == "" || w.Meta.Emulator == embedded }

// LabName is what its lab is called on the command line: an id of the catalogue, or a
// folder.
func (w *Workspace) LabName() string {
	if w.Meta.Source != "" {
		return w.Meta.Source
	}
	return w.Meta.Lab
}

// Workspace is one such folder.
type Workspace struct {
	Root string // absolute
	Meta Meta
}

// Find returns the workspace that dir lies in, looking upwards.
func Find(dir string) (*Workspace, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	for d := abs; ; d = filepath.Dir(d) {
		w := &Workspace{Root: d}
		b, err := os.ReadFile(w.Path("workspace.json"))
		switch {
		case err == nil:
			if err := json.Unmarshal(b, &w.Meta); err != nil {
				return nil, &DamagedError{w.Path("workspace.json"), err}
			}
			if w.Meta.Version > version.Workspace {
				return nil, fmt.Errorf("%s was made by a newer pipelab (format %d, this one reads up to %d)", d, w.Meta.Version,
					version.Workspace)
			}
			return w, nil
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		case d == filepath.Dir(d):
			return nil, ErrNone
		}
	}
}

// File is one file of a workspace beside a tree.
type File struct {
	Name    string
	Content []byte
}

// Create makes root a workspace of the lab and copies files into it. A folder
// that already holds one of the files is refused before anything is written.
func Create(root string, meta Meta, files fs.FS, more ...File) (*Workspace, error) {
	abs, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	w := &Workspace{Root: abs, Meta: meta}
	w.Meta.Version, w.Meta.ID, w.Meta.Path = version.Workspace, newID(), abs
	if _, err := os.Stat(w.Path("workspace.json")); err == nil {
		return nil, fmt.Errorf("%s is a workspace already", abs)
	}
	if err := w.refuseOverwrite(files, more); err != nil {
		return nil, err
	}
	_, err = os.Lstat(abs)
	fresh := errors.Is(err, fs.ErrNotExist)
	if err := w.fill(files, more); err != nil {
		w.empty(fresh, files, more)
		return nil, err
	}
	return w, nil
}

func (w *Workspace) fill(files fs.FS, more []File) error {
	if err := os.MkdirAll(w.Path(), 0o700); err != nil {
		return err
	}
	if err := CopyTree(w.Root, files, false); err != nil {
		return err
	}
	for _, f := range more {
		if err := os.WriteFile(filepath.Join(w.Root, f.Name), f.Content,
			0o644); err != nil { // text for everybody
			return err
		}
	}
	if err := w.hide(); err != nil {
		return err
	}
	return w.save()
}

// empty takes back what fill has written before it failed, say because the disk
// is full: the same command must find the place as it was. None of the files was
// there before.
func (w *Workspace) empty(fresh bool, files fs.FS, more []File) {
	if fresh {
		_ = os.RemoveAll(w.Root) // why fill failed is what matters
		return
	}
	_ = os.RemoveAll(w.Path())
	for _, f := range more {
		_ = os.Remove(filepath.Join(w.Root, f.Name))
	}
	_ = fs.WalkDir(files, ".", func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			_ = os.Remove(filepath.Join(w.Root, filepath.FromSlash(Target(p))))
		}
		return nil
	})
}

// TakenError is returned by Create for a folder that holds files of the lab's names.
type TakenError struct {
	Root  string
	Files []string
}

// Error names them.
func (e *TakenError) Error() string {
	return fmt.Sprintf("%s holds %s already; nothing was written", e.Root, strings.Join(e.Files, ", "))
}

func (w *Workspace) refuseOverwrite(files fs.FS, more []File) error {
	var there []string
	err := fs.WalkDir(files, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if w.has(Target(p)) {
			there = append(there, Target(p))
		}
		return nil
	})
	for _, f := range more {
		if w.has(f.Name) {
			there = append(there, f.Name)
		}
	}
	if err != nil || len(there) == 0 {
		return err
	}
	return &TakenError{Root: w.Root, Files: there}
}

// has reports whether there is something of that name.
func (w *Workspace) has(name string) bool {
	_, err := os.Lstat(filepath.Join(w.Root, filepath.FromSlash(name)))
	return err == nil
}

// Target is the name that a stored file gets in a workspace: embedding drops
// folders with a go.mod, so a lab stores it under another name.
func Target(p string) string {
	if p == "go.mod.txt" || strings.HasSuffix(p, "/go.mod.txt") {
		return strings.TrimSuffix(p, ".txt")
	}
	return p
}

// CopyTree writes the files of tree below root. Existing files are replaced
// only with overwrite; programs and scripts become executable.
func CopyTree(root string, tree fs.FS, overwrite bool) error {
	return fs.WalkDir(tree, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		dst := filepath.Join(root, filepath.FromSlash(Target(p)))
		if d.IsDir() {
			return os.MkdirAll(dst, 0o755)
		}
		b, err := fs.ReadFile(tree, p)
		if err != nil {
			return err
		}
		return write(dst, b, overwrite)
	})
}

// write writes one file; programs and scripts become executable.
func write(dst string, b []byte, overwrite bool) error {
	mode := fs.FileMode(0o644)
	if strings.HasPrefix(string(b), "#!") {
		mode = 0o755
	}
	flags := os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	if !overwrite {
		flags = os.O_WRONLY | os.O_CREATE | os.O_EXCL
	}
	f, err := os.OpenFile(dst, flags, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Close())
}

// Outputs are what the stacks of a workspace said about themselves.
type Outputs struct {
	Provided map[string]string `json:"provided,omitempty"` // of the lab's own resources; nil before they exist
	All      map[string]string `json:"all,omitempty"`      // those and the learner's
}

// Outputs reads the outputs of the last deployment; empty before one.
func (w *Workspace) Outputs() (o Outputs, err error) {
	b, err := os.ReadFile(w.Path("outputs.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return Outputs{}, nil
	}
	if err != nil {
		return Outputs{}, err
	}
	if err := json.Unmarshal(b, &o); err != nil {
		return Outputs{}, &DamagedError{w.Path("outputs.json"), err}
	}
	return o, nil
}

// DamagedError is a file of the workspace's own that is not as it was written.
type DamagedError struct {
	File string
	Err  error
}

func (e *DamagedError) Error() string { return fmt.Sprintf("%s is damaged: %v", e.File, e.Err) }

// Unwrap returns what is wrong with it.
func (e *DamagedError) Unwrap() error { return e.Err }

// SaveOutputs writes them.
func (w *Workspace) SaveOutputs(o Outputs) error { return writeJSON(w.Path("outputs.json"), o) }

// Digest is a hash over names, contents and what can be executed of all files
// of the workspace that are the learner's.
func (w *Workspace) Digest() (string, error) {
	files, err := digest.Files(os.DirFS(w.Root), Ignored)
	return digest.Of(files), err
}

// Ignored tells whether a folder of a workspace holds nothing that a learner
// wrote: PipeLab's own, version control, caches of interpreters.
func Ignored(folder string) bool {
	switch folder {
	case StateDir, ".git", "__pycache__", "node_modules", ".venv", ".pytest_cache":
		return true
	}
	return false
}

// Path joins parts below the workspace's state folder.
func (w *Workspace) Path(parts ...string) string {
	return filepath.Join(append([]string{w.Root, StateDir}, parts...)...)
}

// Update changes workspace.json, and Meta with it: what other commands have written
// there meanwhile stays.
func (w *Workspace) Update(change func(*Meta)) error {
	lock, err := w.lock()
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := w.Reload(); err != nil {
		return err
	}
	change(&w.Meta)
	return w.save()
}

// Reload reads workspace.json again.
func (w *Workspace) Reload() error {
	b, err := os.ReadFile(w.Path("workspace.json"))
	if err != nil {
		return err
	}
	var m Meta
	if err := json.Unmarshal(b, &m); err != nil {
		return fmt.Errorf("read %s: %w", w.Path("workspace.json"), err)
	}
	w.Meta = m
	return nil
}

// save writes workspace.json.
func (w *Workspace) save() error { return writeJSON(w.Path("workspace.json"), w.Meta) }

// writeJSON replaces a file in one step, so that a crash leaves the old or the
// new content and never half of it.
func writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".tmp-*")
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), path)
}

// WriteJSON replaces a file below the state folder in one step.
func (*Workspace) WriteJSON(path string, v any) error { return writeJSON(path, v) }

// WriteJSON replaces a file in one step, and makes its folder if need be.
func WriteJSON(path string, v any) error { return writeJSON(path, v) }
