package report_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/pipelab/pipelab/internal/report"
)

// graded is a gradebook of one lab of 100 points.
func graded(grades ...report.Grade) *report.Gradebook {
	b := &report.Gradebook{Title: "Week 3", Labs: []report.LabRef{{ID: "lab", Title: "A lab", Points: 100}}}
	for _, g := range grades {
		g.Lab, g.Possible = "lab", 100
		if g.Status == "" {
			g.Status = report.Final
		}
		b.Grades = append(b.Grades, g)
	}
	return b
}

func learner(id, name string, points float64, accounts ...string) report.Grade {
	l := report.Learner{ID: id, Name: name, Accounts: map[string]string{}}
	for i := 0; i < len(accounts); i += 2 {
		l.Accounts[accounts[i]] = accounts[i+1]
	}
	return report.Grade{Learner: l, Points: points}
}

func as(g report.Grade, s report.Status) report.Grade {
	g.Status = s
	return g
}

const canvas = "\xef\xbb\xbfStudent,ID,SIS Login ID,Section,Week 2 (7001),Week 3 (7002),Current Score,Final Score\r\n" +
	",,,,Manual Posting,,,\r\n" +
	"    Points Possible,,,,10,100,(read only),(read only)\r\n" +
	"\"Lovelace, Ada\",101,ada@example.org,\"Tue, 9:00\",9.50,, 80 ,80\r\n" +
	"\"Hopper, \"\"Amazing\"\" Grace\",102,grace,Wed,10,\"12.00 \",80,80\r\n" +
	"\"Lee, Kim\",103,kim1,Wed,EX,EX,,\r\n" +
	"\"Lee, Kim\",104,kim2,Wed,,N/A,,\r\n" +
	"\"Curie, Marie\",105,mcurie,Wed,,95,,\r\n" +
	"\"Noether, Emmy\",106,enoether,Wed,,71.5,,\r\n" +
	"\"Turing, Alan\",107,aturing,Wed,,,,\r\n" +
	"\"Student, Test\",108,,Wed,,,,"

func TestFillCanvas_changesOnlyTheGradeCells(t *testing.T) {
	b := graded(learner("ada@example.org", "", 87.125), learner("x", "grace AMAZING hopper", 64),
		learner("k", "Kim Lee", 50), learner("k3", "", 60, "canvas", "103"),
		learner("k4", "", 60, "canvas", "104"), learner("mcurie", "", 90), learner("e", "Emmy Noether", 71.5),
		as(learner("t", "Alan Turing", 40), report.Open), learner("stranger", "Nobody Here", 1))
	b.Grades[1].Learner.Name = `"Amazing" Grace Hopper`
	f, err := report.FillCanvas([]byte(canvas), b, report.FillOptions{})
	require.NoError(t, err)
	want := strings.NewReplacer("9.50,, 80 ", "9.50,87.13, 80 ", `"12.00 "`, `"64 "`).Replace(canvas)
	require.Empty(t, cmp.Diff(want, string(f.Bytes)))
	var text bytes.Buffer
	require.NoError(t, f.Text(&text))
	golden(t, "testdata/fill/canvas.txt", text.Bytes())

	f, err = report.FillCanvas([]byte(canvas), b, report.FillOptions{Column: "7002", Lower: true})
	require.NoError(t, err)
	require.Contains(t, string(f.Bytes), "mcurie,Wed,,90,,", "a lower score, when told")
}

func TestFillCanvas_refuses(t *testing.T) {
	b := graded(learner("mcurie", "", 90))
	for name, c := range map[string]struct {
		from, to, want string
		o              report.FillOptions
	}{
		"another maximum":      {"10,100,", "10,50,", "has 50 points", report.FillOptions{}},
		"a read-only column":   {"10,100,", "10,(read only),", "read only", report.FillOptions{}},
		"a column twice":       {"Week 2 (7001)", "Week 3 (7001)", "name it by its id", report.FillOptions{}},
		"no such column":       {"", "", `no grade column "Week 9"`, report.FillOptions{Column: "Week 9"}},
		"a total":              {"", "", "no grade column", report.FillOptions{Column: "Final Score"}},
		"a student's column":   {"", "", "no grade column", report.FillOptions{Column: "Section"}},
		"no such lab":          {"", "", `no lab "b"`, report.FillOptions{Column: "7002", Lab: "b"}},
		"another file":         {"Section", "Sektion", "is no gradebook export", report.FillOptions{}},
		"an open quote":        {`"Lovelace, Ada"`, `"Lovelace, Ada`, "text follows a closing quote", report.FillOptions{}},
		"a quote out of place": {"Tue, 9:00", `Tue" 9:00`, "text follows a closing quote", report.FillOptions{}},
		"a row cut short":      {"mcurie,Wed,,95,,", "mcurie,Wed", "cut short", report.FillOptions{}},
	} {
		_, err := report.FillCanvas([]byte(strings.Replace(canvas, c.from, c.to, 1)), b, c.o)
		require.ErrorContains(t, err, c.want, name)
	}
	_, err := report.FillCanvas([]byte("\xff\xfeS\x00"), b, report.FillOptions{})
	require.ErrorContains(t, err, "UTF-16")
}

// Points are converted when told, and a platform with commas gets commas.
func TestFillCanvas_convertsAndWritesCommas(t *testing.T) {
	src := "Student;ID;Section;Week 3 (1)\nPoints Possible;;;12,5\nA;1;s;\nB;2;s;3,25\n"
	f, err := report.FillCanvas([]byte(src), graded(learner("1", "", 50), learner("2", "", 26)),
		report.FillOptions{Scale: true})
	require.NoError(t, err)
	require.Equal(t, "Student;ID;Section;Week 3 (1)\nPoints Possible;;;12,5\nA;1;s;6,25\nB;2;s;3,25\n", string(f.Bytes))
	require.Equal(t, 1, f.Same)

	src = "Student,ID,Section,Week 3 (1)\nA,1,s,\nB,2,s,\"3,25\"\n" // commas as delimiter and as decimal mark
	f, err = report.FillCanvas([]byte(src), graded(learner("1", "", 6.25)), report.FillOptions{})
	require.NoError(t, err)
	require.Equal(t, "Student,ID,Section,Week 3 (1)\nA,1,s,\"6,25\"\nB,2,s,\"3,25\"\n", string(f.Bytes))
}

const worksheet = "Identifier,Full name,Email address,Status,Grade,Maximum Grade,Grade can be changed,Last modified " +
	"(submission),Last modified (grade),Feedback comments\n" +
	"Participant 2001,Ada Lovelace,ada@example.org,Submitted,,100.00,Yes,\"Thursday, 5 March 2026, 5:30 PM\",-,\"<p>see " +
	"below,\n really</p>\"\n" +
	"Participant 2002,Grace Hopper,grace@example.org,No submission,-,100.00,Yes,-,-,\n" +
	"Participant 2003,Marie Curie,marie@example.org,Submitted,40.00,100.00,No,-,-,\n" +
	"Participant 2004,Kim Lee,kim@example.org,Submitted,40.00,100.00,Yes,-,-,\n\n"

func TestFillMoodle_worksheet(t *testing.T) {
	b := graded(learner("ada", "", 87.5, "moodle", "2001"), as(learner("grace@example.org", "", 0), report.Missing),
		learner("m", "", 90, "moodle", "Participant 2003"), learner("KIM@example.org", "", 40))
	f, err := report.FillMoodle([]byte(worksheet), b, report.FillOptions{Missing: true})
	require.NoError(t, err)
	require.Equal(t, strings.NewReplacer("Submitted,,", "Submitted,87.5,", "submission,-,",
		"submission,0,").Replace(worksheet), string(f.Bytes))
	require.Equal(t, 1, f.Same)
	require.Equal(t, "Moodle says that the grade cannot be changed", f.Kept[0].Reason)
	require.Empty(t, f.Rows)

	f, err = report.FillMoodle([]byte(worksheet), b, report.FillOptions{})
	require.NoError(t, err)
	require.Contains(t, string(f.Bytes), "No submission,-,")
	_, err = report.FillMoodle([]byte(strings.Replace(worksheet, "100.00", "60.00", 1)), b, report.FillOptions{})
	require.ErrorContains(t, err, "line 2: the platform has 60 points")

	german := strings.Replace(strings.ReplaceAll(worksheet, "Participant", "Teilnehmer/in"),
		worksheet[:strings.IndexByte(worksheet, '\n')],
		"ID,Vollständiger Name,E-Mail-Adresse,Status,Bewertung,Bestwertung,Bewertung kann geändert werden,Zuletzt geändert "+
			"(Abgabe),Zuletzt geändert (Bewertung),Feedback als Kommentar", 1)
	f, err = report.FillMoodle([]byte(german), graded(learner("ada", "", 87.5, "moodle", "2001"),
		learner("kim@example.org", "", 41)), report.FillOptions{Column: "Bewertung"})
	require.NoError(t, err)
	require.Len(t, f.Changes, 2)
}

func TestFillMoodle_gradebook(t *testing.T) {
	src := "First name\tLast name\tID number\tEmail address\tAssignment: Week 3 (Real)\tAssignment: Week 3 " +
		"(Feedback)\tAssignment: Week 3 (Percentage)\tCourse total (Real)\r\n" +
		"Ada\tLovelace\tu1\tada@example.org\t-\t\t-\t12,50\r\n" +
		"Kim\tLee\tu2\tkim@example.org\t-\t\t-\t-\r\n" +
		"Kim\tLee\tu3\tkim.lee@example.org\t-\t\t-\t-\r\n"
	f, err := report.FillMoodle([]byte(src), graded(learner("a", "Lovelace, Ada", 87.5), learner("k", "Kim Lee", 50),
		learner("z", "", 3)), report.FillOptions{})
	require.NoError(t, err)
	require.Equal(t, strings.Replace(src, "\t-\t", "\t87,5\t", 1), string(f.Bytes))
	require.Equal(t, []string{"k (Kim Lee) could be the rows 3 (Kim Lee), 4 (Kim Lee)"}, f.Ambiguous)
	require.Equal(t, []string{"z"}, f.Learners)
}

// A name that another learner's id has already claimed is not given the row,
// and two learners of one name get none.
func TestFill_aNameNeverOutdoesAnId(t *testing.T) {
	src := "Student,ID,Section,Week 3 (1)\n\"Lee, Kim\",1,s,\n"
	f, err := report.FillCanvas([]byte(src), graded(learner("a", "Kim Lee", 10), learner("b", "", 20, "canvas", "1")),
		report.FillOptions{})
	require.NoError(t, err)
	require.Equal(t, "Student,ID,Section,Week 3 (1)\n\"Lee, Kim\",1,s,20\n", string(f.Bytes))
	require.Len(t, f.Ambiguous, 1)
	f, err = report.FillCanvas([]byte(src), graded(learner("a", "Kim Lee", 10), learner("b", "Lee, Kim", 20)),
		report.FillOptions{})
	require.NoError(t, err)
	require.Equal(t, src, string(f.Bytes))
	require.Equal(t, []string{"line 2, Lee, Kim, could be a (Kim Lee) or b (Lee, Kim)"}, f.Ambiguous)
}

// export draws an export of Canvas in any dialect, as cells and as bytes.
func export(t *rapid.T) (cells [][]string, delimiter, src string) {
	delimiter = rapid.SampledFrom([]string{",", ";", "\t"}).Draw(t, "delimiter")
	end := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "end")
	cells = [][]string{{"Student", "ID", "SIS Login ID", "Section", "Other (1)", "Week 3 (2)", "Final Score"}}
	text := rapid.OneOf(rapid.StringMatching(`[ a-z,;."é\n]{0,8}`), rapid.Just(""))
	grade := rapid.SampledFrom([]string{"", "-", "EX", "N/A", "0", "12", "12.50", "99,9", "100", " 7 ", "7  ", "A+", "50%",
		"150"})
	for i := range rapid.IntRange(0, 6).Draw(t, "rows") {
		cells = append(cells, []string{text.Draw(t, "name"), fmt.Sprint(100 + i), text.Draw(t, "login"),
			text.Draw(t, "section"), grade.Draw(t, "other"), grade.Draw(t, "grade"), text.Draw(t, "total")})
	}
	var b strings.Builder
	b.WriteString(rapid.SampledFrom([]string{"", "\xef\xbb\xbf"}).Draw(t, "mark"))
	for i, row := range cells {
		for k, c := range row {
			if k > 0 {
				b.WriteString(delimiter)
			}
			if strings.ContainsAny(c, delimiter+"\"\n\r") || rapid.Bool().Draw(t, "quoted") {
				c = `"` + strings.ReplaceAll(c, `"`, `""`) + `"`
			}
			b.WriteString(c)
		}
		if i < len(cells)-1 || rapid.Bool().Draw(t, "ended") {
			b.WriteString(end)
		}
	}
	return cells, delimiter, b.String()
}

// Whatever the export looks like: only cells that are listed as changes change,
// each to what is listed; a second fill changes nothing; and a fill with nothing
// to change gives the same bytes.
func TestFill_keepsEveryOtherByte(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cells, delimiter, src := export(t)
		var grades []report.Grade
		for i := range cells[1:] {
			if rapid.Bool().Draw(t, "graded") {
				grades = append(grades, learner(fmt.Sprintf("learner-%d", i), "",
					report.Round(rapid.Float64Range(0, 100).Draw(t, "points")), "canvas", fmt.Sprint(100+i)))
			}
		}
		o := report.FillOptions{Lower: rapid.Bool().Draw(t, "lower")}
		f, err := report.FillCanvas([]byte(src), graded(grades...), o)
		require.NoError(t, err)
		got := splitCells(string(f.Bytes), delimiter)
		was := splitCells(src, delimiter)
		require.Len(t, got, len(was))
		changed := map[string]string{}
		for _, c := range f.Changes {
			changed[c.Learner] = c.New
		}
		for r := range was {
			require.Len(t, got[r], len(was[r]))
			for c := range was[r] {
				to, is := changed[fmt.Sprintf("learner-%d", r-1)]
				if r > 0 && c == 5 && is {
					require.Equal(t, to, strings.Trim(got[r][c], "\" "))
					continue
				}
				require.Equal(t, was[r][c], got[r][c])
			}
		}
		if len(f.Changes) == 0 {
			require.Equal(t, src, string(f.Bytes))
		}
		again, err := report.FillCanvas(f.Bytes, graded(grades...), o)
		require.NoError(t, err)
		require.Empty(t, again.Changes)
		require.Equal(t, string(f.Bytes), string(again.Bytes))
		for _, k := range f.Kept {
			require.NotEmpty(t, k.Reason)
		}
	})
}

// splitCells cuts a text into its cells as they are written, quotes and line
// ends included: another reader than the one that is tested.
func splitCells(s, delimiter string) (rows [][]string) {
	row, cell, quoted := []string{}, "", false
	for _, r := range s {
		switch {
		case r == '"':
			quoted = !quoted
			cell += string(r)
		case !quoted && string(r) == delimiter:
			row, cell = append(row, cell), ""
		case !quoted && r == '\n':
			rows, row, cell = append(rows, append(row, cell)), nil, ""
		case !quoted && r == '\r': // of a line end
		default:
			cell += string(r)
		}
	}
	if cell != "" || len(row) > 0 {
		rows = append(rows, append(row, cell))
	}
	return rows
}

func FuzzFill(f *testing.F) {
	f.Add([]byte(canvas))
	f.Add([]byte(worksheet))
	b := graded(learner("ada@example.org", "Kim Lee", 87.5, "canvas", "101", "moodle", "2001"))
	f.Fuzz(func(t *testing.T, src []byte) {
		for _, fill := range []func([]byte, *report.Gradebook, report.FillOptions) (report.Filled, error){report.FillCanvas,
			report.FillMoodle} {
			out, err := fill(src, b, report.FillOptions{Column: "Grade"})
			if err == nil && len(out.Changes) == 0 && !bytes.Equal(src, out.Bytes) {
				t.Fatal("bytes change without a change")
			}
		}
	})
}
