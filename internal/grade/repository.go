package grade

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/pipelab/pipelab/internal/sandbox"
)

// What reading one repository may take.
const (
	gitDeadline  = 2 * time.Minute
	mostObjects  = 200_000  // files of a git folder
	mostRefBytes = 16 << 20 // of what names commits
	mostTree     = 4 << 20  // bytes that list a commit's files: 10,000 with names of 400 bytes
)

// repository is the git folder of a bare repository or a work tree; "" when
// dir is neither.
func repository(dir string) string {
	if has(dir, ".git") {
		return filepath.Join(dir, ".git")
	}
	if has(dir, "HEAD") && has(dir, "objects") && has(dir, "refs") {
		return dir
	}
	return ""
}

// reader reads a repository that somebody else has made. Of that repository
// git sees the objects and the names of commits, beside a configuration of
// ours: none of theirs is read, so that none can name programs to run, files
// to include or other repositories. Where there is a policy, git runs in a cage
// with that one folder of objects.
type reader struct {
	ctx    context.Context
	policy *sandbox.Policy // nil does not confine
	dir    string          // ours: repo/ is what git takes for the repository, out and err what it says
	theirs string          // the git folder
}

// newReader makes the repository that git sees in a folder of its own. A
// *badSubmission says what about theirs is not taken.
func newReader(ctx context.Context, policy *sandbox.Policy, theirs, dir string) (*reader, error) {
	r := &reader{ctx: ctx, policy: policy, dir: dir, theirs: theirs}
	if err := r.inspect(); err != nil {
		return nil, err
	}
	repo := filepath.Join(dir, "repo")
	for _, name := range []string{"objects", "refs"} {
		if err := os.MkdirAll(filepath.Join(repo, name), 0o755); err != nil {
			return nil, err
		}
	}
	w := &writer{dir: repo, most: mostRefBytes}
	for _, name := range []string{"HEAD", "packed-refs", "shallow"} {
		if !has(theirs, name) {
			continue
		}
		if err := w.copyFile(name, filepath.Join(theirs, name)); err != nil {
			return nil, err
		}
	}
	if err := w.copyBelow("refs", filepath.Join(theirs, "refs")); err != nil {
		return nil, err
	}
	return r, w.write("config", strings.NewReader(r.config()), false)
}

// inspect refuses what would have git look elsewhere, or wait for ever.
func (r *reader) inspect() error {
	const clone = "; hand in a clone of its own, or an archive"
	info, err := os.Lstat(r.theirs)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return &badSubmission{".git is no folder: it leads to a repository elsewhere" + clone}
	}
	for _, name := range []string{"commondir", "objects/info/alternates", "objects/info/http-alternates"} {
		if has(r.theirs, filepath.FromSlash(name)) {
			return &badSubmission{"its repository borrows from another one (" + name + ")" + clone}
		}
	}
	n := 0
	return filepath.WalkDir(r.theirs, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if n++; n > mostObjects {
			return &badSubmission{fmt.Sprintf("its repository has more than %d files; run: git gc", mostObjects)}
		}
		if !d.IsDir() && !d.Type().IsRegular() {
			rel, _ := filepath.Rel(r.theirs, p) // p is below it
			return &badSubmission{fmt.Sprintf("its repository holds %s, which is no file%s", filepath.ToSlash(rel), clone)}
		}
		return r.ctx.Err()
	})
}

// sha256Objects is how a repository says that its objects have the newer hash.
// Source: https://git-scm.com/docs/git-config#Documentation/git-config.txt-extensionsobjectFormat
var sha256Objects = regexp.MustCompile(`(?im)^\s*objectformat\s*=\s*sha256\s*$`)

// config is ours, but for the kind of hash.
func (r *reader) config() string {
	out := "[core]\n\trepositoryformatversion = 1\n\tbare = true\n"
	f, err := os.Open(filepath.Join(r.theirs, "config"))
	if err != nil {
		return out
	}
	defer f.Close()
	if b, _ := io.ReadAll(io.LimitReader(f, 1<<20)); sha256Objects.Match(b) {
		out += "[extensions]\n\tobjectformat = sha256\n"
	}
	return out
}

// git runs a command and returns the file with its output, at most so many
// bytes of it, which the caller closes. An answer of git's that it cannot do
// it is a *badSubmission.
func (r *reader) git(most int64, stdin string, args ...string) (*os.File, error) {
	// The shell's redirections keep what git says in files: the program in the
	// cage may be somebody else's by then, and files have a bound.
	script := `exec git --git-dir=repo -c safe.directory=* -c protocol.allow=never "$@" <in >out 2>err`
	if err := os.WriteFile(filepath.Join(r.dir, "in"), []byte(stdin), 0o600); err != nil {
		return nil, err
	}
	policy := r.policy.With([]string{filepath.Join(r.theirs, "objects")}, nil)
	if policy != nil {
		policy.FileSize = most
	} else { // in half KiB, POSIX says
		script = fmt.Sprintf("ulimit -f %d && ", most/512+2) + script
	}
	res, err := sandbox.Run(r.ctx, sandbox.Spec{
		Command: append([]string{"sh", "-c", script, "git"}, args...), Dir: r.dir, Timeout: gitDeadline, Policy: policy,
		Env: []string{"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_NO_LAZY_FETCH=1",
			"GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0", "GIT_NO_REPLACE_OBJECTS=1", "LC_ALL=C",
			"GIT_OBJECT_DIRECTORY=" + filepath.Join(r.theirs, "objects")},
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("run git: %w", err)
	case res.TimedOut:
		return nil, &badSubmission{fmt.Sprintf("git needs more than %s to read its repository", gitDeadline)}
	case res.Breach != "":
		return nil, &badSubmission{"reading its repository was ended: " + res.Breach}
	}
	out, err := os.Open(filepath.Join(r.dir, "out"))
	if err != nil {
		return nil, fmt.Errorf("run git: %w", err)
	}
	if info, err := out.Stat(); err != nil || !info.Mode().IsRegular() || info.Size() > most || res.Exit != 0 {
		_ = out.Close() // it was only read
		return nil, r.failure(res.Exit)
	}
	return out, nil
}

// failure is what git says of a repository that it cannot read.
func (r *reader) failure(exit int) error {
	f, err := os.Open(filepath.Join(r.dir, "err"))
	if err != nil {
		return fmt.Errorf("run git: it ended with %d", exit)
	}
	defer f.Close()
	said, _ := io.ReadAll(io.LimitReader(f, 4096))
	line, _, _ := strings.Cut(strings.TrimSpace(string(said)), "\n")
	if exit == 127 { // the shell's: there is no git
		return fmt.Errorf("run git: %s", line)
	}
	if line == "" {
		line = "it is damaged or too large"
	}
	return &badSubmission{"git cannot read its repository: " + line}
}

// committed is when what ref names was committed; zero when it does not say.
func (r *reader) committed(ref string) time.Time {
	out, err := r.git(64<<10, "", "show", "-s", "--no-show-signature", "--format=%cI", "--end-of-options", ref+"^{commit}")
	if err != nil {
		return time.Time{}
	}
	defer out.Close()
	b, _ := io.ReadAll(io.LimitReader(out, 100))
	t, err := time.Parse(time.RFC3339, strings.TrimSpace(string(b)))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// checkOut writes the files of a commit into a folder and tells when it was
// made. It reads objects and not "git archive", whose filters the repository's
// own attributes name. scratch is a folder of this call's own.
func checkOut(ctx context.Context, policy *sandbox.Policy, dir, ref, scratch string, w *writer) (time.Time, error) {
	if err := os.MkdirAll(scratch, 0o755); err != nil {
		return time.Time{}, err
	}
	defer os.RemoveAll(scratch)
	r, err := newReader(ctx, policy, dir, scratch)
	if err != nil {
		return time.Time{}, err
	}
	wanted, err := r.list(ref, w)
	if err != nil {
		return time.Time{}, err
	}
	if err := r.read(wanted, w); err != nil {
		return time.Time{}, err
	}
	return r.committed(ref), nil
}

// treeEntry is one file of a commit.
type treeEntry struct {
	object, name string
	size         int64
	runs         bool
}

// list are the files of a commit; what else it has is left out.
func (r *reader) list(ref string, w *writer) ([]treeEntry, error) {
	out, err := r.git(mostTree, "", "ls-tree", "-r", "-z", "-l", "--full-tree", "--end-of-options", ref+"^{commit}")
	if err != nil {
		return nil, err
	}
	defer out.Close()
	b, err := io.ReadAll(io.LimitReader(out, mostTree))
	if err != nil {
		return nil, err
	}
	return entries(b, w.leftOut)
}

// entries reads what git lists of a commit. leftOut is told of what is no file.
func entries(b []byte, leftOut func(name string)) (wanted []treeEntry, err error) {
	var sum int64
	for line := range strings.SplitSeq(strings.TrimSuffix(string(b), "\x00"), "\x00") {
		head, name, ok := strings.Cut(line, "\t")
		parts := strings.Fields(head) // mode, kind, object, size
		if !ok || len(parts) != 4 {
			continue
		}
		if parts[1] != "blob" || parts[0] == "120000" {
			leftOut(name)
			continue
		}
		e := treeEntry{object: parts[2], name: name, runs: parts[0] == "100755"}
		if e.size, err = strconv.ParseInt(parts[3], 10, 64); err != nil || e.size < 0 {
			return nil, &badSubmission{fmt.Sprintf("git says that %s has %s bytes", name, parts[3])}
		}
		wanted = append(wanted, e)
		sum += e.size
		if len(wanted) > mostFiles {
			return nil, tooMany()
		}
		if sum > mostBytes {
			return nil, tooLarge()
		}
	}
	return wanted, nil
}

// read has git write all files, one after the other, and puts each where it
// belongs.
func (r *reader) read(wanted []treeEntry, w *writer) error {
	var ask strings.Builder
	most := int64(len(wanted)+1) * 128 // the lines between them
	for _, e := range wanted {
		ask.WriteString(e.object + "\n")
		most += e.size
	}
	out, err := r.git(most, ask.String(), "cat-file", "--batch")
	if err != nil {
		return err
	}
	defer out.Close()
	offset := int64(0)
	for _, e := range wanted {
		head := make([]byte, 128)
		n, err := out.ReadAt(head, offset)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		line, _, _ := strings.Cut(string(head[:n]), "\n") // <object> blob <size>
		if line != fmt.Sprintf("%s blob %d", e.object, e.size) {
			return &badSubmission{fmt.Sprintf("the repository is incomplete or damaged at %s", e.name)}
		}
		offset += int64(len(line)) + 1
		if err := w.write(e.name, io.NewSectionReader(out, offset, e.size), e.runs); err != nil {
			return err
		}
		offset += e.size + 1
	}
	return nil
}
