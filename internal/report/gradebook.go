package report

import (
	"fmt"
	"time"
)

// Learner is one person of a class. ID is unique within a roster; the rest is
// empty where the roster does not say.
type Learner struct {
	ID      string `json:"id"`
	Name    string `json:"name,omitempty"`
	Email   string `json:"email,omitempty"`
	Section string `json:"section,omitempty"`
	// Accounts are other systems' names of the learner, by system: "canvas",
	// "moodle", "github", "gradescope".
	Accounts map[string]string `json:"accounts,omitempty"`
	// Unknown is set for whom no roster names though there is one: what was handed in
	// is shown, and counts as nobody's.
	Unknown bool `json:"unknown,omitempty"`
}

// Submission is what a learner handed in for one lab.
type Submission struct {
	Source    string    `json:"source"`             // as it was found: a path within the class folder
	Digest    string    `json:"digest"`             // SHA-256 of the files in it, hexadecimal
	Submitted time.Time `json:"submitted,omitzero"` // what counts; zero: not known
	Basis     Basis     `json:"basis,omitempty"`    // who says that; empty: not known
	// Claimed is what Claims, its manifest or its commit, says where that is another time.
	Claimed time.Time `json:"claimed,omitzero"`
	Claims  Basis     `json:"claims,omitempty"`
	Attempt int       `json:"attempt,omitempty"` // 1 is the first; 0: not known
	Note    string    `json:"note,omitempty"`    // what a person should know of how it was found
}

// Basis is who says when something was handed in. Whose word a learner can change comes
// last.
type Basis string

// The learning platform's record; the time of the file as the grader has it; what the
// learner's own machine wrote down.
const (
	ByPlatform Basis = "platform"
	ByFile     Basis = "file"
	ByCommit   Basis = "commit"
	ByManifest Basis = "manifest"
)

// Words name what a time rests on, as in "late by the platform's record".
func (b Basis) Words() string {
	return map[Basis]string{ByPlatform: "the platform's record", ByFile: "the time of its file", ByCommit: "its commit",
		ByManifest: "its manifest"}[b]
}

// claim tells a time that the learner's own machine wrote down.
func (b Basis) claim() bool { return b == ByCommit || b == ByManifest }

// When is the time of a submission in words, with who says so and what else is said;
// empty when nothing is known.
func (s Submission) When() string {
	if s.Submitted.IsZero() {
		return ""
	}
	out := stamp(s.Submitted)
	switch {
	case s.Basis.claim():
		out += fmt.Sprintf(" (only %s says when)", s.Basis.Words())
	case s.Basis != "":
		out += " by " + s.Basis.Words()
	}
	if !s.Claimed.IsZero() {
		out += fmt.Sprintf("; %s says %s", s.Claims.Words(), stamp(s.Claimed))
	}
	return out
}

// stamp shows a time as people and programs read it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// Status says what a grade is worth.
type Status string

// What can become of a submission. Only a final grade is a score: an open one
// must be graded again, since some check ended in error or could not be judged.
const (
	Final    Status = "final"
	Open     Status = "open"
	Rejected Status = "rejected" // the submission is no submission: score 0, with the reason
	Missing  Status = "missing"  // nothing was handed in
)

// Grade is the outcome of one learner in one lab.
type Grade struct {
	Learner    Learner    `json:"learner"`
	Lab        string     `json:"lab"`
	Status     Status     `json:"status"`
	Submission Submission `json:"submission,omitzero"`
	Result     *Result    `json:"result,omitempty"` // nil when nothing was judged
	Deploy     string     `json:"deploy,omitempty"` // why it could not be deployed; all checks then fail
	Problem    string     `json:"problem,omitempty"`
	Rerun      string     `json:"rerun,omitempty"`   // what to type to grade it again, when open
	Earned     float64    `json:"earned"`            // points before lateness, on the assignment's scale
	Penalty    float64    `json:"penalty,omitempty"` // points taken off for lateness
	Points     float64    `json:"points"`            // Earned less Penalty, two decimals; what every format shows
	Possible   float64    `json:"possible"`
	// Extension is what the learner was granted; nil: nothing.
	Extension *Extension `json:"extension,omitempty"`
	// Flags are what a person should look at, such as output that carries
	// another learner's seed.
	Flags []string `json:"flags,omitempty"`
}

// Extension is more time, or more attempts, that a learner was granted.
type Extension struct {
	Due      time.Time `json:"due,omitzero"`       // when their work is due; zero: as everybody's
	Attempts int       `json:"attempts,omitempty"` // how many of theirs count; 0: as everybody's
}

// Words say what was granted; "" for nil.
func (e *Extension) Words() string {
	switch {
	case e == nil:
		return ""
	case e.Attempts == 0:
		return "extension to " + stamp(e.Due)
	case e.Due.IsZero():
		return "extension to " + Count(e.Attempts, "attempt")
	}
	return fmt.Sprintf("extension to %s and %s", stamp(e.Due), Count(e.Attempts, "attempt"))
}

// LabRef is a lab of an assignment.
type LabRef struct {
	ID     string  `json:"id"`
	Title  string  `json:"title"`
	Points float64 `json:"points"`
	Digest string  `json:"digest"` // of the lab's folder, hexadecimal
	// Checks are all checks of the lab in its order, and Mistakes what its
	// authors have written about wrong ideas. Formats that find none of it show
	// what the results hold.
	Checks   []CheckRef   `json:"checks,omitempty"`
	Mistakes []MistakeRef `json:"mistakes,omitempty"`
}

// CheckRef is a check of a lab, whether or not it was run.
type CheckRef struct {
	ID       string `json:"id"`
	Title    string `json:"title"`
	Possible int    `json:"possible"`
	Hidden   bool   `json:"hidden,omitempty"`
}

// MistakeRef is a wrong idea that learners are known to have.
type MistakeRef struct {
	ID          string `json:"id"`
	Title       string `json:"title"`
	Explanation string `json:"explanation,omitempty"`
	Hidden      bool   `json:"hidden,omitempty"` // only hidden checks know it
}

// Gradebook is the outcome of a class in an assignment. Grades are sorted by
// learner id, then by the order of the labs: the same grades give the same
// bytes.
type Gradebook struct {
	Version    int       `json:"version"` // of this model, version.Gradebook
	Assignment string    `json:"assignment"`
	Title      string    `json:"title"`
	Due        time.Time `json:"due,omitzero"`
	Tool       string    `json:"tool"` // version of pipelab
	Labs       []LabRef  `json:"labs"`
	// Notes are what a person should know of the class as a whole, such as on what the
	// times rest by which lateness was judged.
	Notes  []string `json:"notes,omitempty"`
	Grades []Grade  `json:"grades"`
	// Alike are submissions that have much in common, for a person to look at: no
	// verdict, and no points are lost by it.
	Alike []Alike `json:"alike,omitempty"`
}

// Possible is the sum of the labs' points.
func (b *Gradebook) Possible() (points float64) {
	for _, l := range b.Labs {
		points += l.Points
	}
	return points
}

// Total is one learner's sum over the labs, and whether each grade is final; a
// missing or rejected submission is a final 0.
func (b *Gradebook) Total(learner string) (points float64, final bool) {
	final = true
	for _, g := range b.Grades {
		if g.Learner.ID == learner {
			points += g.Points
			final = final && g.Status != Open
		}
	}
	return points, final
}
