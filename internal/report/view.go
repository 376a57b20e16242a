package report

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// row is one learner with all their grades, in the order of the labs.
type row struct {
	Learner Learner
	Grades  []Grade
	Points  float64 // no score unless Final
	Final   bool
}

// rows groups the grades by learner, in the order in which they come.
func (b *Gradebook) rows() []row {
	var out []row
	at := map[string]int{}
	for _, g := range b.Grades {
		i, ok := at[g.Learner.ID]
		if !ok {
			i = len(out)
			at[g.Learner.ID] = i
			points, final := b.Total(g.Learner.ID)
			out = append(out, row{Learner: g.Learner, Points: Round(points), Final: final})
		}
		out[i].Grades = append(out[i].Grades, g)
	}
	slices.SortStableFunc(out, func(a, b row) int { // who counts as nobody stands apart
		switch {
		case a.Learner.Unknown == b.Learner.Unknown:
			return 0
		case b.Learner.Unknown:
			return -1
		}
		return 1
	})
	return out
}

// class are the rows of those who count in the class's figures.
func class(rows []row) []row {
	return slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return r.Learner.Unknown })
}

// known is the gradebook of those who count in the class's figures.
func (b *Gradebook) known() *Gradebook {
	out := *b
	out.Grades = slices.DeleteFunc(slices.Clone(b.Grades), func(g Grade) bool { return g.Learner.Unknown })
	return &out
}

// learners counts a class in words.
func learners(rows []row) string {
	known := len(class(rows))
	out := Count(known, "learner")
	if n := len(rows) - known; n > 0 {
		out += fmt.Sprintf("; %d more match nobody of the roster and count nowhere", n)
	}
	return out
}

// single returns the only learner of the gradebook, for formats that are about
// one submission.
func (b *Gradebook) single(format string) (row, error) {
	rows := b.rows()
	if len(rows) != 1 {
		return row{},
			fmt.Errorf(
				"the format %s is for one learner's submission and this gradebook holds %d: write one for each learner, or "+
					"choose another format", format, len(rows))
	}
	return rows[0], nil
}

// possible is what the learner could have earned.
func (r row) possible() (points float64) {
	for _, g := range r.Grades {
		points += g.Possible
	}
	return Round(points)
}

// open lists what was not judged, in words: "lab check" for each.
func (r row) open() []string {
	var out []string
	for _, g := range r.Grades {
		if g.Status == Open {
			out = append(out, g.why())
		}
	}
	return out
}

// score is the learner's total in words.
func (r row) score() string {
	if !r.Final {
		return "no score"
	}
	return fmt.Sprintf("%s of %s points", Points(r.Points), Points(r.possible()))
}

// Final reports whether the grade is a score.
func (g Grade) Final() bool { return g.Status != Open }

// lab returns what the gradebook knows of a lab; the id alone when nothing.
func (b *Gradebook) lab(id string) LabRef {
	for _, l := range b.Labs {
		if l.ID == id {
			return l
		}
	}
	return LabRef{ID: id, Title: id}
}

// mistake returns the title of a mistake of a lab, or its id.
func (l LabRef) mistake(id string) string {
	for _, m := range l.Mistakes {
		if m.ID == id && m.Title != "" {
			return m.Title
		}
	}
	return id
}

// explanation is what the lab's authors say of a mistake, for who made it; may be empty.
func (l LabRef) explanation(id string) string {
	for _, m := range l.Mistakes {
		if m.ID == id {
			return strings.TrimSpace(m.Explanation)
		}
	}
	return ""
}

// why says in one sentence why a grade is not the plain sum of its checks;
// empty when it is.
func (g Grade) why() string {
	switch g.Status {
	case Open:
		unjudged := g.unjudged()
		switch {
		case g.Problem != "":
			return fmt.Sprintf("%s was not judged: %s", g.Lab, plain(g.Problem))
		case len(unjudged) > 0:
			return fmt.Sprintf("%s: %s could not be judged", g.Lab, strings.Join(unjudged, ", "))
		}
		return g.Lab + " was not judged"
	case Rejected:
		return fmt.Sprintf("%s: the submission was rejected: %s", g.Lab, or(plain(g.Problem), "no reason is given"))
	case Missing:
		return g.Lab + ": nothing was handed in"
	}
	if g.Deploy != "" {
		return fmt.Sprintf("%s could not be deployed: %s", g.Lab, plain(g.Deploy))
	}
	return plain(g.Problem)
}

// unjudged are the ids of the checks that say nothing about the learner's work.
func (g Grade) unjudged() []string {
	var out []string
	if g.Result != nil {
		for _, c := range g.Result.Checks {
			if c.Verdict.unjudged() {
				out = append(out, c.ID)
			}
		}
	}
	return out
}

func (v Verdict) unjudged() bool { return v == Error || v == Unsupported }

// checks are the grade's checks with the points that the lab gives: those that the
// learner has seen while at work. Only their sum is brought to the assignment's scale.
func (g Grade) checks() []valued { return g.valued(1) }

// weighed are the checks on the assignment's scale, for sums over labs that are worth
// different points there.
func (g Grade) weighed() []valued {
	if g.Result == nil {
		return nil
	}
	_, sum, _ := g.Result.Score()
	if sum <= 0 || g.Possible <= 0 {
		return g.valued(1)
	}
	return g.valued(g.Possible / float64(sum))
}

func (g Grade) valued(scale float64) []valued {
	if g.Result == nil {
		return nil
	}
	out := make([]valued, 0, len(g.Result.Checks))
	for _, c := range g.Result.Checks {
		out = append(out, valued{Check: c, Points: Round(c.Points * scale), Possible: Round(float64(c.Possible) * scale)})
	}
	return out
}

// valued is a check and what it is worth.
type valued struct {
	Check
	Points, Possible float64
}

// lab is what the lab's own points come to: all, and of them those of hidden checks,
// which the learner has not seen.
func (g Grade) lab() (points, possible, hidden float64) {
	for _, c := range g.checks() {
		points, possible = points+c.Points, possible+c.Possible
		if c.Hidden {
			hidden += c.Possible
		}
	}
	return Round(points), possible, hidden
}

// sum says how the points of a final grade come from those of the lab's checks, and what
// lateness took; empty when they simply are their sum.
func (g Grade) sum() string {
	var parts []string
	points, possible, hidden := g.lab()
	if possible > 0 && (hidden > 0 || possible != g.Possible) {
		part := fmt.Sprintf("in the lab %s of %s", Points(points), Points(possible))
		if hidden > 0 {
			part += fmt.Sprintf(": %s that could be seen, hidden: %s more", Points(possible-hidden), Points(hidden))
		}
		parts = append(parts, part)
	}
	if g.Penalty > 0 {
		parts = append(parts, fmt.Sprintf("%s, %s off for lateness: %s", Points(g.Earned), Points(g.Penalty),
			Points(g.Points)))
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, "; ") + ")"
}

// score is the check's points in words.
func (c valued) score() string {
	if c.Verdict.unjudged() {
		return "not judged, of " + Points(c.Possible) + " points"
	}
	return fmt.Sprintf("%s of %s points", Points(c.Points), Points(c.Possible))
}

// detail is everything that the check has to say, one labelled part a line.
func (c valued) detail(l LabRef) string {
	if c.Verdict == Pass {
		return ""
	}
	var b strings.Builder
	add := func(label, text string) {
		if text = strings.TrimRight(plain(text), " \n"); text != "" {
			b.WriteString(label + text + "\n")
		}
	}
	add("", c.causes())
	add("", c.Message)
	add("sent: ", strings.Join(c.Sent, "\n"))
	difference, expected, seen := c.comparison()
	add("", difference)
	add("expected: ", expected)
	add("seen: ", seen)
	add("", strings.Join(c.Way.lines(), "\n"))
	if c.Mistake != "" {
		add("looks like: ", l.mistake(c.Mistake))
		add("", l.explanation(c.Mistake))
	}
	add("hint: ", c.Hint)
	return strings.TrimRight(b.String(), "\n")
}

// headline is the check's message in one line, or what its verdict means.
func (c valued) headline() string {
	return or(oneLine(c.Message), map[Verdict]string{Pass: "passed", Partial: "only partly so", Fail: "not so",
		Skipped: "a check that it needs did not pass", Unsupported: "cannot be judged here", Timeout: "took too long",
		Error: "could not be judged"}[c.Verdict])
}

// name is what the learner is called, or their id.
func (l Learner) name() string { return or(l.Name, l.ID) }

func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

// plain is text that may come from a learner, as any format can hold it: valid
// UTF-8, line feeds, tabs, and no other control character, so that it neither
// steers a terminal nor breaks a document.
func plain(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r':
			return '\n'
		case unicode.IsControl(r), r == '\uFFFE', r == '\uFFFF', bidi(r):
			return '\uFFFD'
		}
		return r
	}, s)
}

// Console is plain text for a terminal, or for the log of a CI system, where a
// line may be a command: those of GitHub Actions and Azure Pipelines become text.
// Programs that print text which they have not made themselves print it by this.
// Source: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
func Console(s string) string {
	s = strings.NewReplacer("##[", "## [", "##vso[", "## vso[").Replace(plain(s))
	if !strings.Contains(s, "::") {
		return s
	}
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		if bare := strings.TrimLeftFunc(l, unicode.IsSpace); strings.HasPrefix(bare, "::") {
			lines[i] = l[:len(l)-len(bare)] + ": :" + bare[2:]
		}
	}
	return strings.Join(lines, "\n")
}

// bidi characters turn the text around them: what a person reads is then not
// what stands there.
func bidi(r rune) bool {
	return r >= '\u202A' && r <= '\u202E' || r >= '\u2066' && r <= '\u2069'
}

// oneLine is plain text without line breaks.
func oneLine(s string) string { return strings.Join(strings.Fields(plain(s)), " ") }

// clip cuts text to at most limit bytes, between characters, and says so.
func clip(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	note := fmt.Sprintf(" … (%d bytes more)", len(s)-limit)
	cut := max(limit-len(note), 0)
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + note
}

// items are the checks of a grade, and in their place, or after them, what
// happened to the submission where the checks do not say it: so that a format
// which knows only tests still shows an error, never an empty success.
func (g Grade) items() []valued { return g.with(g.checks()) }

// with is items, of checks that are worth what they are worth.
func (g Grade) with(items []valued) []valued {
	whole := valued{Check: Check{ID: "submission", Title: "The submission can be judged", Verdict: Fail, Message: g.why()},
		Possible: Round(g.Possible)}
	switch {
	case g.Status == Open && len(g.unjudged()) == 0:
		whole.Verdict, whole.Possible = Error, 0
		return append(items, whole)
	case g.Status == Rejected || g.Status == Missing || len(items) == 0 && g.Status == Final:
		return []valued{whole}
	}
	return items
}

// passed reports whether every item of every grade passed.
func (r row) passed() bool {
	for _, g := range r.Grades {
		for _, c := range g.items() {
			if c.Verdict != Pass {
				return false
			}
		}
	}
	return len(r.Grades) > 0
}

// summary is the learner's grades in words, a line each.
func (r row) summary() string {
	var lines []string
	for _, g := range r.Grades {
		lines = append(lines, g.total())
		if why := g.why(); why != "" {
			lines = append(lines, why)
		}
	}
	if len(r.Grades) > 1 {
		lines = append(lines, r.score()+" in all")
	}
	return strings.Join(lines, "\n")
}
