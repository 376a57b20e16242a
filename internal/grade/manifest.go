package grade

import (
	"bytes"
	"context"
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

	"github.com/pipelab/pipelab/internal/archive"
	"github.com/pipelab/pipelab/internal/deploy"
	"github.com/pipelab/pipelab/internal/digest"
	"github.com/pipelab/pipelab/internal/foreign"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/tempdir"
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

// LeftOut is a file that does not go into a submission.
type LeftOut struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// NewManifest lists the files of a folder as a submission has them, and what is left
// out since no archive with it would be opened; the rest of the manifest is the
// caller's. Of names that are one on some system those that a lab is made of go first.
func NewManifest(dir string, l *lab.Folder) (*Manifest, []LeftOut, error) {
	files, err := digest.Files(os.DirFS(dir), caches)
	if err != nil {
		return nil, nil, err
	}
	wanted := append(deploy.Files(), expected(l)...)
	slices.SortStableFunc(files, func(a, b digest.File) int {
		return last(!slices.Contains(wanted, a.Name), !slices.Contains(wanted, b.Name))
	})
	m, left := &Manifest{Version: version.Manifest, Files: map[string]string{}}, []LeftOut{}
	var names archive.Names
	for _, f := range files {
		if noWork(f.Name) {
			continue
		}
		if f.Link {
			left = append(left, LeftOut{f.Name, "it is a link"})
			continue
		}
		if _, err := names.Take(f.Name, false); err != nil {
			left = append(left, LeftOut{f.Name, archive.Reason(err)})
			continue
		}
		m.Files[f.Name] = f.Sum
	}
	return m, left, nil
}

// Packs reports whether grading would open an archive as a submission for a lab; the
// error says why not.
func Packs(ctx context.Context, file string, l *lab.Folder) error {
	work, err := tempdir.New("submit")
	if err != nil {
		return err
	}
	defer work.Remove()
	return archive.Open(ctx, file, filepath.Join(work.Path(), "opened"), archive.Limits{Keep: tops(l)})
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
	b, err := foreign.Text(b)
	if err != nil {
		return nil, fmt.Errorf("%s is no manifest: %w", ManifestFile, err)
	}
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
	maps.DeleteFunc(left, func(name, _ string) bool { // those are left out of any submission
		return noWork(name) || portable(name) != nil
	})
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
	return slices.DeleteFunc(files, func(f digest.File) bool { return f.Link || f.Odd || noWork(f.Name) }), err
}

// noWork tells whether a file is PipeLab's or the system's, and no work of a learner.
func noWork(name string) bool { return name == ManifestFile || archive.Surplus(name) }

// portable says why a name cannot be that of a file in a submission.
func portable(name string) error {
	var alone archive.Names
	_, err := alone.Take(name, false)
	return err
}
