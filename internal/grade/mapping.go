package grade

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/pipelab/pipelab/internal/report"
)

// Mapping is who handed in what, and what will be graded.
type Mapping struct {
	Submissions []Mapped `json:"submissions"`
	// Missing are learners of the roster from whom there is nothing.
	Missing []report.Learner `json:"missing"`
	// Notes say on what the times rest by which lateness is judged.
	Notes []string `json:"notes,omitempty"`
}

// Mapped is one submission and its learner.
type Mapped struct {
	Source    string         `json:"source"`
	Learner   report.Learner `json:"learner"`
	Known     bool           `json:"known"` // in the roster, or there is no roster
	Lab       string         `json:"lab"`
	Attempt   int            `json:"attempt,omitempty"`
	Counts    bool           `json:"counts"`
	Submitted time.Time      `json:"submitted,omitzero"` // what counts
	Basis     report.Basis   `json:"basis,omitempty"`    // who says so
	Claimed   time.Time      `json:"claimed,omitzero"`   // what its manifest or commit says, where that is another time
	Late      float64        `json:"late,omitempty"`     // share of the points that lateness takes
	// Extension is what the learner was granted; nil: nothing.
	Extension *report.Extension `json:"extension,omitempty"`
	Seed      uint64            `json:"seed"`
	Digest    string            `json:"digest,omitempty"`
	Problem   string            `json:"problem,omitempty"`
	Notes     []string          `json:"notes,omitempty"`

	handed report.Submission
}

// Mapping lists what the plan found.
func (p *Plan) Mapping() Mapping {
	out := Mapping{Submissions: []Mapped{}, Missing: []report.Learner{}, Notes: p.Notes()}
	handed := map[string]bool{}
	for _, u := range p.units {
		handed[u.learner.ID] = true
		out.Submissions = append(out.Submissions, Mapped{Source: u.handed.Source, Learner: u.learner,
			Known: !p.unknown[u.learner.ID], Lab: u.lab.ID,
			Attempt: u.handed.Attempt, Counts: !u.extra && !u.aside, Submitted: u.handed.Submitted,
			Basis: u.handed.Basis, Claimed: u.handed.Claimed,
			Late: u.penalty, Extension: p.extension(u.learner.ID), Seed: u.seed,
			Digest: u.handed.Digest, handed: u.handed,
			Problem: u.problem, Notes: append(append([]string{}, u.notes...), u.flags...)})
	}
	for _, l := range p.people {
		if !handed[l.ID] {
			out.Missing = append(out.Missing, l)
		}
	}
	return out
}

// Unknown are the sources of submissions that match nobody of the roster.
func (m Mapping) Unknown() (sources []string) {
	for _, s := range m.Submissions {
		if !s.Known {
			sources = append(sources, s.Source)
		}
	}
	return sources
}

// Text writes the mapping for people.
func (m Mapping) Text(w io.Writer) error {
	var b strings.Builder
	for _, s := range m.Submissions {
		who := s.Learner.ID
		if s.Learner.Name != "" {
			who += " (" + s.Learner.Name + ")"
		}
		fmt.Fprintf(&b, "%s  %s  %s", who, s.Lab, s.Source)
		if s.Attempt > 0 {
			fmt.Fprintf(&b, ", attempt %d", s.Attempt)
		}
		if when := s.handed.When(); when != "" {
			b.WriteString(", " + when)
		}
		if words := s.Extension.Words(); words != "" {
			b.WriteString(", " + words)
		}
		if s.Late > 0 {
			fmt.Fprintf(&b, ", late: %s %% off", report.Points(s.Late*100))
		}
		if !s.Counts && s.Attempt == 0 {
			b.WriteString(", does not count: they have handed in something of certain origin")
		} else if !s.Counts {
			b.WriteString(", does not count: one attempt too many")
		}
		b.WriteString("\n")
		if s.Problem != "" {
			b.WriteString("    rejected: " + s.Problem + "\n")
		}
		for _, n := range s.Notes {
			b.WriteString("    note: " + n + "\n")
		}
	}
	for _, l := range m.Missing {
		who := l.ID
		if l.Name != "" {
			who += " (" + l.Name + ")"
		}
		b.WriteString(who + "  nothing was handed in\n")
	}
	for _, n := range m.Notes {
		b.WriteString("times: " + n + "\n")
	}
	_, err := io.WriteString(w, report.Console(b.String()))
	return err
}

// Learners are the ids of all who will stand in the gradebook, in order.
func (p *Plan) Learners() (ids []string) {
	for _, l := range p.people {
		ids = append(ids, l.ID)
	}
	return ids
}

// Labs are the ids of the labs that are graded, in order.
func (p *Plan) Labs() (ids []string) {
	for _, l := range p.labs {
		ids = append(ids, l.ID)
	}
	return ids
}

// Needs are the interpreters that must be on the machine for the labs of the plan.
func (p *Plan) Needs() (names []string) {
	seen := map[string]bool{}
	for _, l := range p.labs {
		for _, name := range l.Interpreters {
			if !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	return names
}
