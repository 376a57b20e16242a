package workspace

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pipelab/pipelab/internal/digest"
	"github.com/pipelab/pipelab/internal/lab"
)

// readme is the lab's text, in its folder and in workspaces.
const readme = "README.md"

// Edition tells one state of a lab from another, part by part: digests of what a
// workspace was begun with.
type Edition struct {
	Text      string            `json:"text"`
	Starter   string            `json:"starter"`
	Resources string            `json:"resources"`
	Checks    map[string]string `json:"checks"` // by id
	// Rest is what checks share: probes, data, programs, queries.
	Rest string `json:"rest"`
}

// EditionOf is that of a lab. Checks that learners do not see are no part of it.
func EditionOf(l *lab.Folder) (*Edition, error) {
	e := &Edition{Checks: map[string]string{}}
	var err error
	if e.Text, err = fileSum(l.FS, readme); err != nil {
		return nil, err
	}
	if e.Resources, err = fileSum(l.FS, "resources.yaml"); err != nil {
		return nil, err
	}
	if starter, err := fs.Sub(l.FS, "starter"); err == nil {
		files, err := digest.Files(starter, func(string) bool { return false })
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for i := range files {
			files[i].Runs = false // an embedded file has no rights
		}
		e.Starter = digest.Of(files)
	}
	for _, c := range l.Checks {
		if l.Hidden[c.ID] {
			continue
		}
		if e.Checks[c.ID], err = valueSum(c); err != nil {
			return nil, err
		}
	}
	e.Rest, err = valueSum([]any{l.Probes, l.Data, l.Programs, l.Queries, l.Capabilities})
	return e, err
}

// Since lists what is new compared with an earlier edition, in words; empty when
// nothing is.
func (e *Edition) Since(old *Edition) (parts []string) {
	if e.Text != old.Text {
		parts = append(parts, "its text")
	}
	if e.Starter != old.Starter {
		parts = append(parts, "the files that it starts with")
	}
	if e.Resources != old.Resources {
		parts = append(parts, "what it provides")
	}
	var fresh, changed, gone []string
	for _, id := range slices.Sorted(maps.Keys(e.Checks)) {
		was, there := old.Checks[id]
		switch {
		case !there:
			fresh = append(fresh, id)
		case was != e.Checks[id]:
			changed = append(changed, id)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(old.Checks)) {
		if _, there := e.Checks[id]; !there {
			gone = append(gone, id)
		}
	}
	for _, of := range []struct {
		word string
		ids  []string
	}{{"new", fresh}, {"changed", changed}, {"dropped", gone}} {
		if len(of.ids) > 0 {
			parts = append(parts, of.word+" checks: "+strings.Join(of.ids, ", "))
		}
	}
	if len(fresh)+len(changed)+len(gone) == 0 && e.Rest != old.Rest {
		parts = append(parts, "the data of its checks, or how they look")
	}
	return parts
}

// Renewal is what has become of a workspace whose lab is another since it was begun.
type Renewal struct {
	// Parts are what is new, in words; told once.
	Parts []string
	// Rewritten says that README.md is the lab's new text: the learner had not changed
	// the old one.
	Rewritten bool
	// Resources says that the emulated AWS has what the lab provided once; until the lab
	// provides anew.
	Resources bool
}

// Renew compares the workspace with its lab, and brings README.md up to date unless the
// learner has changed it. Of a workspace that knows no edition it is the beginning.
func (w *Workspace) Renew(l *lab.Folder) (r Renewal, err error) {
	now, err := EditionOf(l)
	if err != nil {
		return r, err
	}
	old := w.Meta.Edition
	if old == nil {
		return r, w.Update(func(m *Meta) { m.Edition = now })
	}
	r.Parts, r.Resources = now.Since(old), now.Resources != old.Resources
	if r.Resources && w.Meta.Told == now.Resources { // told before, and not done yet
		r.Parts = slices.DeleteFunc(r.Parts, func(p string) bool { return p == "what it provides" })
	}
	if len(r.Parts) == 0 {
		return r, nil
	}
	if now.Text != old.Text {
		if r.Rewritten, err = w.renewText(l, old.Text); err != nil {
			return r, err
		}
	}
	return r, w.Update(func(m *Meta) {
		m.Told = now.Resources
		kept := old.Resources
		m.Edition = now
		m.Edition.Resources = kept
	})
}

// renewText writes the lab's text, if the workspace has the old one as it was.
func (w *Workspace) renewText(l *lab.Folder, old string) (bool, error) {
	if has, err := fileSum(os.DirFS(w.Root), readme); err != nil || has != old {
		return false, err
	}
	text, err := fs.ReadFile(l.FS, readme)
	if err != nil {
		return false, err
	}
	return true, os.WriteFile(filepath.Join(w.Root, readme), text, 0o644) // text for everybody
}

// Provided writes down that the emulated AWS has what the lab provides now.
func (w *Workspace) Provided(l *lab.Folder) error {
	now, err := EditionOf(l)
	if err != nil || w.Meta.Edition != nil && w.Meta.Edition.Resources == now.Resources {
		return err
	}
	return w.Update(func(m *Meta) {
		if m.Edition == nil {
			m.Edition = now
		}
		m.Edition.Resources = now.Resources
	})
}

// fileSum is the digest of a file, of nothing where there is none.
func fileSum(in fs.FS, name string) (string, error) {
	b, err := fs.ReadFile(in, name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return sum(b), err
}

func valueSum(v any) (string, error) {
	b, err := json.Marshal(v)
	return sum(b), err
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:8])
}
