package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sort"
	"strings"
)

// Folder is a lab with its files: lab.yaml parsed, everything else below FS.
// Load returns Lab; Open returns this for those who need the files too.
type Folder struct {
	*Lab
	FS      fs.FS // rooted at the lab's folder
	Mutants []Mutant
	// Solutions are further answers, in other languages: folders with names such
	// as solution-go, each a whole tree.
	Solutions []Solution
	// Survivors are changes of the solution that no check needs to notice.
	Survivors []Survivor
	Hidden    map[string]bool // ids of the checks that learners do not see; they are in Lab too
	Secrets   map[string]bool // ids of mistakes that only those checks know

	open *Lab // without the hidden checks; nil where there are none
}

// Solution is an answer in a language of its own.
type Solution struct {
	Name     string // of the folder: solution-go
	Language string // go
}

// Tool is the program that must be on the machine to run it.
func (s Solution) Tool() string {
	switch s.Language {
	case "python":
		return "python3"
	case "java":
		return "javac"
	}
	return s.Language // go, node, ruby, sh
}

// Survivor is a change of the solution that leaves it as good as it was. It is
// an element of mutants/survivors.yaml.
type Survivor struct {
	File   string `json:"file" yaml:"file"`     // below solution/
	Change string `json:"change" yaml:"change"` // as "pipelab lab test --mutate" prints it, without file and line
	Reason string `json:"reason" yaml:"reason"`
	// Perhaps says that a check notices it on some machines: it may survive.
	Perhaps bool `json:"perhaps,omitempty" yaml:"perhaps"`
}

// Mutant is a wrong answer that the checks must catch.
type Mutant struct {
	Name string
	Expectation
}

// IDs lists the labs of a file system: its top-level folders with a lab.yaml.
func IDs(fsys fs.FS) ([]string, error) {
	list, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("list the labs: %w", err)
	}
	var ids []string
	for _, e := range list {
		if !e.IsDir() {
			continue
		}
		if _, err := fs.Stat(fsys, path.Join(e.Name(), "lab.yaml")); err == nil {
			ids = append(ids, e.Name())
		}
	}
	return ids, nil
}

// Load reads the lab.yaml of one lab without looking at its expressions.
func Load(fsys fs.FS, id string) (*Lab, error) {
	src, err := fs.ReadFile(fsys, path.Join(id, "lab.yaml"))
	if err != nil {
		return nil, fmt.Errorf("read lab %s: %w", id, err)
	}
	return Parse(path.Join(id, "lab.yaml"), src, nil)
}

// Open reads a whole lab folder: lab.yaml, and the mutants' expect.yaml and patch. All
// their problems come back together as Problems.
func Open(fsys fs.FS, id string, compile Compile) (*Folder, error) {
	src, err := fs.ReadFile(fsys, path.Join(id, "lab.yaml"))
	if err != nil {
		return nil, fmt.Errorf("read lab %s: %w", id, err)
	}
	sub, err := fs.Sub(fsys, id)
	if err != nil {
		return nil, err
	}
	l, err := Parse(path.Join(id, "lab.yaml"), src, compile)
	var all Problems
	if err != nil && !errors.As(err, &all) {
		return nil, err
	}
	f := &Folder{Lab: l, FS: sub}
	if l.ID != "" && l.ID != id {
		all = append(all, Problem{File: path.Join(id, "lab.yaml"), Line: 1, Column: 1, Place: "id",
			Message: fmt.Sprintf("the id is %q, the folder is %q", l.ID, id)})
	}
	if len(all) == 0 {
		all = append(all, f.unseal(id, compile)...)
	}
	all = append(all, f.files(id)...)
	if err == nil || l.ID != "" || len(l.Checks) > 0 { // else nothing was read that they could agree with
		all = append(all, f.mutants(id)...)
		all = append(all, f.survivors(id)...)
	}
	f.solutions()
	all.sort()
	if len(all) > 0 {
		return f, all
	}
	return f, nil
}

// files reports what a lab folder must hold and does not.
func (f *Folder) files(id string) (ps Problems) {
	needed := []string{"README.md", "resources.yaml", "starter"}
	if _, err := fs.Stat(f.FS, SealedBytes); err != nil { // what learners receive has no solution
		needed = append(needed, "solution")
	}
	for _, name := range needed {
		if _, err := fs.Stat(f.FS, name); err != nil {
			ps = append(ps, Problem{File: path.Join(id, name), Line: 1, Column: 1, Message: name + " is missing"})
		}
	}
	for name, set := range f.Data {
		if set.File == "" {
			continue
		}
		if _, err := fs.Stat(f.FS, path.Join("data", set.File)); err != nil {
			ps = append(ps, Problem{File: path.Join(id, "lab.yaml"), Line: 1, Column: 1, Place: "data." + name + ".file",
				Message: "there is no data/" + set.File})
		}
	}
	return ps
}

func (f *Folder) mutants(id string) (ps Problems) {
	list, err := fs.ReadDir(f.FS, "mutants")
	if err != nil {
		return nil
	}
	ids := make([]string, len(f.Checks))
	for i, c := range f.Checks {
		ids[i] = c.ID
	}
	for _, e := range list {
		if !e.IsDir() {
			continue
		}
		file := path.Join(id, "mutants", e.Name(), "expect.yaml")
		src, err := fs.ReadFile(f.FS, path.Join("mutants", e.Name(), "expect.yaml"))
		if err != nil {
			ps = append(ps, Problem{File: file, Line: 1, Column: 1, Message: "expect.yaml is missing"})
			continue
		}
		m := Mutant{Name: e.Name()}
		d := decodeFile(file, src, &m.Expectation)
		f.mutant(d, &m, ids)
		ps = append(ps, d.problems...)
		ps = append(ps, f.strays(id, m.Name)...)
		if _, err := f.Wrong(m.Name); err != nil {
			ps = append(ps, Problem{File: path.Join(id, "mutants", m.Name, PatchFile), Line: 1, Column: 1, Message: err.Error()})
		}
		f.Mutants = append(f.Mutants, m)
	}
	return ps
}

// strays are files of a mutant that nothing would read.
func (f *Folder) strays(id, mutant string) (ps Problems) {
	list, _ := fs.ReadDir(f.FS, path.Join("mutants", mutant)) // it has an expect.yaml
	for _, e := range list {
		if e.Name() != "expect.yaml" && e.Name() != PatchFile {
			ps = append(ps, Problem{File: path.Join(id, "mutants", mutant, e.Name()), Line: 1, Column: 1,
				Message: "only expect.yaml and " + PatchFile + " belong to a mutant: put the change into the patch"})
		}
	}
	return ps
}

func (f *Folder) solutions() {
	list, err := fs.ReadDir(f.FS, ".")
	if err != nil {
		return // whatever is missing is reported by files
	}
	for _, e := range list {
		if language, ok := strings.CutPrefix(e.Name(), "solution-"); ok && e.IsDir() {
			f.Solutions = append(f.Solutions, Solution{Name: e.Name(), Language: language})
		}
	}
}

// survivors reads the reasons, where a lab has some.
func (f *Folder) survivors(id string) Problems {
	src, err := fs.ReadFile(f.FS, "mutants/survivors.yaml")
	if err != nil {
		return nil
	}
	var list struct {
		Survivors []Survivor `yaml:"survivors"`
	}
	d := decodeFile(path.Join(id, "mutants", "survivors.yaml"), src, &list)
	v := &validator{decoder: d, lab: f.Lab}
	for i, s := range list.Survivors {
		p := fmt.Sprintf("survivors[%d]", i)
		v.text(p+".change", s.Change)
		v.text(p+".reason", s.Reason)
		if _, err := fs.Stat(f.FS, path.Join("solution", s.File)); s.File == "" || err != nil {
			v.at(p+".file", "", "the solution has no file %q", s.File)
		}
	}
	f.Survivors = list.Survivors
	return d.problems
}

func (f *Folder) mutant(d *decoder, m *Mutant, ids []string) {
	v := &validator{decoder: d, lab: f.Lab}
	v.text("title", m.Title)
	v.mistake("mistake", m.Mistake)
	for i, id := range m.Also {
		path := fmt.Sprintf("also[%d]", i)
		v.text(path, id)
		v.mistake(path, id)
		if id == m.Mistake {
			v.at(path, "", "%s is the mutant's own mistake", id)
		}
	}
	if m.Mistake == "" && len(m.Also) > 0 {
		v.at("mistake", "name one of them as the mutant's own", "an answer that is no known mistake shows no others")
	}
	v.oneOf("deploy", m.Deploy, "works", "fails")
	if len(m.Fails) == 0 && m.Deploy != "fails" {
		v.at("fails", "a wrong answer that no check sees is a gap in the checks", "fails is missing")
	}
	for i, c := range m.Fails {
		if !slices.Contains(ids, c) {
			v.at(fmt.Sprintf("fails[%d]", i), nearest(c, ids), "there is no check %q", c)
		}
	}
}

// Order returns the checks so that each comes after those it needs, keeping
// the file's order otherwise.
func (l *Lab) Order() []*Check {
	index, done := map[string]int{}, map[string]bool{}
	for i := range l.Checks {
		index[l.Checks[i].ID] = i
	}
	var out []*Check
	var visit func(i int)
	visit = func(i int) {
		c := &l.Checks[i]
		if done[c.ID] {
			return
		}
		done[c.ID] = true
		needs := slices.Clone(c.Needs)
		sort.Slice(needs, func(a, b int) bool { return index[needs[a]] < index[needs[b]] })
		for _, n := range needs {
			if j, ok := index[n]; ok {
				visit(j)
			}
		}
		out = append(out, c)
	}
	for i := range l.Checks {
		visit(i)
	}
	return out
}
