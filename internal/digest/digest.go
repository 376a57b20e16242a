// Package digest tells folders apart by what is in them.
package digest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// File is one file of a folder, or a link.
type File struct {
	Name string // with slashes, relative to the folder
	Sum  string // SHA-256 of what is in it, hexadecimal; of a link, of where it leads
	Runs bool   // it can be executed
	Link bool
	Odd  bool // its name is not UTF-8: it was not looked into, nor what is below it
}

// Files lists what is in a folder, in the order of names within each folder of
// it: files and links, which are not followed, hidden ones too. Folders for
// whose name skip answers true are left out with what is in them; the folder
// itself is not asked about. What goes away meanwhile is as if it had not been.
func Files(folder fs.FS, skip func(name string) bool) ([]File, error) {
	var out []File
	err := fs.WalkDir(folder, ".", func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && name != "." {
			return nil
		}
		if err != nil {
			return err
		}
		if !fs.ValidPath(name) { // which no fs.FS opens
			out = append(out, File{Name: name, Odd: true})
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			if name != "." && skip(d.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		f, err := one(folder, name, d)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case f != nil:
			out = append(out, *f)
		}
		return nil
	})
	return out, err
}

// one is nil for what is neither a file nor a link.
func one(folder fs.FS, name string, d fs.DirEntry) (*File, error) {
	if d.Type()&fs.ModeSymlink != 0 {
		to, err := fs.ReadLink(folder, name)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256([]byte(to))
		return &File{Name: name, Sum: hex.EncodeToString(sum[:]), Link: true}, nil
	}
	if !d.Type().IsRegular() {
		return nil, nil // a device, a pipe
	}
	info, err := d.Info()
	if err != nil {
		return nil, err
	}
	f, err := folder.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it is only read
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return &File{Name: name, Sum: hex.EncodeToString(h.Sum(nil)), Runs: info.Mode()&0o111 != 0}, nil
}

// Of is one digest over all that Files tell, 64 hexadecimal digits.
func Of(files []File) string {
	h := sha256.New()
	for _, f := range files {
		fmt.Fprintf(h, "%q %s %t", f.Name, f.Sum, f.Runs)
		if f.Link {
			fmt.Fprint(h, " link")
		}
		fmt.Fprintln(h)
	}
	return hex.EncodeToString(h.Sum(nil))
}
