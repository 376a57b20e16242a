// Package report is the one result model that everything that judges writes
// and everything that shows results reads. It judges nothing.
package report

import (
	"io"
	"strings"
	"time"
)

// Verdict is the outcome of a check.
type Verdict string

// The seven verdicts. Unsupported and Error say nothing about the learner's
// work and never become a score.
const (
	Pass        Verdict = "pass"
	Partial     Verdict = "partial"
	Fail        Verdict = "fail"
	Skipped     Verdict = "skipped"     // a check that it needs did not pass
	Unsupported Verdict = "unsupported" // this emulator or machine lacks a capability
	Timeout     Verdict = "timeout"
	Error       Verdict = "error" // we failed, not the learner
)

// Check is the outcome of one check.
type Check struct {
	ID       string  `json:"id"`
	Title    string  `json:"title"`
	Verdict  Verdict `json:"verdict"`
	Hidden   bool    `json:"hidden,omitempty"` // learners see verdict and points, not what it is about
	Points   float64 `json:"points"`
	Possible int     `json:"possible"`
	Message  string  `json:"message,omitempty"`
	// Causes are what went wrong with programs and functions while the check was at
	// work. Whoever reads a failure reads them first: what was seen may come from them
	// alone.
	Causes   []Cause  `json:"causes,omitempty"`
	Sent     []string `json:"sent,omitempty"`
	Expected string   `json:"expected,omitempty"`
	Seen     string   `json:"seen,omitempty"`
	// Difference is where expected and seen differ, a line each, when both are lists or
	// maps; it says more than the two of them do.
	Difference []string `json:"difference,omitempty"`
	// Way is what became of one record that went wrong, as far as the trace tells.
	Way     *Way   `json:"way,omitempty"`
	Mistake string `json:"mistake,omitempty"`
	Hint    string `json:"hint,omitempty"`
	Millis  int64  `json:"millis"`
	Calls   int    `json:"calls"` // API calls in the trace, the check's own among them
}

// Cause is a failure of the machinery: a program or function that ended in error,
// did not end, or never began.
type Cause struct {
	What  string   `json:"what"`            // whose, what and how often, a sentence
	Error string   `json:"error,omitempty"` // the exception as it was printed, a line
	Where string   `json:"where,omitempty"` // the learner's own place: src/app.py:41
	Line  string   `json:"line,omitempty"`  // what stands there
	Log   []string `json:"log,omitempty"`   // what was printed last, beside the exception
}

// Way is the way of one record through the pipeline.
type Way struct {
	Record string `json:"record"` // as its author knows it: id e-41, customer c3
	Steps  []Step `json:"steps"`
}

// Step is one thing that happened to a record.
type Step struct {
	// At is the emulated AWS's time; zero where it is not known, and in gradebooks,
	// which hold no times.
	At    time.Time `json:"at,omitzero"`
	What  string    `json:"what"`
	Where string    `json:"where,omitempty"` // the learner's own place: src/app.py:41
}

// lines are the way for people.
func (w *Way) lines() []string {
	if w == nil {
		return nil
	}
	out, day := []string{"the way of one record: " + w.Record}, ""
	for _, s := range w.Steps {
		line := "  "
		if !s.At.IsZero() {
			if d := s.At.UTC().Format("2 Jan"); day != "" && d != day {
				line += d + " "
				day = d
			} else {
				day = d
			}
			line += s.At.UTC().Format("15:04:05.000") + " "
		}
		if line += s.What; s.Where != "" {
			line += ", " + s.Where
		}
		out = append(out, line)
	}
	return out
}

// lines are the cause for people, each line below the first one indented by what
// it belongs to.
func (c Cause) lines() []string {
	out := []string{c.What}
	switch {
	case c.Where != "" && c.Line != "":
		out = append(out, "  "+c.Where+": "+c.Line)
	case c.Where != "":
		out = append(out, "  "+c.Where)
	}
	if c.Error != "" {
		out = append(out, "  "+c.Error)
	}
	if len(c.Log) > 0 {
		out = append(out, "  the last lines it printed:")
		for _, l := range c.Log {
			out = append(out, "    "+l)
		}
	}
	return out
}

// causes are all causes as one text; empty for none.
func (c Check) causes() string {
	var out []string
	for _, cause := range c.Causes {
		out = append(out, cause.lines()...)
	}
	return strings.Join(out, "\n")
}

// comparison is what was expected and seen: as their difference where there is one,
// else each by itself, and not at all where it only repeats the message.
func (c Check) comparison() (difference, expected, seen string) {
	if len(c.Difference) > 0 {
		return strings.Join(c.Difference, "\n"), "", ""
	}
	if c.Expected != c.Message {
		expected = c.Expected
	}
	return "", expected, c.Seen
}

// Result is the outcome of a lab's checks.
type Result struct {
	Version  int     `json:"version"` // of this model, version.Result
	Lab      string  `json:"lab"`
	Seed     uint64  `json:"seed"`
	Emulator string  `json:"emulator"`
	Checks   []Check `json:"checks"`
}

// Score is the sum of points and whether it can be trusted: it cannot when
// some check ended in error, or was not judged on this emulator.
func (r *Result) Score() (points float64, possible int, final bool) {
	final = true
	for _, c := range r.Checks {
		points, possible = points+c.Points, possible+c.Possible
		if c.Verdict == Error || c.Verdict == Unsupported {
			final = false
		}
	}
	return points, possible, final
}

// Passed reports whether every check passed.
func (r *Result) Passed() bool {
	for _, c := range r.Checks {
		if c.Verdict != Pass {
			return false
		}
	}
	return len(r.Checks) > 0
}

// JSON writes the result as one indented document.
func JSON(w io.Writer, r *Result) error {
	return encode(w, r)
}

// Wrap breaks a line at blanks, and inside a word only if that has no room in a line of
// its own: a name stays whole.
func Wrap(text string, width int) []string {
	var out []string
	rest := []rune(text)
	for len(rest) > width {
		cut := width
		for i := width; i > 0 && strings.TrimSpace(string(rest[:i])) != ""; i-- {
			if rest[i] == ' ' {
				cut = i
				break
			}
		}
		out = append(out, string(rest[:cut]))
		rest = rest[cut:]
		if rest[0] == ' ' {
			rest = rest[1:]
		}
	}
	return append(out, string(rest))
}
