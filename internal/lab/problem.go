package lab

import (
	"fmt"
	"sort"
	"strings"
)

// Problem is one thing that is wrong with a lab's files.
type Problem struct {
	File         string `json:"file"`
	Line, Column int    `json:"-"`
	Place        string `json:"place"` // such as checks[2].eventually.until
	Message      string `json:"message"`
	Hint         string `json:"hint,omitempty"`
}

func (p Problem) String() string {
	s := fmt.Sprintf("%s:%d:%d: ", p.File, p.Line, p.Column)
	if p.Place != "" {
		s += p.Place + ": "
	}
	s += p.Message
	if p.Hint != "" {
		s += " (" + p.Hint + ")"
	}
	return s
}

// Problems is the error of Parse and Load: everything that was found, in the
// order of the file.
type Problems []Problem

func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

func (ps Problems) sort() {
	sort.SliceStable(ps, func(i, j int) bool {
		a, b := ps[i], ps[j]
		if a.File != b.File {
			return a.File < b.File
		}
		if a.Line != b.Line {
			return a.Line < b.Line
		}
		if a.Column != b.Column {
			return a.Column < b.Column
		}
		return a.Message < b.Message
	})
}

// nearest returns "did you mean x?" for the candidate within two edits.
func nearest(s string, candidates []string) string {
	if best := Nearest(s, candidates); best != "" {
		return "did you mean " + best + "?"
	}
	return ""
}

// Nearest returns the candidate within two edits of s, or "": what a person
// meant who wrote a name that nothing has.
func Nearest(s string, candidates []string) string {
	best, at := "", 3
	for _, c := range candidates {
		if d := distance(strings.ToLower(s), strings.ToLower(c)); d < at && d < len(s) {
			best, at = c, d
		}
	}
	return best
}

// distance is the Levenshtein distance in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
