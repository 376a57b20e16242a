package similar

import (
	"bytes"
	"hash/fnv"
	"path"
	"strings"
)

// token is one word or sign of a program, without what is easily changed.
type token struct {
	hash uint64
	line int // from 1
}

// language is what must be known of one to take its texts apart.
type language struct {
	line     []string // what begins a comment to the end of the line
	block    bool     // /* comments */
	triple   bool     // """strings""" over several lines
	keys     bool     // words before a colon are kept: they are the format's
	plain    bool     // words are kept but for variables: after $ and before =
	keywords string   // words that are kept, with blanks around each
}

const (
	pythonWords = " and as assert async await break class continue def del elif else except finally for from global if " +
		"import in is lambda nonlocal not or pass raise return try while with yield None True False "
	goWords = " break case chan const continue default defer else fallthrough for func go goto if import interface map " +
		"package range return select struct switch type var nil true false "
	scriptWords = " async await break case catch class const continue default delete do else export extends finally for " +
		"from function if import in instanceof let new null of return static super switch this throw true false try typeof " +
		"undefined var void while yield "
	sqlWords = " all and as asc between by case create cross delete desc distinct else end exists from full group " +
		"having in inner insert into is join left like limit not null on or order outer over partition right select set " +
		"table then union update values when where with "
)

// languageOf goes by a file's name; false is for what holds no program.
func languageOf(name string) (language, bool) {
	switch strings.ToLower(path.Ext(name)) {
	case ".py":
		return language{line: []string{"#"}, triple: true, keywords: pythonWords}, true
	case ".go":
		return language{line: []string{"//"}, block: true, keywords: goWords}, true
	case ".js", ".mjs", ".cjs", ".ts":
		return language{line: []string{"//"}, block: true, keywords: scriptWords}, true
	case ".sh", ".bash":
		return language{line: []string{"#"}, plain: true}, true
	case ".sql":
		return language{line: []string{"--"}, block: true, keywords: sqlWords}, true
	case ".yaml", ".yml":
		return language{line: []string{"#"}, keys: true}, true
	case ".json", ".template":
		return language{keys: true}, true
	}
	return language{}, false
}

// What of a submission is looked at, at most: programs of a lab have some hundred lines.
const (
	mostBytes  = 1 << 20
	mostTokens = 100_000
)

// number is a word's, the same on every machine: so are the runs that are kept, and
// what is found.
func number(word string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(word)) // never fails
	return h.Sum64()
}

// tokens takes a text apart. Names that whoever copies would change are one word,
// whatever they are; so are numbers, and what stands in quotes.
func tokens(l language, text []byte) []token {
	s := scanner{l: l, rest: text, line: 1}
	for len(s.rest) > 0 && len(s.out) < mostTokens {
		s.next()
	}
	return s.out
}

type scanner struct {
	l    language
	rest []byte
	line int
	last byte // the sign just before, 0 after a word
	out  []token
}

func (s *scanner) next() {
	c := s.rest[0]
	switch {
	case c == '\n' || c == ' ' || c == '\t' || c == '\r':
		s.skip(1)
	case s.comment():
	case s.l.triple && (bytes.HasPrefix(s.rest, []byte(`"""`)) || bytes.HasPrefix(s.rest, []byte("'''"))):
		s.quoted(string(s.rest[:3]), true)
	case c == '`':
		s.quoted("`", true)
	case c == '"' || c == '\'':
		s.quoted(string(c), s.l.keys)
	case c >= '0' && c <= '9':
		s.add("n", s.run(func(c byte) bool { return letter(c) || c == '.' || c >= '0' && c <= '9' }))
	case letter(c):
		s.word()
	default:
		s.add(string(c), 1)
		s.last = c
	}
}

// comment skips one, if it begins here.
func (s *scanner) comment() bool {
	for _, begin := range s.l.line {
		if bytes.HasPrefix(s.rest, []byte(begin)) {
			s.skip(s.run(func(c byte) bool { return c != '\n' }))
			return true
		}
	}
	if !s.l.block || !bytes.HasPrefix(s.rest, []byte("/*")) {
		return false
	}
	if _, _, closed := bytes.Cut(s.rest[2:], []byte("*/")); closed {
		s.skip(bytes.Index(s.rest[2:], []byte("*/")) + 4)
	} else {
		s.skip(len(s.rest))
	}
	return true
}

// quoted is a text in quotes; one that may not go over several lines ends with its
// line, as an apostrophe in YAML does.
func (s *scanner) quoted(quote string, lines bool) {
	i := len(quote)
	for i < len(s.rest) && !bytes.HasPrefix(s.rest[i:], []byte(quote)) {
		if s.rest[i] == '\n' && !lines {
			break
		}
		if s.rest[i] == '\\' {
			i++
		}
		i++
	}
	end := min(i+len(quote), len(s.rest))
	if s.l.keys && colon(s.rest[end:]) { // a key of JSON
		s.add(string(s.rest[len(quote):min(i, len(s.rest))]), end)
		return
	}
	s.add("s", end)
}

func (s *scanner) word() {
	n := s.run(func(c byte) bool { return letter(c) || c >= '0' && c <= '9' })
	w := string(s.rest[:n])
	kept := s.last == '.' || strings.Contains(s.l.keywords, " "+w+" ") || s.l.keys && colon(s.rest[n:]) ||
		s.l.plain && s.last != '$' && !bytes.HasPrefix(s.rest[n:], []byte("="))
	if !kept {
		w = "v"
	}
	s.add(w, n)
}

// add takes a word of n bytes.
func (s *scanner) add(word string, n int) {
	s.out = append(s.out, token{number(word), s.line})
	s.last = 0
	s.skip(n)
}

func (s *scanner) skip(n int) {
	s.line += bytes.Count(s.rest[:n], []byte("\n"))
	s.rest = s.rest[n:]
}

func (s *scanner) run(in func(byte) bool) (n int) {
	for n < len(s.rest) && in(s.rest[n]) {
		n++
	}
	return n
}

func letter(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// colon reports whether a colon comes next.
func colon(rest []byte) bool {
	rest = bytes.TrimLeft(rest, " \t")
	return len(rest) > 0 && rest[0] == ':'
}
