// Package mermaid draws the diagrams that texts of labs hold, flowcharts and
// sequence diagrams of Mermaid, with the characters of a terminal. It knows the part
// of the language that such texts use; whatever else a diagram holds, Draw says that
// it cannot draw it.
package mermaid

import (
	"strings"
	"unicode/utf8"
)

// Draw returns the diagram in lines of at most width columns, except where a single
// word is wider. It reports false for what it does not know.
func Draw(source string, width int) (string, bool) {
	var lines []string
	for _, l := range strings.Split(source, "\n") {
		l = strings.TrimSpace(l)
		if l != "" && !strings.HasPrefix(l, "%%") {
			lines = append(lines, l)
		}
	}
	if len(lines) == 0 {
		return "", false
	}
	kind, _, _ := strings.Cut(lines[0], " ")
	switch kind {
	case "flowchart", "graph":
		g, ok := parseFlow(lines[1:])
		if !ok {
			return "", false
		}
		return g.draw(width), true
	case "sequenceDiagram":
		return drawSequence(lines[1:], width)
	}
	return "", false
}

// columns is how wide text is.
func columns(text string) int { return utf8.RuneCountInString(text) }

// wrap breaks text at blanks.
func wrap(text string, width int) (out []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && columns(line)+1+columns(word) > width {
			out = append(out, line)
			line = ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(out, line)
}

// hang writes text after lead, with further lines below its beginning after rest. A
// word that has no room beside lead goes below it.
func hang(b *strings.Builder, lead, rest, text string, width int) {
	for _, word := range strings.Fields(text) {
		if columns(lead)+columns(word) > width && columns(rest) < columns(lead) {
			b.WriteString(strings.TrimRight(lead, " ") + "\n")
			lead = rest
			break
		}
	}
	for i, l := range wrap(text, width-max(columns(lead), columns(rest))) {
		if i > 0 {
			lead = rest
		}
		b.WriteString(strings.TrimRight(lead+l, " ") + "\n")
	}
}
