package report_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/report"
)

// withHidden is who has passed all that could be seen, and not what could not, late.
func withHidden() *report.Gradebook {
	checks := []report.Check{
		{ID: "keys", Title: "Keys spread", Verdict: report.Pass, Points: 30, Possible: 30},
		{ID: "order", Title: "Order is kept", Verdict: report.Pass, Points: 70, Possible: 70},
		{ID: "secret", Title: "A secret", Hidden: true, Verdict: report.Fail, Possible: 20, Message: "it is not"},
	}
	return &report.Gradebook{Version: 1, Assignment: "week", Title: "Week", Labs: []report.LabRef{{ID: "tiny",
		Title: "Tiny", Points: 60}}, Grades: []report.Grade{{Learner: report.Learner{ID: "ada"}, Lab: "tiny",
		Status: report.Final, Result: &report.Result{Version: 1, Lab: "tiny", Seed: 7, Checks: checks},
		Earned: 50, Penalty: 6, Points: 44, Possible: 60}}}
}

// Whoever saw 30 of 30 while at work is shown 30 of 30 in the grade.
func TestWrite_showsPointsAsTheLearnerSawThem(t *testing.T) {
	const sum = "tiny: 44 of 60 points (in the lab 100 of 120: 100 that could be seen, hidden: 20 more; " +
		"50, 6 off for lateness: 44)"
	for format, want := range map[string][]string{
		"text":     {"30 of 30 points", "70 of 70 points", "0 of 20 points", "that could be seen, hidden: 20\nmore"},
		"markdown": {sum, "| Keys spread | 30 of 30 |", "| Hidden check 1 | 0 of 20 |"},
		"html":     {sum, "30 of 30", "0 of 20"},
		"tap":      {sum, `points: "30 of 30 points"`},
		"csv":      {",44,60,50,6,100,120,20,"},
		"junit": {`name="check.keys.points" value="30"`, `name="lab.points" value="100"`,
			`name="lab.hidden" value="20"`},
		"gradescope":   {sum, `"score": 44,`, `"max_score": 30,`, `"max_score": 20,`},
		"prairielearn": {sum, `"max_points": 30,`, `"max_points": 20,`},
		"lti-score":    {sum, `"scoreGiven":44,"scoreMaximum":60`},
		"github":       {"hidden: 20 more", "70 of 70 points"},
		"json":         {`"possible": 30,`, `"earned": 50,`},
	} {
		var b strings.Builder
		require.NoError(t, report.Write(format, &b, withHidden(), report.Options{Token: "x"}))
		for _, w := range want {
			require.Contains(t, b.String(), w, format)
		}
	}
	// GitHub Classroom's reporter adds the tests up: they have to make the grade.
	var b strings.Builder
	require.NoError(t, report.Write("github-classroom", &b, withHidden(), report.Options{}))
	doc, err := base64.StdEncoding.DecodeString(strings.TrimSpace(b.String()))
	require.NoError(t, err)
	for _, w := range []string{`"score":15,`, `"score":35,`, `"score":-6,`, `"max_score":60`, `0 of 20 points`} {
		require.Contains(t, string(doc), w)
	}
}
