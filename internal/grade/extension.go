package grade

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pipelab/pipelab/internal/foreign"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/report"
)

// Extension is more time, or more attempts, for one learner.
type Extension struct {
	// Learner is an id, or an e-mail address or account of the roster.
	Learner string `yaml:"learner" json:"learner"`
	// Due replaces the assignment's; Days are added to either. When submissions are no
	// longer taken moves with it.
	Due  time.Time `yaml:"due,omitempty" json:"due,omitzero"`
	Days int       `yaml:"days,omitempty" json:"days,omitempty"`
	// Attempts replaces the assignment's; 0 leaves it.
	Attempts int `yaml:"attempts,omitempty" json:"attempts,omitempty"`

	place string // file:line
}

// mostDays bounds what is taken for a number of days and not for a slip.
const mostDays = 366

func (a *Assignment) validateExtensions(p *yamlPlaces) {
	seen := map[string]bool{}
	for i, e := range a.Extensions {
		at := func(field string) string { return fmt.Sprintf("$.extensions[%d].%s", i, field) }
		p.need(strings.TrimSpace(e.Learner) != "", at("learner"), "an extension names no learner")
		p.need(!seen[foreign.Key(e.Learner)], at("learner"), "%s has two extensions: make one of them", e.Learner)
		seen[foreign.Key(e.Learner)] = true
		p.need(!e.Due.IsZero() || e.Days != 0 || e.Attempts != 0, at("learner"),
			"the extension of %s grants nothing: give it due, days or attempts", e.Learner)
		p.need(e.Days >= 0 && e.Days <= mostDays, at("days"), "days of %s: want 1 to %d", e.Learner, mostDays)
		p.need(e.Due.IsZero() && e.Days == 0 || !a.Due.IsZero(), at("learner"),
			"%s has more time, but the assignment is due at no time", e.Learner)
		p.need(e.Due.IsZero() || a.Due.IsZero() || e.Due.After(a.Due), at("due"),
			"due of %s, %s, is not after the assignment's, %s", e.Learner, stamp(e.Due), stamp(a.Due))
		p.need(e.Attempts >= 0 && (e.Attempts == 0 || a.Attempts == 0 || e.Attempts > a.Attempts), at("attempts"),
			"attempts of %s: %d are no more than the assignment's %d", e.Learner, e.Attempts, a.Attempts)
		p.need(e.Attempts == 0 || a.Attempts > 0, at("attempts"),
			"attempts of %s: the assignment lets everybody have any number", e.Learner)
	}
}

// Extend adds the extensions of a file to an assignment: one that has nothing but
// extensions, or another assignment's. Who has one already gets that of the file.
func (a *Assignment) Extend(name string, b []byte) error {
	more, places, err := decodeAssignment(name, b)
	if err != nil {
		return err
	}
	places.need(len(more.Extensions) > 0, "$", "it holds no extensions")
	with := *a
	with.Extensions = more.Extensions
	with.validateExtensions(places)
	if err := places.problems(); err != nil {
		return err
	}
	a.Extensions = append(slices.DeleteFunc(slices.Clone(a.Extensions), func(old Extension) bool {
		return slices.ContainsFunc(more.Extensions, func(e Extension) bool {
			return foreign.Key(e.Learner) == foreign.Key(old.Learner)
		})
	}), more.Extensions...)
	return nil
}

// ExtensionError is an extension that is nobody's, or somebody's second one.
type ExtensionError struct{ why string }

func (e *ExtensionError) Error() string { return e.why }

// extend finds out whose the extensions are.
func (p *Plan) extend() error {
	p.extended = map[string]Extension{}
	for _, e := range p.o.Assignment.Extensions {
		id, err := p.owner(e)
		if err != nil {
			return err
		}
		if _, twice := p.extended[id]; twice {
			return &ExtensionError{fmt.Sprintf("%s: %s has another extension, under another name", e.place, id)}
		}
		p.extended[id] = e
	}
	return nil
}

// owner is the id of the learner whom an extension is for. Without a roster it is who
// has handed in something under that name.
func (p *Plan) owner(e Extension) (string, error) {
	if p.o.Roster == nil {
		for _, l := range p.people {
			if foreign.Key(l.ID) == foreign.Key(e.Learner) {
				return l.ID, nil
			}
		}
		return e.Learner, nil
	}
	for _, c := range plainClaims(strings.TrimSpace(e.Learner)) {
		if l, _ := p.o.Roster.match(c); l != nil {
			return l.ID, nil
		}
	}
	var ids []string
	for _, l := range p.o.Roster.Learners {
		ids = append(ids, l.ID)
	}
	why := fmt.Sprintf("%s: %s has an extension and is not in the roster", e.place, e.Learner)
	if near := lab.Nearest(e.Learner, ids); near != "" {
		why += "; did you mean " + near + "?"
	}
	return "", &ExtensionError{why}
}

// rules are the assignment's for one learner.
func (p *Plan) rules(learner string) *Assignment {
	a := p.o.Assignment
	if e, ok := p.extended[learner]; ok {
		a = a.with(e)
	}
	return &a
}

// with is the assignment as it is for who has an extension.
func (a Assignment) with(e Extension) Assignment {
	due := a.Due
	if !e.Due.IsZero() {
		due = e.Due
	}
	if !due.IsZero() {
		due = due.AddDate(0, 0, e.Days)
	}
	if !a.Late.Until.IsZero() {
		a.Late.Until = a.Late.Until.Add(due.Sub(a.Due))
	}
	a.Due = due
	if e.Attempts > 0 {
		a.Attempts = e.Attempts
	}
	return a
}

// extension is what a learner's grades say of theirs; nil when they have none.
func (p *Plan) extension(learner string) *report.Extension {
	e, ok := p.extended[learner]
	if !ok {
		return nil
	}
	out := &report.Extension{Attempts: e.Attempts}
	if a := p.rules(learner); !a.Due.Equal(p.o.Assignment.Due) {
		out.Due = a.Due.UTC()
	}
	return out
}
