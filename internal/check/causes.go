package check

import (
	"context"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/internal/sandbox"
	"github.com/pipelab/pipelab/internal/traceback"
)

// causes finds out whether programs or functions failed while the check was at work,
// which says more than what the check saw. It is decisive when that alone explains
// any failure: something never came to do its work, so nothing can be said of how the
// work is done.
func (s *session) causes(ctx context.Context, out *report.Check) (decisive bool) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for _, name := range slices.Sorted(maps.Keys(s.runs)) {
		if c, whole := s.programCause(name); c != nil {
			out.Causes, decisive = append(out.Causes, *c), decisive || whole
		}
	}
	functions, whole := s.functionCauses(ctx, len(out.Causes) > 0)
	out.Causes = append(out.Causes, functions...)
	if decisive = decisive || whole; decisive {
		out.Seen, out.Difference = "", nil // it comes from that alone
		if out.Expected == out.Message {
			out.Expected = ""
		}
	}
	return decisive
}

// started is how a program was started.
type started struct {
	name    string // for people: src/producer.py
	file    string // the same where it is a file of the workspace
	timeout time.Duration
}

// shownAs is a program as its author knows it: by its own file.
func shownAs(spec sandbox.Spec) started {
	name, file := strings.Join(spec.Command, " "), ""
	for _, word := range spec.Command {
		if strings.ContainsAny(word, "/.") && !strings.HasPrefix(word, "-") && !strings.HasPrefix(word, "/") {
			name, file = strings.TrimPrefix(word, "./"), path.Clean(word)
			break
		}
	}
	return started{atMost(name, mostName), file, spec.Timeout}
}

// Bounds of what is shown, in bytes and lines: enough for people.
const (
	mostName, mostLine, mostLog = 100, 200, 10
)

// programCause is how the runs of a program went; nil when all ended well, or as the
// check wanted them to.
func (s *session) programCause(name string) (c *report.Cause, decisive bool) {
	all, _ := s.runs[name].([]any)
	failed, first := 0, map[string]any(nil)
	for _, one := range all {
		r, _ := one.(map[string]any)
		exit, ran := r["exit"].(int64)
		if !ran || exit == 0 && r["timedOut"] != true || r["killed"] == true {
			continue
		}
		if failed++; first == nil {
			first = r
		}
	}
	if first == nil {
		return nil, false
	}
	p, stderr := s.started[name], text(first["stderr"])
	how := fmt.Sprintf("ended with exit code %v", first["exit"])
	switch {
	case s.o.Workspace != "" && !s.sources().has(p.file):
		return &report.Cause{What: p.name + " is not there"}, true
	case first["timedOut"] == true:
		how = fmt.Sprintf("did not end: it was stopped after %g s", p.timeout.Seconds())
	case text(first["breach"]) != "":
		how = "was ended because " + text(first["breach"])
	case first["exit"] == int64(-1):
		how = "was ended by a signal"
	}
	if len(all) > 1 {
		how += fmt.Sprintf(", %d of %d times", failed, len(all))
	}
	c = &report.Cause{What: p.name + " " + how}
	raised := s.raised(c, stderr)
	if raised.Error == notWritten || strings.HasPrefix(raised.Error, notWritten+":") {
		*c = report.Cause{What: p.name + " is still to be written", Where: c.Where}
	}
	return c, failed == len(all) && (unfinished(raised.Error) || first["timedOut"] == true)
}

// notWritten is what starters raise.
const notWritten = "NotImplementedError"

// unfinished reports whether an exception says that the work was never begun: the
// code cannot be loaded, or is still to be written.
func unfinished(exception string) bool {
	kind, _, _ := strings.Cut(exception, ":")
	switch kind {
	case notWritten, "SyntaxError", "IndentationError", "TabError", "ImportError", "ModuleNotFoundError", "NameError":
		return true
	}
	return strings.HasPrefix(kind, "Runtime.") || strings.HasPrefix(exception, "undefined: ") ||
		strings.HasPrefix(kind, "SyntaxError ")
}

// raisedAtWork reports whether a cause is an exception of code that has begun its work:
// which record it met then is worth knowing.
func raisedAtWork(c report.Cause) bool { return c.Error != "" && !unfinished(c.Error) }

// raised fills in the exception that a text holds, the learner's own place, and the
// lines before it.
func (s *session) raised(c *report.Cause, text string) traceback.Raised {
	r, ok := traceback.Find(text)
	if ok {
		c.Error = atMost(r.Error, brieflyLong)
		c.Where, c.Line = s.sources().place(r.Frames)
		text = before(text)
	}
	c.Log = lastLines(text)
	return r
}

// brieflyLong bounds an exception, in bytes: messages repeat what they were given.
const brieflyLong = 600

// before is what was printed before the first exception.
func before(text string) string {
	for _, mark := range []string{"Traceback (most recent call last):", "  File \"", "panic: ", "[ERROR] "} {
		if at := strings.Index("\n"+text, "\n"+mark); at >= 0 {
			text = text[:at]
		}
	}
	return text
}

// logged is the head of a line of Python's logging in Lambda, and of Node's console:
// level, time and request, of which only the level is worth reading.
// Sources: https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html and
// https://docs.aws.amazon.com/lambda/latest/dg/nodejs-logging.html
var (
	loggedPython = regexp.MustCompile(`^\[(\w+)\]\t\S+Z\t\S*\t`)
	loggedNode   = regexp.MustCompile(`^\S+Z\t\S*\t(\w+)\t`)
	// loggedSDK is what the SDK for Python says of itself at the level INFO.
	loggedSDK = regexp.MustCompile(`^INFO Found (credentials in|endpoint for) `)
)

// lastLines are the last lines of a text that are not empty.
func lastLines(text string) []string {
	var out []string
	lines := strings.Split(strings.ReplaceAll(text, "\r", ""), "\n")
	for i := len(lines) - 1; i >= 0 && len(out) < mostLog; i-- {
		l := strings.TrimRight(lines[i], " \t")
		if l == "" {
			continue
		}
		if l = loggedNode.ReplaceAllString(loggedPython.ReplaceAllString(l, "$1 "), "$1 "); loggedSDK.MatchString(l) {
			continue
		}
		out = append(out, atMost(strings.ToValidUTF8(l, "\uFFFD"), mostLine))
	}
	slices.Reverse(out)
	return out
}
