package report

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// FillOptions say what of a gradebook goes where in an export of a learning
// platform. The zero value fills the total into the column that has the
// assignment's title.
type FillOptions struct {
	// Column names the column: the platform's id of the assignment, its title, or
	// the whole header. Empty: the title of the assignment (or lab).
	Column string
	// Lab fills the points of one lab; empty: the sum of all.
	Lab string
	// Lower lets a lower score replace a higher one.
	Lower bool
	// Missing writes 0 for who handed nothing in; without it their cells stay.
	Missing bool
	// Rejected writes the score of whose submission was rejected, which has 0 for that;
	// without it their cells stay: the file may be damaged and come again.
	Rejected bool
	// Scale converts points where the platform has another maximum; without it
	// that is an error.
	Scale bool
	// Decimal is "." or ","; empty: as the export has it.
	Decimal string
	// Now is when it is filled: who has an extension beyond it is not missing yet. Zero:
	// all extensions are over.
	Now time.Time
}

// errOther is wrapped when a table is no export of the platform.
var errOther = errors.New("its first line lacks the columns that one has")

// Fill puts grades into an export of Canvas or Moodle, whichever it is.
func Fill(export []byte, b *Gradebook, o FillOptions) (Filled, error) {
	f, err := FillCanvas(export, b, o)
	if !errors.Is(err, errOther) {
		return f, err
	}
	f, err = FillMoodle(export, b, o)
	if errors.Is(err, errOther) {
		err = errNeither
	}
	return f, err
}

var errNeither = errors.New("this is no gradebook export of Canvas and no grade export of Moodle: its first line " +
	"lacks the columns that one has; of a Moodle in another language name the column: --column")

// CanFill reports why a table cannot be filled, whatever the grades are: it is no export.
func CanFill(export []byte, o FillOptions) error {
	if _, err := Fill(export, &Gradebook{}, o); errors.Is(err, errNeither) {
		return err
	}
	return nil
}

// FillChange is a cell that changes, or one that stays and why.
type FillChange struct {
	Line    int    `json:"line"` // in the export, from 1
	Row     string `json:"row"`  // who stands there
	Learner string `json:"learner"`
	Old     string `json:"old"`
	New     string `json:"new,omitempty"`
	Reason  string `json:"reason,omitempty"` // why it stays
}

// Filled is an export with grades in it. Whoever wants a dry run does not write
// Bytes.
type Filled struct {
	Bytes   []byte       `json:"-"`
	Column  string       `json:"column"`
	Changes []FillChange `json:"changes"`
	Kept    []FillChange `json:"kept"` // cells that hold something else on purpose
	Same    int          `json:"same"` // cells that hold this score already
	// Rejected are cells that stay since a submission was rejected.
	Rejected []FillChange `json:"rejected"`
	// Unknown are submissions that match nobody of the roster; Notes what the export
	// did not let be looked at.
	Unknown []string `json:"unknown"`
	Notes   []string `json:"notes"`
	// Learners without a row, rows without a learner, and what could be more than
	// one: none of them is filled.
	Learners  []string `json:"unmatchedLearners"`
	Rows      []string `json:"unmatchedRows"`
	Ambiguous []string `json:"ambiguous"`
}

// Text tells what changes, for people.
func (f Filled) Text(w io.Writer) error {
	b := &paper{}
	fmt.Fprintf(b, "column %s: %d change, %d have the score already, %d stay\n", oneLine(f.Column), len(f.Changes),
		f.Same, len(f.Kept))
	for _, c := range f.Changes {
		textLine(b, "  ", "", fmt.Sprintf("line %d, %s: %s → %s", c.Line, oneLine(c.Row), or(c.Old, "empty"), c.New))
	}
	f.parts(b)
	_, err := io.WriteString(w, b.String())
	return err
}

// parts are all cells that stay, and why.
func (f Filled) parts(b *paper) {
	part := func(title string, lines []string) {
		if len(lines) > 0 {
			b.WriteString(title + "\n")
		}
		for _, l := range lines {
			textLine(b, "  ", "", oneLine(l))
		}
	}
	var kept []string
	for _, c := range f.Kept {
		kept = append(kept, fmt.Sprintf("line %d, %s: stays %s, %s", c.Line, c.Row, or(c.Old, "empty"), c.Reason))
	}
	part("to know:", f.Notes)
	part("stay as they are:", kept)
	var rejected []string
	for _, c := range f.Rejected {
		rejected = append(rejected, fmt.Sprintf("line %d, %s: stays %s; %s", c.Line, c.Row, or(c.Old, "empty"), c.Reason))
	}
	part("rejected, not filled (to write what they have without it: --rejected):", rejected)
	part("could be more than one, not filled:", f.Ambiguous)
	part("learners without a row:", f.Learners)
	part("rows without a learner:", f.Rows)
	part("match nobody of the roster, not filled:", f.Unknown)
}

// Mismatches tells, for people, who has no row and which rows are nobody's: what can be
// known before anybody is graded.
func (f Filled) Mismatches(w io.Writer) error {
	only := Filled{Column: f.Column, Notes: f.Notes, Learners: f.Learners, Rows: f.Rows, Ambiguous: f.Ambiguous,
		Unknown: f.Unknown}
	b := &paper{}
	fmt.Fprintf(b, "column %s\n", oneLine(f.Column))
	only.parts(b)
	_, err := io.WriteString(w, b.String())
	return err
}

// target is where grades go in a sheet.
type target struct {
	sheet   *sheet
	column  int
	body    []int // rows of learners
	max     func(row int) (float64, bool)
	locked  func(row int) string // why a cell must stay; empty: it need not
	who     func(row int) string
	levels  []level
	decimal string
	notes   []string
}

// level is one way to recognise a learner's row, the surest first. Of keys any
// may stand in any of the columns.
type level struct {
	columns []int
	keys    func(Learner) []string
	name    bool // names are compared without case and order
	last    bool // only the last word of a cell counts
}

// fill puts scores into the cells.
func (t target) fill(b *Gradebook, o FillOptions) (Filled, error) {
	f := Filled{Column: t.sheet.cell(0, t.column), Changes: []FillChange{}, Kept: []FillChange{}, Learners: []string{},
		Rows: []string{}, Ambiguous: []string{}, Rejected: []FillChange{}, Unknown: []string{}, Notes: []string{}}
	if t.notes != nil {
		f.Notes = t.notes
	}
	for _, r := range b.rows() {
		if r.Learner.Unknown {
			f.Unknown = append(f.Unknown, who(r.Learner))
		}
	}
	scores, err := b.fillScores(o)
	if err != nil {
		return f, err
	}
	rowOf := t.match(scores, &f)
	var edits []edit
	for i, s := range scores {
		row, ok := rowOf[i]
		if !ok {
			continue
		}
		c := FillChange{Line: t.sheet.rows[row][0].line, Row: t.who(row), Learner: s.learner.ID}
		if t.column >= len(t.sheet.rows[row]) {
			return f, fmt.Errorf("line %d has no cell in the column %s: the export is cut short", c.Line, f.Column)
		}
		c.Old = t.sheet.cell(row, t.column)
		if c.New, c.Reason, err = t.decide(s, row, c.Old, o); err != nil {
			return f, fmt.Errorf("line %d: %w", c.Line, err)
		}
		switch {
		case c.Reason == "" && s.rejected != "" && !o.Rejected:
			c.New, c.Reason = "", s.rejected
			f.Rejected = append(f.Rejected, c)
		case c.Reason != "":
			c.New = ""
			f.Kept = append(f.Kept, c)
		case c.New == c.Old:
			f.Same++
		default:
			f.Changes = append(f.Changes, c)
			edits = append(edits, edit{row, t.column, c.New})
		}
	}
	slices.SortFunc(f.Changes, func(a, b FillChange) int { return a.Line - b.Line })
	slices.SortFunc(f.Rejected, func(a, b FillChange) int { return a.Line - b.Line })
	slices.SortFunc(f.Kept, func(a, b FillChange) int { return a.Line - b.Line })
	f.Bytes = t.sheet.with(edits)
	return f, nil
}

// fillScore is what is to be written for a learner.
type fillScore struct {
	learner  Learner
	points   float64
	possible float64
	final    bool
	missing  bool
	rejected string // why; empty when it was not
	extended *Extension
}

func (b *Gradebook) fillScores(o FillOptions) ([]fillScore, error) {
	if o.Lab != "" && !slices.ContainsFunc(b.labs(), func(l LabRef) bool { return l.ID == o.Lab }) {
		return nil, fmt.Errorf("the gradebook has no lab %q", o.Lab)
	}
	var out []fillScore
	for _, r := range class(b.rows()) {
		s := fillScore{learner: r.Learner, final: true, missing: true, possible: Round(b.Possible())}
		if o.Lab != "" {
			s.possible = Round(b.lab(o.Lab).Points)
		}
		for _, g := range r.Grades {
			if o.Lab != "" && g.Lab != o.Lab {
				continue
			}
			s.points += g.Points
			s.final = s.final && g.Final()
			s.missing = s.missing && g.Status == Missing
			if g.Extension != nil {
				s.extended = g.Extension
			}
			if g.Status == Rejected {
				s.rejected = g.why()
			}
		}
		s.points = Round(s.points)
		out = append(out, s)
	}
	return out, nil
}

// decide says what a cell becomes, or why it stays.
func (t target) decide(s fillScore, row int, old string, o FillOptions) (text, reason string, err error) {
	if why := t.locked(row); why != "" {
		return "", why, nil
	}
	switch {
	case !s.final:
		return "", "there is no score yet", nil
	case s.missing && !o.Missing:
		return "", "nothing was handed in", nil
	case s.missing && s.extended != nil && s.extended.Due.After(o.Now) && !o.Now.IsZero():
		return "", "nothing was handed in yet; " + s.extended.Words(), nil
	}
	points := s.points
	limit, known := t.max(row)
	if known && limit != s.possible {
		if !o.Scale || s.possible <= 0 || limit <= 0 {
			way := "change one, or have the points converted: --scale"
			if s.possible <= 0 || limit <= 0 { // every grade would become 0
				way = "nothing can be converted; change one"
			}
			return "", "", fmt.Errorf("the platform has %s points for this column and the assignment %s: %s",
				Points(limit), Points(s.possible), way)
		}
		points = Round(points * limit / s.possible)
	}
	text = strings.Replace(Points(points), ".", t.decimal, 1)
	has, number := parsePoints(old)
	switch {
	case old == "" || old == "-":
		return text, "", nil
	case strings.HasSuffix(old, "%") && number && known:
		has = has * limit / 100
	case !number || strings.HasSuffix(old, "%"):
		return "", "it holds no number", nil
	}
	switch {
	case Round(has) == points:
		return old, "", nil // the same score, however it is written
	case has > points && !o.Lower:
		return "", fmt.Sprintf("it holds the higher score; graded was %s", Points(points)), nil
	}
	return text, "", nil
}

// parsePoints reads a number with a decimal point or comma, or a percentage.
func parsePoints(s string) (float64, bool) {
	s = strings.TrimSuffix(strings.TrimSpace(s), "%")
	v, err := strconv.ParseFloat(strings.Replace(strings.TrimSpace(s), ",", ".", 1), 64)
	return v, err == nil && !strings.ContainsAny(s, "xXnNiIpP_") // no hexadecimal, infinite or underscored ones
}

// decimalMark is the one that the sheet's numbers have; with none to go by,
// the fallback.
func (s *sheet) decimalMark(fallback string) string {
	commas, dots := 0, 0
	for r := 1; r < len(s.rows); r++ {
		for c := range s.rows[r] {
			t := s.cell(r, c)
			if _, ok := parsePoints(t); !ok {
				continue
			}
			commas += strings.Count(t, ",")
			dots += strings.Count(t, ".")
		}
	}
	switch {
	case commas > dots:
		return ","
	case dots > commas:
		return "."
	}
	return fallback
}
