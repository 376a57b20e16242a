package seal

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"time"

	"github.com/pipelab/pipelab/internal/version"
)

// The two files that make a tree of files a signed bundle.
const (
	ListFile      = "bundle.json"
	SignatureFile = "bundle.sig"
)

// list is bundle.json: every file of the bundle but the two.
type list struct {
	Version int               `json:"version"` // version.Bundle
	Signer  string            `json:"signer"`
	Packed  time.Time         `json:"packed,omitzero"`
	Files   map[string]string `json:"files"` // path with slashes -> SHA-256, hexadecimal
}

// SignBundle adds the list of files, with the time when it was made, and its
// signature. The same files, keys and time give the same bundle.
func (k *Keys) SignBundle(files map[string][]byte, packed time.Time) error {
	l := list{Version: version.Bundle, Signer: k.Signer(), Packed: packed.UTC(), Files: map[string]string{}}
	for name, b := range files {
		if !fs.ValidPath(name) || name == ListFile || name == SignatureFile {
			return fmt.Errorf("%q cannot be part of a bundle", name)
		}
		l.Files[name] = sum(b)
	}
	text, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return err
	}
	files[ListFile], files[SignatureFile] = text, []byte(k.Sign(text)+"\n")
	return nil
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// Signed is what a signature says beside the files.
type Signed struct {
	Signer string
	Packed time.Time // zero for a bundle of a release that did not tell
}

// VerifyBundle says whether a tree is a bundle as it was signed: every file that
// is listed, unchanged, and no other. It returns who signed, and when; whether that
// is whom the reader trusts, and the newest, is the reader's to say.
func VerifyBundle(tree fs.FS) (s Signed, err error) {
	text, err := fs.ReadFile(tree, ListFile)
	if errors.Is(err, fs.ErrNotExist) {
		return s, fmt.Errorf("there is no %s: this is no packed assignment", ListFile)
	}
	if err != nil {
		return s, err
	}
	var l list
	if err := json.Unmarshal(text, &l); err != nil {
		return s, fmt.Errorf("%s: %w", ListFile, err)
	}
	if l.Version != version.Bundle {
		return s, fmt.Errorf("%s has version %d; this pipelab reads %d", ListFile, l.Version, version.Bundle)
	}
	signature, err := fs.ReadFile(tree, SignatureFile)
	if err != nil {
		return s, fmt.Errorf("%s is not signed: %w", ListFile, err)
	}
	if err := Verify(l.Signer, string(signature), text); err != nil {
		return s, err
	}
	left := maps.Clone(l.Files)
	err = fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || name == ListFile || name == SignatureFile {
			return err
		}
		want, listed := left[name]
		if !listed {
			return fmt.Errorf("%s was added after signing", name)
		}
		b, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		if sum(b) != want {
			return fmt.Errorf("%s was changed after signing", name)
		}
		delete(left, name)
		return nil
	})
	if err != nil {
		return s, err
	}
	for _, name := range slices.Sorted(maps.Keys(left)) {
		return s, fmt.Errorf("%s is missing", name)
	}
	return Signed{l.Signer, l.Packed}, nil
}

// Pack writes a tree as one stream of bytes, the same for the same files.
func Pack(tree fs.FS) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(b)),
			Format: tar.FormatPAX}); err != nil {
			return err
		}
		_, err = w.Write(b)
		return err
	})
	return out.Bytes(), errors.Join(err, w.Close())
}

// unpackLimit bounds what Unpack takes, in bytes: far more than hidden checks
// need.
const unpackLimit = 64 << 20

// Unpack is the reverse of Pack, in memory.
func Unpack(b []byte) (map[string][]byte, error) {
	out := map[string][]byte{}
	r, total := tar.NewReader(bytes.NewReader(b)), int64(0)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("what was sealed is damaged: %w", err)
		}
		total += h.Size
		if h.Typeflag != tar.TypeReg || !fs.ValidPath(path.Clean(h.Name)) || total > unpackLimit {
			return nil, fmt.Errorf("what was sealed holds %q, which does not belong there", h.Name)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			return nil, fmt.Errorf("what was sealed is damaged: %w", err)
		}
		out[path.Clean(h.Name)] = body
	}
}
