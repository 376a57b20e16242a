package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Text writes the result for people, without colour.
func Text(w io.Writer, r *Result) error {
	var b strings.Builder
	points, possible, final := r.Score()
	g := Grade{Lab: r.Lab, Status: Final, Result: r, Possible: float64(possible)}
	textChecks(&b, g, LabRef{ID: r.Lab})
	if final {
		fmt.Fprintf(&b, "%s of %d points, seed %d\n", Points(points), possible, r.Seed)
	} else {
		textLine(&b, "", "", fmt.Sprintf("no score, seed %d: %s could not be judged", r.Seed,
			strings.Join(g.unjudged(), ", ")))
	}
	_, err := io.WriteString(w, Console(b.String()))
	return err
}

func writeText(w io.Writer, b *Gradebook, _ Options) error {
	rows := b.rows()
	var out strings.Builder
	if len(rows) == 1 {
		textOne(&out, b, rows[0])
	} else {
		textClass(&out, b, rows)
	}
	_, err := io.WriteString(w, Console(out.String()))
	return err
}

// textOne is one learner, every check with what there is to say.
func textOne(out *strings.Builder, b *Gradebook, r row) {
	if r.Learner.ID != "" {
		fmt.Fprintf(out, "%s, %s\n\n", oneLine(r.Learner.name()), oneLine(or(b.Title, b.Assignment)))
	}
	for _, g := range r.Grades {
		textChecks(out, g, b.lab(g.Lab))
		textLine(out, "", "", g.total())
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
		out = fmt.Sprintf("%s: %s of %s points", g.Lab, Points(g.Points), Points(g.Possible))
	}
	if g.Final() && g.Penalty > 0 {
		out += fmt.Sprintf(", %s of them less for lateness", Points(g.Penalty))
	}
	if g.Result != nil {
		out += fmt.Sprintf(", seed %d", g.Result.Seed)
	}
	if g.Status == Open && g.Rerun != "" {
		out += "; to grade it again: " + oneLine(g.Rerun)
	}
	return out
}

func textChecks(out *strings.Builder, g Grade, l LabRef) {
	for _, c := range g.checks() {
		took := "" // gradebooks hold no times: the same work has the same grade
		if c.Millis > 0 {
			took = fmt.Sprintf(", %d ms", c.Millis)
		}
		fmt.Fprintf(out, "%-11s %s  %s%s\n", c.Verdict, oneLine(c.ID), c.score(), took)
		line(out, "", oneLine(c.Title))
		if c.Verdict == Pass {
			continue
		}
		for _, cause := range c.Causes {
			for _, l := range cause.lines() {
				depth := len(l) - len(strings.TrimLeft(l, " "))
				textLine(out, "    "+strings.Repeat(" ", depth), "", l[depth:])
			}
		}
		line(out, "", c.Message)
		line(out, "sent: ", strings.Join(c.Sent, "\n"))
		difference, expected, seen := c.comparison()
		line(out, "", difference)
		line(out, "expected: ", expected)
		line(out, "seen: ", seen)
		if c.Mistake != "" {
			line(out, "looks like: ", l.mistake(c.Mistake))
		}
		line(out, "hint: ", c.Hint)
	}
}

// textClass is a table: learners below each other, labs beside each other.
func textClass(out *strings.Builder, b *Gradebook, rows []row) {
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
	if len(notes) > 0 {
		out.WriteString("\nto look at:\n")
	}
	for _, n := range notes {
		textLine(out, "  ", "", n)
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
func columns(out *strings.Builder, table [][]string) {
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

// textWidth is the number of columns that text keeps to; a word that is longer
// is broken.
const textWidth = 80

// line writes text below a check, indented and wrapped.
func line(b *strings.Builder, label, text string) { textLine(b, "    ", label, text) }

func textLine(b *strings.Builder, before, label, text string) {
	if text = strings.TrimRight(plain(text), " \n"); text == "" {
		return
	}
	indent := strings.Repeat(" ", len(before)+len(label))
	lead := before + label
	for _, part := range strings.Split(text, "\n") {
		for _, l := range Wrap(part, textWidth-len(indent)) {
			b.WriteString(lead + l + "\n")
			lead = indent
		}
	}
}
