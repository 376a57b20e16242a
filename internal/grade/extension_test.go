package grade_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/grade"
	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/internal/seal"
)

const extended = `id: week-3
title: Streams
labs: [{ id: tiny }]
due: 2026-11-30T18:00:00Z
late: { perDay: 0.1, until: 2026-12-02T18:00:00Z }
attempts: 1
extensions:
  - { learner: s1, days: 3 }
  - { learner: alan@uni.example, due: 2026-12-07T18:00:00+01:00, days: 1, attempts: 2 }
`

func TestParseAssignment_saysWhereAnExtensionIsWrong(t *testing.T) {
	_, err := grade.ParseAssignment("a.yaml", []byte(extended))
	require.NoError(t, err)
	for change, want := range map[[2]string]string{
		{"learner: s1, days: 3", "learner: s1"}:      "a.yaml:8: the extension of s1 grants nothing: give it due, days or",
		{"learner: s1, days: 3", "days: 3"}:          "a.yaml:8: an extension names no learner",
		{"days: 3", "days: -1"}:                      "a.yaml:8: days of s1: want 1 to 366",
		{"days: 3", "days: 1000"}:                    "a.yaml:8: days of s1: want 1 to 366",
		{"days: 3", "dayz: 3"}:                       `a.yaml:8: unknown field "dayz"`,
		{"days: 3", "days: three"}:                   "a.yaml:8: ",
		{"learner: s1", "learner: ALAN@uni.example"}: "a.yaml:9: alan@uni.example has two extensions: make one of them",
		{"2026-12-07T18:00:00+01:00", "2026-11-07"}:  "a.yaml:9: ",
		{"2026-12-07", "2026-11-07"}:                 "2026-11-07 17:00 UTC, is not after the assignment's",
		{"attempts: 2", "attempts: 1"}:               "a.yaml:9: attempts of alan@uni.example: 1 are no more than the",
		{"attempts: 1\n", ""}:                        "a.yaml:8: attempts of alan@uni.example: the assignment lets everybody",
		{"due: 2026-11-30T18:00:00Z\nlate: { perDay: 0.1, until: 2026-12-02T18:00:00Z }\n", ""}: "a.yaml:6: s1 has more " +
			"time, but the assignment is due at no time",
		{"attempts: 1\n", "attempts: 1\ncounts: first\n"}: `a.yaml:7: counts "first": which attempt is the grade, best or`,
		{"perDay: 0.1", "perDay: 10"}:                     "a.yaml:5: late.perDay is a share of 0 to 1",
		{"title: Streams\n", ""}:                          "a.yaml: title is missing",
	} {
		_, err := grade.ParseAssignment("a.yaml", []byte(strings.Replace(extended, change[0], change[1], 1)))
		require.ErrorContains(t, err, want, "%q", change)
	}
}

func TestPlan_extensionsMoveWhatIsLate(t *testing.T) {
	c := newClass(t, "tiny")
	a, err := grade.ParseAssignment("a.yaml", []byte(extended))
	require.NoError(t, err)
	c.rules = *a
	c.people("id,name,email\n" +
		"s1,Ada,ada@uni.example\ns2,Alan,alan@uni.example\ns3,Grace,grace@uni.example\ns4,Kay,k@uni.example\n")
	files := map[string]string{}
	for _, who := range []string{"s1", "s2-attempt-1", "s2-attempt-2", "s2-attempt-3", "s3"} {
		files["class/"+who+".zip"] = zipped(t, map[string]string{"app.sh": right, "note.txt": who})
	}
	c.put(files)
	c.dated(map[string]string{"class/s1.zip": "2026-12-03T17:00:00Z", "class/s3.zip": "2026-12-01T17:00:00Z",
		"class/s2-attempt-1.zip": "2026-12-03T17:00:01Z", "class/s2-attempt-2.zip": "2026-12-08T17:00:00Z",
		"class/s2-attempt-3.zip": "2026-12-08T17:00:01Z"})
	var text strings.Builder
	require.NoError(t, c.planned("class").Mapping().Text(&text))
	const granted = "extension to 2026-12-08 17:00 UTC and 2 attempts"
	for _, line := range []string{
		"s1 (Ada)  tiny  class/s1.zip, 2026-12-03 17:00 UTC by the time of its file, extension to 2026-12-03 18:00 UTC\n",
		"s2 (Alan)  tiny  class/s2-attempt-2.zip, attempt 2, 2026-12-08 17:00 UTC by the time of its file, " + granted + "\n",
		granted + ", late: 10 % off, does not count: one attempt too many\n",
		"s3 (Grace)  tiny  class/s3.zip, 2026-12-01 17:00 UTC by the time of its file, late: 10 % off\n",
	} {
		require.Contains(t, text.String(), line)
	}
	book := c.graded("class").Book
	g := byLearner(book)
	require.InDelta(t, 100, g["s1 tiny"].Points, 0)
	require.InDelta(t, 100, g["s2 tiny"].Points, 0)
	require.InDelta(t, 90, g["s3 tiny"].Points, 0)
	require.Nil(t, g["s3 tiny"].Extension)
	require.Equal(t, &report.Extension{Due: at("2026-12-08T17:00:00Z"), Attempts: 2}, g["s2 tiny"].Extension)
	for format, want := range map[string]string{
		"csv": "," + granted + ",", "text": "", "json": `"extension": {`, "tap": "",
		"html": "tiny: 100 of 100 points, " + granted, "markdown": "tiny: 100 of 100 points, " + granted,
		"junit": `name="extension" value="` + granted + `"`, "lti-score": granted,
	} {
		var b strings.Builder
		require.NoError(t, report.Write(format, &b, book, report.Options{}))
		require.Contains(t, b.String(), want, format)
	}
}

func TestPlan_anExtensionForNobodyIsAnError(t *testing.T) {
	c := newClass(t, "tiny")
	a, err := grade.ParseAssignment("a.yaml", []byte(extended))
	require.NoError(t, err)
	c.people("id,email\ns7,alan@uni.example\n")
	c.put(map[string]string{"class/s7/app.sh": right})
	plan := func(a *grade.Assignment) error {
		o := c.plan
		o.Assignment, o.Roster, o.Found, o.Work, o.Lab = *a, c.roster, c.find("class"), t.TempDir(), c.opens
		_, err := grade.NewPlan(context.Background(), o)
		return err
	}
	err = plan(a)
	require.ErrorAs(t, err, new(*grade.ExtensionError))
	require.EqualError(t, err, "a.yaml:8: s1 has an extension and is not in the roster; did you mean s7?")

	a.Extensions = a.Extensions[1:]
	require.NoError(t, plan(a))
	require.NoError(t, a.Extend("more.yaml", []byte("extensions:\n- { learner: s7, days: 4 }\n")))
	require.EqualError(t, plan(a), "more.yaml:2: s7 has another extension, under another name")
	require.NoError(t, a.Extend("more.yaml", []byte("extensions:\n- { learner: Alan@uni.example, days: 4 }\n")))
	require.Len(t, a.Extensions, 2, "the later file replaces what an earlier one has granted")
	for text, want := range map[string]string{
		"extensions:\n- { learner: k, days: 400 }\n": "more.yaml:2: days of k: want 1 to 366",
		"extensions: []\n":                           "more.yaml: it holds no extensions",
		"":                                           "more.yaml is empty",
		"- s1\n":                                     "more.yaml:1: ",
	} {
		require.ErrorContains(t, a.Extend("more.yaml", []byte(text)), want)
	}
}

// What one learner was granted is nobody else's business.
func TestPack_keepsExtensionsSealed(t *testing.T) {
	a, err := grade.ParseAssignment("a.yaml", []byte(extended))
	require.NoError(t, err)
	keys, err := seal.NewKeys()
	require.NoError(t, err)
	c := newClass(t, "tiny")
	files, err := grade.Pack(a, c.given(), keys, at("2026-11-01T00:00:00Z"))
	require.NoError(t, err)
	for name, b := range files {
		require.NotContains(t, string(b), "alan@uni.example", name)
		c.put(map[string]string{filepath.Join("packed", name): string(b)})
	}
	for _, k := range []*seal.Keys{nil, keys} {
		h, err := grade.OpenHandout(c.tree("packed"), k)
		require.NoError(t, err)
		require.Len(t, h.Assignment.Extensions, map[bool]int{true: 0, false: 2}[k == nil])
	}
}

func TestRun_theLastAttemptCountsWhereTheRulesSaySo(t *testing.T) {
	c := newClass(t, "tiny")
	c.rules.Counts = grade.Last
	c.put(map[string]string{"class/ada/attempt-1/app.sh": right, "class/ada/attempt-2/app.sh": wrong,
		"class/bob/attempt-1.zip": zipped(t, map[string]string{"app.sh": right}), "class/bob/attempt-2.zip": "no zip"})
	g := byLearner(c.graded("class").Book)
	require.InDelta(t, 40, g["ada tiny"].Points, 0)
	require.Equal(t, "the last of 2 attempts", g["ada tiny"].Submission.Note)
	require.InDelta(t, 100, g["bob tiny"].Points, 0)
	require.Equal(t, []string{"class/bob/attempt-2.zip, which is later, was rejected: it is no zip, tar or tar.gz"},
		g["bob tiny"].Flags)
	c.rules.Counts = grade.Best
	require.InDelta(t, 100, byLearner(c.graded("class").Book)["ada tiny"].Points, 0)
}
