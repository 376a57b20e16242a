package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Extension is the lab.yaml of a lab that builds on one of the catalogue: that lab under
// another id, with what lies in the folder laid over it.
type Extension struct {
	ID      string `json:"id" yaml:"id"`
	Extends string `json:"extends" yaml:"extends"`
}

var (
	extends = regexp.MustCompile(`(?m)^extends:`)
	idLine  = regexp.MustCompile(`(?m)^id:.*$`)
)

// Extended returns the tree that a lab is opened from. That is the tree itself, unless the
// lab's lab.yaml names a lab of the catalogue that it extends: then it is one in memory
// where files of the lab's folder take the place of those of the same name there.
func Extended(tree fs.FS, id string, catalogue fs.FS) (fs.FS, error) {
	file := path.Join(id, "lab.yaml")
	src, err := fs.ReadFile(tree, file)
	if err != nil || !extends.Match(src) {
		return tree, nil // whoever opens it tells what is wrong
	}
	x, err := parseExtension(file, id, src, catalogue)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	if err := lay(files, catalogue, x.Extends, id); err != nil {
		return nil, fmt.Errorf("read the lab %s: %w", x.Extends, err)
	}
	whole := idLine.ReplaceAll(files[file], []byte("id: "+id))
	if err := lay(files, tree, id, id); err != nil {
		return nil, fmt.Errorf("read lab %s: %w", id, err)
	}
	files[file] = whole
	return InMemory(files)
}

func parseExtension(file, id string, src []byte, catalogue fs.FS) (x Extension, err error) {
	ids, err := IDs(catalogue)
	if err != nil {
		return x, err
	}
	d := decodeFile(file, src, &x)
	if x.ID != id {
		d.at("id", "", "the id is %q, the folder is %q", x.ID, id)
	}
	if !slices.Contains(ids, x.Extends) {
		d.at("extends", nearest(x.Extends, ids), "there is no lab %q in the catalogue", x.Extends)
	}
	if len(d.problems) > 0 {
		return x, d.problems
	}
	return x, nil
}

// lay puts the files of a lab's folder over others. What begins with a dot beside lab.yaml
// is no part of a lab: .git is large.
func lay(files map[string][]byte, tree fs.FS, from, to string) error {
	return fs.WalkDir(tree, from, func(p string, d fs.DirEntry, err error) error {
		rel := strings.TrimPrefix(strings.TrimPrefix(p, from), "/")
		switch {
		case err != nil:
			return err
		case strings.HasPrefix(rel, ".") && d.IsDir():
			return fs.SkipDir
		case d.IsDir() || strings.HasPrefix(rel, "."):
			return nil
		}
		b, err := fs.ReadFile(tree, p)
		files[path.Join(to, rel)] = b
		return err
	})
}

// OwnFile is where Derive puts a first sealed check of one's own, beside those of the lab
// that is built on.
const OwnFile = "sealed/own.yaml"

// Derive makes the files of a lab that builds on one of the catalogue. Its sealed check is
// the other lab's first one under a name of its own: it passes "lab test" as it is, since
// whoever fails the original does not come to it, and is there to be changed.
func Derive(catalogue fs.FS, from, id string) (map[string][]byte, error) {
	src, err := fs.ReadFile(catalogue, path.Join(from, "lab.yaml"))
	if err != nil {
		return nil, err
	}
	first, name, err := firstCheck(string(src))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", from, err)
	}
	return map[string][]byte{
		"lab.yaml": fmt.Appendf(nil, `# The lab %[1]s of PipeLab with sealed checks of your own.
# What lies in this folder takes the place of what has the same name there, such as README.md
# or mutants/NAME/expect.yaml; all else is that lab's, as your release of PipeLab has it. See
# docs/adding-a-lab.md.
id: %[2]s
extends: %[1]s
`, from, id),
		OwnFile: fmt.Appendf(nil, `# Checks that learners do not see. Keep this file to yourself: "pipelab assignment pack"
# encrypts it to your keys. This one is the check %[1]s once more. Change what it sends, so
# that it asks the same with other data, at another place or at a limit, and what it expects.
# What is in lab.yaml of %[2]s can be used here: pipelab show %[2]s --json
checks:
%[3]s`, name, from, first),
	}, nil
}

// The first check of a lab.yaml: its id, then its lines up to the next one's.
var checkBlock = regexp.MustCompile(`(?ms)^checks:\n(?:  #[^\n]*\n)*(  - id: ([a-z0-9-]+)\n.*?)(?:^  - id: |^\S|\z)`)

// firstCheck takes the text of a lab's first check as a sealed one that needs it.
func firstCheck(src string) (text, id string, err error) {
	m := checkBlock.FindStringSubmatch(src)
	if m == nil {
		return "", "", errors.New("its first check cannot be found in lab.yaml")
	}
	id = m[2]
	var b strings.Builder
	fmt.Fprintf(&b, "  - id: own-%s\n    needs: [%s] # who fails what can be seen is not failed twice\n", id, id)
	fmt.Fprintf(&b, "    points: 10 # on top of the 100 that can be seen\n")
	for line := range strings.Lines(m[1]) {
		key := strings.TrimSpace(line)
		if strings.HasPrefix(line, "  - id:") || len(line)-len(strings.TrimLeft(line, " ")) == 4 &&
			(strings.HasPrefix(key, "needs:") || strings.HasPrefix(key, "points:")) {
			continue
		}
		b.WriteString(line)
	}
	return b.String(), id, nil
}
