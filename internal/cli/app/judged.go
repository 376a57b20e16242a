package app

import (
	"time"

	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/internal/workspace"
)

// Judged is what is remembered of the checks of a workspace.
type Judged struct {
	Last *report.Result // the latest run, of all checks or of some; nil before one
	Full *FullRun       // the latest run of all checks; nil before one
}

// FullRun is a run of all checks of a lab.
type FullRun struct {
	Time   time.Time      `json:"time"`
	Result *report.Result `json:"result"`
}

// lastRun and fullRun are the files of the two. The first alone holds what a run of
// some checks said: it must not make anybody forget the points of the last whole run.
const (
	lastRun = "result.json"
	fullRun = "full-result.json"
)

// ReadJudged reads what is remembered; both are nil before the first run.
func ReadJudged(w *workspace.Workspace) (j Judged, err error) {
	var last report.Result
	var full FullRun
	judged, err := ReadJSON(w.Path(lastRun), &last)
	whole := false
	if err == nil {
		whole, err = ReadJSON(w.Path(fullRun), &full)
	}
	if err != nil {
		return j, Environmentf("%w", err).Hint("judge again, which writes it anew: pipelab check")
	}
	if judged {
		j.Last = &last
	}
	if whole && full.Result != nil {
		j.Full = &full
	}
	return j, nil
}

// WriteJudged remembers a run; whole says that all checks were run.
func WriteJudged(w *workspace.Workspace, r *report.Result, whole bool, now time.Time) error {
	if whole {
		if err := w.WriteJSON(w.Path(fullRun), FullRun{now.UTC(), r}); err != nil {
			return err
		}
	}
	return w.WriteJSON(w.Path(lastRun), r)
}

// Latest is each check of a lab as it was judged last, in the lab's order. One that
// was never run has no verdict.
func (j Judged) Latest(l *lab.Lab) []report.Check {
	byID := map[string]report.Check{}
	if j.Full != nil {
		for _, c := range j.Full.Result.Checks {
			byID[c.ID] = c
		}
	}
	if j.Last != nil {
		for _, c := range j.Last.Checks {
			byID[c.ID] = c
		}
	}
	out := make([]report.Check, 0, len(l.Checks))
	for _, c := range l.Order() {
		found, ok := byID[c.ID]
		if !ok {
			found = report.Check{ID: c.ID, Possible: c.Points}
		}
		found.Title = c.Title
		out = append(out, found)
	}
	return out
}

// FirstOpen is the first check of Latest that was run and did not pass. One that was
// skipped only waits for another: that one comes first, wherever it stands.
func (j Judged) FirstOpen(l *lab.Lab) (report.Check, bool) {
	var waits *report.Check
	for _, c := range j.Latest(l) {
		switch c.Verdict {
		case report.Pass, "":
		case report.Skipped:
			if waits == nil {
				waits = &c
			}
		default:
			return c, true
		}
	}
	if waits != nil {
		return *waits, true
	}
	return report.Check{}, false
}

// Complete reports whether each check of the lab passed when it was judged last.
func (j Judged) Complete(l *lab.Lab) bool {
	for _, c := range j.Latest(l) {
		if c.Verdict != report.Pass {
			return false
		}
	}
	return len(l.Checks) > 0
}
