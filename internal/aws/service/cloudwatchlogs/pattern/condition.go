package pattern

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// kind is the type of a value that a condition looks at.
type kind int

const (
	missing kind = iota
	null
	boolean
	number
	text
	composite // an object or an array
)

// operand is one value found in an event.
type operand struct {
	kind  kind
	text  string // as written; of strings, what they mean
	num   float64
	truth bool
}

// node is a boolean expression over an event. lookup gives the values of a
// selector or a column; a wildcard may give several, of which one must fit.
type node interface {
	eval(lookup func(name string) []operand) bool
}

type (
	and struct{ a, b node }
	or  struct{ a, b node }
	// condition is `name op value`, or `name IS TRUE` with op spelled out.
	condition struct {
		name  string
		op    string
		value literal
	}
)

// literal is the right side of a comparison.
type literal struct {
	text string
	num  float64
	bare bool // a number without quotes: compare as numbers
	re   *regexp.Regexp
}

func (n and) eval(l func(string) []operand) bool { return n.a.eval(l) && n.b.eval(l) }
func (n or) eval(l func(string) []operand) bool  { return n.a.eval(l) || n.b.eval(l) }

func (n condition) eval(lookup func(string) []operand) bool {
	found := lookup(n.name)
	if n.op == "NOT EXISTS" {
		return len(found) == 0
	}
	for _, o := range found {
		if n.holds(o) {
			return true
		}
	}
	return false
}

func (n condition) holds(o operand) bool {
	switch n.op {
	case "EXISTS":
		return true
	case "IS TRUE":
		return o.kind == boolean && o.truth
	case "IS FALSE":
		return o.kind == boolean && !o.truth
	case "IS NULL":
		return o.kind == null
	case "=":
		return n.value.equals(o)
	case "!=":
		return !n.value.equals(o)
	}
	if o.kind != number {
		return false
	}
	switch n.op {
	case "<":
		return o.num < n.value.num
	case "<=":
		return o.num <= n.value.num
	case ">":
		return o.num > n.value.num
	}
	return o.num >= n.value.num
}

func (v literal) equals(o operand) bool {
	switch {
	case o.kind != text && o.kind != number:
		return v.text == "*" && o.kind == boolean
	case v.re != nil:
		return v.re.MatchString(o.text)
	case v.bare && o.kind == number:
		return o.num == v.num
	}
	return glob(v.text, o.text)
}

// parser reads expressions; name reads the left side of a comparison.
type parser struct {
	rest    string
	name    func(p *parser) (string, error)
	regexes int
}

var errPattern = errors.New("the filter pattern ends too early")

func (p *parser) space() { p.rest = strings.TrimLeft(p.rest, " \t\r\n") }

// take reads s if it comes next.
func (p *parser) take(s string) bool {
	p.space()
	if strings.HasPrefix(p.rest, s) {
		p.rest = p.rest[len(s):]
		return true
	}
	return false
}

func (p *parser) or() (node, error) {
	n, err := p.and()
	for err == nil && p.take("||") {
		var b node
		if b, err = p.and(); err == nil {
			n = or{n, b}
		}
	}
	return n, err
}

func (p *parser) and() (node, error) {
	n, err := p.primary()
	for err == nil && p.take("&&") {
		var b node
		if b, err = p.primary(); err == nil {
			n = and{n, b}
		}
	}
	return n, err
}

func (p *parser) primary() (node, error) {
	if p.take("(") {
		n, err := p.or()
		if err == nil && !p.take(")") {
			err = fmt.Errorf("a closing parenthesis is missing before %q", p.rest)
		}
		return n, err
	}
	name, err := p.name(p)
	if err != nil {
		return nil, err
	}
	return p.comparison(name)
}

func (p *parser) comparison(name string) (node, error) {
	for _, words := range []string{"IS TRUE", "IS FALSE", "IS NULL", "NOT EXISTS", "EXISTS"} {
		if p.words(words) {
			return condition{name: name, op: words}, nil
		}
	}
	for _, op := range []string{"!=", "<=", ">=", "=", "<", ">"} {
		if !p.take(op) {
			continue
		}
		v, err := p.literal()
		if err == nil && op != "=" && op != "!=" && !v.bare {
			err = fmt.Errorf("%s compares numbers, not %q", op, v.text)
		}
		return condition{name, op, v}, err
	}
	return nil, fmt.Errorf("an operator is missing after %s", name)
}

// words reads a sequence of words, whatever the space between them.
func (p *parser) words(s string) bool {
	saved := p.rest
	for _, w := range strings.Fields(s) {
		if !p.take(w) || p.rest != "" && (isName(p.rest[0]) || p.rest[0] == '.') {
			p.rest = saved
			return false
		}
	}
	return true
}

func (p *parser) literal() (v literal, err error) {
	p.space()
	switch {
	case p.rest == "":
		return v, errPattern
	case p.rest[0] == '"':
		v.text, p.rest, err = quoted(p.rest)
		return v, err
	case p.rest[0] == '%':
		if p.regexes++; p.regexes > maxRegex {
			return v, fmt.Errorf("a pattern can hold %d regular expressions", maxRegex)
		}
		v.re, p.rest, err = delimited(p.rest)
		return v, err
	}
	end := 0
	for end < len(p.rest) && !strings.ContainsRune(" \t\r\n,()]}\"", rune(p.rest[end])) &&
		!strings.HasPrefix(p.rest[end:], "&&") && !strings.HasPrefix(p.rest[end:], "||") {
		end++
	}
	v.text, p.rest = p.rest[:end], p.rest[end:]
	if v.text == "" {
		return v, fmt.Errorf("a value is missing before %q", p.rest)
	}
	if f, err := strconv.ParseFloat(v.text, 64); err == nil {
		v.num, v.bare = f, true
	}
	return v, nil
}

func isName(c byte) bool {
	return c == '_' || c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
