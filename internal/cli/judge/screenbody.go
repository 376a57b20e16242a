package judge

import (
	"fmt"
	"strings"

	"github.com/pipelab/pipelab/internal/report"
)

// body is what the view at hand shows, in lines of the screen's width.
func (s *screen) body() []string {
	if p := s.last.problem; p != nil {
		lines := s.wrapped("error: ", p.Message, s.style.Bad)
		for _, h := range p.Hints {
			lines = append(lines, s.wrapped("hint: ", h, s.style.Open)...)
		}
		return lines
	}
	if s.last.result == nil {
		return []string{s.style.Faint("an emulated AWS is set up, and your files are deployed into it")}
	}
	first, failing := s.first()
	switch s.view {
	case viewChecks:
		return s.checks(true)
	case viewHints:
		if failing {
			return s.hinted(first)
		}
	case viewLogs:
		if failing {
			return s.plain("what functions printed during "+first.ID, s.last.first.logs, "nothing was printed")
		}
	case viewTrace:
		if failing {
			return s.plain("calls during "+first.ID, s.last.first.trace, "no calls were made")
		}
	}
	list := s.checks(false)
	if !failing {
		if s.last.finish != "" { // how the checks stand is in the summary
			list = nil
		}
		return append(list, s.wrapped("", s.last.finish, nil)...)
	}
	text := report.TextCheck(first, report.RefOf(s.w.Lab, 0, ""), report.Page{Width: s.width, Style: s.style})
	failure := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(list)+1+len(failure) > s.room() {
		return failure // how the others stand is in the summary, and a key away
	}
	return append(append(list, ""), failure...)
}

// checks are a line for each outcome, with its title if it is to be read.
func (s *screen) checks(titles bool) (out []string) {
	for _, c := range s.last.result.Checks {
		lead := s.style.Verdict(c.Verdict, fmt.Sprintf("%-11s", c.Verdict)) + " "
		if !titles {
			out = append(out, lead+report.Console(c.ID))
			continue
		}
		out = append(out, lead+s.style.Strong(report.Console(c.ID)))
		out = append(out, s.wrapped("    ", c.Title, nil)...)
		if open(c) || c.Verdict == report.Skipped {
			out = append(out, s.wrapped("    ", c.Message, s.style.Faint)...)
		}
	}
	return out
}

// hinted are the hints of a check that were shown by now.
func (s *screen) hinted(c report.Check) []string {
	all := s.check(c.ID).Hints
	out := []string{s.style.Strong(report.Console(c.ID)), ""}
	if len(all) == 0 {
		return append(out, "there are no hints for this check")
	}
	for i, h := range all[:min(s.hints, len(all))] {
		out = append(out, s.wrapped(fmt.Sprintf("hint %d of %d: ", i+1, len(all)), h, s.style.Open)...)
	}
	if s.hints < len(all) {
		out = append(out, "", s.style.Faint("h shows one more"))
	}
	return out
}

// plain is text of programs below a title.
func (s *screen) plain(title, text, nothing string) []string {
	out := []string{s.style.Strong(title), ""}
	if strings.TrimSpace(text) == "" {
		return append(out, nothing)
	}
	return append(out, s.wrapped("", strings.TrimRight(text, "\n"), nil)...)
}

// wrapped is text beside lead, in lines of the screen's width.
func (s *screen) wrapped(lead, text string, paint func(string) string) (out []string) {
	if text == "" {
		return nil
	}
	for _, part := range strings.Split(report.Console(text), "\n") {
		for _, l := range report.Wrap(part, max(s.width-len(lead), 1)) {
			if paint != nil {
				l = paint(l)
			}
			out = append(out, lead+l)
			lead = strings.Repeat(" ", len(lead))
		}
	}
	return out
}
