package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bluekeyes/go-gitdiff/gitdiff" // reads patches
)

// PatchFile is what makes a mutant of the solution, in its folder: a patch in the
// unified format of diff, as "diff -ruN solution wrong" and git write it. The first
// part of each path is left away.
const PatchFile = "solution.patch"

// Wrong returns the files in which a mutant differs from the solution, by path
// below the solution; nil stands for one that the mutant has not got. Where a part
// of the patch belongs is told by its lines alone, not by their numbers: each must
// be found once.
func (f *Folder) Wrong(mutant string) (map[string][]byte, error) {
	src, err := fs.ReadFile(f.FS, path.Join("mutants", mutant, PatchFile))
	if err != nil {
		return nil, err
	}
	patches, _, err := gitdiff.Parse(strings.NewReader(plain(src)))
	if err != nil {
		return nil, err
	}
	out := map[string][]byte{}
	for _, p := range patches {
		if err := f.patch(p, out); err != nil {
			return nil, err
		}
	}
	if len(out) == 0 {
		return nil, errors.New("it changes nothing")
	}
	return out, nil
}

// MakeWrong turns a copy of the solution in a folder into a mutant.
func (f *Folder) MakeWrong(mutant, dir string) error {
	files, err := f.Wrong(mutant)
	if err != nil {
		return err
	}
	for name, b := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if b == nil {
			err = os.Remove(file)
		} else if err = os.MkdirAll(
			filepath.Dir(file), 0o755); err == nil { // programs may run as somebody else
			err = os.WriteFile(file, b, 0o755) // scripts must stay executable, and a patch has no mode
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// plain is a patch without what git adds to it, names of which the first part has
// been left away already among it.
func plain(src []byte) string {
	var out strings.Builder
	for line := range strings.Lines(string(src)) {
		git := func(prefix string) bool { return strings.HasPrefix(line, prefix) } // no line of a file begins so
		if !slices.ContainsFunc([]string{"diff ", "index ", "new file mode ", "deleted file mode ", "old mode ", "new mode "},
			git) {
			out.WriteString(line)
		}
	}
	return out.String()
}

// patch changes one file.
func (f *Folder) patch(p *gitdiff.File, out map[string][]byte) error {
	from, to := below(p.OldName), below(p.NewName)
	name := to
	if p.IsDelete || to == "" {
		name = from
	}
	if p.IsBinary || p.IsRename || p.IsCopy || !fs.ValidPath(name) {
		return fmt.Errorf("%s: only lines of files below the solution can change", name)
	}
	text := ""
	b, err := fs.ReadFile(f.FS, path.Join("solution", stored(name)))
	switch {
	case err == nil:
		text = string(b)
	case !errors.Is(err, fs.ErrNotExist) || !p.IsNew:
		return fmt.Errorf("the solution has no file %s", name)
	}
	if _, twice := out[name]; twice {
		return fmt.Errorf("%s: it changes twice", name)
	}
	for i, part := range p.TextFragments {
		var before, after strings.Builder
		for _, line := range part.Lines {
			if line.Op != gitdiff.OpAdd {
				before.WriteString(line.Line)
			}
			if line.Op != gitdiff.OpDelete {
				after.WriteString(line.Line)
			}
		}
		if text, err = replace(text, before.String(), after.String()); err != nil {
			return fmt.Errorf("%s, change %d: %w", name, i+1, err)
		}
	}
	out[name] = []byte(text)
	if p.IsDelete {
		out[name] = nil
	}
	return nil
}

// replace puts lines in the place of others.
func replace(text, before, after string) (string, error) {
	if before == "" { // a new file
		if text != "" {
			return "", errors.New("no line says where it belongs")
		}
		return after, nil
	}
	at := -1
	for from := 0; ; {
		i := strings.Index(text[from:], before)
		if i < 0 {
			break
		}
		if i += from; i == 0 || text[i-1] == '\n' {
			if at >= 0 {
				return "", errors.New("its lines are in the solution more than once: give it more lines around the change")
			}
			at = i
		}
		from = i + 1
	}
	if at < 0 {
		return "", errors.New("its lines are not in the solution: make the patch anew")
	}
	return text[:at] + after + text[at+len(before):], nil
}

// below takes the first part off a path of a patch; "" for the path of no file.
func below(name string) string {
	_, rest, _ := strings.Cut(name, "/")
	return rest
}

// stored is the name of a file as a lab keeps it: a folder that holds a go.mod
// would not be embedded.
func stored(name string) string {
	if path.Base(name) == "go.mod" {
		return name + ".txt"
	}
	return name
}
