package report

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/pipelab/pipelab/internal/lab"
)

// Scope says what a format can hold.
type Scope string

// A format is for one learner's submission, or for that and a whole class.
const (
	OfOne   Scope = "one learner"
	OfClass Scope = "one learner or a class"
)

// Format is a way to write a gradebook.
type Format struct {
	Name        string
	Description string // one line
	Scope       Scope
	Extension   string // of a file that holds it, with the dot
	write       func(io.Writer, *Gradebook, Options) error
}

// Options are what a format needs besides the grades. The zero value is
// usable.
type Options struct {
	// Now is when the report is written. LTI and JUnit carry it; a system that
	// takes LTI scores ignores one that is older than what it has. Zero: the
	// latest submission's time, else the Unix epoch.
	Now time.Time
	// Summary and Outputs are the files behind GITHUB_STEP_SUMMARY and
	// GITHUB_OUTPUT, to append to. Only github writes them; nil: not written.
	Summary, Outputs io.Writer
	// Token fences learners' output in github. It must be new and beyond
	// guessing; empty: drawn from the system's randomness.
	Token string
	// Hidden shows what hidden checks are about: for the instructor's eyes only.
	Hidden bool
}

// Formats lists every format, by name.
func Formats() []Format {
	return []Format{
		{"csv", "a table for spreadsheets: one row for each learner and lab", OfClass, ".csv", writeCSV},
		{"exercism", "results.json of an Exercism test runner, version 3", OfOne, ".json", writeExercism},
		{"github", "annotations, step summary and outputs of GitHub Actions", OfClass, ".log", writeGitHub},
		{"github-classroom", "what GitHub Classroom's reporter reads, in base64", OfOne, ".txt", writeClassroom},
		{"gradescope", "results.json of a Gradescope autograder", OfOne, ".json", writeGradescope},
		{"html", "a page for people, on screen, phone and paper", OfClass, ".html", writeHTML},
		{"json", "everything, in a model of its own with a published schema", OfClass, ".json", writeJSON},
		{"junit", "JUnit XML, valid for Ant's readers and for Jenkins'", OfClass, ".xml", writeJUnit},
		{"lti-score", "one LTI 1.3 score a line, to post to a learning platform", OfClass, ".jsonl", writeLTI},
		{"markdown", "for pull requests, wikis and mail", OfClass, ".md", writeMarkdown},
		{"prairielearn", "results.json of PrairieLearn's external grading", OfOne, ".json", writePrairieLearn},
		{"tap", "Test Anything Protocol, version 14", OfClass, ".tap", writeTAP},
		{"text", "for people, without colour", OfClass, ".txt", writeText},
	}
}

// UnknownFormatError says that no format has that name.
type UnknownFormatError struct{ Name string }

func (e *UnknownFormatError) Error() string {
	names := Names()
	if near := lab.Nearest(e.Name, names); near != "" {
		return fmt.Sprintf("there is no format %q: did you mean %s?", e.Name, near)
	}
	return fmt.Sprintf("there is no format %q: choose from %v", e.Name, names)
}

// Names are the names of all formats, sorted.
func Names() []string {
	var names []string
	for _, f := range Formats() {
		names = append(names, f.Name)
	}
	slices.Sort(names)
	return names
}

// ByName finds a format; an UnknownFormatError when there is none.
func ByName(name string) (Format, error) {
	for _, f := range Formats() {
		if f.Name == name {
			return f, nil
		}
	}
	return Format{}, &UnknownFormatError{Name: name}
}

// Write writes the gradebook in a format of Formats. A grade that is open is no
// score in any of them.
func Write(format string, w io.Writer, b *Gradebook, o Options) error {
	f, err := ByName(format)
	if err != nil {
		return err
	}
	if !o.Hidden {
		b = b.redacted()
	}
	return f.write(w, b, o)
}

// now is when the report is written, always in UTC.
func (o Options) now(b *Gradebook) time.Time {
	now := o.Now
	if now.IsZero() {
		now = time.Unix(0, 0)
		for _, g := range b.Grades {
			if g.Submission.Submitted.After(now) {
				now = g.Submission.Submitted
			}
		}
	}
	return now.UTC()
}
