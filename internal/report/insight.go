package report

import (
	"fmt"
	"math"
	"slices"
	"sort"
)

// Insight is what a class's results say about the class and about the labs.
type Insight struct {
	Learners int          `json:"learners"`
	Scored   int          `json:"scored"` // learners whose total is a score
	Open     []string     `json:"open,omitempty"`
	Mean     float64      `json:"mean"`   // of the totals; 0 when Scored is 0
	Median   float64      `json:"median"` // of the totals
	Possible float64      `json:"possible"`
	Scores   []Bin        `json:"scores"`
	Labs     []LabInsight `json:"labs"`
	// Mistakes of all labs, the most points lost first: what to teach again.
	Mistakes []MistakeInsight `json:"mistakes"`
	Flags    []Flagged        `json:"flags,omitempty"`
}

// Bin counts the learners whose total lies from From up to To points, without
// To itself but for the last bin.
type Bin struct {
	From     float64 `json:"from"`
	To       float64 `json:"to"`
	Learners int     `json:"learners"`
}

// LabInsight is about one lab. Judged counts the learners whose submission was
// run: those who handed nothing in say nothing about a check.
type LabInsight struct {
	Lab    string         `json:"lab"`
	Title  string         `json:"title"`
	Judged int            `json:"judged"`
	Checks []CheckInsight `json:"checks"`
}

// CheckInsight is about one check over all learners. Skipped and Unjudged
// learners count in no rate: their work was not looked at here.
type CheckInsight struct {
	ID       string `json:"id"`
	Title    string `json:"title"`
	Judged   int    `json:"judged"` // Passed + Partial + Failed
	Passed   int    `json:"passed"`
	Partial  int    `json:"partial"`
	Failed   int    `json:"failed"` // timeouts among them
	Skipped  int    `json:"skipped"`
	Unjudged int    `json:"unjudged"`
	// Unexplained counts failures in which no known mistake was recognised.
	Unexplained int     `json:"unexplained"`
	PassRate    float64 `json:"passRate"` // Passed of Judged, 0 to 1; 0 when none was judged
	// Difficulty is the mean share of points, 0 (nobody) to 1 (everybody), as
	// test theory has it: a high value is an easy check.
	Difficulty float64 `json:"difficulty"`
	// Discrimination is the correlation, -1 to 1, of a learner's share of this
	// check's points with their points in the lab's other checks (the corrected
	// item-total correlation; for a check without partial credit this is the
	// point-biserial one). Near 0 or below, strong learners do no better here than
	// weak ones: the check or its text may be at fault. nil when it means nothing;
	// Undecided then says why.
	Discrimination *float64 `json:"discrimination,omitempty"`
	Undecided      string   `json:"undecided,omitempty"`
	Lost           float64  `json:"lost"` // points, on the assignment's scale, skipped checks included
}

// MistakeInsight is a mistake that learners made.
type MistakeInsight struct {
	Lab         string   `json:"lab"`
	ID          string   `json:"id"`
	Title       string   `json:"title"`
	Explanation string   `json:"explanation,omitempty"`
	Learners    []string `json:"learners"`
	Of          int      `json:"of"` // learners whose submission was judged
	Checks      []string `json:"checks"`
	Lost        float64  `json:"lost"` // points in the checks in which it was recognised
}

// String says how many made the mistake.
func (m MistakeInsight) String() string {
	return fmt.Sprintf("%d of %d: %s (%s), %s points lost", len(m.Learners), m.Of, m.Title, m.Lab, Points(m.Lost))
}

// Flagged is something that a person should look at.
type Flagged struct {
	Learner string `json:"learner"`
	Lab     string `json:"lab"`
	Flag    string `json:"flag"`
}

// discriminationLeast is how many learners a correlation needs before it says
// anything; below thirty it still is a rough one.
const discriminationLeast = 10

// Insights reads the class's results. It is a pure function of the gradebook.
func Insights(b *Gradebook) Insight {
	all := b
	b = b.known()
	rows := b.rows()
	in := Insight{Learners: len(rows), Possible: Round(b.Possible()), Labs: []LabInsight{}, Mistakes: []MistakeInsight{}}
	var totals []float64
	for _, r := range rows {
		if r.Final {
			totals = append(totals, r.Points)
		} else {
			in.Open = append(in.Open, r.Learner.ID)
		}
	}
	in.Scored, in.Scores = len(totals), bins(totals, in.Possible)
	in.Mean, in.Median = Round(mean(totals)), Round(median(totals))
	for _, l := range b.labs() {
		var judged []Grade
		for _, g := range b.Grades {
			if g.Lab == l.ID && g.Result != nil && len(g.Result.Checks) > 0 {
				judged = append(judged, g)
			}
		}
		for _, g := range all.Grades {
			for _, f := range g.Flags {
				if g.Lab == l.ID {
					in.Flags = append(in.Flags, Flagged{g.Learner.ID, g.Lab, f})
				}
			}
		}
		in.Labs = append(in.Labs, labInsight(l, judged))
		in.Mistakes = append(in.Mistakes, mistakes(l, judged)...)
	}
	sort.SliceStable(in.Mistakes, func(i, j int) bool {
		a, b := in.Mistakes[i], in.Mistakes[j]
		if a.Lost != b.Lost {
			return a.Lost > b.Lost
		}
		return len(a.Learners) > len(b.Learners)
	})
	return in
}

// labs are those of the gradebook, and any other that a grade names.
func (b *Gradebook) labs() []LabRef {
	out := slices.Clone(b.Labs)
	for _, g := range b.Grades {
		if !slices.ContainsFunc(out, func(l LabRef) bool { return l.ID == g.Lab }) {
			out = append(out, b.lab(g.Lab))
		}
	}
	return out
}

// checkRefs are the lab's checks: those it is known to have, then any other
// that a result names.
func (l LabRef) checkRefs(grades []Grade) []CheckRef {
	out := slices.Clone(l.Checks)
	for _, g := range grades {
		if g.Result == nil {
			continue
		}
		for _, c := range g.Result.Checks {
			if !slices.ContainsFunc(out, func(r CheckRef) bool { return r.ID == c.ID }) {
				out = append(out, CheckRef{ID: c.ID, Title: c.Title, Possible: c.Possible})
			}
		}
	}
	return out
}

func labInsight(l LabRef, judged []Grade) LabInsight {
	out := LabInsight{Lab: l.ID, Title: or(l.Title, l.ID), Judged: len(judged), Checks: []CheckInsight{}}
	for _, ref := range l.checkRefs(judged) {
		c := CheckInsight{ID: ref.ID, Title: ref.Title}
		var shares, rests []float64
		for _, g := range judged {
			checks := g.weighed()
			at := slices.IndexFunc(checks, func(k valued) bool { return k.ID == ref.ID })
			if at < 0 || !c.count(checks[at]) {
				continue
			}
			rest := -checks[at].Points
			for _, k := range checks {
				rest += k.Points
			}
			shares = append(shares, checks[at].share())
			if g.Final() { // what was not judged elsewhere would look like 0
				rests = append(rests, rest)
			} else {
				rests = append(rests, math.NaN())
			}
		}
		if c.Judged > 0 {
			c.PassRate, c.Difficulty = float64(c.Passed)/float64(c.Judged), mean(shares)
		}
		c.Lost = Round(c.Lost)
		c.discriminate(shares, rests)
		out.Checks = append(out.Checks, c)
	}
	return out
}

// count adds a learner's check, and says whether it counts in rates.
func (c *CheckInsight) count(k valued) bool {
	switch k.Verdict {
	case Skipped:
		c.Skipped++
		c.Lost += k.Possible
		return false
	case Error, Unsupported:
		c.Unjudged++
		return false
	case Pass:
		c.Passed++
	case Partial:
		c.Partial++
	default:
		c.Failed++
	}
	c.Judged++
	c.Lost += k.Possible - k.Points
	if k.Verdict != Pass && k.Mistake == "" {
		c.Unexplained++
	}
	return true
}

// share is the part of the check's points that was earned, 0 to 1.
func (c valued) share() float64 {
	switch {
	case c.Possible > 0:
		return c.Points / c.Possible
	case c.Verdict == Pass:
		return 1
	}
	return 0
}

// discriminate correlates the check with the rest of the lab; a rest that is
// no number is left out.
func (c *CheckInsight) discriminate(shares, rests []float64) {
	var x, y []float64
	for i := range shares {
		if !math.IsNaN(rests[i]) {
			x, y = append(x, shares[i]), append(y, rests[i])
		}
	}
	r := correlation(x, y)
	switch {
	case len(x) < discriminationLeast:
		c.Undecided = fmt.Sprintf("fewer than %d learners", discriminationLeast)
	case variance(x) < 1e-12:
		c.Undecided = "all learners did equally well here"
	case variance(y) < 1e-12:
		c.Undecided = "all learners did equally well in the other checks, or there are none"
	default:
		c.Discrimination = &r
	}
}

// mistakes groups the learners who made the same one.
func mistakes(l LabRef, judged []Grade) []MistakeInsight {
	at := map[string]int{}
	var out []MistakeInsight
	for _, g := range judged {
		for _, c := range g.weighed() {
			if c.Mistake == "" || c.Verdict == Pass || c.Verdict == Skipped || c.Verdict.unjudged() {
				continue
			}
			i, ok := at[c.Mistake]
			if !ok {
				i = len(out)
				at[c.Mistake] = i
				m := MistakeInsight{Lab: l.ID, ID: c.Mistake, Title: l.mistake(c.Mistake), Of: len(judged)}
				m.Explanation = l.explanation(c.Mistake)
				out = append(out, m)
			}
			m := &out[i]
			m.Lost = Round(m.Lost + c.Possible - c.Points)
			if !slices.Contains(m.Learners, g.Learner.ID) {
				m.Learners = append(m.Learners, g.Learner.ID)
			}
			if !slices.Contains(m.Checks, c.ID) {
				m.Checks = append(m.Checks, c.ID)
			}
		}
	}
	return out
}

// bins are ten equal ones over the points possible; points beyond are in the
// last.
func bins(totals []float64, possible float64) []Bin {
	const n = 10
	out := make([]Bin, n)
	for i := range out {
		out[i].From, out[i].To = Round(possible*float64(i)/n), Round(possible*float64(i+1)/n)
	}
	for _, p := range totals {
		i := 0
		for i < n-1 && p >= out[i].To && possible > 0 {
			i++
		}
		out[i].Learners++
	}
	return out
}

func mean(x []float64) float64 {
	if len(x) == 0 {
		return 0
	}
	var sum float64
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

func median(x []float64) float64 {
	if len(x) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(x))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

func variance(x []float64) float64 {
	m, sum := mean(x), 0.0
	for _, v := range x {
		sum += (v - m) * (v - m)
	}
	return sum / float64(max(len(x), 1))
}

// correlation is Pearson's; not a number when either does not vary.
func correlation(x, y []float64) float64 {
	mx, my, sum := mean(x), mean(y), 0.0
	for i := range x {
		sum += (x[i] - mx) * (y[i] - my)
	}
	r := sum / float64(max(len(x), 1)) / math.Sqrt(variance(x)*variance(y))
	return min(max(r, -1), 1) // rounding may lead a hair beyond
}
