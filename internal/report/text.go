package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Page is where text for people is set. The zero value has 80 columns and no colour.
type Page struct {
	Width int
	Style Style
}

// paper is text that is being set on a page.
type paper struct {
	strings.Builder
	Page
}

// finished is the text as it may be printed. Each part of what is coloured has been
// through plain already; a terminal has no commands of a CI system to be kept from.
func (p *paper) finished() string {
	if p.Style.Colour {
		return p.String()
	}
	return Console(p.String())
}

// Text writes the result for people. The lab explains the mistakes that were recognised.
func Text(w io.Writer, r *Result, l LabRef, page Page) error {
	b := &paper{Page: page}
	points, possible, final := r.Score()
	g := Grade{Lab: r.Lab, Status: Final, Result: r, Possible: float64(possible)}
	textChecks(b, g, l)
	if final {
		fmt.Fprintln(b, b.Style.Strong(fmt.Sprintf("%s of %s", Points(points), Count(possible, "point")))+
			b.Style.Faint(fmt.Sprintf(", seed %d", r.Seed)))
	} else {
		textLine(b, "", "", fmt.Sprintf("no score, seed %d: %s could not be judged", r.Seed,
			strings.Join(g.unjudged(), ", ")))
	}
	_, err := io.WriteString(w, b.finished())
	return err
}

// TextCheck is how Text shows one check.
func TextCheck(c Check, l LabRef, page Page) string {
	b := &paper{Page: page}
	textCheck(b, valued{Check: c, Points: c.Points, Possible: float64(c.Possible)}, l)
	return b.finished()
}

func writeText(w io.Writer, b *Gradebook, _ Options) error {
	rows := b.rows()
	out := &paper{}
	if len(rows) == 1 {
		textOne(out, b, rows[0])
	} else {
		textClass(out, b, rows)
	}
	_, err := io.WriteString(w, Console(out.String()))
	return err
}

// textOne is one learner, every check with what there is to say.
func textOne(out *paper, b *Gradebook, r row) {
	if r.Learner.ID != "" {
		fmt.Fprintf(out, "%s, %s\n\n", oneLine(r.Learner.name()), oneLine(or(b.Title, b.Assignment)))
	}
	for _, g := range r.Grades {
		textChecks(out, g, b.lab(g.Lab))
		textLine(out, "", "", g.total())
		textLine(out, "", "handed in: ", g.Submission.When())
		textLine(out, "", "note: ", g.why())
		for _, f := range g.Flags {
			textLine(out, "", "to look at: ", f)
		}
	}
	if len(r.Grades) > 1 {
		fmt.Fprintf(out, "\n%s in all\n", r.score())
	}
}

// total is the grade in words, with the seed and what lateness took.
func (g Grade) total() string {
	out := fmt.Sprintf("%s: no score", g.Lab)
	if g.Final() {
		out = fmt.Sprintf("%s: %s of %s points%s", g.Lab, Points(g.Points), Points(g.Possible), g.sum())
	}
	if words := g.Extension.Words(); words != "" {
		out += ", " + words
	}
	if g.Result != nil {
		out += fmt.Sprintf(", seed %d", g.Result.Seed)
	}
	if g.Status == Open && g.Rerun != "" {
		out += "; to grade it again: " + oneLine(g.Rerun)
	}
	return out
}

func textChecks(out *paper, g Grade, l LabRef) {
	for _, c := range g.checks() {
		textCheck(out, c, l)
	}
}

func textCheck(out *paper, c valued, l LabRef) {
	style := out.Style
	took := "" // gradebooks hold no times: the same work has the same grade
	if c.Millis > 0 {
		took = fmt.Sprintf(", %d ms", c.Millis)
	}
	fmt.Fprintf(out, "%s %s  %s%s\n", style.Verdict(c.Verdict, fmt.Sprintf("%-11s", c.Verdict)),
		style.Strong(oneLine(c.ID)), c.score(), style.Faint(took))
	line(out, "", oneLine(c.Title))
	if c.Verdict == Pass {
		return
	}
	for _, cause := range c.Causes {
		for i, l := range cause.lines() {
			depth := len(l) - len(strings.TrimLeft(l, " "))
			paint := style.Bad // what it is; where and what was printed below it
			if i > 0 {
				paint = nil
			}
			paintedLine(out, "    "+strings.Repeat(" ", depth), "", l[depth:], paint)
		}
	}
	paintedLine(out, "    ", "", c.Message, style.Strong)
	paintedLine(out, "    ", "sent: ", strings.Join(c.Sent, "\n"), style.Faint)
	difference, expected, seen := c.comparison()
	line(out, "", difference)
	paintedLine(out, "    ", "expected: ", expected, style.Good)
	paintedLine(out, "    ", "seen: ", seen, style.Bad)
	for i, l := range c.Way.lines() {
		depth := len(l) - len(strings.TrimLeft(l, " "))
		paint := style.Strong
		if i > 0 {
			paint = nil
		}
		paintedLine(out, "    "+strings.Repeat(" ", depth), "", l[depth:], paint)
	}
	if c.Mistake != "" {
		paintedLine(out, "    ", "looks like: ", l.mistake(c.Mistake), style.Open)
		paintedLine(out, "                ", "", l.explanation(c.Mistake), style.Open)
	}
	paintedLine(out, "    ", "hint: ", c.Hint, style.Open)
}

// textClass is a table: learners below each other, labs beside each other.
func textClass(out *paper, b *Gradebook, rows []row) {
	fmt.Fprintf(out, "%s: %s\n\n", oneLine(or(b.Title, b.Assignment)), learners(rows))
	table := [][]string{{"learner", "name"}}
	for _, l := range b.Labs {
		table[0] = append(table[0], oneLine(l.ID))
	}
	table[0] = append(table[0], "of "+Points(b.Possible()), "")
	var notes []string
	for _, r := range rows {
		cells := []string{oneLine(r.Learner.ID), oneLine(r.Learner.Name)}
		for _, l := range b.Labs {
			cells = append(cells, r.cell(l.ID))
		}
		total, mark := "no score", ""
		if r.Final {
			total = Points(r.Points)
		}
		if own := r.notes(); len(own) > 0 {
			mark = "look below"
			notes = append(notes, own...)
		}
		table = append(table, append(cells, total, mark))
	}
	columns(out, table)
	if len(b.Notes) > 0 {
		out.WriteString("\nto know:\n")
	}
	for _, n := range b.Notes {
		textLine(out, "  ", "", oneLine(n))
	}
	if len(notes) > 0 {
		out.WriteString("\nto look at:\n")
	}
	for _, n := range notes {
		textLine(out, "  ", "", n)
	}
	if len(b.Alike) > 0 {
		out.WriteString("\nalike, which is no verdict:\n")
		const shown = 10
		for _, a := range b.Alike[:min(len(b.Alike), shown)] {
			textLine(out, "  ", "", a.String())
		}
		if more := len(b.Alike) - shown; more > 0 {
			textLine(out, "  ", "", fmt.Sprintf("and %d more: the page of the class shows them side by side", more))
		}
	}
	if again := Insights(b).Mistakes; len(again) > 0 {
		out.WriteString("\nto teach again:\n")
		for _, m := range again[:min(len(again), 5)] {
			textLine(out, "  ", "", m.String())
		}
	}
}

// cell is the grade in a lab, in one word.
func (r row) cell(lab string) string {
	for _, g := range r.Grades {
		if g.Lab == lab {
			switch g.Status {
			case Final:
				return Points(g.Points)
			case Missing, Rejected, Open:
				return string(g.Status)
			}
		}
	}
	return "-"
}

func (r row) flags() (out []string) {
	for _, g := range r.Grades {
		for _, f := range g.Flags {
			out = append(out, g.Lab+": "+oneLine(f))
		}
	}
	return out
}

// notes are what a person should know of a learner's grades: why one is not the
// sum of what the checks gave, and what was flagged.
func (r row) notes() (out []string) {
	for _, g := range r.Grades {
		if g.Status != Missing && g.why() != "" {
			n := r.Learner.ID + ", " + oneLine(g.why())
			if g.Rerun != "" {
				n += "; to grade it again: " + oneLine(g.Rerun)
			}
			out = append(out, n)
		}
	}
	for _, f := range r.flags() {
		out = append(out, r.Learner.ID+", "+f)
	}
	return out
}

// columns writes a table, each column as wide as its widest cell. A column in
// which nobody has anything is left out.
func columns(out *paper, table [][]string) {
	width, empty := map[int]int{}, map[int]bool{}
	for i := range table[0] {
		empty[i] = true
	}
	for n, cells := range table {
		for i, c := range cells {
			width[i] = max(width[i], utf8.RuneCountInString(c))
			empty[i] = empty[i] && (n == 0 || c == "")
		}
	}
	for _, cells := range table {
		var l strings.Builder
		for i, c := range cells {
			if empty[i] {
				continue
			}
			l.WriteString(c + strings.Repeat(" ", width[i]-utf8.RuneCountInString(c)+2))
		}
		out.WriteString(strings.TrimRight(l.String(), " ") + "\n")
	}
}

// textWidth is the number of columns that text keeps to where nothing else is said; a
// word that is longer is broken.
const textWidth = 80

// line writes text below a check, indented and wrapped.
func line(b *paper, label, text string) { textLine(b, "    ", label, text) }

func textLine(b *paper, before, label, text string) { paintedLine(b, before, label, text, nil) }

// paintedLine is textLine with each line of the text painted, if paint is not nil.
func paintedLine(b *paper, before, label, text string, paint func(string) string) {
	if text = strings.TrimRight(plain(text), " \n"); text == "" {
		return
	}
	width := b.Width
	if width == 0 {
		width = textWidth
	}
	indent := strings.Repeat(" ", len(before)+len(label))
	lead := before + label
	for _, part := range strings.Split(text, "\n") {
		for _, l := range Wrap(part, max(width-len(indent), 1)) {
			if paint != nil {
				l = paint(l)
			}
			b.WriteString(lead + l + "\n")
			lead = indent
		}
	}
}
