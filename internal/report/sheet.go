package report

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/pipelab/pipelab/internal/foreign"
)

// sheet is a delimited file of which every byte is kept: it is read to know
// where the cells are, and written by replacing cells in the bytes.
type sheet struct {
	src       []byte
	delimiter byte
	rows      [][]sheetCell
}

// sheetCell is where a cell lies in the bytes, quotes included.
type sheetCell struct {
	start, end int
	line       int // in the file, from 1
	quoted     bool
	text       string
}

// readSheet reads cells as RFC 4180 has them, with any delimiter and line end.
// What it cannot be sure of it refuses: a guess would move grades.
func readSheet(src []byte, delimiter byte) (*sheet, error) {
	s := &sheet{src: src, delimiter: delimiter}
	at := 0
	if bytes.HasPrefix(src, []byte("\xef\xbb\xbf")) {
		at = 3
	}
	line := 1
	var row []sheetCell
	for at < len(src) {
		c := sheetCell{start: at, line: line}
		if src[at] == '"' {
			c.quoted = true
			end, text, lines := quotedCell(src, at)
			if end < 0 {
				return nil, fmt.Errorf("line %d: a quote is opened and never closed", c.line)
			}
			at, c.text, line = end, text, line+lines
			if at < len(src) && src[at] != delimiter && src[at] != '\n' && src[at] != '\r' {
				return nil, fmt.Errorf("line %d: text follows a closing quote", line)
			}
		} else {
			for at < len(src) && src[at] != delimiter && src[at] != '\n' && src[at] != '\r' {
				if src[at] == '"' {
					return nil, fmt.Errorf("line %d: a quote stands within a cell that is not quoted", line)
				}
				at++
			}
			c.text = string(src[c.start:at])
		}
		c.end = at
		row = append(row, c)
		if at < len(src) && src[at] == delimiter {
			at++
			if at == len(src) || src[at] == '\n' || src[at] == '\r' { // the last cell is empty
				row = append(row, sheetCell{start: at, end: at, line: line})
			} else {
				continue
			}
		}
		if at < len(src) {
			if src[at] == '\r' && at+1 < len(src) && src[at+1] == '\n' {
				at++
			}
			at++
			line++
		}
		s.rows = append(s.rows, row)
		row = nil
	}
	return s, nil
}

// quotedCell reads from the opening quote on; end is -1 when it never closes.
func quotedCell(src []byte, at int) (end int, text string, lines int) {
	var b strings.Builder
	for i := at + 1; i < len(src); i++ {
		switch {
		case src[i] != '"':
			if src[i] == '\n' || src[i] == '\r' && (i+1 == len(src) || src[i+1] != '\n') {
				lines++
			}
			b.WriteByte(src[i])
		case i+1 < len(src) && src[i+1] == '"':
			b.WriteByte('"')
			i++
		default:
			return i + 1, b.String(), lines
		}
	}
	return -1, "", 0
}

// cell is the text of a cell without blanks around it; empty beyond the row's
// end. A spreadsheet's guard of digits, ="007", is taken off.
func (s *sheet) cell(row, column int) string {
	if column < 0 || column >= len(s.rows[row]) {
		return ""
	}
	t := strings.TrimSpace(s.rows[row][column].text)
	if rest, ok := strings.CutPrefix(t, `="`); ok {
		if inner, ok := strings.CutSuffix(rest, `"`); ok {
			return inner
		}
	}
	return t
}

// edit is a new text for a cell.
type edit struct {
	row, column int
	text        string
}

// with returns the bytes with some cells' text replaced. Quotes and blanks
// around a text stay as they were; quotes are added only where the new text
// needs them.
func (s *sheet) with(edits []edit) []byte {
	slices.SortFunc(edits, func(a, b edit) int {
		return s.rows[a.row][a.column].start - s.rows[b.row][b.column].start
	})
	var out []byte
	at := 0
	for _, e := range edits {
		c := s.rows[e.row][e.column]
		inner := s.src[c.start:c.end]
		if c.quoted {
			inner = inner[1 : len(inner)-1]
		}
		core := bytes.Trim(inner, " \t")
		lead := len(inner) - len(bytes.TrimLeft(inner, " \t"))
		if len(core) == 0 {
			lead = 0
		}
		text := string(inner[:lead]) + e.text + string(inner[lead+len(core):])
		if c.quoted || strings.IndexByte(text, s.delimiter) >= 0 {
			text = `"` + text + `"`
		}
		out = append(append(out, s.src[at:c.start]...), text...)
		at = c.end
	}
	return append(out, s.src[at:]...)
}

// openSheet finds the delimiter by the header: the one with which it has what
// the reader of the sheet needs.
func openSheet(src []byte, what string, known func(header []string) bool) (*sheet, error) {
	if bytes.HasPrefix(src, []byte("\xff\xfe")) || bytes.HasPrefix(src, []byte("\xfe\xff")) {
		return nil, fmt.Errorf("the %s is UTF-16, which an import does not read: export it again as CSV in UTF-8", what)
	}
	if _, err := foreign.Text(src); err != nil {
		return nil, fmt.Errorf("the %s cannot be read: %w", what, err)
	}
	for _, d := range []byte{',', ';', '\t'} {
		head, err := readSheet(src[:firstLine(src)], d)
		if err != nil || len(head.rows) == 0 || !known(head.header()) {
			continue
		}
		s, err := readSheet(src, d)
		if err != nil {
			return nil, fmt.Errorf("the %s cannot be read: %w", what, err)
		}
		return s, nil
	}
	return nil, fmt.Errorf("this is no %s: %w", what, errOther)
}

// firstLine is where the first row ends.
func firstLine(src []byte) int {
	quoted := false
	for i, c := range src {
		switch {
		case c == '"':
			quoted = !quoted
		case !quoted && (c == '\n' || c == '\r'):
			return i
		}
	}
	return len(src)
}

func (s *sheet) header() []string {
	var out []string
	for i := range s.rows[0] {
		out = append(out, s.cell(0, i))
	}
	return out
}
