// Package pattern matches log events with CloudWatch Logs filter patterns:
// terms of free text, the columns of space-delimited lines, and selectors into
// JSON. It knows nothing of log groups; see
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
package pattern

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Pattern is a parsed filter pattern. Make one with Parse; it is safe for
// concurrent use.
type Pattern struct{ m matcher }

// matcher is one of the three forms. values are what a metric filter could
// refer to: "$name" of a column, "$.selector" of a JSON pattern.
type matcher interface {
	match(message string) (values map[string]string, ok bool)
}

// everything is the empty pattern.
type everything struct{}

func (everything) match(string) (map[string]string, bool) { return nil, true }

// Parse reads a pattern. The empty one matches every event.
func Parse(s string) (*Pattern, error) {
	trimmed := strings.TrimSpace(s)
	var m matcher
	var err error
	switch {
	case trimmed == "":
		m = everything{}
	case trimmed[0] == '{':
		m, err = parseJSON(trimmed)
	case trimmed[0] == '[':
		m, err = parseColumns(trimmed)
	default:
		m, err = parseTerms(trimmed)
	}
	if err != nil {
		return nil, err
	}
	return &Pattern{m}, nil
}

// Match reports whether an event's message matches.
func (p *Pattern) Match(message string) bool {
	_, ok := p.m.match(message)
	return ok
}

// Extract is Match with the values that the pattern names, never nil when it
// matches.
func (p *Pattern) Extract(message string) (map[string]string, bool) {
	values, ok := p.m.match(message)
	if ok && values == nil {
		values = map[string]string{}
	}
	return values, ok
}

// maxRegex is how many regular expressions a JSON or column pattern may hold.
// Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/regex-expressions.html
const maxRegex = 2

// compileRegex compiles what stands between two percent signs. Of regular
// expressions only some characters are allowed: no parentheses, no spaces,
// nothing outside ASCII.
// Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/regex-expressions.html
func compileRegex(s string) (*regexp.Regexp, error) {
	for _, r := range s {
		if r >= utf8.RuneSelf || !(unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(`:_#=@/;,-^$?[]{}|\*+.`, r)) {
			return nil, fmt.Errorf("invalid character %q in the regular expression %%%s%%", r, s)
		}
	}
	re, err := regexp.Compile(s)
	if err != nil {
		return nil, fmt.Errorf("invalid regular expression %%%s%%", s)
	}
	return re, nil
}

// quoted reads a string in double quotes at the start of s; a backslash keeps
// the character behind it. rest is what follows the closing quote.
func quoted(s string) (text, rest string, err error) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case s[i] == '"':
			return b.String(), s[i+1:], nil
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", fmt.Errorf("no closing quote in %s", s)
}

// delimited reads %regex% at the start of s. A percent sign inside is escaped.
func delimited(s string) (re *regexp.Regexp, rest string, err error) {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '%':
			re, err = compileRegex(s[1:i])
			return re, s[i+1:], err
		}
	}
	return nil, "", fmt.Errorf("no closing %% in %s", s)
}

// glob reports whether text matches a pattern in which * stands for anything.
func glob(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	if !strings.HasPrefix(text, parts[0]) {
		return false
	}
	text = text[len(parts[0]):]
	last := parts[len(parts)-1]
	for _, p := range parts[1 : len(parts)-1] {
		i := strings.Index(text, p)
		if i < 0 {
			return false
		}
		text = text[i+len(p):]
	}
	return strings.HasSuffix(text, last)
}
