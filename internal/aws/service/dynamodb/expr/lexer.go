package expr

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tokEOF    tokenKind = iota
	tokWord             // attribute name, keyword or function name
	tokName             // #placeholder
	tokValue            // :placeholder
	tokNumber           // list index
	tokPunct            // ( ) , . [ ] = <> < <= > >= + -
)

type token struct {
	kind       tokenKind
	text       string
	start, end int
}

// is reports whether the token is this keyword or punctuation.
func (t token) is(text string) bool {
	return t.kind == tokPunct && t.text == text || t.kind == tokWord && strings.EqualFold(t.text, text)
}

// lex splits an expression. An unknown character becomes a token of its own,
// which no rule accepts.
func lex(src string) []token {
	var out []token
	for i := 0; i < len(src); {
		c := src[i]
		if c == ' ' || c == '\t' || c == '\n' || c == '\r' {
			i++
			continue
		}
		kind, end := scanToken(src, i)
		out = append(out, token{kind: kind, text: src[i:end], start: i, end: end})
		i = end
	}
	return append(out, token{kind: tokEOF, text: "<EOF>", start: len(src), end: len(src)})
}

func scanToken(src string, i int) (tokenKind, int) {
	switch c := src[i]; {
	case c == '#' || c == ':':
		end := i + 1
		for end < len(src) && isWordByte(src[end]) {
			end++
		}
		if end == i+1 {
			return tokPunct, end
		}
		if c == '#' {
			return tokName, end
		}
		return tokValue, end
	case c >= '0' && c <= '9':
		end := i
		for end < len(src) && src[end] >= '0' && src[end] <= '9' {
			end++
		}
		return tokNumber, end
	case isWordByte(c):
		end := i
		for end < len(src) && isWordByte(src[end]) {
			end++
		}
		return tokWord, end
	case strings.HasPrefix(src[i:], "<>"), strings.HasPrefix(src[i:], "<="), strings.HasPrefix(src[i:], ">="):
		return tokPunct, i + 2
	}
	_, width := utf8.DecodeRuneInString(src[i:])
	return tokPunct, i + width
}

func isWordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// syntaxError words the error as AWS does: the token, and the source from the
// token before it to the token after it.
func syntaxError(src string, tokens []token, at int) error {
	from, to := tokens[at].start, tokens[at].end
	if at > 0 {
		from = tokens[at-1].start
	}
	if at+1 < len(tokens) {
		to = tokens[at+1].end
	}
	return fmt.Errorf("Syntax error; token: %q, near: %q", verbatim(tokens[at].text), verbatim(src[from:to]))
}

// verbatim makes %q print the text as it stands: AWS quotes without escaping.
type verbatim string

// Format implements fmt.Formatter.
func (v verbatim) Format(f fmt.State, _ rune) { fmt.Fprint(f, `"`+string(v)+`"`) }
