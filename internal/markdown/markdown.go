// Package markdown sets Markdown for a terminal: at its width, with or without
// escape sequences, and with diagrams drawn. Words and names are never broken, and
// what is to be copied, such as a command, is not folded at all. It knows what texts
// of labs use (CommonMark and tables) and reads no file.
package markdown

import (
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"

	"github.com/pipelab/pipelab/internal/markdown/mermaid"
)

// Options say how to set a text.
type Options struct {
	Width  int  // columns; less than 20 is taken for 20
	Colour bool // bold, underlined and coloured by escape sequences
	// Mark says which words of a paragraph are to be marked, by their bytes from and
	// to; nil marks none. It is called for one paragraph after the other.
	Mark func(paragraph string) [][2]int
}

// Render sets a text. The result ends with a line break unless it is empty. It holds
// the escape sequences of the source too: whoever prints it to a terminal has made
// the source plain before.
func Render(source string, o Options) string {
	r := &renderer{source: []byte(source), Options: o}
	root := goldmark.New(goldmark.WithExtensions(extension.Table)).Parser().Parse(text.NewReader(r.source))
	r.blocks(root, prefix{}, max(o.Width, 20))
	return r.out.String()
}

// Prose is what a text says in its paragraphs and tables, without code, diagrams and
// headings: what may be searched for words. A full stop parts paragraphs.
func Prose(source string) string {
	var b strings.Builder
	Render(source, Options{Width: 80, Mark: func(paragraph string) [][2]int {
		b.WriteString(paragraph + " .\n")
		return nil
	}})
	return b.String()
}

type renderer struct {
	Options
	source []byte
	out    strings.Builder
	begun  bool // something has been written: a blank line comes before the next block
}

// prefix stands before the lines of a block: bullets and indents.
type prefix struct{ first, rest string }

// line writes one line of a block.
func (r *renderer) line(p *prefix, text string) {
	r.out.WriteString(strings.TrimRight(p.first+text, " ") + "\n")
	p.first = p.rest
	r.begun = true
}

// gap writes the blank line between two blocks.
func (r *renderer) gap(p prefix) {
	if r.begun {
		r.out.WriteString(strings.TrimRight(p.rest, " ") + "\n")
	}
}

// blocks writes the children of a node, with blank lines between them.
func (r *renderer) blocks(parent ast.Node, p prefix, width int) {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		if n.Kind() == ast.KindHTMLBlock { // comments, in texts of labs
			continue
		}
		if n != parent.FirstChild() || parent.Kind() == ast.KindDocument {
			r.gap(p)
		}
		r.block(n, &p, width)
	}
}

func (r *renderer) block(n ast.Node, p *prefix, width int) {
	switch n := n.(type) {
	case *ast.Heading:
		r.heading(n, p, width)
	case *ast.Paragraph, *ast.TextBlock:
		r.paragraph(r.marked(r.inline(n, 0)), p, width)
	case *ast.List:
		r.list(n, *p, width)
		p.first = p.rest
	case *ast.FencedCodeBlock:
		r.code(n, string(n.Language(r.source)), p, width)
	case *ast.CodeBlock:
		r.code(n, "", p, width)
	case *ast.Blockquote:
		r.blocks(n, prefix{p.first + "│ ", p.rest + "│ "}, width-2)
		p.first = p.rest
	case *ast.ThematicBreak:
		r.line(p, strings.Repeat("─", width))
	case *extast.Table:
		r.table(n, p, width)
	default:
		r.paragraph(r.inline(n, 0), p, width)
	}
}

// heading is bold, or underlined where nothing can be bold.
func (r *renderer) heading(n *ast.Heading, p *prefix, width int) {
	words := r.inline(n, strong)
	r.paragraph(words, p, width)
	if rule := map[int]string{1: "=", 2: "-"}[n.Level]; rule != "" && !r.Colour {
		r.line(p, strings.Repeat(rule, min(columns(plain(words)), width)))
	}
}

func (r *renderer) paragraph(runs []run, p *prefix, width int) {
	for _, l := range wrap(runs, width) {
		r.line(p, r.paint(l))
	}
}

func (r *renderer) list(n *ast.List, p prefix, width int) {
	number := n.Start
	for item := n.FirstChild(); item != nil; item = item.NextSibling() {
		bullet := "- "
		if n.IsOrdered() {
			bullet = itoa(number) + ". "
			number++
		}
		if !n.IsTight && item != n.FirstChild() {
			r.gap(p)
		}
		indent := strings.Repeat(" ", len(bullet))
		r.blocks(item, prefix{p.first + bullet, p.rest + indent}, width-len(bullet))
		p.first = p.rest
	}
}

// code writes lines as they are, indented; a diagram is drawn, or left out if it
// cannot be.
func (r *renderer) code(n ast.Node, language string, p *prefix, width int) {
	var b strings.Builder
	lines := n.Lines()
	for i := range lines.Len() {
		at := lines.At(i)
		b.Write(at.Value(r.source))
	}
	content := b.String()
	if language == "mermaid" {
		drawn, ok := mermaid.Draw(content, width)
		if !ok {
			drawn = "(a diagram, which cannot be drawn here)\n"
		}
		for _, l := range strings.Split(strings.TrimSuffix(drawn, "\n"), "\n") {
			r.line(p, l)
		}
		return
	}
	for _, l := range strings.Split(strings.TrimSuffix(content, "\n"), "\n") {
		if l != "" {
			l = r.paint([]run{{"    " + l, code}})
		}
		r.line(p, l)
	}
}
