package report_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/pipelab/pipelab/internal/report"
)

// Every format writes the same bytes again; for one learner, and for a class
// where it can hold one.
func TestWrite_goldens(t *testing.T) {
	for _, f := range report.Formats() {
		t.Run(f.Name, func(t *testing.T) {
			for _, learner := range []string{"ada", "bob", "cyd", "dan"} {
				golden(t, "testdata/formats/"+learner+"-"+f.Name+f.Extension, write(t, f.Name, of(class(), learner)))
			}
			if f.Scope == report.OfClass {
				golden(t, "testdata/formats/class-"+f.Name+f.Extension, write(t, f.Name, class()))
				return
			}
			require.ErrorContains(t, report.Write(f.Name, io.Discard, class(), options()), "holds 4")
		})
	}
}

func TestWrite_namesTheNearestFormat(t *testing.T) {
	var unknown *report.UnknownFormatError
	err := report.Write("jsn", io.Discard, class(), report.Options{})
	require.ErrorAs(t, err, &unknown)
	require.ErrorContains(t, err, "did you mean json?")
	require.ErrorContains(t, report.Write("spreadsheet", io.Discard, class(), report.Options{}), "choose from [csv ")
}

// A format hands on what the writer says.
func TestWrite_failsWhenTheWriterDoes(t *testing.T) {
	for _, f := range report.Formats() {
		require.ErrorIs(t, report.Write(f.Name, full{}, of(class(), "ada"), options()), io.ErrShortWrite, f.Name)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// 77 and 117 are the points that a careless format would show for the open
// grade and for the learner who has it.
func TestWrite_givesNoScoreToWhatIsOpen(t *testing.T) {
	for _, f := range report.Formats() {
		out := string(write(t, f.Name, of(class(), "cyd")))
		if _, after, ok := strings.Cut(out, "</style>"); ok { // colours have digits too
			out = after
		}
		require.NotContains(t, out, "77", f.Name)
		require.NotContains(t, out, "117", f.Name)
	}
}

func TestRound_isHalfAwayFromZeroInDecimals(t *testing.T) {
	for in, want := range map[float64]string{1.005: "1.01", 2.675: "2.68", -1.005: "-1.01", 40.0 / 3: "13.33", 0.1 +
		0.2: "0.3", 0.004: "0", -0.004: "0",
		100: "100", 1e15: "1000000000000000", 12.5: "12.5"} {
		require.Equal(t, want, report.Points(in), in)
	}
	rapid.Check(t, func(t *rapid.T) {
		cents := rapid.Int64Range(-1e9, 1e9).Draw(t, "cents")
		require.Equal(t, float64(cents)/100, report.Round(float64(cents)/100))
	})
}

func TestSchema_isFresh(t *testing.T) {
	got, err := report.Schema()
	require.NoError(t, err)
	golden(t, "schema.json", got)
}

func TestSchema_acceptsWhatIsWrittenAndNothingElse(t *testing.T) {
	src, err := report.Schema()
	require.NoError(t, err)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(src))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("gradebook.json", doc))
	schema, err := c.Compile("gradebook.json")
	require.NoError(t, err)
	valid := func(text string) error {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		require.NoError(t, err)
		return schema.Validate(v)
	}
	for _, b := range []*report.Gradebook{class(), large(3), of(class(), "dan"), {},
		{Grades: []report.Grade{{Result: &report.Result{}, Status: report.Final}}}} {
		require.NoError(t, valid(string(write(t, "json", b))))
	}
	text := string(write(t, "json", class()))
	for _, change := range [][2]string{{`"status": "open"`, `"status": "half"`},
		{`"verdict": "error"`, `"verdict": "oops"`},
		{`"points": null`, `"points": "77"`}, {`"assignment": "week-3"`, `"week": 3`}} {
		require.Contains(t, text, change[0])
		require.Error(t, valid(strings.Replace(text, change[0], change[1], 1)), change)
	}
}

// What json writes is read back, but for the points of open grades.
func TestJSON_roundTrips(t *testing.T) {
	want := class()
	for i := range want.Grades {
		if r := want.Grades[i].Result; r != nil {
			for k := range r.Checks { // bytes that are no UTF-8 do not come back
				c := &r.Checks[k]
				for _, s := range []*string{&c.Message, &c.Expected, &c.Seen, &c.Hint} {
					*s = strings.ToValidUTF8(*s, "\uFFFD")
				}
				if c.Way != nil {
					c.Way.Record = strings.ToValidUTF8(c.Way.Record, "\uFFFD")
					for n := range c.Way.Steps {
						c.Way.Steps[n].What = strings.ToValidUTF8(c.Way.Steps[n].What, "\uFFFD")
					}
				}
				for n := range c.Causes {
					e := &c.Causes[n]
					for _, s := range []*string{&e.What, &e.Error, &e.Where, &e.Line} {
						*s = strings.ToValidUTF8(*s, "\uFFFD")
					}
					for i := range e.Log {
						e.Log[i] = strings.ToValidUTF8(e.Log[i], "\uFFFD")
					}
				}
				for n := range c.Sent {
					c.Sent[n] = strings.ToValidUTF8(c.Sent[n], "\uFFFD")
				}
			}
		}
	}
	var got report.Gradebook
	require.NoError(t, json.Unmarshal(write(t, "json", want), &got))
	require.Zero(t, got.Grades[5].Points)
	got.Grades[5].Points, got.Grades[5].Earned = want.Grades[5].Points, want.Grades[5].Earned
	want.Grades[1].Earned = got.Grades[1].Earned // rounded
	require.Empty(t, cmp.Diff(want, &got))
}

// No cell begins as a formula would, whatever a learner is called and writes.
func TestCSV_holdsNoFormula(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[=+@\t\r\n-]?[ -~\n\r,"\x{0}]{0,20}`)
		b := class()
		for i := range b.Grades {
			g := &b.Grades[i]
			g.Learner.Name, g.Learner.Email, g.Submission.Source = text.Draw(t, "name"), text.Draw(t, "email"),
				text.Draw(t, "source")
			g.Problem, g.Flags, g.Submission.Note = text.Draw(t, "problem"), []string{text.Draw(t, "flag")}, text.Draw(t, "note")
		}
		var out bytes.Buffer
		require.NoError(t, report.Write("csv", &out, b, options()))
		rows, err := csv.NewReader(&out).ReadAll()
		require.NoError(t, err)
		require.Len(t, rows, len(b.Grades)+1)
		for _, row := range rows {
			for _, c := range row {
				require.False(t, c != "" && strings.ContainsAny(c[:1], "=+-@\t\r\n"), "%q", c)
			}
		}
	})
}

// Where lists are separated by semicolons or tabs, a cell has others within.
func TestCSV_holdsNoFormulaForOtherSpreadsheets(t *testing.T) {
	for _, text := range []string{"=1+1", "\uff1d1+1", "\uff0b1", "\uff20x", "a;=1+1", "a;\"=1+1\"", "a\t=1+1", "a\r=1+1",
		"a\n@x",
		"\"=1+1", " =1+1", "a|-1", "a; =HYPERLINK(\"http://x\")", ";=cmd|' /C calc'!A0"} {
		b := class()
		b.Grades[0].Learner.Name, b.Grades[0].Flags = text, []string{text}
		var out bytes.Buffer
		require.NoError(t, report.Write("csv", &out, b, options()))
		for line := range strings.Lines(out.String()) {
			for _, one := range strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(",;|\t\n", r) }) {
				one = strings.TrimLeft(one, "\" ")
				require.NotRegexp(t, `^[=+@＝＋－＠]`, one, "%q", text)
			}
		}
	}
}
