package report

// Style says how text for people is set off: by the colours of a terminal, or, as the
// zero value, not at all. What it is given must have been through Console.
type Style struct{ Colour bool }

// Good is text that says that something is right.
func (s Style) Good(text string) string { return s.paint("32", text) }

// Bad is text that says that something is wrong.
func (s Style) Bad(text string) string { return s.paint("31", text) }

// Open is text about what is neither right nor wrong.
func (s Style) Open(text string) string { return s.paint("33", text) }

// Strong is text to be read first.
func (s Style) Strong(text string) string { return s.paint("1", text) }

// Faint is text to be read last.
func (s Style) Faint(text string) string { return s.paint("2", text) }

// Verdict is text in the colour of a verdict.
func (s Style) Verdict(v Verdict, text string) string {
	switch v {
	case Pass:
		return s.Good(text)
	case Fail, Timeout:
		return s.Bad(text)
	case Partial, Error, Unsupported:
		return s.Open(text)
	}
	return s.Faint(text)
}

// paint sets text in a rendition of ECMA-48 (SGR) and goes back to the usual one.
func (s Style) paint(rendition, text string) string {
	if !s.Colour || text == "" {
		return text
	}
	return "\x1b[" + rendition + "m" + text + "\x1b[0m"
}
