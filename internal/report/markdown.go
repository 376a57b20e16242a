package report

import (
	"fmt"
	"io"
	"strings"
)

func writeMarkdown(w io.Writer, b *Gradebook, _ Options) error {
	_, err := io.WriteString(w, strings.Join(b.markdown(), ""))
	return err
}

// markdown is the report in parts, the most important first, so that one who
// has to cut it can.
func (b *Gradebook) markdown() []string {
	rows := b.rows()
	if len(rows) == 1 {
		return b.markdownOne(rows[0], "#")
	}
	var t strings.Builder
	fmt.Fprintf(&t, "# %s\n\n%s\n\n| learner | name |", md(or(b.Title, b.Assignment)), learners(rows))
	for _, l := range b.Labs {
		fmt.Fprintf(&t, " %s |", md(l.ID))
	}
	fmt.Fprintf(&t, " of %s |\n|---|---|%s---:|\n", Points(b.Possible()), strings.Repeat("---:|", len(b.Labs)))
	for _, r := range rows {
		fmt.Fprintf(&t, "| %s | %s |", md(r.Learner.ID), md(r.Learner.Name))
		for _, l := range b.Labs {
			fmt.Fprintf(&t, " %s |", r.cell(l.ID))
		}
		total := "no score"
		if r.Final {
			total = Points(r.Points)
		}
		fmt.Fprintf(&t, " %s |\n", total)
	}
	t.WriteString("\n")
	parts := []string{t.String()}
	for _, n := range b.Notes {
		parts = append(parts, "> "+md(n)+"\n\n")
	}
	if notes := b.markdownNotes(rows); notes != "" {
		parts = append(parts, notes)
	}
	if len(b.Alike) > 0 {
		var a strings.Builder
		a.WriteString(alikeMeans + "\n\n")
		for _, pair := range b.Alike {
			fmt.Fprintf(&a, "- %s\n", md(pair.String()))
		}
		parts = append(parts, a.String()+"\n")
	}
	if again := Insights(b).Mistakes; len(again) > 0 {
		var a strings.Builder
		a.WriteString("To teach again:\n\n")
		for _, m := range again {
			fmt.Fprintf(&a, "- %s\n", md(m.String()))
		}
		parts = append(parts, a.String()+"\n")
	}
	for _, r := range rows {
		parts = append(parts, b.markdownOne(r, "##")...)
	}
	return parts
}

func (b *Gradebook) markdownNotes(rows []row) string {
	var t strings.Builder
	for _, r := range rows {
		for _, n := range r.notes() {
			fmt.Fprintf(&t, "- %s\n", md(n))
		}
	}
	if t.Len() == 0 {
		return ""
	}
	return "To look at:\n\n" + t.String() + "\n"
}

func (b *Gradebook) markdownOne(r row, heading string) []string {
	name := or(b.Title, b.Assignment)
	if r.Learner.ID != "" {
		name = r.Learner.name()
	}
	parts := []string{fmt.Sprintf("%s %s: %s\n\n", heading, md(name), r.score())}
	for _, g := range r.Grades {
		var t strings.Builder
		fmt.Fprintf(&t, "%s# %s\n\n%s\n\n", heading, md(b.lab(g.Lab).Title), md(g.total()))
		if when := g.Submission.When(); when != "" {
			fmt.Fprintf(&t, "Handed in: %s\n\n", md(when))
		}
		if why := g.why(); why != "" {
			fmt.Fprintf(&t, "> %s\n\n", md(why))
		}
		for _, f := range g.Flags {
			fmt.Fprintf(&t, "> to look at: %s\n\n", md(f))
		}
		if items := g.checks(); len(items) > 0 {
			t.WriteString("| verdict | check | points |\n|---|---|---:|\n")
			for _, c := range items {
				fmt.Fprintf(&t, "| %s %s | %s | %s |\n", c.Verdict.glyph(), c.Verdict, md(c.Title), mdPoints(c))
			}
			t.WriteString("\n")
		}
		parts = append(parts, t.String())
		for _, c := range g.checks() {
			if d := c.detail(b.lab(g.Lab)); d != "" {
				parts = append(parts, fmt.Sprintf("**%s** (%s)\n\n%s\n", md(c.Title), c.Verdict, fence(d)))
			}
		}
	}
	return parts
}

func mdPoints(c valued) string {
	if c.Verdict.unjudged() {
		return "– of " + Points(c.Possible)
	}
	return Points(c.Points) + " of " + Points(c.Possible)
}

// glyph is the verdict as one character that is told apart without colour.
func (v Verdict) glyph() string {
	return map[Verdict]string{Pass: "✓", Partial: "◐", Fail: "✗", Skipped: "○", Unsupported: "⊘", Timeout: "…",
		Error: "!"}[v]
}

// md is text within a line of Markdown, where nothing in it has a meaning.
// Source: https://spec.commonmark.org/0.31.2/#backslash-escapes
func md(s string) string {
	var b strings.Builder
	for _, r := range oneLine(s) {
		if strings.ContainsRune("\\`*_[]<>|~#&$", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// fence is a block of code that its content cannot end.
func fence(s string) string {
	longest, run := 2, 0
	for _, r := range s {
		if r != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	f := strings.Repeat("`", longest+1)
	return f + "text\n" + strings.TrimRight(s, "\n") + "\n" + f + "\n"
}
