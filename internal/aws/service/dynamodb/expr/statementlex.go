package expr

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// The tokens of PartiQL that expressions do not have.
const (
	tokText   tokenKind = iota + 100 // 'text', without its quotes
	tokQuoted                        // "name", without its quotes
)

var errOpen = errors.New("Unexpected end of statement: a quotation mark is missing")

// lexStatement splits a PartiQL statement.
func lexStatement(src string) ([]token, error) {
	var out []token
	for i := 0; i < len(src); {
		c := src[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case c == '\'' || c == '"':
			text, width, ok := quoted(src[i:], c)
			if !ok {
				return nil, errOpen
			}
			kind := tokText
			if c == '"' {
				kind = tokQuoted
			}
			out = append(out, token{kind, text, i, i + width})
			i += width
		default:
			kind, end := scanStatement(src, i)
			out = append(out, token{kind, src[i:end], i, end})
			i = end
		}
	}
	return append(out, token{kind: tokEOF, start: len(src), end: len(src)}), nil
}

// quoted reads text up to its closing mark; a doubled mark stands for one.
func quoted(src string, mark byte) (text string, width int, ok bool) {
	var b strings.Builder
	for i := 1; i < len(src); i++ {
		switch {
		case src[i] != mark:
			b.WriteByte(src[i])
		case i+1 < len(src) && src[i+1] == mark:
			b.WriteByte(mark)
			i++
		default:
			return b.String(), i + 1, true
		}
	}
	return "", 0, false
}

func scanStatement(src string, i int) (tokenKind, int) {
	c := src[i]
	if c >= '0' && c <= '9' || c == '.' && i+1 < len(src) && src[i+1] >= '0' && src[i+1] <= '9' {
		end := i
		for end < len(src) && (src[end] >= '0' && src[end] <= '9' || src[end] == '.' ||
			src[end] == 'e' || src[end] == 'E' || (src[end] == '-' || src[end] == '+') &&
			(src[end-1] == 'e' || src[end-1] == 'E')) {
			end++
		}
		return tokNumber, end
	}
	if isWordByte(c) {
		end := i
		for end < len(src) && isWordByte(src[end]) {
			end++
		}
		return tokWord, end
	}
	for _, two := range []string{"<<", ">>", "<=", ">=", "<>", "!="} {
		if strings.HasPrefix(src[i:], two) {
			return tokPunct, i + 2
		}
	}
	_, width := utf8.DecodeRuneInString(src[i:])
	return tokPunct, i + width
}
