package policy

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Wildcards and variables of a pattern are runes that no text can hold.
const (
	anyRun    rune = -1 - iota // *
	anyOne                     // ?
	runInPart                  // * that stops at a colon
	variable                   // the next of pattern.vars
)

// pattern is a compiled value of a policy: text, wildcards and variables.
type pattern struct {
	text  string // as written; the whole value when plain
	plain bool   // no wildcards and no variables
	all   bool   // "*"
	runes []rune
	vars  []reference
}

// reference is a variable: ${key} or ${key, 'default'}.
type reference struct {
	key        string // lower case
	otherwise  string
	hasDefault bool
}

// Lookup returns the values of a condition key, named in lower case; nothing and
// false when the request does not have it. The values must not be changed.
type Lookup func(key string) (values []string, ok bool)

// compile reads a value. With variables, ${…} is one, else it is text.
func compile(text string, wildcards, variables bool) pattern {
	p := pattern{text: text, plain: true}
	if text == "*" && wildcards {
		return pattern{text: text, all: true}
	}
	for i := 0; i < len(text); {
		if variables && strings.HasPrefix(text[i:], "${") {
			if end := strings.IndexByte(text[i:], '}'); end > 0 {
				p.reference(text[i+2 : i+end])
				i += end + 1
				continue
			}
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case wildcards && r == '*':
			r, p.plain = anyRun, false
		case wildcards && r == '?':
			r, p.plain = anyOne, false
		}
		p.runes = append(p.runes, r)
		i += size
	}
	if p.plain {
		p.runes = nil
	}
	return p
}

// reference adds what stands between ${ and }.
func (p *pattern) reference(inside string) {
	p.plain = false
	if inside == "*" || inside == "?" || inside == "$" { // the three characters themselves
		p.runes = append(p.runes, rune(inside[0]))
		return
	}
	key, otherwise, has := strings.Cut(inside, ",")
	otherwise = strings.TrimSpace(otherwise)
	if has && len(otherwise) >= 2 && otherwise[0] == '\'' && otherwise[len(otherwise)-1] == '\'' {
		otherwise = otherwise[1 : len(otherwise)-1]
	}
	p.vars = append(p.vars, reference{key: strings.ToLower(strings.TrimSpace(key)), otherwise: otherwise, hasDefault: has})
	p.runes = append(p.runes, variable)
}

// resource compiles a value of a Resource element. In the first five parts of an
// ARN a * crosses colons only where it is the last character of its part.
// Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
func compileResource(text string, variables bool) pattern {
	p := compile(text, true, variables)
	colons := 0
	for i, r := range p.runes {
		switch {
		case r == ':':
			colons++
		case r == anyRun && colons < 5 && i+1 < len(p.runes) && p.runes[i+1] != ':' && p.runes[i+1] != anyRun:
			p.runes[i] = runInPart
		}
	}
	return p
}

// longestValue is more than AWS takes of a name, a tag or a request's header. Comparing
// costs the value times the pattern, and a URL of 1 MB gets here before anybody
// refuses it.
const longestValue = 8 << 10

// match compares a value. A variable that has no value, or several, and no
// default matches nothing.
// Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
func (p *pattern) match(value string, keys Lookup) bool {
	switch {
	case p.all:
		return true
	case p.plain:
		return p.text == value
	case len(value) > longestValue:
		return false
	case len(p.vars) == 0:
		return glob(p.runes, value)
	}
	runes, ok := p.resolve(keys)
	return ok && glob(runes, value)
}

// resolve replaces the variables; what they hold is text, also where it looks
// like a wildcard.
func (p *pattern) resolve(keys Lookup) ([]rune, bool) {
	var out []rune
	next := 0
	for _, r := range p.runes {
		if r != variable {
			out = append(out, r)
			continue
		}
		ref := p.vars[next]
		next++
		values, ok := keys(ref.key)
		switch {
		case ok && len(values) == 1:
			out = append(out, []rune(values[0])...)
		case !ok && ref.hasDefault:
			out = append(out, []rune(ref.otherwise)...)
		default:
			return nil, false
		}
	}
	return out, true
}

// glob matches with backtracking to the last run alone, which is enough where a
// run takes anything. One that stops at a colon cannot be passed by later, except
// by a ?.
func glob(p []rune, s string) bool {
	pi, si := 0, 0
	star, mark, bounded := -1, 0, false
	for si < len(s) {
		r, size := utf8.DecodeRuneInString(s[si:])
		switch {
		case pi < len(p) && (p[pi] == anyRun || p[pi] == runInPart):
			if p[pi] == runInPart && star >= 0 && !bounded {
				// An unbounded run before a bounded one may have to take more.
				return globSlow(p[star:], s[mark:])
			}
			star, mark, bounded = pi, si, p[pi] == runInPart
			pi++
		case pi < len(p) && (p[pi] == anyOne || p[pi] == r):
			pi++
			si += size
		case star >= 0:
			taken, width := utf8.DecodeRuneInString(s[mark:])
			if bounded && taken == ':' {
				// Unless a ? before it may take the colon, nothing helps.
				return slices.Contains(p[:star], anyOne) && globSlow(p, s)
			}
			mark += width
			pi, si = star+1, mark
		default:
			return false
		}
	}
	for pi < len(p) && (p[pi] == anyRun || p[pi] == runInPart) {
		pi++
	}
	return pi == len(p)
}

// globSlow matches patterns that mix both kinds of run, position by position.
func globSlow(p []rune, s string) bool {
	text := []rune(s)
	at := make([]bool, len(text)+1) // at[i]: the pattern so far matches text[:i]
	at[0] = true
	for _, c := range p {
		next := make([]bool, len(text)+1)
		for i, ok := range at {
			switch c {
			case anyRun, runInPart:
				stop := i > 0 && c == runInPart && text[i-1] == ':'
				next[i] = ok || i > 0 && next[i-1] && !stop
			default:
				if ok && i < len(text) && (c == anyOne || c == text[i]) {
					next[i+1] = true
				}
			}
		}
		at = next
	}
	return at[len(text)]
}

// Match reports whether a pattern with the wildcards * and ? matches a value;
// both cross any character, slashes and colons too.
func Match(wildcards, value string) bool {
	p := compile(wildcards, true, false)
	return p.match(value, nil)
}
