package report

import (
	"encoding/json"
	"io"
	"time"
)

type ltiScore struct {
	User       string         `json:"userId"`
	Given      *float64       `json:"scoreGiven,omitempty"`
	Maximum    *float64       `json:"scoreMaximum,omitempty"`
	Comment    string         `json:"comment,omitempty"`
	Timestamp  string         `json:"timestamp"`
	Activity   string         `json:"activityProgress"`
	Grading    string         `json:"gradingProgress"`
	Submission *ltiSubmission `json:"submission,omitempty"`
}

type ltiSubmission struct {
	Submitted string `json:"submittedAt"`
}

// writeLTI writes a line for each learner: the body to POST to the line item's
// /scores, as application/vnd.ims.lis.v1.score+json. The user is the learner's
// account named lti, the subject of their launches, or else their id. What is no
// score has none, and the grading Failed; who is in no roster has no line.
// Source: LTI Assignment and Grade Services 2.0, https://www.imsglobal.org/spec/lti-ags/v2p0
func writeLTI(w io.Writer, b *Gradebook, o Options) error {
	const limit = 4000 // bytes of comment: platforms cut or refuse long ones
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	for _, r := range class(b.rows()) {
		s := ltiScore{User: or(r.Learner.Accounts["lti"], r.Learner.ID), Comment: clip(r.summary(), limit),
			Timestamp: ltiTime(o.now(b)),
			Activity:  "Completed", Grading: "FullyGraded"}
		var last time.Time
		missing := true
		for _, g := range r.Grades {
			missing = missing && g.Status == Missing
			if g.Submission.Submitted.After(last) {
				last = g.Submission.Submitted
			}
		}
		if missing {
			s.Activity = "Initialized"
		}
		if !last.IsZero() {
			s.Submission = &ltiSubmission{ltiTime(last)}
		}
		if r.Final {
			possible := r.possible()
			s.Given, s.Maximum = &r.Points, &possible
		} else {
			s.Activity, s.Grading = "Submitted", "Failed"
		}
		if err := e.Encode(s); err != nil {
			return err
		}
	}
	return nil
}

// ltiTime has fractions of a second, as the specification asks.
func ltiTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }
