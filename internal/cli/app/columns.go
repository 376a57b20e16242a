package app

import (
	"strings"
	"unicode/utf8"

	"github.com/pipelab/pipelab/internal/markdown"
)

// narrow is the fewest columns that text is set in beside something else.
const narrow = 24

// Beside prints text in a column beside lead, or below it where there is no room
// for both.
func (a *App) Beside(lead, text string) { a.BesideIn(a.Width(), lead, text) }

// BesideIn is Beside where there are so many columns.
func (a *App) BesideIn(columns int, lead, text string) {
	indent := utf8.RuneCountInString(lead)
	if columns-indent < narrow && indent+utf8.RuneCountInString(text) > columns {
		a.Printf("%s\n", strings.TrimRight(lead, " "))
		a.Indented(4, text)
		return
	}
	for i, l := range markdown.Wrap(text, max(columns-indent, 1)) {
		if i > 0 {
			lead = strings.Repeat(" ", indent)
		}
		a.Printf("%s%s\n", lead, l)
	}
}

// Indented prints text below something, so many columns to the right.
func (a *App) Indented(by int, text string) {
	for _, l := range markdown.Wrap(text, a.Width()-by) {
		a.Printf("%s%s\n", strings.Repeat(" ", by), l)
	}
}

// Aside is Indented for what is said beside the data, on standard error. An empty line
// before it is written as it is.
func (a *App) Aside(by int, text string) {
	if rest, ok := strings.CutPrefix(text, "\n"); ok {
		a.Statusf("")
		text = rest
	}
	for _, l := range markdown.Wrap(text, a.Width()-by) {
		a.Statusf("%s%s", strings.Repeat(" ", by), l)
	}
}

// List prints items in a paragraph, indented, broken between items and within one only
// if it is wider than the terminal.
func (a *App) List(by int, items []string) {
	line := ""
	for i, item := range items {
		if i < len(items)-1 {
			item += ","
		}
		if line != "" && by+utf8.RuneCountInString(line+" "+item) > a.Width() {
			a.Indented(by, line)
			line = ""
		}
		line = strings.TrimPrefix(line+" "+item, " ")
	}
	a.Indented(by, line)
}
