package grade

import (
	"bytes"
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

	"github.com/pipelab/pipelab/internal/digest"
	"github.com/pipelab/pipelab/internal/version"
)

// ManifestFile is the name of a manifest in the root of a submission.
const ManifestFile = "pipelab-submission.json"

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
	m := &Manifest{Version: version.Manifest, Files: map[string]string{}}
	for _, f := range files {
		m.Files[f.Name] = f.Sum
	}
	return m, nil
}

// ReadManifest reads a folder's manifest; nil without an error when it has
// none. One that cannot be read is an error that says why.
func ReadManifest(dir string) (*Manifest, error) {
	b, err := readClaim(dir, ManifestFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parseManifest(b)
}

func parseManifest(b []byte) (*Manifest, error) {
	var m Manifest
	d := json.NewDecoder(bytes.NewReader(b))
	if err := d.Decode(&m); err != nil {
		return nil, fmt.Errorf("%s is no manifest: %w", ManifestFile, err)
	}
	if m.Version < 1 || m.Version > version.Manifest {
		return nil, fmt.Errorf("%s has version %d; this pipelab reads up to %d", ManifestFile, m.Version, version.Manifest)
	}
	return &m, nil
}

// mostClaim bounds what a learner's machine says about a submission, in bytes: a list of
// 10,000 files has 2 MiB. As values, JSON takes twenty times as much.
const mostClaim = 4 << 20

// readClaim reads one of the files that say what a submission is.
func readClaim(dir, name string) ([]byte, error) {
	f, err := os.Open(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, mostClaim+1))
	if err == nil && len(b) > mostClaim {
		err = &badSubmission{fmt.Sprintf("%s has more than %d MiB", name, mostClaim>>20)}
	}
	return b, err
}

// WriteManifest writes the manifest into a folder.
func WriteManifest(dir string, m *Manifest) error {
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, ManifestFile), append(b, '\n'),
		0o644) // everybody may read what is handed in
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
		sum, ok := left[f.Name]
		switch {
		case !ok:
			added = append(added, f.Name)
		case !strings.EqualFold(sum, f.Sum):
			changed = append(changed, f.Name)
		}
		delete(left, f.Name)
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

// listFiles lists the regular files of a submission: not what PipeLab, version
// control or interpreters keep there, and not the manifest itself.
func listFiles(dir string) ([]digest.File, error) {
	files, err := digest.Files(os.DirFS(dir), caches)
	return slices.DeleteFunc(files, func(f digest.File) bool { return f.Link || f.Name == ManifestFile }), err
}
