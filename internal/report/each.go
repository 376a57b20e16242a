package report

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pipelab/pipelab/internal/foreign"
)

// Piece is the part of a gradebook that is one learner's own.
type Piece struct {
	// File is a name for it that every system can have, without an extension, and no two
	// pieces have the same.
	File string
	Book *Gradebook
}

// Each splits a gradebook for the learners themselves: without what only the grader is to
// look at, which may name others, and without those who match nobody of the roster.
func (b *Gradebook) Each() (out []Piece) {
	taken := map[string]bool{}
	for _, r := range class(b.rows()) {
		own := *b
		own.Notes, own.Alike, own.Grades = nil, nil, nil
		for _, g := range r.Grades {
			g.Flags, g.Rerun = nil, ""
			own.Grades = append(own.Grades, g)
		}
		name := fileName(r.Learner.ID)
		for n := 2; taken[foreign.Key(name)]; n++ {
			name = fmt.Sprintf("%s-%d", fileName(r.Learner.ID), n)
		}
		taken[foreign.Key(name)] = true
		out = append(out, Piece{name, &own})
	}
	return out
}

// fileName makes of an id a name that every system can have.
func fileName(id string) string {
	const longest = 100 // bytes; there is an extension to come
	name := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r) || strings.ContainsRune("._-@+", r) {
			return r
		}
		return '-'
	}, strings.ToValidUTF8(id, "-"))
	for len(name) > longest {
		_, last := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-last]
	}
	name = strings.Trim(name, ".-")
	stem, _, _ := strings.Cut(strings.ToUpper(name), ".")
	device := len(stem) == 4 && (strings.HasPrefix(stem, "COM") || strings.HasPrefix(stem, "LPT")) &&
		unicode.IsDigit(rune(stem[3]))
	switch stem {
	case "":
		return "learner"
	case "CON", "PRN", "AUX", "NUL":
		device = true
	}
	if device {
		return "learner-" + name
	}
	return name
}
