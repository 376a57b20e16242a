package report

import (
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/version"
)

// RefOf is what a gradebook says of a lab that is worth some points.
func RefOf(l *lab.Folder, points float64, digest string) LabRef {
	ref := LabRef{ID: l.ID, Title: l.Title, Points: points, Digest: digest}
	for _, c := range l.Order() {
		ref.Checks = append(ref.Checks, CheckRef{ID: c.ID, Title: c.Title, Possible: c.Points, Hidden: l.Hidden[c.ID]})
	}
	for _, m := range l.Mistakes {
		ref.Mistakes = append(ref.Mistakes, MistakeRef{ID: m.ID, Title: m.Title, Explanation: m.Explanation,
			Hidden: l.Secrets[m.ID]})
	}
	return ref
}

// Single is the gradebook of one run of a lab's checks by somebody who need not
// be named: every format can be written of it. A run of some of the checks is
// worth the points of these.
func Single(l *lab.Folder, r *Result, tool string) *Gradebook {
	points, possible, final := r.Score()
	g := Grade{Lab: l.ID, Status: Final, Result: r, Earned: Round(points), Points: Round(points),
		Possible: float64(possible)}
	if !final {
		g.Status = Open
	}
	return &Gradebook{Version: version.Gradebook, Assignment: l.ID, Title: l.Title, Tool: tool,
		Labs: []LabRef{RefOf(l, float64(possible), "")}, Grades: []Grade{g}}
}
