package grade

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// ManifestFile is the name of a manifest in the root of a submission.
const ManifestFile = "pipelab-submission.json"

// manifestVersion is the newest form of a manifest that this program reads, and
// the one that it writes.
const manifestVersion = 1

// Manifest says what a submission is. The learner's own machine wrote it, so
// it is a claim: it helps to find out whose the submission is, and decides
// nothing about the grade.
type Manifest struct {
	Version   int               `json:"version"`
	Learner   string            `json:"learner"`
	Lab       string            `json:"lab"`
	LabDigest string            `json:"labDigest,omitempty"`
	Tool      string            `json:"tool,omitempty"`
	Submitted time.Time         `json:"submitted,omitzero"`
	Files     map[string]string `json:"files"` // path with slashes -> SHA-256, hexadecimal
}

// NewManifest lists the files of a folder as a submission has them; the rest of
// the manifest is the caller's.
func NewManifest(dir string) (*Manifest, error) {
	files, err := listFiles(dir)
	if err != nil {
		return nil, err
	}
	m := &Manifest{Version: manifestVersion, Files: map[string]string{}}
	for _, f := range files {
		m.Files[f.name] = f.sum
	}
	return m, nil
}

// ReadManifest reads a folder's manifest; nil without an error when it has
// none. One that cannot be read is an error that says why.
func ReadManifest(dir string) (*Manifest, error) {
	b, err := os.ReadFile(filepath.Join(dir, ManifestFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var m Manifest
	d := json.NewDecoder(bytes.NewReader(b))
	if err := d.Decode(&m); err != nil {
		return nil, fmt.Errorf("%s is no manifest: %w", ManifestFile, err)
	}
	if m.Version < 1 || m.Version > manifestVersion {
		return nil, fmt.Errorf("%s has version %d; this pipelab reads up to %d", ManifestFile, m.Version, manifestVersion)
	}
	return &m, nil
}

// WriteManifest writes the manifest into a folder.
func WriteManifest(dir string, m *Manifest) error {
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, ManifestFile), append(b, '\n'), 0o644) //nolint:gosec // everybody may read what is handed in
}

// Verify compares the manifest with the folder and says what differs, in one
// sentence; "" when all is as it was written down.
func (m *Manifest) Verify(dir string) (string, error) {
	files, err := listFiles(dir)
	if err != nil {
		return "", err
	}
	var changed, added []string
	left := maps.Clone(m.Files)
	for _, f := range files {
		sum, ok := left[f.name]
		switch {
		case !ok:
			added = append(added, f.name)
		case !strings.EqualFold(sum, f.sum):
			changed = append(changed, f.name)
		}
		delete(left, f.name)
	}
	var parts []string
	for _, p := range []struct {
		what  string
		names []string
	}{{"changed", changed}, {"added", added}, {"missing", slices.Sorted(maps.Keys(left))}} {
		if len(p.names) > 0 {
			parts = append(parts, p.what+": "+few(p.names))
		}
	}
	if len(parts) == 0 {
		return "", nil
	}
	return "not the files that its manifest lists (" + strings.Join(parts, "; ") + ")", nil
}

// few shows the first names of a list.
func few(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// file is one file of a submission.
type file struct {
	name string // with slashes, relative
	sum  string // SHA-256, hexadecimal
	runs bool   // it can be executed
}

// listFiles lists the regular files of a submission, sorted: not what PipeLab,
// version control or interpreters keep there, and not the manifest itself.
func listFiles(dir string) ([]file, error) {
	var out []file
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if p != dir && caches(d.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil || !d.Type().IsRegular() || rel == ManifestFile {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		sum, err := sumFile(p)
		out = append(out, file{name: filepath.ToSlash(rel), sum: sum, runs: info.Mode()&0o111 != 0})
		return err
	})
	slices.SortFunc(out, func(a, b file) int { return strings.Compare(a.name, b.name) })
	return out, err
}

func sumFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), err
}

// digestFiles is one digest over names, contents and what can be executed.
func digestFiles(files []file) string {
	h := sha256.New()
	for _, f := range files {
		fmt.Fprintf(h, "%q %s %t\n", f.name, f.sum, f.runs)
	}
	return hex.EncodeToString(h.Sum(nil))
}
