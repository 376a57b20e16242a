package lab

import (
	"fmt"
	"io/fs"
	"path"
	"reflect"
	"slices"
)

// Hidden checks live in the folder sealed of a lab; what learners receive
// holds them encrypted.
const (
	SealedFile  = "sealed/checks.yaml" // the checks and what only they need; further files of the folder add more
	SealedBytes = "sealed/lab.age"     // the folder, encrypted to the instructor
)

// Sealed is sealed/checks.yaml, or another sealed/NAME.yaml: checks that learners do
// not see. They may mention whatever lab.yaml and the files before this one define;
// their points come on top of the 100 of the visible ones.
type Sealed struct {
	Mistakes []Mistake          `json:"mistakes,omitempty" yaml:"mistakes"`
	Data     map[string]Dataset `json:"data,omitempty" yaml:"data"`
	Programs map[string]Program `json:"programs,omitempty" yaml:"programs"`
	Probes   map[string]Probe   `json:"probes,omitempty" yaml:"probes"`
	Checks   []Check            `json:"checks" yaml:"checks"`
}

// unseal adds the hidden checks of a folder that has them, file by file in the order of
// their names: who builds on a lab adds a file of their own.
func (f *Folder) unseal(id string, compile Compile) (ps Problems) {
	names, err := fs.Glob(f.FS, path.Join(path.Dir(SealedFile), "*.yaml"))
	if err != nil || len(names) == 0 {
		return nil // none; the pattern is well
	}
	f.open, f.Hidden, f.Secrets = f.Lab, map[string]bool{}, map[string]bool{}
	for _, name := range names {
		src, err := fs.ReadFile(f.FS, name)
		if err != nil {
			return append(ps, Problem{File: path.Join(id, name), Line: 1, Column: 1, Message: err.Error()})
		}
		ps = append(ps, f.unsealFile(path.Join(id, name), src, compile)...)
	}
	return ps
}

func (f *Folder) unsealFile(name string, src []byte, compile Compile) Problems {
	var s Sealed
	d := decodeFile(name, src, &s)
	if len(d.places) == 0 {
		return d.problems
	}
	whole := *f.Lab
	whole.Mistakes = append(append([]Mistake(nil), whole.Mistakes...), s.Mistakes...)
	whole.Data = merge(d, "data", whole.Data, s.Data)
	whole.Programs = merge(d, "programs", whole.Programs, s.Programs)
	whole.Probes = merge(d, "probes", whole.Probes, s.Probes)
	before := len(whole.Checks)
	whole.Checks = append(append([]Check(nil), whole.Checks...), s.Checks...)
	v := &validator{decoder: d, lab: &whole, compile: compile}
	v.sealed(&s, before)
	f.Lab = &whole
	for _, m := range s.Mistakes {
		f.Secrets[m.ID] = true
	}
	for _, c := range s.Checks {
		f.Hidden[c.ID] = true
	}
	return d.problems
}

// Visible is the lab as learners work with it: without the checks that they do not see,
// what only these use, and the wrong answers that only these catch.
func (f *Folder) Visible() *Folder {
	if f.open == nil {
		return f
	}
	seen := *f
	seen.Lab, seen.open, seen.Hidden, seen.Secrets, seen.Mutants = f.open, nil, nil, nil, nil
	for _, m := range f.Mutants {
		m.Fails = slices.DeleteFunc(slices.Clone(m.Fails), func(id string) bool { return f.Hidden[id] })
		m.Also = slices.DeleteFunc(slices.Clone(m.Also), func(id string) bool { return f.Secrets[id] })
		if (len(m.Fails) > 0 || m.Deploy == "fails") && !f.Secrets[m.Mistake] {
			seen.Mutants = append(seen.Mutants, m)
		}
	}
	return &seen
}

func (v *validator) sealed(s *Sealed, before int) {
	seen := map[string]bool{}
	for _, m := range v.lab.Mistakes[:len(v.lab.Mistakes)-len(s.Mistakes)] {
		seen[m.ID] = true
	}
	for i, m := range s.Mistakes {
		p := fmt.Sprintf("mistakes[%d]", i)
		v.unique(p+".id", seen, m.ID)
		v.text(p+".title", m.Title)
		v.text(p+".explanation", m.Explanation)
	}
	v.datasets("data", s.Data)
	v.probes("probes", s.Probes)
	if len(s.Checks) == 0 {
		v.at("checks", "", "checks is missing")
	}
	taken, ids := map[string]bool{}, []string{}
	for i, c := range v.lab.Checks {
		if ids = append(ids, c.ID); i < before {
			taken[c.ID] = true
		}
	}
	for i := range s.Checks {
		v.unique(fmt.Sprintf("checks[%d].id", i), taken, s.Checks[i].ID)
		v.check(fmt.Sprintf("checks[%d]", i), &v.lab.Checks[before+i], ids)
	}
	v.cycles()
	v.durations(reflect.ValueOf(s).Elem(), "")
}

// merge adds what is new; a name that is taken is a problem.
func merge[T any](d *decoder, place string, visible, sealed map[string]T) map[string]T {
	out := map[string]T{}
	for name, v := range visible {
		out[name] = v
	}
	for name, v := range sealed {
		if _, taken := out[name]; taken {
			d.at(place+"."+name, "", "lab.yaml, or a sealed file before this one, has %q already", name)
		}
		out[name] = v
	}
	return out
}
