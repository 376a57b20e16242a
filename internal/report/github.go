package report

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
)

// Limits of GitHub Actions: annotations that are shown of one step, by level;
// what a step may write to its summary, in bytes.
// Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
const (
	githubAnnotations = 10
	githubSummary     = 1 << 20
)

// annotation is one message that GitHub shows beside a run.
type annotation struct{ level, title, message string }

// writeGitHub writes workflow commands for the failures that matter, and the
// report between two commands that keep what learners wrote from being one.
func writeGitHub(w io.Writer, b *Gradebook, o Options) error {
	token := o.Token
	if token == "" {
		var random [16]byte
		if _, err := rand.Read(random[:]); err != nil {
			return fmt.Errorf("draw a token: %w", err)
		}
		token = hex.EncodeToString(random[:])
	}
	rows := b.rows()
	var out, text strings.Builder
	for _, a := range b.annotations(rows) {
		fmt.Fprintf(&out, "::%s title=%s::%s\n", a.level, property(a.title), message(a.message))
	}
	if err := writeText(&text, b, o); err != nil {
		return err
	}
	fmt.Fprintf(&out, "::group::Report\n::stop-commands::%s\n%s::%s::\n::endgroup::\n", token, text.String(), token)
	if _, err := io.WriteString(w, out.String()); err != nil {
		return err
	}
	if o.Summary != nil {
		if _, err := io.WriteString(o.Summary, cut(b.markdown(), githubSummary)); err != nil {
			return fmt.Errorf("write the summary: %w", err)
		}
	}
	if o.Outputs != nil {
		if _, err := io.WriteString(o.Outputs, outputs(b, rows)); err != nil {
			return fmt.Errorf("write the outputs: %w", err)
		}
	}
	return nil
}

// annotations are at most ten of each level. A check that was skipped is none:
// the one that it needs is.
func (b *Gradebook) annotations(rows []row) []annotation {
	var failures, warnings []annotation
	for _, g := range b.Grades {
		l, who := b.lab(g.Lab), ""
		if len(rows) > 1 {
			who = g.Learner.ID + ", "
		}
		for _, c := range g.items() {
			a := annotation{title: oneLine(who + c.Title + ": " + c.score()), message: clip(or(c.detail(l), c.headline()), 4000)}
			switch c.Verdict {
			case Fail, Timeout, Error:
				a.level = "error"
				failures = append(failures, a)
			case Partial, Unsupported:
				a.level = "warning"
				warnings = append(warnings, a)
			}
		}
	}
	notice := annotation{"notice", "PipeLab", Count(len(class(rows)), "learner") + " graded"}
	if len(rows) == 1 {
		notice.message = rows[0].summary()
	}
	return append(append(capped(failures), capped(warnings)...), notice)
}

// capped keeps what is shown, and says in the last one how many more there are.
func capped(list []annotation) []annotation {
	if len(list) <= githubAnnotations {
		return list
	}
	last := annotation{list[0].level, "More in the summary",
		fmt.Sprintf("%d more like these are in the step's summary and log", len(list)-githubAnnotations+1)}
	return append(list[:githubAnnotations-1:githubAnnotations-1], last)
}

// message and property are escaped as @actions/core does it.
func message(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func property(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(s)
}

// cut joins parts up to a limit and says how many it left out.
func cut(parts []string, limit int) string {
	const room = 200 // for the note
	var b strings.Builder
	for i, p := range parts {
		if b.Len()+len(p) > limit-room {
			fmt.Fprintf(&b, "\nLeft out: %s of this report; a summary holds no more. All of it is in the log.\n",
				Count(len(parts)-i, "more part"))
			break
		}
		b.WriteString(p)
	}
	return b.String()
}

// outputs are for later steps of the workflow. points is empty when there is no
// score; a class has counts only.
func outputs(b *Gradebook, rows []row) string {
	if len(rows) > 1 {
		rows = class(rows)
	}
	counts, open := map[string]int{}, 0
	for _, g := range b.Grades {
		for _, c := range g.items() {
			counts[c.Verdict.kind()]++
		}
	}
	for _, r := range rows {
		if !r.Final {
			open++
		}
	}
	var s strings.Builder
	if len(rows) == 1 {
		points, status := "", Open
		if rows[0].Final {
			points, status = Points(rows[0].Points), Final
		}
		fmt.Fprintf(&s, "points=%s\npossible=%s\nstatus=%s\n", points, Points(rows[0].possible()), status)
	}
	fmt.Fprintf(&s, "learners=%d\nopen=%d\npassed=%d\nfailed=%d\nskipped=%d\nnot-judged=%d\n", len(rows), open,
		counts["passed"], counts["failed"], counts["skipped"], counts["not judged"])
	return s.String()
}
