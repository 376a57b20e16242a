package app

import (
	"fmt"
	"io/fs"
	"regexp"
	"strings"

	"github.com/pipelab/pipelab/internal/glossary"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/markdown"
	"github.com/pipelab/pipelab/internal/report"
)

// Reading prints texts of labs, which are Markdown, one after the other, and marks
// each word of the glossary the first time it comes.
type Reading struct {
	app    *App
	reader *glossary.Reader
}

// Reading begins one.
func (a *App) Reading() (*Reading, error) {
	g, err := glossary.Load()
	if err != nil {
		return nil, err
	}
	return &Reading{a, g.Reader()}, nil
}

// Known takes the words of a text for met, without printing it: what is explained need
// not be marked.
func (r *Reading) Known(text string) { r.reader.Read(markdown.Prose(text)) }

// Text prints a text, so many columns to the right. Names of a lab's outputs stand for
// what they are.
func (r *Reading) Text(by int, source string) {
	source = regexp.MustCompile(`\$\{outputs\.(\w+)\}`).ReplaceAllString(source, "`$1`")
	set := markdown.Render(report.Console(source), markdown.Options{Width: r.app.Width() - by,
		Colour: r.app.Style(r.app.Out).Colour, Mark: r.mark})
	for _, l := range strings.SplitAfter(set, "\n") {
		if strings.TrimSpace(l) != "" {
			l = strings.Repeat(" ", by) + l
		}
		_ = r.app.Raw(l) // what is lost of the output is noticed at the end, as for Printf
	}
}

func (r *Reading) mark(paragraph string) (out [][2]int) {
	for _, m := range r.reader.Read(paragraph) {
		out = append(out, [2]int{m.From, m.To})
	}
	return out
}

// Words prints, after a blank line, which words the texts had that the glossary explains.
func (r *Reading) Words() {
	if seen := r.Names(); len(seen) > 0 {
		r.app.Printf("\n")
		r.app.Indented(0, fmt.Sprintf("words that %s explain WORD explains:", r.app.Self()))
		r.app.List(2, seen)
	}
}

// Aside is Words in a line on standard error, for what is short.
func (r *Reading) Aside() {
	if seen := r.Names(); len(seen) > 0 {
		r.app.Aside(0, "words: "+strings.Join(seen, ", ")+"; what one means: "+r.app.Self()+" explain WORD")
	}
}

// Names are the words that the texts had.
func (r *Reading) Names() []string {
	names := []string{}
	for _, e := range r.reader.Seen() {
		names = append(names, e.Name)
	}
	return names
}

// LabText is the text of a lab as a learner gets it into their folder: with what the
// words in it mean, and AWS's pages about them.
func (a *App) LabText(l *lab.Folder) ([]byte, error) {
	text, err := fs.ReadFile(l.FS, "README.md")
	if err != nil {
		return nil, err
	}
	g, err := glossary.Load()
	if err != nil {
		return nil, err
	}
	r := g.Reader()
	r.Read(markdown.Prose(string(text)))
	if len(r.Seen()) == 0 {
		return text, nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n## Words\n\nMore about each: `pipelab explain WORD`.\n\n", text)
	for _, e := range r.Seen() {
		for i, line := range markdown.Wrap(fmt.Sprintf("**%s**: %s [AWS](%s)", e.Name, e.Means, e.Page), 78) {
			b.WriteString(map[bool]string{true: "- ", false: "  "}[i == 0] + line + "\n")
		}
	}
	return []byte(b.String()), nil
}
