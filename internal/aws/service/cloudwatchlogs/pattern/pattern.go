// Package pattern reads CloudWatch Logs filter patterns: terms, conditions on
// JSON members, conditions on fields between spaces.
//
// Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
package pattern

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
)

// Pattern is a parsed filter pattern. The zero value matches everything.
type Pattern struct {
	match func(message string) (values map[string]string, ok bool)
}

// Match reports whether a message matches.
func (p Pattern) Match(message string) bool {
	if p.match == nil {
		return true
	}
	_, ok := p.match(message)
	return ok
}

// Values are the members or fields that the pattern names, as they are in a
// message that matches; empty for terms.
func (p Pattern) Values(message string) map[string]string {
	if p.match == nil {
		return map[string]string{}
	}
	values, _ := p.match(message) // empty when it does not match
	return values
}

// Parse reads a pattern; empty or blank matches everything.
func Parse(text string) (Pattern, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "" || text == `" "` || text == `""`:
		return Pattern{}, nil
	case strings.HasPrefix(text, "{"):
		return parseJSON(text)
	case strings.HasPrefix(text, "["):
		return parseFields(text)
	default:
		return parseTerms(text)
	}
}

// term is one word or quoted text of a pattern of terms.
type term struct {
	kind byte // ' ' must occur, '?' any of these must, '-' must not
	text string
	re   *regexp.Regexp
}

func (t term) in(message string) bool {
	if t.re != nil {
		return t.re.MatchString(message)
	}
	return strings.Contains(message, t.text)
}

func parseTerms(text string) (Pattern, error) {
	var terms []term
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		t := term{kind: ' '}
		if text[0] == '?' || text[0] == '-' {
			t.kind, text = text[0], text[1:]
		}
		var err error
		switch {
		case strings.HasPrefix(text, `"`):
			t.text, text, err = quoted(text)
		case strings.HasPrefix(text, "%"):
			t.re, text, err = expression(text)
		default:
			n := strings.IndexAny(text, " \t")
			if n < 0 {
				n = len(text)
			}
			t.text, text = text[:n], text[n:]
			// AWS wants anything but letters, digits and underscores in quotes.
			if strings.ContainsFunc(t.text, func(r rune) bool {
				return r < 0x80 && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
			}) {
				err = fmt.Errorf("the term %s must be in quotes", t.text)
			}
		}
		if err != nil {
			return Pattern{}, err
		}
		if t.text == "" && t.re == nil {
			return Pattern{}, errors.New("a term is empty")
		}
		terms = append(terms, t)
	}
	return Pattern{match: func(message string) (map[string]string, bool) {
		return map[string]string{}, holds(terms, message)
	}}, nil
}

func holds(terms []term, message string) bool {
	any, hit, others := false, false, false
	for _, t := range terms {
		switch t.kind {
		case '?':
			any = true
			hit = hit || t.in(message)
			continue
		case '-':
			if t.in(message) {
				return false
			}
		default:
			if !t.in(message) {
				return false
			}
		}
		others = true // beside other terms the optional ones decide nothing, as AWS warns
	}
	return !any || hit || others
}

// quoted takes a text in double quotes; a backslash escapes.
func quoted(text string) (value, rest string, err error) {
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		case c == '"':
			return b.String(), text[i+1:], nil
		default:
			b.WriteByte(c)
		}
	}
	return "", "", errors.New("a quote is not closed")
}

// expression takes a regular expression between percent signs.
func expression(text string) (re *regexp.Regexp, rest string, err error) {
	end := strings.IndexByte(text[1:], '%')
	if end < 0 {
		return nil, "", errors.New("a regular expression is not closed by %")
	}
	// Letters, digits and some signs; no parentheses, no spaces, only ASCII.
	// Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/regex-expressions.html
	if strings.ContainsFunc(text[1:end+1], func(r rune) bool {
		return r >= 0x80 || !strings.ContainsRune(`:_#=@/;,-^$?[]{}|\*+.`, r) && (r < '0' || r > '9') &&
			(r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) {
		return nil, "", fmt.Errorf("the regular expression %s holds a character that is not supported", text[:end+2])
	}
	if err := simple(text[1 : end+1]); err != nil {
		return nil, "", err
	}
	if re, err = regexp.Compile(text[1 : end+1]); err != nil {
		return nil, "", err
	}
	return re, text[end+2:], nil
}

// mostSteps bounds what an expression costs for each character of a message, which may
// have 256 KiB: of a thousand characters, repetitions make millions of states.
const mostSteps = 200

// simple refuses an expression that would take long.
func simple(text string) error {
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return err
	}
	program, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return err
	}
	if len(program.Inst) > mostSteps {
		return fmt.Errorf("the regular expression repeats too much: it has %d states, more than %d", len(program.Inst),
			mostSteps)
	}
	return nil
}
