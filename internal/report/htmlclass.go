package report

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// This file is the part of the page that is about a class.
type (
	htmlClass struct {
		Learners, Scored, OpenCount int
		Mean, Median, Possible      string
		MeanShare, MedianShare      string
		Known                       []string // of the class as a whole
		Notes                       []htmlNote
		Mistakes                    []htmlMistake
		Alike                       []htmlAlike
		AlikeMeans                  string
		Bars                        []htmlBar
		HistogramText               string
		Labs                        []htmlLab
	}
	htmlNote    struct{ Anchor, Who, What string }
	htmlMistake struct {
		Learners, Of, More            int
		Title, Lab, Lost, Explanation string
		Who                           []htmlNote
	}
	htmlAlike struct {
		A, B     htmlNote
		Lab      string
		What     string
		Passages []htmlTwice
	}
	htmlTwice   struct{ Here, There htmlPassage }
	htmlPassage struct{ Where, Text string }
	htmlBar     struct {
		X, Y, Height, Middle, Above, Learners int
		From                                  string
	}
	htmlLab struct {
		Title string
		Stats []htmlStat
		Rows  []htmlRow
	}
	htmlStat struct {
		Number, Passed, Judged, Skipped, Unjudged, Percent     int
		ID, Title, Difficulty, Discrimination, Undecided, Lost string
	}
	htmlRow struct {
		Anchor, Who, Points string
		Cells               []htmlCell
	}
	htmlCell struct{ Anchor, Class, Glyph, Verdict string }
)

func (b *Gradebook) htmlClass(rows []row) *htmlClass {
	in := Insights(b)
	c := &htmlClass{Learners: in.Learners, Scored: in.Scored, OpenCount: len(in.Open), Mean: tenths(in.Mean),
		Median: tenths(in.Median), MeanShare: percent(in.Mean, in.Possible), MedianShare: percent(in.Median, in.Possible),
		Possible: Points(in.Possible)}
	for _, n := range b.Notes {
		c.Known = append(c.Known, oneLine(n))
	}
	at := map[string]htmlNote{}
	for i, r := range rows {
		at[r.Learner.ID] = htmlNote{Anchor: learnerAnchor(i), Who: oneLine(r.Learner.name())}
		for _, g := range r.Grades {
			var what []string
			if g.Status == Open {
				what = append(what, clip(oneLine(g.why()+rerun(g)), 400))
			}
			for _, f := range g.Flags {
				what = append(what, clip(g.Lab+": "+oneLine(f), 400))
			}
			for _, w := range what {
				c.Notes = append(c.Notes, htmlNote{learnerAnchor(i), oneLine(r.Learner.name()), w})
			}
		}
	}
	for _, m := range in.Mistakes {
		const named = 12 // learners by name; a list of hundreds is not read
		h := htmlMistake{Learners: len(m.Learners), Of: m.Of, Title: oneLine(m.Title), Lab: m.Lab, Lost: Points(m.Lost),
			Explanation: plain(m.Explanation),
			More:        max(len(m.Learners)-named, 0)}
		for _, id := range m.Learners[:min(len(m.Learners), named)] {
			h.Who = append(h.Who, at[id])
		}
		c.Mistakes = append(c.Mistakes, h)
	}
	c.alike(b.Alike, at)
	c.histogram(in.Scores)
	for i, l := range b.labs() {
		c.Labs = append(c.Labs, b.htmlLab(l, in.Labs[i], rows))
	}
	return c
}

// alike lays pairs of submissions side by side, of a class that has many the first.
func (c *htmlClass) alike(pairs []Alike, at map[string]htmlNote) {
	const most = 100
	c.AlikeMeans = alikeMeans
	for _, p := range pairs[:min(len(pairs), most)] {
		h := htmlAlike{A: at[p.Learner], B: htmlNote{Who: "the lab's solution"}, Lab: oneLine(p.Lab),
			What: fmt.Sprintf("%.0f %%", p.Share*100)}
		if p.Other != "" {
			h.B = at[p.Other]
		}
		if p.Same {
			h.What = "the same but for names, numbers, texts and comments"
		}
		for _, t := range p.Passages {
			h.Passages = append(h.Passages, htmlTwice{t.Here.html(), t.There.html()})
		}
		c.Alike = append(c.Alike, h)
	}
}

func (p Passage) html() htmlPassage {
	text := strings.Join(p.Text, "\n")
	if len(p.Text) < p.To-p.From+1 {
		text += "\n…"
	}
	return htmlPassage{Where: oneLine(p.String()), Text: plain(text)}
}

func rerun(g Grade) string {
	if g.Rerun == "" {
		return ""
	}
	return "; to grade it again: " + g.Rerun
}

// histogram lays the bars out in a picture of 520 by 190.
func (c *htmlClass) histogram(scores []Bin) {
	most := 1
	for _, s := range scores {
		most = max(most, s.Learners)
	}
	var words []string
	for i, s := range scores {
		h := s.Learners * 130 / most
		if s.Learners > 0 {
			h = max(h, 2)
			words = append(words, fmt.Sprintf("%d from %s to %s points", s.Learners, Points(s.From), Points(s.To)))
		}
		x := 12 + i*50
		c.Bars = append(c.Bars, htmlBar{X: x, Y: 160 - h, Height: h, Middle: x + 23, Above: 154 - h, Learners: s.Learners,
			From: Points(s.From)})
	}
	c.HistogramText = "Learners by points: " + strings.Join(words, ", ")
}

func (b *Gradebook) htmlLab(l LabRef, in LabInsight, rows []row) htmlLab {
	out := htmlLab{Title: oneLine(in.Title)}
	for i, k := range in.Checks {
		s := htmlStat{Number: i + 1, ID: oneLine(k.ID), Title: oneLine(k.Title), Passed: k.Passed, Judged: k.Judged,
			Skipped: k.Skipped, Unjudged: k.Unjudged,
			Percent: int(math.Round(k.PassRate * 100)), Difficulty: "–", Discrimination: "–", Undecided: k.Undecided,
			Lost: Points(k.Lost)}
		if k.Judged > 0 {
			s.Difficulty = fmt.Sprintf("%.2f", k.Difficulty)
		}
		if k.Discrimination != nil {
			s.Discrimination = strings.Replace(fmt.Sprintf("%.2f", *k.Discrimination), "-", "−", 1)
		}
		out.Stats = append(out.Stats, s)
	}
	for ri, r := range rows {
		gi := slices.IndexFunc(r.Grades, func(g Grade) bool { return g.Lab == l.ID })
		if gi < 0 {
			continue
		}
		h := htmlRow{Anchor: learnerAnchor(ri), Who: oneLine(r.Learner.name()), Points: r.cell(l.ID)}
		checks := r.Grades[gi].checks()
		for _, k := range in.Checks {
			ci := slices.IndexFunc(checks, func(c valued) bool { return c.ID == k.ID })
			if ci < 0 {
				h.Cells = append(h.Cells, htmlCell{Glyph: "·", Verdict: "not run"})
				continue
			}
			v := checks[ci].Verdict
			cell := htmlCell{Class: v.class(), Glyph: v.glyph(), Verdict: string(v)}
			if v != Pass {
				cell.Anchor = checkAnchor(ri, gi, ci)
			}
			h.Cells = append(h.Cells, cell)
		}
		out.Rows = append(out.Rows, h)
	}
	return out
}

// class is the verdict's short name in the style: a class has thousands.
func (v Verdict) class() string {
	return map[Verdict]string{Pass: "p", Partial: "h", Fail: "f", Timeout: "t", Skipped: "s", Unsupported: "u",
		Error: "e"}[v]
}
