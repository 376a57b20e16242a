package labtest

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/pipelab/pipelab/internal/report"
)

// Text writes the outcome for people: a line for each tree, and what was found.
func Text(w io.Writer, o *Outcome) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", o.Lab)
	failed := 0
	for _, r := range o.Runs {
		text := summary(r.Result)
		switch {
		case r.Skipped != "":
			text = r.Skipped
		case r.Deploy != "":
			text = "cannot be deployed"
		}
		fmt.Fprintf(&b, "  %-8s %s, seed %d: %s\n", r.State(), r.Name, r.Seed, text)
		for _, p := range r.Problems {
			b.WriteString("           " + p + "\n")
		}
		if len(r.Problems) > 0 {
			failed++
		}
	}
	verdict := "holds"
	if !o.OK {
		verdict = fmt.Sprintf("does not hold: problems in %d of %s", failed, report.Count(len(o.Runs), "tree"))
	}
	if o.Mutants.All > 0 {
		fmt.Fprintf(&b, "  %s\n", o.Mutants)
	}
	fmt.Fprintf(&b, "  %s, flake rate %g\n", verdict, o.FlakeRate)
	_, err := io.WriteString(w, b.String())
	return err
}

// Closing writes what the outcomes of several labs come to, with everything that did
// not hold once more: in a long log it stands where one looks first. It writes
// nothing for a single lab.
func Closing(w io.Writer, outs []*Outcome) error {
	if len(outs) < 2 {
		return nil
	}
	var b strings.Builder
	held, all := 0, Tally{}
	for _, o := range outs {
		if o.OK {
			held++
		}
		all.add(o.Mutants)
		for _, r := range o.Runs {
			for _, p := range r.Problems {
				fmt.Fprintf(&b, "  %s, %s, seed %d: %s\n", o.Lab, r.Name, r.Seed, p)
			}
		}
	}
	if all.All > 0 {
		fmt.Fprintf(&b, "%s\n", all)
	}
	_, err := fmt.Fprintf(w, "%d of %s hold\n%s", held, report.Count(len(outs), "lab"), b.String())
	return err
}

// summary says how many checks passed and which did not.
func summary(r *report.Result) string {
	if r == nil {
		return ""
	}
	passed, others := 0, map[report.Verdict][]string{}
	for _, c := range r.Checks {
		if c.Verdict == report.Pass {
			passed++
		} else {
			others[c.Verdict] = append(others[c.Verdict], c.ID)
		}
	}
	text := fmt.Sprintf("%d of %d pass", passed, len(r.Checks))
	for _, v := range slices.Sorted(maps.Keys(others)) {
		text += fmt.Sprintf("; %s: %s", v, strings.Join(others[v], " "))
	}
	return text
}
