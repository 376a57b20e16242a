package grade

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/internal/version"
)

// Outcome is what a run came to.
type Outcome struct {
	Book *report.Gradebook
	// Timings are of this run, and not in the book.
	Timings []Timing
	Ran     int // submissions that were run
	Kept    int // submissions whose result was known
}

// outcome makes the gradebook: the same submissions, whenever and however often
// interrupted, give the same bytes.
func (r *run) outcome() *Outcome {
	out := &Outcome{Book: r.book(), Ran: r.done.Ran, Kept: r.done.Done - r.done.Ran}
	owners := r.owners()
	for _, learner := range r.people {
		learner.Unknown = r.unknown[learner.ID]
		for _, l := range r.labs {
			out.Book.Grades = append(out.Book.Grades, r.grade(learner, r.unitsOf(learner.ID, l.ID), l.ID, owners))
		}
	}
	out.Book.Alike = r.alike()
	for _, u := range r.units {
		if j, ok := r.results[u]; ok {
			out.Timings = append(out.Timings, j.Timing)
		}
	}
	return out
}

// book is the gradebook without grades.
func (p *Plan) book() *report.Gradebook {
	a := &p.o.Assignment
	b := &report.Gradebook{Version: version.Gradebook, Assignment: a.ID, Title: a.Title, Due: a.Due, Tool: p.o.Tool,
		Notes: p.Notes(), Labs: []report.LabRef{}, Grades: []report.Grade{}}
	for _, l := range p.labs {
		b.Labs = append(b.Labs, report.RefOf(l, p.possible(l.ID), p.digests[l.ID]))
	}
	return b
}

// Blank is the gradebook before anybody is graded, in which nobody has points: it shows
// whether an export can take the real one.
func (p *Plan) Blank() *report.Gradebook {
	b := p.book()
	for _, l := range p.people {
		l.Unknown = p.unknown[l.ID]
		for _, of := range p.labs {
			b.Grades = append(b.Grades, report.Grade{Learner: l, Lab: of.ID, Status: report.Final, Possible: p.possible(of.ID),
				Extension: p.extension(l.ID)})
		}
	}
	return b
}

// possible are the points that a lab is worth.
func (p *Plan) possible(id string) float64 {
	for _, l := range p.o.Assignment.Labs {
		if l.ID == id && l.Points > 0 {
			return l.Points
		}
	}
	return 100
}

func (p *Plan) unitsOf(learner, id string) (out []*unit) {
	for _, u := range p.units {
		if u.learner.ID == learner && u.lab.ID == id {
			out = append(out, u)
		}
	}
	return out
}

// grade is one learner's in one lab: the best of the attempts that count. While
// one of them is open that could be better than the best, so is the grade.
func (r *run) grade(l report.Learner, units []*unit, id string, owners map[uint64]string) report.Grade {
	if len(units) == 0 {
		return report.Grade{Learner: l, Lab: id, Status: report.Missing, Possible: r.possible(id),
			Extension: r.extension(l.ID)}
	}
	var best report.Grade
	var of *unit
	extra := 0
	var flags, passed []string // passed over
	rules := r.rules(l.ID)
	choose, which := better, Best
	if rules.Counts == Last {
		choose, which = later, Last
	}
	for _, u := range units {
		if u.aside {
			flags = append(flags, fmt.Sprintf("%s says that it is this learner's too; it does not count", u.handed.Source))
			continue
		}
		if u.extra {
			extra++
			continue
		}
		g := r.gradeOf(u, r.results[u])
		if of == nil || choose(g, best) {
			best, of = g, u
		} else if rules.Counts == Last { // it was rejected, and what came before it was not
			passed = append(passed, fmt.Sprintf("%s, which is later, was rejected: %s", g.Submission.Source, g.Problem))
		}
	}
	best.Learner, best.Extension, best.Flags = l, r.extension(l.ID), slices.Concat(best.Flags, flags, passed)
	var notes []string
	if best.Submission.Note != "" {
		notes = append(notes, best.Submission.Note)
	}
	if counted := len(units) - extra - len(flags); counted > 1 {
		notes = append(notes, fmt.Sprintf("the %s of %s", which, report.Count(counted, "attempt")))
	}
	if extra > 0 {
		notes = append(notes, fmt.Sprintf("%d more than the %s allowed did not count", extra,
			report.Count(rules.Attempts, "attempt")))
	}
	best.Submission.Note = strings.Join(notes, "; ")
	if len(owners) > 0 {
		seen := inFiles(of.dir, of.files, of.seed, owners)
		best.Flags = append(best.Flags, copied(owners, l.ID, append(seen, r.results[of].Seeds...))...)
	}
	return best
}

// later takes the later of two attempts, unless it is rejected and the other is not: what
// is damaged or in the wrong format is no attempt to answer.
func later(a, b report.Grade) bool { return a.Status != report.Rejected || b.Status == report.Rejected }

// better compares two attempts. What is open may become anything up to its
// points possible, less what lateness takes; of equals, the first stays.
func better(a, b report.Grade) bool {
	reach := func(g report.Grade) float64 {
		if g.Status == report.Open {
			return g.Possible - g.Penalty
		}
		return g.Points
	}
	if a.Status == report.Open != (b.Status == report.Open) && reach(a) == reach(b) {
		return a.Status != report.Open
	}
	if (a.Status == report.Rejected) != (b.Status == report.Rejected) && reach(a) == reach(b) {
		return a.Status != report.Rejected
	}
	return reach(a) > reach(b)
}

// gradeOf is the grade of one submission, before attempts are compared.
func (r *run) gradeOf(u *unit, j judged) report.Grade {
	g := report.Grade{Learner: u.learner, Lab: u.lab.ID, Status: report.Final, Submission: u.handed,
		Possible: r.possible(u.lab.ID),
		Flags:    slices.Clone(u.flags), Deploy: j.Deploy}
	if j.Result != nil { // those who handed in the same have one result
		result := *j.Result
		result.Checks = slices.Clone(result.Checks)
		g.Result = &result
	}
	g.Submission.Note = strings.Join(u.notes, "; ")
	penalty := report.Round(u.penalty * g.Possible)
	switch {
	case u.problem != "":
		g.Status, g.Problem = report.Rejected, u.problem
		return g
	case j.Problem != "":
		g.Status, g.Problem, g.Rerun, g.Penalty = report.Open, j.Problem, r.Rerun, penalty
		return g
	}
	points, possible, final := j.Result.Score()
	if !final {
		g.Status, g.Rerun, g.Penalty = report.Open, r.Rerun, penalty
		return g
	}
	if possible > 0 {
		g.Earned = report.Round(points / float64(possible) * g.Possible)
	}
	g.Penalty = min(penalty, g.Earned)
	g.Points = report.Round(g.Earned - g.Penalty)
	if strings.Contains(g.Deploy, "not supported") {
		g.Flags = append(g.Flags, "it could not be deployed; AWS may know what is not supported here")
	}
	return g
}
