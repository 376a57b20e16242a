package workspace

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pipelab/pipelab/internal/version"
)

// Adopted says what became of the lab's files in a folder that was adopted.
type Adopted struct {
	Written []string `json:"written"` // were missing
	Kept    []string `json:"kept"`    // were there, and are as they were
}

// Adopt makes a folder with somebody's own files a workspace of the lab: it writes
// the state folder and those of the lab's files that are missing, and changes none
// that is there. When it fails the folder is as it was before.
func Adopt(root string, meta Meta, files fs.FS, more ...File) (*Workspace, Adopted, error) {
	none := Adopted{Written: []string{}, Kept: []string{}}
	abs, err := filepath.Abs(root)
	if err != nil {
		return nil, none, err
	}
	w := &Workspace{Root: abs, Meta: meta}
	w.Meta.Version, w.Meta.ID, w.Meta.Path = version.Workspace, newID(), abs
	if w.has(filepath.Join(StateDir, "workspace.json")) {
		return nil, none, fmt.Errorf("%s is a workspace already", abs)
	}
	all, err := listed(files, more)
	if err != nil {
		return nil, none, err
	}
	a, before := none, w.has(StateDir)
	made, err := w.adopt(all, &a)
	if err == nil {
		return w, a, nil
	}
	for i := len(made) - 1; i >= 0; i-- {
		_ = os.Remove(made[i]) // why it failed is what matters
	}
	if !before {
		err = errors.Join(err, os.RemoveAll(w.Path()))
	}
	return nil, none, err
}

// listed are the files of a tree, by the names that they have in a workspace, and more.
func listed(tree fs.FS, more []File) (all []File, err error) {
	err = fs.WalkDir(tree, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(tree, p)
		all = append(all, File{Name: Target(p), Content: b})
		return err
	})
	return append(all, more...), err
}

// adopt writes what is missing, and returns the files and folders that it has made,
// also when it fails.
func (w *Workspace) adopt(all []File, a *Adopted) (made []string, err error) {
	for _, f := range all {
		if w.has(f.Name) {
			a.Kept = append(a.Kept, f.Name)
			continue
		}
		path := filepath.Join(w.Root, filepath.FromSlash(f.Name))
		folders, err := folder(filepath.Dir(path))
		made = append(made, folders...)
		if err != nil {
			return made, err
		}
		err = write(path, f.Content, false)
		if !errors.Is(err, fs.ErrExist) {
			made = append(made, path)
		}
		if err != nil {
			return made, err
		}
		a.Written = append(a.Written, f.Name)
	}
	if err := os.MkdirAll(w.Path(), 0o700); err != nil {
		return made, err
	}
	if err := w.hide(); err != nil {
		return made, err
	}
	return made, w.save()
}

// folder makes a folder, and returns those that were missing on the way to it.
func folder(path string) (made []string, err error) {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if made, err = folder(filepath.Dir(path)); err != nil {
		return made, err
	}
	if err := os.Mkdir(path, 0o755); err != nil {
		return made, err
	}
	return append(made, path), nil
}
