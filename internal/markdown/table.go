package markdown

import (
	"slices"
	"strings"

	extast "github.com/yuin/goldmark/extension/ast"
)

// between stands between two columns of a table.
const between = "  "

// table writes a table: its columns as wide as they need, or narrower with their
// cells broken, or each row as a list where not even the words have room.
func (r *renderer) table(n *extast.Table, p *prefix, width int) {
	var rows [][][]run
	for row := n.FirstChild(); row != nil; row = row.NextSibling() {
		s := style(0)
		if row.Kind() == extast.KindTableHeader {
			s = strong
		}
		var cells [][]run
		for c := row.FirstChild(); c != nil; c = c.NextSibling() {
			cells = append(cells, r.marked(r.inline(c, s)))
		}
		rows = append(rows, cells)
	}
	if len(rows) == 0 {
		return
	}
	widths, ok := fit(rows, width)
	if !ok {
		r.records(rows, p, width)
		return
	}
	for i, cells := range rows {
		r.row(cells, widths, p)
		if i == 0 && !r.Colour {
			rule := make([]string, len(widths))
			for c, w := range widths {
				rule[c] = strings.Repeat("-", w)
			}
			r.line(p, strings.Join(rule, between))
		}
	}
}

// fit gives each column what it needs. While there is no room for all, the widest
// gives way, but never below its longest word; false if that is still too much.
func fit(rows [][][]run, width int) ([]int, bool) {
	var want, least []int
	for _, cells := range rows {
		for c, cell := range cells {
			if c == len(want) {
				want, least = append(want, 0), append(least, 0)
			}
			want[c] = max(want[c], columns(plain(cell)))
			for _, word := range strings.Fields(plain(cell)) {
				least[c] = max(least[c], columns(word))
			}
		}
	}
	room := width - len(between)*(len(want)-1)
	total := 0
	for _, w := range want {
		total += w
	}
	for ; total > room; total-- {
		widest := -1
		for c := range want {
			if want[c] > least[c] && (widest < 0 || want[c] > want[widest]) {
				widest = c
			}
		}
		if widest < 0 {
			return nil, false
		}
		want[widest]--
	}
	return want, true
}

func (r *renderer) row(cells [][]run, widths []int, p *prefix) {
	wrapped, height := make([][][]run, len(widths)), 1
	for c, cell := range cells {
		wrapped[c] = wrap(cell, widths[c])
		height = max(height, len(wrapped[c]))
	}
	for l := range height {
		var b strings.Builder
		for c, w := range widths {
			var text []run
			if l < len(wrapped[c]) {
				text = wrapped[c][l]
			}
			b.WriteString(r.paint(text))
			if c < len(widths)-1 {
				b.WriteString(strings.Repeat(" ", w-columns(plain(text))) + between)
			}
		}
		r.line(p, b.String())
	}
}

// records writes each row as a list: a cell below the other, after its heading.
func (r *renderer) records(rows [][][]run, p *prefix, width int) {
	for i, cells := range rows[1:] {
		if i > 0 {
			r.gap(*p)
		}
		for c, cell := range cells {
			heading := rows[0][c]
			if plain(heading) == "" || plain(cell) == "" {
				r.paragraph(cell, p, width)
				continue
			}
			own := prefix{p.first, p.rest + "  "}
			r.paragraph(slices.Concat(heading, []run{{": ", 0}}, cell), &own, width-2)
			p.first = p.rest
		}
	}
}
