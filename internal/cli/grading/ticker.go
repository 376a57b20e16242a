package grading

import (
	"fmt"
	"strings"
	"time"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/grade"
	"github.com/pipelab/pipelab/internal/report"
)

// ticker says how far a run is: a bar with the time left on a terminal, a line
// for each submission in a pipe.
type ticker struct {
	a        *app.App
	terminal bool
	last     grade.Progress
}

func newTicker(a *app.App) *ticker { return &ticker{a: a, terminal: app.Terminal(a.Err)} }

func (t *ticker) done(p grade.Progress) {
	t.last = p
	line := strings.ReplaceAll(report.Console(fmt.Sprintf("%s  %s  %s", p.Learner, p.Lab, outcome(p))), "\n", " ")
	if !t.terminal {
		t.a.Statusf("  %d of %d  %s", p.Done, p.Total, line)
		return
	}
	if p.Status == report.Open { // stays on the screen
		fmt.Fprintf(t.a.Err, "\r\x1b[K  %s\n", line)
	}
	const width = 24
	full := width * p.Done / max(p.Total, 1)
	fmt.Fprintf(t.a.Err, "\r\x1b[K  [%s%s] %d of %d%s  %s", strings.Repeat("#", full), strings.Repeat(".", width-full),
		p.Done, p.Total, left(p), clip(line, t.a.Width()-width-30))
}

// outcome is one submission in a few words.
func outcome(p grade.Progress) string {
	s := "open"
	if p.Status != report.Open {
		s = fmt.Sprintf("%s of %s points", report.Points(p.Points), report.Points(p.Possible))
	} else if p.Problem != "" {
		s += ": " + p.Problem
	}
	if p.Retried {
		s += ", tried twice"
	}
	if p.Kept {
		s += ", known"
	}
	return s
}

// left is the time that the rest will take if it goes on like this.
func left(p grade.Progress) string {
	if p.Ran == 0 || p.Done == p.Total {
		return ""
	}
	rest := p.Spent / time.Duration(p.Ran) * time.Duration(p.Total-p.Done)
	return fmt.Sprintf(", %s left", rest.Round(time.Second))
}

func clip(s string, width int) string {
	r := []rune(s)
	if width < 8 {
		return ""
	}
	if len(r) > width {
		return string(r[:width-1]) + "…"
	}
	return s
}

func (t *ticker) clear() {
	if t.terminal && t.last.Done > 0 {
		fmt.Fprint(t.a.Err, "\r\x1b[K")
	}
}
