package grade

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/pipelab/pipelab/internal/foreign"
	"github.com/pipelab/pipelab/internal/report"
)

// Change is one learner's grade in one lab that is not what it was.
type Change struct {
	Learner string        `json:"learner"`
	Name    string        `json:"name,omitempty"`
	Lab     string        `json:"lab"`
	Before  Standing      `json:"before"`
	After   Standing      `json:"after"`
	Drop    bool          `json:"drop,omitempty"` // fewer points than before
	Checks  []CheckChange `json:"checks,omitempty"`
	// Because lists what is different: submission, lab, tool, seed, emulator,
	// lateness, points; or non-determinism when nothing is that could be told.
	Because []string `json:"because"`
}

// Standing is a grade at one time; Status is empty when there was none.
type Standing struct {
	Status   report.Status `json:"status,omitempty"`
	Points   float64       `json:"points"`
	Possible float64       `json:"possible"`
}

// CheckChange is a check whose outcome is not what it was.
type CheckChange struct {
	ID     string         `json:"id"`
	Before report.Verdict `json:"before,omitempty"`
	After  report.Verdict `json:"after,omitempty"`
}

// ReadGradebook reads a gradebook.json.
func ReadGradebook(file string) (*report.Gradebook, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if b, err = foreign.Text(b); err != nil {
		return nil, fmt.Errorf("%s is no gradebook: %w", file, err)
	}
	var out report.Gradebook
	if err := json.Unmarshal(b, &out); err != nil {
		return nil, fmt.Errorf("%s is no gradebook: %w", file, err)
	}
	if out.Version != 1 {
		return nil, fmt.Errorf("%s is no gradebook, or of a newer pipelab: its version is %d", file, out.Version)
	}
	return &out, nil
}

// Compare lists whose score or status changed between two gradebooks, in the
// order of the newer one, then who is in the older one only.
func Compare(before, after *report.Gradebook) []Change {
	var out []Change
	old := map[string]report.Grade{}
	for _, g := range before.Grades {
		old[g.Learner.ID+"\n"+g.Lab] = g
	}
	for _, g := range after.Grades {
		key := g.Learner.ID + "\n" + g.Lab
		was, ok := old[key]
		delete(old, key)
		if c, differs := compare(before, after, was, g); differs && (ok || g.Status != report.Missing) {
			out = append(out, c)
		}
	}
	for _, g := range before.Grades {
		if was, gone := old[g.Learner.ID+"\n"+g.Lab]; gone && was.Status != report.Missing {
			out = append(out, Change{Learner: was.Learner.ID, Name: was.Learner.Name, Lab: was.Lab, Before: standing(was),
				Drop: was.Points > 0, Because: []string{"no longer graded"}})
		}
	}
	return out
}

func standing(g report.Grade) Standing {
	return Standing{Status: g.Status, Points: report.Round(g.Points), Possible: report.Round(g.Possible)}
}

func compare(before, after *report.Gradebook, was, is report.Grade) (Change, bool) {
	c := Change{Learner: is.Learner.ID, Name: is.Learner.Name, Lab: is.Lab, Before: standing(was), After: standing(is),
		Checks: checkChanges(was.Result, is.Result)}
	if c.Before == c.After {
		return c, false
	}
	c.Drop = was.Final() && is.Final() && c.After.Points < c.Before.Points
	c.Because = reasons(before, after, was, is)
	return c, true
}

func checkChanges(was, is *report.Result) (out []CheckChange) {
	verdicts := func(r *report.Result) map[string]report.Check {
		m := map[string]report.Check{}
		if r != nil {
			for _, c := range r.Checks {
				m[c.ID] = c
			}
		}
		return m
	}
	a, b := verdicts(was), verdicts(is)
	seen := map[string]bool{}
	for _, r := range []*report.Result{is, was} {
		if r == nil {
			continue
		}
		for _, c := range r.Checks {
			if !seen[c.ID] && (a[c.ID].Verdict != b[c.ID].Verdict || a[c.ID].Points != b[c.ID].Points) {
				out = append(out, CheckChange{ID: c.ID, Before: a[c.ID].Verdict, After: b[c.ID].Verdict})
			}
			seen[c.ID] = true
		}
	}
	return out
}

// reasons are what differs between two grades beside their scores.
func reasons(before, after *report.Gradebook, was, is report.Grade) (out []string) {
	if was.Status == "" {
		return []string{"not graded before"}
	}
	add := func(differs bool, what string) {
		if differs {
			out = append(out, what)
		}
	}
	add(was.Submission.Digest != is.Submission.Digest, "submission")
	add(labRef(before, was.Lab).Digest != labRef(after, is.Lab).Digest, "lab")
	add(before.Tool != after.Tool, "tool")
	if was.Result != nil && is.Result != nil {
		add(was.Result.Seed != is.Result.Seed, "seed")
		add(was.Result.Emulator != is.Result.Emulator, "emulator")
	}
	add(was.Penalty != is.Penalty && was.Earned == is.Earned, "lateness")
	add(was.Possible != is.Possible, "points")
	if len(out) == 0 && was.Status == report.Open {
		out = append(out, "was open")
	}
	if len(out) == 0 {
		out = append(out, "non-determinism")
	}
	return out
}

func labRef(b *report.Gradebook, id string) report.LabRef {
	i := slices.IndexFunc(b.Labs, func(l report.LabRef) bool { return l.ID == id })
	if i < 0 {
		return report.LabRef{}
	}
	return b.Labs[i]
}

// WriteChanges writes them for people, a line each.
func WriteChanges(w io.Writer, changes []Change) error {
	var b strings.Builder
	for _, c := range changes {
		fmt.Fprintf(&b, "%s  %s  %s -> %s", c.Learner, c.Lab, c.Before, c.After)
		for i, check := range c.Checks {
			lead := ", "
			if i == 0 {
				lead = ": "
			}
			fmt.Fprintf(&b, "%s%s %s -> %s", lead, check.ID, shown(check.Before), shown(check.After))
		}
		fmt.Fprintf(&b, " (%s)\n", because(c.Because))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// because says what changed in words.
func because(reasons []string) string {
	var changed, others []string
	for _, r := range reasons {
		switch r {
		case "submission", "lab", "tool", "seed", "emulator", "lateness", "points":
			changed = append(changed, r)
		default:
			others = append(others, r)
		}
	}
	if len(changed) > 0 {
		others = append([]string{"changed: " + strings.Join(changed, ", ")}, others...)
	}
	return strings.Join(others, "; ")
}

func shown(v report.Verdict) string {
	if v == "" {
		return "none"
	}
	return string(v)
}

// String is the standing in words.
func (s Standing) String() string {
	switch s.Status {
	case "":
		return "none"
	case report.Final:
		return fmt.Sprintf("%s of %s", report.Points(s.Points), report.Points(s.Possible))
	case report.Rejected:
		return "rejected"
	}
	return string(s.Status)
}
