package report_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/pipelab/pipelab/internal/report"
)

// The rules of the systems that read the formats, stated anew, hold for any
// gradebook whatever stands in it. Each returns what is wrong; the sources are
// named where the formats are written.

// someone draws the gradebook of one learner, with any text in any field.
func someone(t *rapid.T) *report.Gradebook {
	text := rapid.OneOf(rapid.SampledFrom([]string{"", hostile, strings.Repeat("long ", 400), "::f3a9c1::",
		"\r\n::add-mask::x"}), rapid.String(),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 40), func(b []byte) string { return string(b) }))
	verdict := rapid.SampledFrom([]report.Verdict{report.Pass, report.Partial, report.Fail, report.Skipped,
		report.Unsupported, report.Timeout, report.Error})
	b := &report.Gradebook{Version: 1, Assignment: text.Draw(t, "assignment"), Title: text.Draw(t, "title"),
		Tool: text.Draw(t, "tool")}
	learner := report.Learner{ID: "l" + text.Draw(t, "id"), Name: text.Draw(t, "name")}
	for i := range rapid.IntRange(1, 3).Draw(t, "labs") {
		l := report.LabRef{ID: fmt.Sprintf("lab-%d", i), Title: text.Draw(t, "lab"),
			Points: float64(rapid.IntRange(0, 150).Draw(t, "worth"))}
		b.Labs = append(b.Labs, l)
		g := report.Grade{Learner: learner, Lab: l.ID,
			Status: rapid.SampledFrom([]report.Status{report.Final, report.Final, report.Open, report.Rejected,
				report.Missing}).Draw(t, "status"),
			Possible: l.Points, Problem: text.Draw(t, "problem"), Flags: []string{text.Draw(t, "flag")},
			Submission: report.Submission{Source: text.Draw(t, "source")}}
		if g.Status == report.Final || g.Status == report.Open {
			judge(t, &g, text, verdict)
		}
		b.Grades = append(b.Grades, g)
	}
	return b
}

func judge(t *rapid.T, g *report.Grade, text *rapid.Generator[string], verdict *rapid.Generator[report.Verdict]) {
	g.Result = &report.Result{Lab: g.Lab, Seed: rapid.Uint64().Draw(t, "seed"), Emulator: text.Draw(t, "emulator")}
	sum, possible := 0.0, 0
	for k := range rapid.IntRange(1, 14).Draw(t, "checks") {
		c := report.Check{ID: fmt.Sprintf("check-%d", k), Title: text.Draw(t, "title"), Verdict: verdict.Draw(t, "verdict"),
			Possible: rapid.IntRange(1, 30).Draw(t, "possible"),
			Message:  text.Draw(t, "message"), Sent: []string{text.Draw(t, "sent")}, Seen: text.Draw(t, "seen"),
			Hint: text.Draw(t, "hint"), Millis: int64(rapid.IntRange(0, 99_999).Draw(t, "millis"))}
		switch c.Verdict {
		case report.Pass:
			c.Points = float64(c.Possible)
		case report.Partial:
			c.Points = float64(c.Possible) * rapid.Float64Range(0, 0.99).Draw(t, "share")
		case report.Error, report.Unsupported:
			g.Status = report.Open
		}
		sum, possible = sum+c.Points, possible+c.Possible
		g.Result.Checks = append(g.Result.Checks, c)
	}
	g.Earned = report.Round(sum * g.Possible / float64(possible))
	g.Penalty = report.Round(g.Earned * rapid.SampledFrom([]float64{0, 0, 0.1, 1}).Draw(t, "late"))
	g.Points = report.Round(g.Earned - g.Penalty)
}

type rule func(b *report.Gradebook, out []byte, points float64, final bool) error

func rules() map[string]rule {
	return map[string]rule{"junit": junitRules, "tap": tapRules, "gradescope": gradescopeRules, "exercism": exercismRules,
		"prairielearn": prairieRules, "github-classroom": classroomRules, "github": githubRules, "lti-score": ltiRules}
}

func TestRules_holdForAnything(t *testing.T) {
	for format, holds := range rules() {
		t.Run(format, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				b := someone(t)
				var out bytes.Buffer
				require.NoError(t, report.Write(format, &out, b, options()))
				require.True(t, utf8.Valid(out.Bytes()))
				points, final := b.Total(b.Grades[0].Learner.ID)
				require.NoError(t, holds(b, out.Bytes(), report.Round(points), final))
			})
		})
	}
}

// A format that a program reads has rules, and they are tried on what breaks them;
// the others are for people, and their goldens are read by people.
func TestRules_areThereForWhatProgramsRead(t *testing.T) {
	people := []string{"csv", "html", "json", "markdown", "text"} // json has a schema instead
	var all []string
	for _, f := range report.Formats() {
		all = append(all, f.Name)
	}
	require.IsIncreasing(t, all, "formats are listed by name")
	require.ElementsMatch(t, all, append(slices.Collect(maps.Keys(rules())), people...))
	require.ElementsMatch(t, slices.Collect(maps.Keys(rules())), append(slices.Collect(maps.Keys(breakages())),
		"github-classroom")) // its are in base64
}

// breakages are changes to valid output, by format.
func breakages() map[string][][2]string {
	return map[string][][2]string{
		"junit": {{`hostname="localhost" `, ``}, {`<system-out></system-out>`, ``}, {`time="1.210"`, `time="1.2101"`},
			{`failures="1"`, `failures="2"`}, {`type="fail" `, ``},
			{`09:00:00"`, `09:00:00Z"`}},
		"tap": {{"1..5\n", "1..4\n"}, {"not ok 2", "not ok 7"}, {"  ...\n", ""}, {"# SKIP", "# MAYBE"},
			{"TAP version 14\n", ""}},
		"gradescope": {{`"score": 87.73`, `"score": 87.7`}, {`"status": "passed"`, `"status": "ok"`},
			{`"max_score": 40`, `"max_score": 4`}},
		"exercism": {{`"version": 3`, `"version": 2`}, {`"status": "fail"`, `"status": "error"`},
			{`"message": "every item that was added is in the cart"`, `"message": ""`}},
		"prairielearn": {{`"gradable": true`, `"gradable": false`}, {`"max_points": 40,`, ``},
			{`"score": 0.62`, `"score": 6.2`}},
		"github":    {{"::error ", "::terror "}, {"::f3a9c1::\n", "::f3a9c2::\n"}},
		"lti-score": {{`09:00:00.000Z`, `09:00:00Z`}, {`"scoreMaximum":140,`, ``}, {`FullyGraded`, `Failed`}},
	}
}

// A rule that accepts anything would prove nothing.
func TestRules_findWhatIsWrong(t *testing.T) {
	ada := of(class(), "ada")
	for format, changes := range breakages() {
		text := string(write(t, format, ada))
		require.NoError(t, rules()[format](ada, []byte(text), 87.73, true), format)
		for _, c := range changes {
			require.Contains(t, text, c[0], format)
			require.Error(t, rules()[format](ada, []byte(strings.Replace(text, c[0], c[1], 1)), 87.73, true), "%s: %v", format,
				c)
		}
	}
	require.Error(t, classroomRules(ada, write(t, "github-classroom", ada), 88.5, true))
}

// want gathers what is not so.
type want struct{ errs []error }

func (w *want) that(ok bool, format string, args ...any) {
	if !ok {
		w.errs = append(w.errs, fmt.Errorf(format, args...))
	}
}

func (w *want) err() error { return errors.Join(w.errs...) }

func decode(out []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(out))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

func junitRules(b *report.Gradebook, out []byte, _ float64, _ bool) error {
	var w want
	type outcome struct {
		Type    *string `xml:"type,attr"`
		Message *string `xml:"message,attr"`
		Nested  []byte  `xml:",innerxml"`
	}
	var doc struct {
		Attrs  []xml.Attr `xml:",any,attr"`
		Suites []struct {
			Attrs []xml.Attr `xml:",any,attr"`
			Inner []struct {
				XMLName xml.Name
				Attrs   []xml.Attr `xml:",any,attr"`
				Props   []struct {
					Name  string  `xml:"name,attr"`
					Value *string `xml:"value,attr"`
				} `xml:"property"`
				Skipped []outcome `xml:"skipped"`
				Error   []outcome `xml:"error"`
				Failure []outcome `xml:"failure"`
			} `xml:",any"`
		} `xml:"testsuite"`
	}
	seconds := regexp.MustCompile(`^\d+\.\d{1,3}$`)
	d := xml.NewDecoder(bytes.NewReader(out))
	if err := d.Decode(&doc); err != nil {
		return err
	}
	w.that(len(doc.Attrs) == 0, "testsuites has attributes")
	w.that(len(doc.Suites) == len(b.Grades), "suites")
	for i, s := range doc.Suites {
		at := map[string]string{}
		for _, a := range s.Attrs {
			at[a.Name.Local] = a.Value
		}
		for _, name := range []string{"name", "package", "id", "timestamp", "hostname", "tests", "failures", "errors",
			"skipped", "time"} {
			w.that(at[name] != "" || name == "package", "suite without %s", name)
		}
		w.that(len(at) == 10, "suite with more attributes: %v", at)
		w.that(at["id"] == fmt.Sprint(i), "ids count from 0")
		w.that(regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$`).MatchString(at["timestamp"]), "timestamp %s",
			at["timestamp"])
		order, counts := "", map[string]int{}
		for _, c := range s.Inner {
			order += string(c.XMLName.Local[0])
			if c.XMLName.Local == "system-err" {
				order += "e"
			}
			for _, p := range c.Props {
				w.that(strings.TrimSpace(p.Name) != "" && p.Value != nil, "property")
			}
			if c.XMLName.Local != "testcase" {
				continue
			}
			counts["tests"]++
			counts["failures"] += len(c.Failure)
			counts["errors"] += len(c.Error)
			counts["skipped"] += len(c.Skipped)
			w.that(len(c.Failure)+len(c.Error)+len(c.Skipped) <= 1, "a test with two outcomes")
			for _, o := range append(c.Failure, c.Error...) {
				w.that(o.Type != nil, "an outcome without a type")
				w.that(!bytes.ContainsRune(o.Nested, '<'), "elements in an outcome")
			}
			names := map[string]string{}
			for _, a := range c.Attrs {
				names[a.Name.Local] = a.Value
			}
			w.that(len(names) == 3 && names["name"] != "" && names["classname"] != "", "attributes of testcase %v", names)
			w.that(seconds.MatchString(names["time"]), "time %s", names["time"])
		}
		w.that(regexp.MustCompile(`^pt*sse$`).MatchString(order), "order of children %s", order)
		for name, n := range counts {
			w.that(at[name] == fmt.Sprint(n), "%s is %s, and there are %d", name, at[name], n)
		}
	}
	for { // nothing follows the document
		if _, err := d.Token(); err != nil {
			if !errors.Is(err, io.EOF) {
				return err
			}
			return w.err()
		}
	}
}

func tapRules(_ *report.Gradebook, out []byte, _ float64, final bool) error {
	var w want
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	w.that(lines[0] == "TAP version 14", "version line")
	plan, next, block, bails := 0, 1, false, 0
	field, point := regexp.MustCompile(`^[a-z_]+$`),
		regexp.MustCompile(`^(?:not )?ok (\d+) - ((?:[^#\\]|\\[#\\])*)(# (?i:SKIP|TODO) .*)?$`)
	for i, l := range lines[1:] {
		switch {
		case block:
			block = l != "  ..."
			w.that(!block || strings.HasPrefix(l, "  "), "a line of a block that is not indented: %q", l)
			if block {
				name, value, found := strings.Cut(strings.TrimSpace(l), ": ")
				w.that(found && field.MatchString(name), "field %q", l)
				w.that(json.Valid([]byte(value)), "value %q", value)
			}
		case l == "  ---":
			block = true
		case strings.HasPrefix(l, "1.."):
			w.that(i == 0, "the plan is at the start")
			_, err := fmt.Sscanf(l, "1..%d", &plan)
			w.that(err == nil, "plan %q", l)
		case strings.HasPrefix(l, "Bail out! "):
			bails++
			w.that(i == len(lines)-2, "something after bail out")
		case strings.HasPrefix(l, "# "):
		default:
			m := point.FindStringSubmatch(l)
			if m == nil {
				w.that(false, "line %q", l)
				continue
			}
			w.that(m[1] == fmt.Sprint(next), "number %s, expected %d", m[1], next)
			next++
		}
	}
	w.that(!block, "an open block")
	w.that(next-1 == plan, "%d planned, %d run", plan, next-1)
	w.that(final == (bails == 0), "bail out exactly when it is no score")
	return w.err()
}

// The step's summary is cut to what GitHub takes, at a boundary, and says so;
// the outputs are names and numbers only.
func TestGitHub_keepsToTheSummarysLimit(t *testing.T) {
	b := large(400)
	for i := range b.Grades {
		b.Grades[i].Result.Checks[15].Message = strings.Repeat("a long story ", 300)
	}
	var out, summary, outputs bytes.Buffer
	o := options()
	o.Summary, o.Outputs = &summary, &outputs
	require.NoError(t, report.Write("github", &out, b, o))
	require.Less(t, summary.Len(), 1<<20)
	require.Greater(t, summary.Len(), 1<<19)
	require.Contains(t, summary.String(), "more parts of this report")
	require.Equal(t, 10, strings.Count(out.String(), "::error "))
	require.Regexp(t, `^(?:[a-z-]+=[0-9]*\n)+$`, outputs.String())

	outputs.Reset()
	o.Summary = nil
	require.NoError(t, report.Write("github", io.Discard, of(class(), "cyd"), o))
	require.Contains(t, outputs.String(), "points=\npossible=140\nstatus=open\n")
}

// PrairieLearn takes a megabyte: output is cut, no check is left out.
func TestPrairieLearn_keepsToAMegabyte(t *testing.T) {
	b := large(1)
	for k := range b.Grades[0].Result.Checks {
		c := &b.Grades[0].Result.Checks[k]
		c.Verdict, c.Points, c.Message = report.Fail, 0, strings.Repeat("\"long\" story\n", 6_000)
	}
	b.Grades[0].Points = 0
	out := write(t, "prairielearn", b)
	require.Greater(t, len(out), 100_000)
	require.NoError(t, prairieRules(b, out, 0, true))
	require.Equal(t, 16, bytes.Count(out, []byte(`"max_points"`)))
}

// Without a token of the caller's, each report has its own.
func TestGitHub_drawsATokenBeyondGuessing(t *testing.T) {
	token := func() string {
		var out bytes.Buffer
		require.NoError(t, report.Write("github", &out, of(class(), "ada"), report.Options{}))
		return regexp.MustCompile(`::stop-commands::([0-9a-f]{32})\n`).FindStringSubmatch(out.String())[1]
	}
	require.NotEqual(t, token(), token())
}

// xmllint is a second opinion on the rules of JUnit, where it is installed.
func TestJUnit_isValidUnderBothSchemas(t *testing.T) {
	lint, err := exec.LookPath("xmllint")
	if err != nil {
		t.Skip("xmllint is not on this machine (apt-get install libxml2-utils); junitRules says the same in Go")
	}
	files, err := filepath.Glob("testdata/formats/*.xml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, schema := range []string{"ant", "jenkins"} {
		out, err := exec.Command(lint, append([]string{"--noout", "--schema", "testdata/junit/" + schema + ".xsd"},
			files...)...).CombinedOutput()
		require.NoError(t, err, "%s: %s", schema, out)
		broken := filepath.Join(t.TempDir(), "broken.xml")
		src, err := os.ReadFile(files[0])
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(broken, bytes.ReplaceAll(src, []byte(` failures="`), []byte(` failed="`)), 0o644))
		require.Error(t, exec.Command(lint, "--noout", "--schema", "testdata/junit/"+schema+".xsd", broken).Run())
	}
}
