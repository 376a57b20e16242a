package pattern

import (
	"fmt"
	"strconv"
	"strings"
)

// columns is a pattern over lines of space-delimited fields:
// [ip, user, ..., status = 4* || status = 5*, bytes > 1000].
type columns struct {
	names    []string
	ellipsis int // index in names before which any number of fields is skipped; -1 for none
	where    node
}

// parseColumns reads the form in brackets.
func parseColumns(s string) (matcher, error) {
	if s[len(s)-1] != ']' {
		return nil, fmt.Errorf("the filter pattern does not end with ]")
	}
	c := &columns{ellipsis: -1}
	p := &parser{rest: s[1 : len(s)-1], name: columnName}
	for {
		if err := c.column(p); err != nil {
			return nil, err
		}
		if p.take(",") {
			continue
		}
		if p.space(); p.rest != "" {
			return nil, fmt.Errorf("unexpected %q", p.rest)
		}
		return c, nil
	}
}

// column reads one column: an ellipsis, a name, or an expression over one.
func (c *columns) column(p *parser) error {
	if p.take("...") {
		if c.ellipsis >= 0 {
			return fmt.Errorf("a pattern can hold one ellipsis")
		}
		c.ellipsis = len(c.names)
		return nil
	}
	p.space()
	start := strings.TrimLeft(p.rest, "( ")
	name, err := columnName(&parser{rest: start})
	if err != nil {
		return err
	}
	for _, n := range c.names {
		if n == name {
			return fmt.Errorf("the column %s occurs twice", name)
		}
	}
	c.names = append(c.names, name)
	if next := strings.TrimLeft(p.rest[len(name):], " "); strings.HasPrefix(p.rest, name) && (next == "" || next[0] == ',') {
		p.rest = next
		return nil
	}
	n, err := p.or()
	if err != nil {
		return err
	}
	if c.where == nil {
		c.where = n
	} else {
		c.where = and{c.where, n}
	}
	return nil
}

func columnName(p *parser) (string, error) {
	p.space()
	end := 0
	for end < len(p.rest) && isName(p.rest[end]) {
		end++
	}
	name := p.rest[:end]
	if name == "" {
		return "", fmt.Errorf("the name of a column is missing before %q", p.rest)
	}
	p.rest = p.rest[end:]
	return name, nil
}

// match implements matcher: the number of fields must fit, too.
func (c *columns) match(message string) (map[string]string, bool) {
	f := fields(message)
	if len(f) < len(c.names) || c.ellipsis < 0 && len(f) > len(c.names) {
		return nil, false
	}
	values := make(map[string]string, len(c.names))
	for i, n := range c.names {
		if c.ellipsis >= 0 && i >= c.ellipsis {
			i += len(f) - len(c.names)
		}
		values["$"+n] = f[i]
	}
	if c.where == nil {
		return values, true
	}
	ok := c.where.eval(func(name string) []operand {
		s, ok := values["$"+name]
		if !ok {
			return nil
		}
		o := operand{kind: text, text: s}
		if n, err := strconv.ParseFloat(s, 64); err == nil {
			o.kind, o.num = number, n
		}
		return []operand{o}
	})
	return values, ok
}

// fields cuts a line at spaces; what is in quotes or brackets stays whole and
// loses them.
func fields(s string) []string {
	var out []string
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimLeft(s, " \t\r\n") {
		closing := byte(0)
		switch s[0] {
		case '"':
			closing = '"'
		case '[':
			closing = ']'
		}
		if end := strings.IndexByte(s[1:], closing); closing != 0 && end >= 0 {
			out, s = append(out, s[1:1+end]), s[end+2:]
			continue
		}
		end := strings.IndexAny(s, " \t\r\n")
		if end < 0 {
			end = len(s)
		}
		out, s = append(out, s[:end]), s[end:]
	}
	return out
}
