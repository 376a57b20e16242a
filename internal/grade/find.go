package grade

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pipelab/pipelab/internal/deploy"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/workspace"
)

// Found is a submission where it lies; it has not been opened yet.
type Found struct {
	Source string // as it was named, or the path below that

	kind      kind
	path      string
	loose     map[string]string // for kindFiles: name in the submission -> path
	ref       string            // for kindRepository
	people    [][]claim         // one for each learner who handed it in together
	plain     string            // the name that people was read from, when no system made it
	submitted time.Time         // as the platform has recorded it
	committed time.Time         // as the commit of a repository says
	attempt   int
	late      bool
	marks     bool     // its platform marks what is late, and so what is not
	group     string   // of files that are one submission; "" for none
	skip      []string // folders that are not the submission's
	refused   string   // why it is not opened at all; "" when it may be
}

type kind int

const (
	kindFolder kind = iota
	kindArchive
	kindRepository
	kindFiles
	kindOther // nothing that could be opened
)

// FindOptions say where to look.
type FindOptions struct {
	Dir   string   // that paths are relative to
	Paths []string // submissions, or folders of them
	Ref   string   // for git repositories; HEAD when empty
	// Labs are those that are graded. What they give to learners tells a folder
	// that is one submission from a folder of them.
	Labs []*lab.Folder
	// Skip are folders that hold no submissions, such as where grades are
	// written; absolute.
	Skip []string
	// Zone is where the clock of a platform stands that writes times without a zone into
	// names; nil is UTC.
	Zone *time.Location
	// Unpack is a folder of this run alone for downloads: a zip with the submissions of a
	// class. Without it each zip is one submission.
	Unpack string
}

type finder struct {
	FindOptions
	names *namingRules
	found []Found
}

// Find lists the submissions in the paths. An error means that a path is not
// there or cannot be read; what is wrong with one submission shows when it is
// opened.
func Find(ctx context.Context, o FindOptions) ([]Found, error) {
	f := &finder{FindOptions: o, names: newNamingRules(o.Zone)}
	for _, p := range o.Paths {
		full := p
		if !filepath.IsAbs(full) {
			full = filepath.Join(o.Dir, p)
		}
		full = filepath.Clean(full)
		info, err := os.Stat(full)
		if errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("there is no %s", p)
		}
		if err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		source := filepath.ToSlash(filepath.Clean(p))
		if f.Unpack != "" && strings.EqualFold(filepath.Ext(full), ".zip") && info.Mode().IsRegular() {
			ok, err := f.download(ctx, full, source)
			if err != nil {
				return nil, err
			}
			if ok {
				continue
			}
		}
		switch {
		case !info.IsDir() || f.single(full):
			name := filepath.Base(full)
			f.one(full, source, f.names.read(name, info.IsDir()), info.IsDir())
		default:
			err = f.class(full, source)
		}
		if err != nil {
			return nil, err
		}
	}
	return f.found, nil
}

// single tells whether a folder is one submission.
func (f *finder) single(dir string) bool {
	if marked(dir) || repository(dir) != "" {
		return true
	}
	if has(dir, metadataFile) {
		return false
	}
	if deploy.Deployable(dir) {
		return true
	}
	for _, l := range f.Labs {
		for _, p := range expected(l) {
			if has(dir, filepath.FromSlash(p)) {
				return true
			}
		}
	}
	return false
}

func has(dir, name string) bool {
	_, err := os.Lstat(filepath.Join(dir, name))
	return err == nil
}

// marked tells whether a folder says of itself that it is a submission.
func marked(dir string) bool {
	return has(dir, ManifestFile) || has(dir, filepath.Join(workspace.StateDir, "workspace.json"))
}

// class takes each entry of a folder for a submission.
func (f *finder) class(dir, source string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	meta, err := readGradescope(dir)
	if err != nil {
		return fmt.Errorf("%s: %w", source, err)
	}
	groups := map[string]int{} // group -> index in f.found
	for _, e := range entries {
		full, name := filepath.Join(dir, e.Name()), e.Name()
		if strings.HasPrefix(name, ".") || name == metadataFile || name == "__MACOSX" || slices.Contains(f.Skip, full) {
			continue
		}
		n := f.names.read(name, e.IsDir())
		below := source + "/" + name
		if source == "." {
			below = name
		}
		if !e.IsDir() && !e.Type().IsRegular() {
			f.refuse(full, below, n, notAFile)
			continue
		}
		if s, ok := meta[name]; ok {
			s.Source, s.path, s.kind = below, full, kindFolder
			f.found = append(f.found, s)
			continue
		}
		if n.group != "" && n.file != "" && !e.IsDir() && !isArchive(name) {
			i, ok := groups[n.group]
			if !ok {
				i = len(f.found)
				groups[n.group] = i
				f.found = append(f.found, Found{Source: below, kind: kindFiles, loose: map[string]string{},
					people: [][]claim{n.claims}, late: n.late, marks: n.marks, submitted: n.submitted, group: n.group})
			}
			if !n.receipt {
				f.found[i].loose[n.file] = full
			}
			continue
		}
		f.entry(full, below, n, e.IsDir())
	}
	f.receipts()
	return nil
}

// receipts drops what consists of the platform's own record of a submission and has
// files elsewhere: an archive that was handed in together with it.
func (f *finder) receipts() {
	elsewhere := map[string]bool{}
	for _, s := range f.found {
		if s.kind != kindFiles {
			elsewhere[s.group] = true
		}
	}
	f.found = slices.DeleteFunc(f.found, func(s Found) bool {
		return s.kind == kindFiles && len(s.loose) == 0 && elsewhere[s.group]
	})
}

// notAFile is said of what lies among submissions and is neither a file nor a
// folder. A link may lead to a neighbour's work, and a pipe is read for ever.
const notAFile = "it is a link or the like; hand in a file or a folder of its own"

// refuse adds what is not opened, and why: its owner's problem and nobody else's.
func (f *finder) refuse(full, source string, n named, why string) {
	f.one(full, source, n, false)
	f.found[len(f.found)-1].refused = why
}

// entry is one learner's: a submission, or a folder of their attempts.
func (f *finder) entry(full, source string, n named, folder bool) {
	if !folder || f.single(full) {
		f.one(full, source, n, folder)
		return
	}
	inner, err := attempts(full, f.names)
	if err != nil {
		f.refuse(full, source, n, fmt.Sprintf("it cannot be read: %v", errors.Unwrap(err)))
		return
	}
	if len(inner) == 0 {
		f.one(full, source, n, true)
		return
	}
	for _, e := range inner {
		m := n
		m.attempt = f.names.read(e.Name(), e.IsDir()).attempt
		f.one(filepath.Join(full, e.Name()), source+"/"+e.Name(), m, e.IsDir())
	}
}

// attempts are the entries of a learner's folder when that holds nothing but
// archives, or nothing but folders that are called attempts.
func attempts(dir string, names *namingRules) ([]fs.DirEntry, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []fs.DirEntry
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") || name == "__MACOSX" {
			continue
		}
		n := names.read(name, e.IsDir())
		if e.IsDir() && (n.attempt == 0 || len(n.claims) > 0) ||
			!e.IsDir() && (!isArchive(name) || !e.Type().IsRegular()) {
			return nil, nil
		}
		out = append(out, e)
	}
	return out, nil
}

// one adds a submission.
func (f *finder) one(full, source string, n named, folder bool) {
	s := Found{Source: source, path: full, skip: f.Skip, people: [][]claim{n.claims}, attempt: n.attempt, late: n.late,
		marks: n.marks, submitted: n.submitted, group: n.group}
	if n.group == "" {
		s.plain = strings.TrimSuffix(filepath.Base(full), ".git")
		if !folder {
			s.plain = stemOf(s.plain)
		}
	}
	switch git := repository(full); {
	case folder && git != "" && (f.Ref != "" || !marked(full)):
		s.kind, s.path, s.ref = kindRepository, git, f.Ref
		if s.ref == "" {
			s.ref = "HEAD"
		}
		s.claims(plainClaims(stemOf(filepath.Base(full))))
	case folder:
		s.kind = kindFolder
	case isArchive(full):
		s.kind = kindArchive
	default:
		s.kind = kindOther
	}
	f.found = append(f.found, s)
}

// Claim says whose the one submission is, for a system that knows: the keys are
// id, email and name. It counts for more than names of files.
func (s *Found) Claim(who map[string]string, submitted time.Time) {
	claims := []claim{{byID, who[byID]}, {byEmail, who[byEmail]}, {byName, who[byName]}}
	s.people, s.plain = [][]claim{slices.Concat(claims, s.people[0])}, ""
	if !submitted.IsZero() {
		s.submitted = submitted.UTC()
	}
}

// claims adds ways to tell whose it is, behind those known.
func (s *Found) claims(more []claim) {
	for _, c := range more {
		if !slices.Contains(s.people[0], c) {
			s.people[0] = append(s.people[0], c)
		}
	}
}
