package labtest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/report"
)

// judged is a run without the checks that could not be judged.
func judged(r Run) Run {
	if r.Result == nil {
		return r
	}
	result := *r.Result
	result.Checks = slices.DeleteFunc(slices.Clone(result.Checks), func(c report.Check) bool {
		return c.Verdict == report.Unsupported
	})
	r.Result = &result
	return r
}

// unseen reports whether none of the checks that should catch a mutant is there.
func unseen(m lab.Mutant, r Run) bool {
	return r.Result != nil && len(m.Fails) > 0 && !slices.ContainsFunc(r.Result.Checks, func(c report.Check) bool {
		return slices.Contains(m.Fails, c.ID)
	})
}

func judgeStarter(r Run) (problems []string) {
	if r.Deploy != "" {
		return nil // a starter with gaps may be one that cannot be deployed
	}
	if len(r.Result.Checks) > 0 && r.Result.Passed() {
		problems = append(problems, "every check passes without any work")
	}
	problems = append(problems, unreadable(r.Result)...)
	return append(problems, untrusted(r.Result)...)
}

func judgeSolution(r Run) (problems []string) {
	if r.Skipped != "" {
		return nil
	}
	if r.Deploy != "" {
		return []string{"the solution cannot be deployed: " + r.Deploy}
	}
	for _, c := range r.Result.Checks {
		if c.Verdict != report.Pass {
			problems = append(problems, fmt.Sprintf("%s: %s, not pass: %s", c.ID, c.Verdict, c.Message))
		}
	}
	return problems
}

func untrusted(r *report.Result) (problems []string) {
	for _, c := range r.Checks {
		if c.Verdict == report.Error || c.Verdict == report.Unsupported {
			problems = append(problems, fmt.Sprintf("%s: %s: %s", c.ID, c.Verdict, c.Message))
		}
	}
	return problems
}

func judgeMutant(m lab.Mutant, r Run) (problems []string) {
	if (r.Deploy != "") != (m.Deploy == "fails") {
		return []string{fmt.Sprintf("deploying: expected %q, seen %q", m.Deploy, r.Deploy)}
	}
	if r.Result == nil {
		return nil
	}
	for _, c := range r.Result.Checks {
		named := slices.Contains(m.Fails, c.ID)
		failed := c.Verdict == report.Fail || c.Verdict == report.Partial || c.Verdict == report.Timeout
		switch {
		case named && !failed:
			problems = append(problems, fmt.Sprintf("%s should fail: %s", c.ID, c.Verdict))
		case !named && failed:
			problems = append(problems, fmt.Sprintf("%s fails and is not named: %s", c.ID, c.Message))
		}
	}
	return append(problems, untrusted(r.Result)...)
}

// machinery is what no learner should have to read: JSON within text, names of
// variables, folders of ours, one thing as many. A backslash after a quote is source.
var machinery = regexp.MustCompile(`[^"']\\n|[^"']\\"|\\u00|\$\{|/pipelab-[a-z]+-\d|` +
	`\b1 (line|item|record|message|resource|check|call|time|row|invocation)s\b`)

// unreadable are the lines of a failing report that are not written for people.
func unreadable(r *report.Result) (problems []string) {
	var text strings.Builder
	_ = report.Text(&text, r, report.LabRef{ID: r.Lab}, report.Page{Width: 10_000}) // a builder takes everything
	for line := range strings.Lines(text.String()) {
		if machinery.MatchString(line) {
			problems = append(problems, "its report is not written for people: "+strings.TrimSpace(line))
		}
	}
	return problems
}

// verdicts are what two runs must have in common: times and calls may vary.
func verdicts(r *report.Result) string {
	var b strings.Builder
	if r != nil {
		for _, c := range r.Checks {
			fmt.Fprintf(&b, "%s=%s/%g ", c.ID, c.Verdict, c.Points)
		}
	}
	return b.String()
}

// Diagnosis is what the checks took a mutant for.
type Diagnosis string

// The diagnoses. A mutant is named rightly when a check names its mistake, or when it has
// none and none is named; wrongly, as soon as a check names one that is neither its own nor
// among those that it shows as well.
const (
	NamedRightly Diagnosis = "right"
	NotNamed     Diagnosis = "none"
	NamedWrongly Diagnosis = "wrong"
)

// diagnose compares the mistakes that checks named with those of a mutant, and says
// what is wrong with each that does not fit.
func diagnose(m lab.Mutant, r Run) (d Diagnosis, problems []string) {
	if r.Result == nil {
		return "", nil
	}
	d = NotNamed
	if m.Mistake == "" {
		d = NamedRightly
	}
	for _, c := range r.Result.Checks {
		switch {
		case c.Mistake == "":
		case c.Mistake == m.Mistake:
			d = NamedRightly
		case !slices.Contains(m.Also, c.Mistake):
			should := "nothing may be named: the mutant is no mistake of the lab"
			if m.Mistake != "" {
				should = "it should be " + m.Mistake + " or nothing"
			}
			problems = append(problems, fmt.Sprintf(`%s names %s; %s. Let its "when" hold for what %s alone leaves behind, `+
				`or list it under "also" of the mutant`, c.ID, c.Mistake, should, c.Mistake))
		}
	}
	if len(problems) > 0 {
		d = NamedWrongly
	}
	return d, problems
}

// Tally counts the mutants of a lab, each once for all seeds.
type Tally struct {
	All    int `json:"all"`
	Caught int `json:"caught"` // that fail exactly the checks that they should, with every seed
	Right  int `json:"right"`  // that are taken for the mistake that they are, with every seed
	None   int `json:"none"`   // of which some seed shows no mistake that is known
	Wrong  int `json:"wrong"`  // that are taken for another mistake with some seed
	// Unforeseen are those that are no known mistake, as they were taken: they are in none
	// of Right, None and Wrong.
	Unforeseen int `json:"unforeseen"`
}

// add sums the tallies of labs.
func (t *Tally) add(o Tally) {
	t.All, t.Caught, t.Unforeseen = t.All+o.All, t.Caught+o.Caught, t.Unforeseen+o.Unforeseen
	t.Right, t.None, t.Wrong = t.Right+o.Right, t.None+o.None, t.Wrong+o.Wrong
}

// String is the tally in a line.
func (t Tally) String() string {
	text := fmt.Sprintf("mutants: %d of %d fail as they should; %d named rightly, %d not named, %d named wrongly",
		t.Caught, t.All, t.Right, t.None, t.Wrong)
	if t.Unforeseen > 0 {
		are := "are"
		if t.Unforeseen == 1 {
			are = "is"
		}
		text += fmt.Sprintf("; %d %s no known mistake, and none is named", t.Unforeseen, are)
	}
	return text
}

// tally counts by mutant what was found by run.
func tally(runs []Run) (t Tally) {
	type outcome struct {
		missed, unforeseen bool
		seen               map[Diagnosis]bool
	}
	mutants := map[string]*outcome{}
	for _, r := range runs {
		if r.mutant == nil || r.Unjudged {
			continue
		}
		m := mutants[r.Name]
		if m == nil {
			m = &outcome{unforeseen: r.mutant.Mistake == "", seen: map[Diagnosis]bool{}}
			mutants[r.Name] = m
		}
		m.missed, m.seen[r.Diagnosis] = m.missed || r.missed, true
	}
	for _, m := range mutants {
		t.All++
		if !m.missed {
			t.Caught++
		}
		switch {
		case m.seen[NamedWrongly]:
			t.Wrong++
		case m.unforeseen:
			t.Unforeseen++
		case m.seen[NotNamed], m.seen[""]:
			t.None++
		default:
			t.Right++
		}
	}
	return t
}
