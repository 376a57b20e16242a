package pattern

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// comparison is one condition: an operator and what to compare with.
type comparison struct {
	op     string // = != < <= > >= or, of members, IS NULL, IS TRUE, IS FALSE, NOT EXISTS
	text   string
	number *float64
	re     *regexp.Regexp
}

// holds compares a value that is there.
func (c comparison) holds(value string, isText bool) bool {
	switch {
	case c.re != nil:
		return c.re.MatchString(value) == (c.op == "=")
	case c.number != nil:
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return c.op == "!="
		}
		switch c.op {
		case "=":
			return n == *c.number
		case "!=":
			return n != *c.number
		case "<":
			return n < *c.number
		case "<=":
			return n <= *c.number
		case ">":
			return n > *c.number
		}
		return n >= *c.number
	}
	return isText && wild(c.text, value) == (c.op == "=")
}

// wild matches a text in which * stands for anything.
func wild(pattern, value string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == value
	}
	if !strings.HasPrefix(value, parts[0]) {
		return false
	}
	value = value[len(parts[0]):]
	for _, p := range parts[1 : len(parts)-1] {
		i := strings.Index(value, p)
		if i < 0 {
			return false
		}
		value = value[i+len(p):]
	}
	return strings.HasSuffix(value, parts[len(parts)-1])
}

// parser reads conditions from left to right.
type parser struct{ rest string }

func (p *parser) space() { p.rest = strings.TrimLeftFunc(p.rest, unicode.IsSpace) }

// take removes a literal from the front, if it is there.
func (p *parser) take(literal string) bool {
	p.space()
	if !strings.HasPrefix(strings.ToUpper(p.rest), literal) {
		return false
	}
	p.rest = p.rest[len(literal):]
	return true
}

func (p *parser) operator() (string, bool) {
	for _, op := range []string{"!=", "<=", ">=", "=", "<", ">"} {
		if p.take(op) {
			return op, true
		}
	}
	return "", false
}

// comparison reads an operator and its value. end are the characters that end
// a value that is not in quotes.
func (p *parser) comparison(end string) (c comparison, err error) {
	var ok bool
	if c.op, ok = p.operator(); !ok {
		return c, fmt.Errorf("an operator is missing before %q", short(p.rest))
	}
	p.space()
	switch {
	case strings.HasPrefix(p.rest, `"`):
		if c.text, p.rest, err = quoted(p.rest); err != nil {
			return c, err
		}
	case strings.HasPrefix(p.rest, "%"):
		c.re, p.rest, err = expression(p.rest)
		if err == nil && c.op != "=" && c.op != "!=" {
			err = fmt.Errorf("%s does not go with a regular expression", c.op)
		}
		return c, err
	default:
		n := strings.IndexAny(p.rest, end+" \t\n")
		if n < 0 {
			n = len(p.rest)
		}
		c.text, p.rest = p.rest[:n], p.rest[n:]
		if c.text == "" {
			return c, errors.New("a value is missing")
		}
		if f, numErr := strconv.ParseFloat(c.text, 64); numErr == nil {
			c.number = &f
		}
	}
	if c.number == nil && c.op != "=" && c.op != "!=" {
		return c, fmt.Errorf("%s needs a number, not %q", c.op, c.text)
	}
	return c, nil
}

func short(s string) string { return s[:min(len(s), 20)] }

// parseFields reads a pattern such as [ip, user, ..., status = 4*, bytes > 10].
func parseFields(text string) (Pattern, error) {
	if !strings.HasSuffix(text, "]") {
		return Pattern{}, errors.New("] is missing")
	}
	p := &parser{rest: text[1 : len(text)-1]}
	var fields []field
	for {
		p.space()
		f, err := p.field()
		if err != nil {
			return Pattern{}, err
		}
		fields = append(fields, f)
		p.space()
		if p.rest == "" {
			break
		}
		if !p.take(",") {
			return Pattern{}, fmt.Errorf("a comma is missing before %q", short(p.rest))
		}
	}
	gaps := 0
	for _, f := range fields {
		if f.rest {
			gaps++
		}
	}
	if gaps > 1 {
		return Pattern{}, errors.New("... may stand once")
	}
	return Pattern{match: func(message string) (map[string]string, bool) { return matchFields(fields, message) }}, nil
}

type field struct {
	name  string
	rest  bool // any number of fields
	tests []comparison
	any   bool // tests joined by ||
}

func (p *parser) field() (f field, err error) {
	if p.take("...") {
		return field{rest: true}, nil
	}
	n := strings.IndexFunc(p.rest, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && r != '-'
	})
	if n < 0 {
		n = len(p.rest)
	}
	if f.name, p.rest = p.rest[:n], p.rest[n:]; f.name == "" {
		return f, fmt.Errorf("the name of a field is missing before %q", short(p.rest))
	}
	for {
		p.space()
		if p.rest == "" || p.rest[0] == ',' {
			return f, nil
		}
		if len(f.tests) > 0 {
			switch {
			case p.take("&&"):
			case p.take("||"):
				f.any = true
			default:
				return f, fmt.Errorf("&& or || is missing before %q", short(p.rest))
			}
			if !p.take(strings.ToUpper(f.name)) {
				return f, fmt.Errorf("conditions of the field %s must name it", f.name)
			}
		}
		c, err := p.comparison(",&|")
		if err != nil {
			return f, err
		}
		f.tests = append(f.tests, c)
	}
}

func (f field) holds(value string) bool {
	for _, c := range f.tests {
		if c.holds(value, true) == f.any {
			return f.any
		}
	}
	return !f.any
}

func matchFields(fields []field, message string) (map[string]string, bool) {
	words := split(message)
	values := map[string]string{}
	extra := len(words) - len(fields)
	at := 0
	for i, f := range fields {
		if f.rest {
			if extra < -1 {
				return values, false
			}
			at += extra + 1
			continue
		}
		if at >= len(words) {
			return values, false
		}
		value := words[at]
		if i == len(fields)-1 && at < len(words)-1 {
			return values, false // the pattern describes fewer fields than there are
		}
		if !f.holds(value) {
			return values, false
		}
		values["$"+f.name] = value
		at++
	}
	return values, at == len(words)
}

// split takes a line apart at spaces; what is in quotes or brackets stays
// together.
func split(message string) []string {
	var words []string
	open := map[byte]bool{'"': true, ']': true} // whether one is still to come: a line may hold openings alone
	for message = strings.TrimSpace(message); message != ""; message = strings.TrimSpace(message) {
		closing := byte(' ')
		switch message[0] {
		case '"':
			closing = '"'
		case '[':
			closing = ']'
		}
		if open[closing] {
			end := strings.IndexByte(message[1:], closing)
			if open[closing] = end >= 0; end >= 0 {
				words, message = append(words, message[1:end+1]), message[end+2:]
				continue
			}
		}
		end := strings.IndexFunc(message, unicode.IsSpace)
		if end < 0 {
			end = len(message)
		}
		words, message = append(words, message[:end]), message[end:]
	}
	return words
}
