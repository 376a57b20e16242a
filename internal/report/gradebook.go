package report

import (
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
	Submitted time.Time `json:"submitted,omitzero"` // zero: not known
	Attempt   int       `json:"attempt,omitempty"`  // 1 is the first; 0: not known
	Note      string    `json:"note,omitempty"`     // what a person should know of how it was found
}

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
	// Flags are what a person should look at, such as output that carries
	// another learner's seed.
	Flags []string `json:"flags,omitempty"`
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
	Grades     []Grade   `json:"grades"`
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
