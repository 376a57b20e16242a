package grade

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/pipelab/pipelab/internal/archive"
	"github.com/pipelab/pipelab/internal/deploy"
	"github.com/pipelab/pipelab/internal/digest"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/sandbox"
	"github.com/pipelab/pipelab/internal/workspace"
)

// badSubmission says what is wrong with what was handed in: the learner's to
// put right, and no error of ours.
type badSubmission struct{ why string }

func (e *badSubmission) Error() string { return e.why }

// What a submission may hold at most, where it is no archive; those have the
// same bounds.
const (
	mostFiles = 10_000
	mostBytes = 256 << 20
)

// writer puts a submission's files into a folder of its own.
type writer struct {
	dir     string
	most    int64 // bytes that it may hold; mostBytes when 0
	files   int
	bytes   int64
	skipped []string // links, submodules, devices
	unnamed []string // files whose names some system cannot have
}

func tooMany() error { return &badSubmission{fmt.Sprintf("it has more than %d files", mostFiles)} }

func tooLarge() error { return &badSubmission{fmt.Sprintf("it has more than %d MiB", mostBytes>>20)} }

func (w *writer) leftOut(name string) { w.skipped = append(w.skipped, name) }

// notes say what was left out.
func (w *writer) notes() (out []string) {
	if len(w.skipped) > 0 {
		out = append(out, "left out, since they are no files: "+few(w.skipped))
	}
	if len(w.unnamed) > 0 {
		out = append(out, "left out, since not every system can have the names: "+few(w.unnamed))
	}
	return out
}

// write adds a file by its name with slashes. One that no archive could have is left out.
func (w *writer) write(name string, r io.Reader, runnable bool) error {
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return &badSubmission{fmt.Sprintf("the name %q leads out of the submission", name)}
	}
	if portable(name) != nil {
		w.unnamed = append(w.unnamed, name)
		return nil
	}
	if w.files++; w.files > mostFiles {
		return tooMany()
	}
	most := w.most
	if most == 0 {
		most = mostBytes
	}
	target := filepath.Join(w.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return clash(name, err)
	}
	mode := fs.FileMode(0o644)
	if runnable {
		mode = 0o755
	}
	f, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return clash(name, err)
	}
	n, err := io.Copy(f, io.LimitReader(r, most-w.bytes+1))
	if w.bytes += n; err == nil && w.bytes > most {
		err = tooLarge()
	}
	return errors.Join(err, f.Close())
}

// clash tells names that cannot be side by side, which are the submission's to
// put right, from what this machine fails to do.
func clash(name string, err error) error {
	for _, theirs := range []error{fs.ErrExist, syscall.ENOTDIR, syscall.EISDIR, syscall.ENAMETOOLONG} {
		if errors.Is(err, theirs) {
			return &badSubmission{fmt.Sprintf("%q cannot be stored: another name in it is the same or lies in its way", name)}
		}
	}
	return err
}

// closed tells what the submission's own modes forbid to read, which is for whoever
// brought it here to put right, from what this machine fails to do.
func closed(name string, err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return &badSubmission{fmt.Sprintf("%q may not be read: its owner has to allow it (chmod -R u+rX)", name)}
	}
	return err
}

func (w *writer) copyFile(name, from string) error {
	f, err := os.Open(from)
	if err != nil {
		return closed(name, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return w.write(name, f, info.Mode()&0o111 != 0)
}

// caches are folders that hold nothing a learner wrote. What packages a
// learner has installed counts: a function may need it.
func caches(folder string) bool { return folder != "node_modules" && workspace.Ignored(folder) }

// copyFolder takes the regular files; links are not followed, since they may
// lead to what is the grader's own.
func (w *writer) copyFolder(from string, skip []string) error {
	return filepath.WalkDir(from, func(p string, d fs.DirEntry, err error) error {
		rel, relErr := filepath.Rel(from, p)
		if relErr != nil {
			return relErr
		}
		name := filepath.ToSlash(rel)
		switch {
		case err != nil:
			return closed(name, err)
		case d.IsDir() && p != from && (caches(d.Name()) || slices.Contains(skip, p)):
			return filepath.SkipDir
		case d.IsDir():
			return nil
		case !d.Type().IsRegular():
			w.leftOut(name)
			return nil
		}
		return w.copyFile(name, p)
	})
}

// copyBelow takes the regular files of a folder, under names that begin with
// prefix; a folder that is not there has none.
func (w *writer) copyBelow(prefix, from string) error {
	err := filepath.WalkDir(from, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(from, p)
		if err != nil {
			return err
		}
		return w.copyFile(prefix+"/"+filepath.ToSlash(rel), p)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// copyMark takes the one file of a workspace's state that says which lab it is.
func (w *writer) copyMark(from string) error {
	mark := workspace.StateDir + "/workspace.json"
	if info, err := os.Lstat(filepath.Join(from, workspace.StateDir)); err != nil || !info.IsDir() {
		return nil // a link leads to somebody else's
	}
	if info, err := os.Lstat(filepath.Join(from, filepath.FromSlash(mark))); err != nil || !info.Mode().IsRegular() {
		return nil // most have none
	}
	return w.copyFile(mark, filepath.Join(from, filepath.FromSlash(mark)))
}

// open puts the submission's files into a new folder. A *badSubmission is
// about what was handed in, any other error ours.
func (s *Found) open(ctx context.Context, into string, keep []string, git *sandbox.Policy) (_ []string, err error) {
	if s.refused != "" {
		return nil, &badSubmission{s.refused}
	}
	w := &writer{dir: into}
	limits := archive.Limits{Keep: keep, LeftOut: func(name, _ string) { w.unnamed = append(w.unnamed, name) }}
	if s.kind != kindArchive {
		if err := os.MkdirAll(into, 0o755); err != nil {
			return nil, err
		}
	}
	switch s.kind {
	case kindFolder:
		if err = w.copyFolder(s.path, s.skip); err == nil {
			err = w.copyMark(s.path)
		}
	case kindArchive:
		if err = archive.Open(ctx, s.path, into, limits); errors.Is(err, archive.ErrRefused) {
			err = &badSubmission{archive.Reason(err)}
		}
	case kindRepository:
		s.committed, err = checkOut(ctx, git, s.path, s.ref, into+".git", w)
	case kindFiles:
		for _, name := range slices.Sorted(maps.Keys(s.loose)) {
			if err = w.copyFile(name, s.loose[name]); err != nil {
				break
			}
		}
	default:
		err = &badSubmission{"it is no folder, zip, tar.gz or git repository"}
	}
	return w.notes(), err
}

// tree is one lab's part of an opened submission.
type tree struct {
	dir string
	lab string // "" when it does not say
}

// split finds the trees in an opened submission: itself, the one folder that
// holds everything, or folders that are called as labs are.
func split(dir string, labs []string) ([]tree, error) {
	for {
		if marked(dir) {
			return []tree{{dir: dir, lab: markedLab(dir)}}, nil
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		var folders []string
		var named []tree
		files := 0
		for _, e := range entries {
			switch {
			case e.Name() == "__MACOSX" || e.Name() == ".DS_Store":
			case !e.IsDir():
				files++
			default:
				folders = append(folders, e.Name())
				if slices.Contains(labs, e.Name()) {
					named = append(named, tree{dir: filepath.Join(dir, e.Name()), lab: e.Name()})
				}
			}
		}
		switch {
		case len(named) > 0:
			return named, nil
		case files == 0 && len(folders) == 1 && folders[0] != "src":
			dir = filepath.Join(dir, folders[0])
		default:
			return []tree{{dir: dir}}, nil
		}
	}
}

// markedLab is the lab that a tree names itself.
func markedLab(dir string) string {
	b, err := readClaim(dir, workspace.StateDir+"/workspace.json")
	var meta workspace.Meta
	if err == nil && json.Unmarshal(b, &meta) == nil && meta.Lab != "" {
		return meta.Lab
	}
	if m, err := ReadManifest(dir); err == nil && m != nil {
		return m.Lab
	}
	return ""
}

// expected are the files that a submission for a lab is made of: those of the
// starter and the solution.
func expected(l *lab.Folder) []string {
	var out []string
	for _, from := range []string{"starter", "solution"} {
		_ = fs.WalkDir(l.FS, from, func(p string, d fs.DirEntry, err error) error { // a lab without one expects nothing of it
			if err == nil && !d.IsDir() && path.Base(p) != "README.md" {
				out = append(out, workspace.Target(strings.TrimPrefix(p, from+"/")))
			}
			return nil
		})
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// tops are the names at the top of a submission for a lab.
func tops(l *lab.Folder) (out []string) {
	for _, name := range expected(l) {
		top, _, _ := strings.Cut(name, "/")
		out = append(out, top)
	}
	return out
}

// resembles says why a tree is no submission for a lab; "" when it is one.
func resembles(dir string, files []digest.File, l *lab.Folder) string {
	if len(files) == 0 {
		return "it holds no files"
	}
	if deploy.Deployable(dir) {
		return ""
	}
	wanted := expected(l)
	for _, f := range files {
		if slices.Contains(wanted, f.Name) {
			return ""
		}
	}
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = f.Name
	}
	return fmt.Sprintf("it holds %s and nothing that the lab %s is made of, such as %s", few(names), l.ID, few(wanted))
}
