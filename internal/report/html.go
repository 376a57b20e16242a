package report

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"strings"
)

// page holds the template and its style. Everything is in one document: it
// loads nothing and runs nothing, which its own policy says as well.
//
//go:embed page
var page embed.FS

// htmlText is how many bytes of what was sent, expected and seen a page holds in
// all, so that a class of hundreds stays a page that a phone opens.
const htmlText = 540_000

type (
	htmlPage struct {
		Title, Subtitle, Footer string
		Style                   template.CSS
		Only                    bool // one learner: no overview
		Legend                  []htmlCell
		Class                   *htmlClass
		Learners                []htmlLearner
	}
	htmlLearner struct {
		Anchor, Name, About, Score string
		Grades                     []htmlGrade
	}
	htmlGrade struct {
		Title, Total, When string
		Notes              []string
		Checks             []htmlCheck
	}
	htmlCheck struct {
		Anchor, Verdict, Glyph, Title, About, Points string
		Parts                                        []htmlPart
	}
	htmlPart struct {
		Label, Text string
		Data        bool // shown as it is, in a fixed pitch
	}
)

func writeHTML(w io.Writer, b *Gradebook, o Options) error {
	style, err := page.ReadFile("page/report.css")
	if err != nil {
		return err
	}
	t, err := template.ParseFS(page, "page/report.tmpl")
	if err != nil {
		return err
	}
	rows := b.rows()
	p := htmlPage{Title: oneLine(or(b.Title, b.Assignment)), Style: template.CSS(style),
		Only: len(rows) == 1} // our own file
	if !o.Now.IsZero() {
		p.Footer = "Written " + o.now(b).Format("2006-01-02 15:04 UTC") + ". "
	}
	p.Footer += strings.TrimSpace("PipeLab " + oneLine(b.Tool))
	if p.Only {
		p.Subtitle = strings.TrimPrefix(oneLine(rows[0].Learner.name())+": ", ": ") + rows[0].score()
	} else {
		p.Class = b.htmlClass(rows)
		for _, v := range []Verdict{Pass, Partial, Fail, Timeout, Skipped, Unsupported, Error} {
			p.Legend = append(p.Legend, htmlCell{Glyph: v.glyph(), Verdict: string(v)})
		}
	}
	limit := b.htmlLimit()
	for i, r := range rows {
		p.Learners = append(p.Learners, b.htmlLearner(r, i, limit))
	}
	return t.Execute(w, p)
}

// htmlLimit is how many bytes each part of a check may have.
func (b *Gradebook) htmlLimit() int {
	parts := 0
	for _, g := range b.Grades {
		for _, c := range g.checks() {
			if c.Verdict != Pass {
				parts += 7
			}
		}
	}
	return min(max(htmlText/max(parts, 1), 100), 8000)
}

func learnerAnchor(i int) string { return fmt.Sprintf("l%d", i) }

func checkAnchor(learner, grade, check int) string {
	return fmt.Sprintf("l%d-%d-%d", learner, grade, check)
}

func (b *Gradebook) htmlLearner(r row, at, limit int) htmlLearner {
	l := htmlLearner{Anchor: learnerAnchor(at), Name: oneLine(r.Learner.name()), Score: r.score()}
	var about []string
	for _, s := range []string{r.Learner.ID, r.Learner.Section, r.Learner.Email} {
		if s = oneLine(s); s != "" && s != l.Name {
			about = append(about, s)
		}
	}
	l.About = strings.Join(about, ", ")
	for gi, g := range r.Grades {
		ref := b.lab(g.Lab)
		h := htmlGrade{Title: oneLine(or(ref.Title, g.Lab)), Total: plain(g.total()), When: g.Submission.When()}
		if why := g.why(); why != "" {
			h.Notes = append(h.Notes, clip(why, 2*limit))
		}
		for _, f := range g.Flags {
			h.Notes = append(h.Notes, "To look at: "+clip(plain(f), limit))
		}
		if g.Submission.Note != "" {
			h.Notes = append(h.Notes, clip(plain(g.Submission.Note), limit))
		}
		for ci, c := range g.checks() {
			k := htmlCheck{Verdict: string(c.Verdict), Glyph: c.Verdict.glyph(), Title: oneLine(c.Title), Points: mdPoints(c),
				About: checkLine(c.Check)}
			if c.Verdict != Pass {
				k.Anchor, k.Parts = checkAnchor(at, gi, ci), c.htmlParts(ref, limit)
			}
			h.Checks = append(h.Checks, k)
		}
		l.Grades = append(l.Grades, h)
	}
	return l
}

func (c valued) htmlParts(l LabRef, limit int) []htmlPart {
	var out []htmlPart
	add := func(label, text string, data bool) {
		if text = strings.TrimRight(plain(text), " \n"); text != "" {
			out = append(out, htmlPart{label, clip(text, limit), data})
		}
	}
	add("went wrong", c.causes(), true)
	switch {
	case c.Verdict != Fail && c.Verdict != Partial:
		add("why", c.Message, false)
	case c.Message != c.Expected:
		add("not so", c.Message, false)
	}
	add("sent", strings.Join(c.Sent, "\n"), true)
	if difference, _, _ := c.comparison(); difference != "" {
		add("difference", difference, true)
	} else {
		add("expected", c.Expected, c.Expected != c.Message) // a sentence, or data
		add("seen", c.Seen, true)
	}
	if c.Way != nil {
		add("its way", strings.Join(c.Way.lines(), "\n"), true)
	}
	if c.Mistake != "" {
		add("looks like", l.mistake(c.Mistake), false)
		add("which means", l.explanation(c.Mistake), false)
	}
	add("hint", c.Hint, false)
	return out
}

// human is a duration for people.
func human(millis int64) string {
	if millis < 1000 {
		return fmt.Sprintf("%d ms", millis)
	}
	return fmt.Sprintf("%.1f s", float64(millis)/1000)
}

// checkLine is a check's id, time and calls; neither where none was kept.
func checkLine(c Check) string {
	parts := []string{oneLine(c.ID)}
	if c.Millis > 0 {
		parts = append(parts, human(c.Millis))
	}
	if c.Calls > 0 {
		parts = append(parts, Count(c.Calls, "call"))
	}
	return strings.Join(parts, " · ")
}
