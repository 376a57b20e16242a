package assignment

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/pipelab/pipelab/internal/grade"
)

// written is the text of an assignment.yaml: what is set, and as comments what could be.
func written(as grade.Assignment) ([]byte, error) {
	w := &writer{}
	w.line("# Keep this file: the seed is secret. Learners get what \"pipelab assignment pack\" makes.")
	w.text("id", as.ID, "", "")
	w.text("title", as.Title, "", "")
	w.line("labs:")
	for _, l := range as.Labs {
		w.text("- id", l.ID, "", "")
		w.field("  points", number(l.Points), "", "")
	}
	w.field("opens", moments(as.Opens), "2026-03-02T08:00:00Z", "when work may begin")
	w.field("due", moments(as.Due), "2026-03-06T18:00:00Z", "when work is due")
	if as.Late == (grade.Late{}) {
		w.line("# late:")
	} else {
		w.line("late:")
	}
	grace := ""
	if as.Late.Grace != 0 {
		grace = as.Late.Grace.String()
	}
	w.field("  grace", grace, "15m", "time after due that does not count as late")
	w.field("  perDay", number(as.Late.PerDay), "0.1",
		"share of the points possible, not of those earned, taken off for each day begun")
	w.field("  most", number(as.Late.Most), "0.5", "most that is taken off, a share of the points possible")
	w.field("  until", moments(as.Late.Until), "2026-03-20T18:00:00Z", "when submissions are no longer taken")
	attempts := ""
	if as.Attempts != 0 {
		attempts = strconv.Itoa(as.Attempts)
	}
	w.field("attempts", attempts, "3", "how many submissions count, the first ones; any number without it")
	w.field("counts", as.Counts, grade.Last, "which of them is the grade: best or last; best without it")
	w.text("handIn", as.HandIn, "the page of the course, week 3", "where submissions go")
	w.field("seed", strconv.FormatUint(as.Seed, 10), "", "what learners' data are made from")
	variants := ""
	if as.Variants {
		variants = "true"
	}
	w.field("variants", variants, "true", "data of their own for each learner")
	w.line("# extensions:        # sealed in what learners get")
	w.line("# - { learner: s1234567, days: 3 }")
	w.line("# - { learner: s7654321, due: 2026-03-13T18:00:00Z, attempts: 5 }")
	return []byte(w.b.String()), w.err
}

type writer struct {
	b   strings.Builder
	err error
}

func (w *writer) line(text string) { w.b.WriteString(text + "\n") }

// field writes a value, or an example of one as a comment where there is none.
func (w *writer) field(name, value, example, comment string) {
	line := name + ": " + value
	if value == "" {
		line = "# " + name + ": " + example
	}
	if comment != "" {
		line = fmt.Sprintf("%-30s  # %s", line, comment)
	}
	w.line(line)
}

// text is field for what may need quotes.
func (w *writer) text(name, value, example, comment string) {
	if value != "" && !plainText(value) { // a JSON string is one of YAML too
		var b strings.Builder
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		w.err = errors.Join(w.err, e.Encode(value))
		value = strings.TrimSpace(b.String())
	}
	w.field(name, value, example, comment)
}

// plainText tells text that YAML reads as such without quotes.
func plainText(s string) bool {
	var back any
	return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 ._/-]*$`).MatchString(s) &&
		yaml.Unmarshal([]byte(s), &back) == nil && back == any(s)
}

// number is empty for 0, which stands for what holds without it.
func number(v float64) string {
	if v == 0 {
		return ""
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

func moments(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}
