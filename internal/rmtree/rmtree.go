// Package rmtree removes folders that programs of learners have worked in.
package rmtree

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// RemoveAll is os.RemoveAll for a folder in which a program may have taken its
// owner's rights to list, enter or change folders away: they are given back first.
// Links are not followed. The user root needs no rights and has nothing given back.
func RemoveAll(dir string) error {
	err := os.RemoveAll(dir)
	if err == nil || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	open(dir)
	return os.RemoveAll(dir)
}

// open gives the owner the rights to a folder and to those below. What cannot be
// changed is not ours, and RemoveAll says so.
func open(dir string) {
	info, err := os.Lstat(dir)
	if err != nil || !info.IsDir() {
		return
	}
	if info.Mode().Perm()&0o700 != 0o700 {
		_ = os.Chmod(dir, info.Mode().Perm()|0o700)
	}
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if e.IsDir() {
			open(filepath.Join(dir, e.Name()))
		}
	}
}
