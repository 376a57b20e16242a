package lab

import (
	"fmt"
	"io/fs"
	"path"
	"reflect"
)

// Hidden checks live in the folder sealed of a lab; what learners receive
// holds them encrypted.
const (
	SealedFile  = "sealed/checks.yaml" // the checks and what only they need
	SealedBytes = "sealed/lab.age"     // the folder, encrypted to the instructor
)

// Sealed is sealed/checks.yaml: checks that learners do not see. They may
// mention whatever lab.yaml defines; their points come on top of the 100 of
// the visible ones.
type Sealed struct {
	Mistakes []Mistake          `json:"mistakes,omitempty" yaml:"mistakes"`
	Data     map[string]Dataset `json:"data,omitempty" yaml:"data"`
	Programs map[string]Program `json:"programs,omitempty" yaml:"programs"`
	Probes   map[string]Probe   `json:"probes,omitempty" yaml:"probes"`
	Checks   []Check            `json:"checks" yaml:"checks"`
}

// unseal adds the hidden checks of a folder that has them.
func (f *Folder) unseal(id string, compile Compile) Problems {
	src, err := fs.ReadFile(f.FS, SealedFile)
	if err != nil {
		return nil // none
	}
	var s Sealed
	d := decodeFile(path.Join(id, SealedFile), src, &s)
	if len(d.places) == 0 {
		return d.problems
	}
	whole := *f.Lab
	whole.Mistakes = append(append([]Mistake(nil), whole.Mistakes...), s.Mistakes...)
	whole.Data = merge(d, "data", whole.Data, s.Data)
	whole.Programs = merge(d, "programs", whole.Programs, s.Programs)
	whole.Probes = merge(d, "probes", whole.Probes, s.Probes)
	visible := len(whole.Checks)
	whole.Checks = append(append([]Check(nil), whole.Checks...), s.Checks...)
	v := &validator{decoder: d, lab: &whole, compile: compile}
	v.sealed(&s, visible)
	f.Lab, f.Hidden, f.Secrets = &whole, map[string]bool{}, map[string]bool{}
	for _, m := range s.Mistakes {
		f.Secrets[m.ID] = true
	}
	for _, c := range s.Checks {
		f.Hidden[c.ID] = true
	}
	return d.problems
}

func (v *validator) sealed(s *Sealed, visible int) {
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
		if ids = append(ids, c.ID); i < visible {
			taken[c.ID] = true
		}
	}
	for i := range s.Checks {
		v.unique(fmt.Sprintf("checks[%d].id", i), taken, s.Checks[i].ID)
		v.check(fmt.Sprintf("checks[%d]", i), &v.lab.Checks[visible+i], ids)
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
			d.at(place+"."+name, "", "lab.yaml has %q already", name)
		}
		out[name] = v
	}
	return out
}
