// Package grade judges submissions: one in CI, a class on a laptop. It finds
// them, runs each in its own emulator and sandbox, keeps what it knows so that
// a killed run goes on, and tells what changed since another run. How a result
// is written is report's.
package grade

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/pipelab/pipelab/internal/foreign"
)

// Assignment is what an instructor hands out: labs with points, dates and
// rules. It is the file assignment.yaml.
type Assignment struct {
	ID    string          `yaml:"id" json:"id"`
	Title string          `yaml:"title" json:"title"`
	Labs  []AssignmentLab `yaml:"labs" json:"labs"`
	// Opens and Due bound the time for work; zero means without bound.
	Opens time.Time `yaml:"opens,omitempty" json:"opens,omitzero"`
	Due   time.Time `yaml:"due,omitempty" json:"due,omitzero"`
	Late  Late      `yaml:"late,omitempty" json:"late,omitzero"`
	// HandIn says in words where submissions go: a page, a folder, an address.
	HandIn string `yaml:"handIn,omitempty" json:"handIn,omitempty"`
	// Attempts is how many submissions count, the first ones by time; 0 means any
	// number. Counts says which of them is the grade: Best, also when empty, or Last.
	Attempts int    `yaml:"attempts,omitempty" json:"attempts,omitempty"`
	Counts   string `yaml:"counts,omitempty" json:"counts,omitempty"`
	// Extensions are for the learners who have them, and for nobody else to see.
	Extensions []Extension `yaml:"extensions,omitempty" json:"extensions,omitempty"`
	// Seed is where every learner's data come from. Variants gives each learner
	// data of their own, derived from Seed and their id; without it all get Seed.
	Seed     uint64 `yaml:"seed" json:"seed"`
	Variants bool   `yaml:"variants,omitempty" json:"variants,omitempty"`
	// Recipient is the instructor's age public key, to which hidden checks are
	// sealed; Signer the public key that the bundle is signed with.
	Recipient string `yaml:"recipient,omitempty" json:"recipient,omitempty"`
	Signer    string `yaml:"signer,omitempty" json:"signer,omitempty"`
}

// AssignmentLab is a lab and the points that it is worth; 0 means 100.
type AssignmentLab struct {
	ID     string  `yaml:"id" json:"id"`
	Points float64 `yaml:"points,omitempty" json:"points,omitempty"`
}

// Late says what a submission after Due is worth.
type Late struct {
	// Grace is time after Due that does not count as late.
	Grace time.Duration `yaml:"grace,omitempty" json:"grace,omitempty"`
	// PerDay is the share of the points possible, 0 to 1, taken off for each day
	// begun; 0 with Until zero means that lateness costs nothing.
	PerDay float64 `yaml:"perDay,omitempty" json:"perDay,omitempty"`
	// Most bounds what is taken off, a share of the points possible; 0 means all.
	Most float64 `yaml:"most,omitempty" json:"most,omitempty"`
	// Until is when submissions are no longer taken; zero means never.
	Until time.Time `yaml:"until,omitempty" json:"until,omitzero"`
}

// Which of the attempts that count is the grade.
const (
	Best = "best"
	Last = "last"
)

// ParseAssignment reads an assignment.yaml strictly: a field that is not known,
// or of a wrong type, is an error that names its line.
func ParseAssignment(name string, b []byte) (*Assignment, error) {
	a, places, err := decodeAssignment(name, b)
	if err != nil {
		return nil, err
	}
	a.validate(places)
	a.validateExtensions(places)
	if err := places.problems(); err != nil {
		return nil, err
	}
	for i := range a.Labs {
		if a.Labs[i].Points == 0 {
			a.Labs[i].Points = 100
		}
	}
	return a, nil
}

// decodeAssignment reads the file and says where things are in it.
func decodeAssignment(name string, b []byte) (*Assignment, *yamlPlaces, error) {
	b, err := foreign.Text(b)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	var a Assignment
	if err := yaml.NewDecoder(bytes.NewReader(b), yaml.Strict()).Decode(&a); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil, fmt.Errorf("%s is empty", name)
		}
		return nil, nil, yamlError(name, err)
	}
	places := &yamlPlaces{name: name, text: b}
	for i := range a.Extensions {
		a.Extensions[i].place = places.of("$.extensions[%d].learner", i)
	}
	return &a, places, nil
}

func (a *Assignment) validate(p *yamlPlaces) {
	p.need(a.ID != "", "$.id", "id is missing")
	// Files and folders are named after it, on learners' machines too.
	p.need(a.ID == "" || regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`).MatchString(a.ID), "$.id",
		"id %q: want letters, digits, dots and hyphens, such as week-3", a.ID)
	p.need(a.Title != "", "$.title", "title is missing")
	p.need(len(a.Labs) > 0, "$.labs", "labs is empty: name at least one")
	seen := map[string]bool{}
	for i, l := range a.Labs {
		at := fmt.Sprintf("$.labs[%d].id", i)
		p.need(l.ID != "", at, "a lab has no id")
		p.need(!seen[l.ID], at, "lab %s is named twice", l.ID)
		p.need(l.Points >= 0, at, "points of %s are negative", l.ID)
		seen[l.ID] = true
	}
	p.need(a.Attempts >= 0, "$.attempts", "attempts is negative")
	p.need(slices.Contains([]string{"", Best, Last}, a.Counts), "$.counts",
		"counts %q: which attempt is the grade, %s or %s?", a.Counts, Best, Last)
	p.need(a.Late.PerDay >= 0 && a.Late.PerDay <= 1, "$.late.perDay", "late.perDay is a share of 0 to 1, such as 0.1")
	p.need(a.Late.Most >= 0 && a.Late.Most <= 1, "$.late.most", "late.most is a share of 0 to 1")
	p.need(a.Late.Grace >= 0, "$.late.grace", "late.grace is negative")
	p.need(a.Due.IsZero() || a.Opens.IsZero() || a.Due.After(a.Opens), "$.due", "due is not after opens")
	p.need(a.Late.Until.IsZero() || a.Due.IsZero() || !a.Late.Until.Before(a.Due), "$.late.until",
		"late.until is before due")
	p.need(!a.Due.IsZero() || a.Late == (Late{}), "$.late", "late says what comes after due, but due is missing")
}

// Penalty is the share of the points possible, 0 to 1, that lateness takes from
// a submission of that time; taken is false when it comes too late to count. A
// time that is not known is not late.
func (a *Assignment) Penalty(submitted time.Time) (share float64, taken bool) {
	if submitted.IsZero() || a.Due.IsZero() {
		return 0, true
	}
	if !a.Late.Until.IsZero() && submitted.After(a.Late.Until) {
		return 0, false
	}
	most := a.Late.Most
	if most == 0 {
		most = 1
	}
	return min(float64(a.late(submitted))*a.Late.PerDay, most), true
}
