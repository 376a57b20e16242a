package glossary

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// token is a word of a text, with where it stands in bytes.
type token struct {
	text     string
	from, to int
}

// tokens are the runs of letters and digits of a text.
func tokens(text string) (out []token) {
	from := -1
	for i, r := range text + " " {
		in := unicode.IsLetter(r) || unicode.IsDigit(r)
		switch {
		case in && from < 0:
			from = i
		case !in && from >= 0:
			out = append(out, token{text[from:i], from, i})
			from = -1
		}
	}
	return out
}

// normal is how names are compared: small letters, one blank between words, each
// word in the singular.
func normal(name string) string {
	var out []string
	for _, t := range tokens(name) {
		out = append(out, singular(strings.ToLower(t.text)))
	}
	return strings.Join(out, " ")
}

// squeezed is normal without blanks: "dead letterqueue" is still found.
func squeezed(name string) string { return strings.ReplaceAll(normal(name), " ", "") }

// bare is a service's name without the company's.
func bare(name string) string {
	words := strings.Fields(name)
	if len(words) > 1 && slices.Contains([]string{"amazon", "aws", "apache"}, strings.ToLower(words[0])) {
		words = words[1:]
	}
	return strings.Join(words, " ")
}

// singular takes a plural's ending off. Both sides of a comparison go through it, so
// that it need not be good English.
func singular(word string) string {
	if len(word) <= 3 {
		return word
	}
	for ending, instead := range map[string]string{"ies": "y", "sses": "ss", "xes": "x", "tches": "tch"} {
		if cut, ok := strings.CutSuffix(word, ending); ok {
			return cut + instead
		}
	}
	for _, keep := range []string{"ss", "us", "is"} {
		if strings.HasSuffix(word, keep) && len(word) > 4 { // RCUs are several
			return word
		}
	}
	return strings.TrimSuffix(word, "s")
}

// Near returns up to three words that somebody may have meant, the likeliest first.
func (g *Glossary) Near(word string) []*Entry {
	type candidate struct {
		entry *Entry
		score int // the smaller the better
	}
	asked := normal(word)
	if asked == "" {
		return nil
	}
	var found []candidate
	for _, e := range g.All() {
		best := -1
		for _, name := range e.Names() {
			if s, ok := likeness(asked, normal(name)); ok && (best < 0 || s < best) {
				best = s
			}
		}
		if best >= 0 {
			found = append(found, candidate{e, best})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return a.score - b.score })
	var out []*Entry
	for _, c := range found[:min(len(found), 3)] {
		out = append(out, c.entry)
	}
	return out
}

// likeness says how far two names are apart, and whether one may be meant by the
// other: a slip of the keys, or words that both have.
func likeness(asked, name string) (int, bool) {
	d := distance(strings.ReplaceAll(asked, " ", ""), strings.ReplaceAll(name, " ", ""))
	if d <= 2 && 2*d <= utf8.RuneCountInString(asked) {
		return d, true
	}
	shared := 0
	for _, a := range strings.Fields(asked) {
		for _, n := range strings.Fields(name) {
			if a == n && len(a) > 2 || len(a) > 4 && (strings.HasPrefix(n, a) || distance(a, n) == 1) {
				shared++
				break
			}
		}
	}
	if shared == 0 {
		return 0, false
	}
	return 10 + len(strings.Fields(asked)) + len(strings.Fields(name)) - 2*shared, true
}

// distance is the number of letters to insert, remove or replace.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		diagonal := row[0]
		row[0] = i + 1
		for j := range y {
			cost := diagonal
			if x[i] != y[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(y)]
}
