package report

import (
	"fmt"
	"slices"
)

// redacted is the gradebook as learners may see it: of hidden checks the
// verdict and the points, not what they are about.
func (b *Gradebook) redacted() *Gradebook {
	out := *b
	out.Labs, out.Grades = slices.Clone(b.Labs), slices.Clone(b.Grades)
	names := map[string]map[string]string{} // lab, id of a check -> the name that is shown
	for i, l := range b.Labs {
		names[l.ID] = map[string]string{}
		checks := slices.Clone(l.Checks)
		for k, c := range checks {
			if c.Hidden {
				n := len(names[l.ID]) + 1
				names[l.ID][c.ID] = fmt.Sprintf("hidden-%d", n)
				checks[k].ID, checks[k].Title = names[l.ID][c.ID], fmt.Sprintf("Hidden check %d", n)
			}
		}
		out.Labs[i].Checks = checks
		out.Labs[i].Mistakes = slices.DeleteFunc(slices.Clone(l.Mistakes), func(m MistakeRef) bool { return m.Hidden })
	}
	for i, g := range b.Grades {
		if g.Result == nil || !slices.ContainsFunc(g.Result.Checks, func(c Check) bool { return c.Hidden }) {
			continue
		}
		r := *g.Result
		r.Checks = slices.Clone(r.Checks)
		n := 0
		for k, c := range r.Checks {
			if !c.Hidden {
				continue
			}
			n++
			shown := Check{ID: fmt.Sprintf("hidden-%d", n), Title: fmt.Sprintf("Hidden check %d", n), Hidden: true,
				Verdict: c.Verdict, Points: c.Points, Possible: c.Possible, Millis: c.Millis, Calls: c.Calls}
			if name := names[g.Lab][c.ID]; name != "" {
				shown.ID = name
			}
			if c.Verdict != Pass {
				shown.Message = "What this check does is not shown."
			}
			r.Checks[k] = shown
		}
		out.Grades[i].Result = &r
	}
	return &out
}
