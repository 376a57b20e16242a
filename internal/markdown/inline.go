package markdown

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
)

// style is how a run of text looks.
type style uint8

const (
	strong style = 1 << iota
	emphasis
	code
	mark
)

// run is text of one style. A line break in it is one of the text.
type run struct {
	text  string
	style style
}

func itoa(n int) string { return strconv.Itoa(n) }

// columns is how wide text is.
func columns(text string) int { return utf8.RuneCountInString(text) }

// plain is the text of runs.
func plain(runs []run) string {
	var b strings.Builder
	for _, r := range runs {
		b.WriteString(r.text)
	}
	return b.String()
}

// inline collects the text below a node.
func (r *renderer) inline(n ast.Node, s style) (out []run) {
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		switch c := c.(type) {
		case *ast.Text:
			text := string(c.Segment.Value(r.source))
			switch {
			case c.HardLineBreak():
				text += "\n"
			case c.SoftLineBreak():
				text += " "
			}
			out = append(out, run{unescape(text), s})
		case *ast.String:
			out = append(out, run{string(c.Value), s})
		case *ast.CodeSpan:
			out = append(out, run{r.quoted("`", r.verbatim(c)), s | code})
		case *ast.Emphasis:
			out = append(out, r.emphasised(c, s)...)
		case *ast.Link:
			out = append(out, r.inline(c, s)...)
			if url := string(c.Destination); bytes.Contains(c.Destination, []byte("://")) {
				out = append(out, run{" (" + url + ")", s})
			}
		case *ast.AutoLink:
			out = append(out, run{string(c.URL(r.source)), s})
		case *ast.RawHTML: // a comment or a break
		default:
			out = append(out, r.inline(c, s)...)
		}
	}
	return out
}

// verbatim is the text of code, as it stands but for its line breaks.
func (r *renderer) verbatim(n ast.Node) string {
	var b strings.Builder
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if t, ok := c.(*ast.Text); ok {
			b.Write(t.Segment.Value(r.source))
		}
	}
	return strings.ReplaceAll(b.String(), "\n", " ")
}

// emphasised keeps the asterisks of a stressed word where nothing can be slanted;
// what is bold is seen by its place.
func (r *renderer) emphasised(n *ast.Emphasis, s style) []run {
	if n.Level > 1 {
		return r.inline(n, s|strong)
	}
	inner := r.inline(n, s|emphasis)
	if r.Colour {
		return inner
	}
	return append(append([]run{{"*", s}}, inner...), run{"*", s})
}

// quoted puts marks around a text where colour cannot tell it from the rest.
func (r *renderer) quoted(mark, text string) string {
	if r.Colour {
		return text
	}
	return mark + text + mark
}

// unescape resolves backslashes before punctuation, which goldmark leaves in.
func unescape(text string) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) && strings.IndexByte("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", text[i+1]) >= 0 {
			i++
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// marked asks which words are to be marked, and gives them that style. What is code
// is not asked about.
func (r *renderer) marked(runs []run) []run {
	if r.Mark == nil {
		return runs
	}
	var asked strings.Builder
	for _, one := range runs {
		if one.style&code != 0 {
			asked.WriteString(strings.Repeat(",", len(one.text))) // which is part of no word
			continue
		}
		asked.WriteString(one.text)
	}
	var out []run
	at, marks := 0, r.Mark(asked.String())
	for _, one := range runs {
		end := at + len(one.text)
		for _, m := range marks {
			from, to := max(m[0], at), min(m[1], end)
			if from >= to {
				continue
			}
			before := one.text[:from-at]
			out = append(out, run{before, one.style}, run{one.text[from-at : to-at], one.style | mark})
			one.text, at = one.text[to-at:], to
		}
		out = append(out, one)
		at = end
	}
	return out
}

// wrap breaks runs at blanks into lines of at most width columns. A word that is
// wider has a line of its own.
func wrap(runs []run, width int) (lines [][]run) {
	var line, word []run
	lineWidth, wordWidth := 0, 0
	space := run{" ", 0}
	flush := func() {
		if wordWidth == 0 {
			return
		}
		if lineWidth > 0 && lineWidth+1+wordWidth > width {
			lines, line, lineWidth = append(lines, line), nil, 0
		}
		if lineWidth > 0 {
			line, lineWidth = append(line, space), lineWidth+1
		}
		line, lineWidth = append(line, word...), lineWidth+wordWidth
		word, wordWidth = nil, 0
	}
	for _, r := range runs {
		rest := r.text
		for rest != "" {
			i := strings.IndexAny(rest, " \n")
			piece := rest
			if i >= 0 {
				piece = rest[:i]
			}
			if piece != "" {
				word, wordWidth = append(word, run{piece, r.style}), wordWidth+columns(piece)
			}
			if i < 0 {
				break
			}
			flush()
			space.style = r.style // a blank within code belongs to it
			if rest[i] == '\n' {
				lines, line, lineWidth = append(lines, line), nil, 0
			}
			rest = rest[i+1:]
		}
	}
	flush()
	return append(lines, line)
}

// paint writes runs, with escape sequences if there may be any.
func (r *renderer) paint(runs []run) string {
	if !r.Colour {
		return plain(runs)
	}
	var b strings.Builder
	now := style(0)
	for _, one := range runs {
		if one.style != now {
			b.WriteString(sequence(one.style))
			now = one.style
		}
		b.WriteString(one.text)
	}
	if now != 0 {
		b.WriteString(sequence(0))
	}
	return b.String()
}

// sequence switches to a style from any other.
func sequence(s style) string {
	out := "\x1b[0"
	if s&strong != 0 {
		out += ";1"
	}
	if s&emphasis != 0 {
		out += ";3"
	}
	if s&mark != 0 {
		out += ";4"
	}
	if s&code != 0 {
		out += ";36"
	}
	return out + "m"
}

// Wrap breaks text at blanks and line breaks, never inside a word: one that is wider
// than width has a line of its own. Blanks between words stay as many as they are.
func Wrap(text string, width int) (out []string) {
	for _, rest := range strings.Split(text, "\n") {
		line := ""
		for rest != "" {
			word := strings.TrimLeft(rest, " ")
			blanks := rest[:len(rest)-len(word)]
			if end := strings.IndexByte(word, ' '); end >= 0 {
				word = word[:end]
			}
			rest = rest[len(blanks)+len(word):]
			if line != "" && columns(line+blanks+word) > width {
				out, line, blanks = append(out, line), "", ""
			}
			line += blanks + word
		}
		out = append(out, strings.TrimRight(line, " "))
	}
	return out
}
