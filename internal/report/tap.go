package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// writeTAP writes TAP 14; one learner as a list of checks, a class as a subtest
// for each learner and lab. What could not be judged ends the run with "Bail
// out!", after everything else has been said: a harness must not take it for a
// result.
// Source: https://testanything.org/tap-version-14-specification.html
func writeTAP(w io.Writer, b *Gradebook, _ Options) error {
	var out strings.Builder
	out.WriteString("TAP version 14\n")
	rows := b.rows()
	var open []string
	if len(rows) == 1 {
		tapOne(&out, b, rows[0])
		open = rows[0].open()
	} else {
		fmt.Fprintf(&out, "1..%d\n", len(b.Grades))
		for i, g := range b.Grades {
			var sub strings.Builder
			ok := tapPoints(&sub, b, g, 1)
			name := tapText(g.Learner.ID + "/" + g.Lab)
			fmt.Fprintf(&out, "# Subtest: %s\n", name)
			fmt.Fprintf(&out, "    1..%d\n", len(g.items()))
			for _, l := range strings.SplitAfter(strings.TrimSuffix(sub.String(), "\n"), "\n") {
				out.WriteString("    " + l)
			}
			fmt.Fprintf(&out, "\n%sok %d - %s\n", not(ok), i+1, name)
			if g.Status == Open {
				open = append(open, g.Learner.ID+", "+g.why())
			}
		}
	}
	if len(open) > 0 {
		fmt.Fprintf(&out, "Bail out! %s\n", oneLine(strings.Join(open, "; ")))
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func tapOne(out *strings.Builder, b *Gradebook, r row) {
	n := 0
	for _, g := range r.Grades {
		n += len(g.items())
	}
	fmt.Fprintf(out, "1..%d\n", n)
	n = 1
	for _, g := range r.Grades {
		tapPoints(out, b, g, n)
		n += len(g.items())
		fmt.Fprintf(out, "# %s\n", oneLine(g.total()))
	}
}

// tapPoints writes the grade's test points from number n on, and whether all
// are ok.
func tapPoints(out *strings.Builder, b *Gradebook, g Grade, n int) bool {
	all, l := true, b.lab(g.Lab)
	for i, c := range g.items() {
		name, directive := tapText(g.Lab+" "+c.ID+": "+c.Title), ""
		ok := c.Verdict == Pass || c.Verdict == Skipped
		if c.Verdict == Skipped {
			directive = " # SKIP " + tapText(c.headline())
		}
		all = all && c.Verdict == Pass
		fmt.Fprintf(out, "%sok %d - %s%s\n", not(ok), n+i, name, directive)
		out.WriteString("  ---\n")
		tapField(out, "verdict", string(c.Verdict))
		tapField(out, "points", c.score())
		tapField(out, "detail", c.detail(l))
		fmt.Fprintf(out, "  duration_ms: %d\n  ...\n", c.Millis)
	}
	return all
}

func not(ok bool) string {
	if ok {
		return ""
	}
	return "not "
}

// tapField is a line of the YAML block. A JSON string is a YAML string, and it
// has no line breaks that could end the block.
func tapField(out *strings.Builder, name, value string) {
	if value == "" {
		return
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(value) // a string always can be
	fmt.Fprintf(out, "  %s: %s", name, b.String())
}

// tapText is a description: # and \ have a meaning there.
func tapText(s string) string {
	return strings.NewReplacer(`\`, `\\`, "#", `\#`).Replace(oneLine(s))
}
