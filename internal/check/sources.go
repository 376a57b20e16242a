package check

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pipelab/pipelab/internal/traceback"
)

// sources are the files of a workspace that exceptions may come from.
type sources struct {
	root  string
	files []string // with slashes, the nearest to the root first
}

// mostSources bounds how many files are looked through: a workspace may hold what
// package managers left.
const mostSources = 5000

// foreign are folders whose files are not the learner's.
func foreign(name string) bool {
	switch name {
	case "node_modules", "site-packages", "dist-packages", "__pycache__", "vendor":
		return true
	}
	return strings.HasPrefix(name, ".") && name != "."
}

// sources lists them once.
func (s *session) sources() *sources {
	if s.tree == nil {
		s.tree = &sources{root: s.o.Workspace}
		if s.o.Workspace == "" {
			return s.tree
		}
		seen := 0
		_ = fs.WalkDir(os.DirFS(s.o.Workspace), ".", func(name string, d fs.DirEntry, err error) error {
			seen++
			switch {
			case seen > mostSources:
				return fs.SkipAll
			case err != nil:
				return nil // what cannot be read is nobody's source
			case d.IsDir() && foreign(d.Name()):
				return fs.SkipDir
			case d.Type().IsRegular():
				s.tree.files = append(s.tree.files, name)
			}
			return nil
		})
		slices.SortStableFunc(s.tree.files, func(a, b string) int { return strings.Count(a, "/") - strings.Count(b, "/") })
	}
	return s.tree
}

// has reports whether a file or folder is there, or cannot be told from one; "" is.
func (s *sources) has(name string) bool {
	if name == "" || !filepath.IsLocal(name) {
		return true
	}
	_, err := os.Lstat(filepath.Join(s.root, filepath.FromSlash(name)))
	return !errors.Is(err, fs.ErrNotExist)
}

// place is the innermost frame that is in the workspace, and what stands there; both
// are empty when none is.
func (s *sources) place(frames []traceback.Frame) (where, line string) {
	for _, f := range slices.Backward(frames) {
		if name := s.find(f.File); name != "" {
			return fmt.Sprintf("%s:%d", name, f.Line), s.line(name, f.Line)
		}
	}
	return "", ""
}

// find is a file of the workspace by the name that it has where it runs: in place, in
// Lambda's folder for code, or relative to a folder in which it was compiled.
func (s *sources) find(file string) string {
	file = filepath.ToSlash(file)
	if path.IsAbs(file) || filepath.IsAbs(file) {
		for _, root := range []string{s.root, resolved(s.root)} {
			if rel, err := filepath.Rel(root, file); root != "" && err == nil && filepath.IsLocal(rel) {
				if rel = filepath.ToSlash(rel); slices.Contains(s.files, rel) {
					return rel
				}
			}
		}
		in, ok := strings.CutPrefix(file, "/var/task/")
		if !ok {
			return ""
		}
		file = in
	}
	file = path.Clean(file)
	for _, name := range s.files {
		if name == file || strings.HasSuffix(name, "/"+file) {
			return name
		}
	}
	return ""
}

func resolved(dir string) string {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return dir
	}
	return real
}

// mostSource bounds the file of which a line is shown, in bytes.
const mostSource = 1 << 20

// line is a line of a file, "" where there is none. A link that leads out of the
// workspace is not followed: whoever hands one in is not to read by it.
func (s *sources) line(name string, n int) string {
	root, err := os.OpenRoot(s.root)
	if err != nil {
		return ""
	}
	defer root.Close()
	info, err := root.Lstat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > mostSource {
		return ""
	}
	f, err := root.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, mostSource))
	lines := strings.Split(string(b), "\n")
	if err != nil || n < 1 || n > len(lines) {
		return ""
	}
	return atMost(strings.ToValidUTF8(strings.TrimSpace(lines[n-1]), "\uFFFD"), mostLine)
}
