package pattern

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// term is one term of a text pattern.
type term struct {
	text string
	re   *regexp.Regexp
}

func (t term) in(message string) bool {
	if t.re != nil {
		return t.re.MatchString(message)
	}
	return strings.Contains(message, t.text)
}

// terms is a pattern over free text: all of must, none of not and, when there
// is nothing else, one of any.
type terms struct{ must, not, any []term }

// parseTerms reads `ERROR "out of memory" -debug` or `?ERROR ?WARN`. Terms are
// case-sensitive; those with other characters than letters, digits and
// underscores need quotes.
func parseTerms(s string) (matcher, error) {
	var p terms
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		into := &p.must
		switch s[0] {
		case '?':
			into, s = &p.any, s[1:]
		case '-':
			into, s = &p.not, s[1:]
		}
		t, rest, err := parseTerm(s)
		if err != nil {
			return nil, err
		}
		*into, s = append(*into, t), rest
	}
	return &p, nil
}

func parseTerm(s string) (t term, rest string, err error) {
	switch {
	case s == "" || s[0] == ' ':
		return t, "", fmt.Errorf("a ? or - without a term")
	case s[0] == '"':
		t.text, rest, err = quoted(s)
	case s[0] == '%':
		t.re, rest, err = delimited(s)
	default:
		end := strings.IndexFunc(s, unicode.IsSpace)
		if end < 0 {
			end = len(s)
		}
		t.text, rest = s[:end], s[end:]
		for _, r := range t.text {
			if r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
				return t, "", fmt.Errorf("invalid character(s) in term '%s'", t.text)
			}
		}
	}
	if err == nil && t.re == nil && t.text == "" {
		err = fmt.Errorf("an empty term")
	}
	return t, rest, err
}

// match implements matcher. Optional terms beside others decide nothing, as
// the documentation warns.
func (p *terms) match(message string) (map[string]string, bool) {
	for _, t := range p.must {
		if !t.in(message) {
			return nil, false
		}
	}
	for _, t := range p.not {
		if t.in(message) {
			return nil, false
		}
	}
	if len(p.any) == 0 || len(p.must)+len(p.not) > 0 {
		return nil, true
	}
	for _, t := range p.any {
		if t.in(message) {
			return nil, true
		}
	}
	return nil, false
}
