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
	require.NoError(t, report.Text(&out, r, report.Page{}))
	for _, l := range strings.Split(out.String(), "\n") {
		require.LessOrEqual(t, len([]rune(l)), 80, l)
	}
	require.Equal(t, 200, strings.Count(out.String(), "x"))
	require.Equal(t, 20, strings.Count(out.String(), "many"))
	require.Contains(t, out.String(), "pass        a  60 of 60 points, 12 ms\n    Passes\n")
	require.Contains(t, out.String(), "          second line\n    hint: think\n60 of 100 points, seed 7\n")
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
