package report_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"

	"github.com/pipelab/pipelab/internal/report"
)

func unknown(g report.Grade) report.Grade {
	g.Learner.Unknown = true
	return g
}

const two = "Student,ID,Section,Week 3 (1)\nPoints Possible,,,100\nAda,1,s,\nZoë Ångström,2,s,\n"

func TestFill_leavesRejectedLearnersAlone(t *testing.T) {
	b := graded(as(learner("1", "", 0), report.Rejected), learner("2", "", 70))
	b.Grades[0].Problem = "the zip is damaged"
	f, err := report.FillCanvas([]byte(two), b, report.FillOptions{Missing: true})
	require.NoError(t, err)
	require.Equal(t, strings.Replace(two, "2,s,", "2,s,70", 1), string(f.Bytes))
	require.Len(t, f.Rejected, 1)
	var text bytes.Buffer
	require.NoError(t, f.Text(&text))
	require.Contains(t, text.String(), "rejected, not filled")
	require.Contains(t, text.String(), "line 3, Ada: stays empty; lab: the submission was rejected: the zip is damaged")

	f, err = report.FillCanvas([]byte(two), b, report.FillOptions{Rejected: true})
	require.NoError(t, err)
	require.Contains(t, string(f.Bytes), "Ada,1,s,0\n")
	require.Empty(t, f.Rejected)
}

func TestReports_countWhoMatchesNobodyNowhere(t *testing.T) {
	b := graded(unknown(learner("2", "my homework FINAL", 0)), learner("1", "", 80), learner("x", "", 60))
	b.Grades[0].Flags = []string{"matches nobody of the roster"}
	in := report.Insights(b)
	require.Equal(t, 2, in.Learners)
	require.InDelta(t, 70, in.Mean, 0)
	sum := 0
	for _, bin := range in.Scores {
		sum += bin.Learners
	}
	require.Equal(t, 2, sum)
	require.Len(t, in.Flags, 1, "it is shown all the same")
	for _, format := range []string{"text", "markdown"} {
		require.Contains(t, string(write(t, format, b)), "2 learners; 1 more match nobody of the roster and count nowhere",
			format)
	}
	require.Equal(t, 2, strings.Count(string(write(t, "lti-score", b)), "\n"))
	f, err := report.FillCanvas([]byte(two), b, report.FillOptions{})
	require.NoError(t, err)
	require.Contains(t, string(f.Bytes), "Zoë Ångström,2,s,\n")
	require.Equal(t, []string{"2 (my homework FINAL)"}, f.Unknown)
}

func TestFill_knowsANameInEachOfItsSpellings(t *testing.T) {
	for _, name := range []string{norm.NFD.String("Zoë Ångström"), "ångström, ZOË"} {
		f, err := report.FillCanvas([]byte(two), graded(learner("z", name, 9)), report.FillOptions{})
		require.NoError(t, err)
		require.Contains(t, string(f.Bytes), "2,s,9\n", "%+q", name)
	}
	_, err := report.FillCanvas([]byte(strings.ReplaceAll(two, "ë", "\xeb")), graded(), report.FillOptions{})
	require.ErrorContains(t, err, "not UTF-8 text: save it as UTF-8")
}

func TestFill_convertsNothingIntoNothing(t *testing.T) {
	b := graded(learner("1", "", 50))
	_, err := report.FillCanvas([]byte(strings.Replace(two, ",100", ",0", 1)), b, report.FillOptions{Scale: true})
	require.ErrorContains(t, err, "the platform has 0 points for this column and the assignment 100: nothing can be")
	_, err = report.FillCanvas([]byte(strings.Replace(two, ",100", ",50", 1)), b, report.FillOptions{})
	require.ErrorContains(t, err, "have the points converted: --scale")
}

func TestFillMoodle_saysWhatItCannotReadInAnotherLanguage(t *testing.T) {
	src := "ID,Vollständiger Name,E-Mail-Adresse,Bewertung,Bestwertung\nTeilnehmer/in 7,Ada,ada@x,,50\n"
	f, err := report.FillMoodle([]byte(src), graded(learner("ada@x", "", 90)), report.FillOptions{Column: "Bewertung"})
	require.NoError(t, err)
	require.Len(t, f.Notes, 1)
	require.Contains(t, f.Notes[0], "neither the maximum of the column")
	f, err = report.FillMoodle([]byte(worksheet), graded(), report.FillOptions{})
	require.NoError(t, err)
	require.Empty(t, f.Notes)
}
