package report_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/report"
)

func TestText_staysWithinEightyColumnsAndLosesNothing(t *testing.T) {
	long := strings.Repeat("x", 200)
	r := &report.Result{Lab: "l", Seed: 7, Checks: []report.Check{
		{ID: "a", Title: "Passes", Verdict: report.Pass, Points: 60, Possible: 60, Millis: 12},
		{ID: "b", Title: "Fails", Verdict: report.Fail, Possible: 40, Message: strings.Repeat("many words ", 20), Seen: long +
			"\nsecond line\n", Hint: "think"},
	}}
	var out bytes.Buffer
	require.NoError(t, report.Text(&out, r, report.LabRef{ID: "l"}, report.Page{}))
	for _, l := range strings.Split(out.String(), "\n") {
		require.LessOrEqual(t, len([]rune(l)), 80, l)
	}
	require.Equal(t, 200, strings.Count(out.String(), "x"))
	require.Equal(t, 20, strings.Count(out.String(), "many"))
	require.Contains(t, out.String(), "pass        a  60 of 60 points, 12 ms\n    Passes\n")
	require.Contains(t, out.String(), "          second line\n    hint: think\n60 of 100 points, seed 7\n")
}

func TestText_explainsTheMistakeThatWasRecognised(t *testing.T) {
	l := report.LabRef{ID: "l", Mistakes: []report.MistakeRef{
		{ID: "swallowed", Title: "Going on after an error", Explanation: "What failed is lost."},
		{ID: "asked", Title: "Who wakes whom?", Explanation: "The queue wakes the function."}, {ID: "bare", Title: "Bare"}}}
	for id, want := range map[string]string{
		"swallowed": "    looks like: Going on after an error\n                What failed is lost.\n",
		"asked":     "    looks like: Who wakes whom?\n                The queue wakes the function.\n",
		"bare":      "    looks like: Bare\n",
		"unknown":   "    looks like: unknown\n",
	} {
		var out bytes.Buffer
		r := &report.Result{Lab: "l", Checks: []report.Check{{ID: "a", Verdict: report.Fail, Possible: 1, Mistake: id}}}
		require.NoError(t, report.Text(&out, r, l, report.Page{}))
		require.Contains(t, out.String(), want)
	}
}

func TestScore_isNotFinalWhenSomethingWasNotJudged(t *testing.T) {
	for verdict, want := range map[report.Verdict]bool{report.Pass: true, report.Partial: true, report.Fail: true,
		report.Skipped: true,
		report.Timeout: true, report.Unsupported: false, report.Error: false} {
		_, _, final := (&report.Result{Checks: []report.Check{{Verdict: verdict}}}).Score()
		require.Equal(t, want, final, verdict)
	}
}

func TestWrap_keepsWordsWhole(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"run src/producer.py now":    {"run", "src/producer.py", "now"},
		"a b c d e f g h i j":        {"a b c d e f g h", "i j"},
		"an abcdefghijklmnopqrstuvw": {"an", "abcdefghijklmno", "pqrstuvw"},
		"  src/producer.py is it":    {"  src/producer.", "py is it"},
		"":                           {""},
	} {
		require.Equal(t, want, report.Wrap(text, 15), "%q", text)
	}
}
