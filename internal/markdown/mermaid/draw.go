package mermaid

import (
	"fmt"
	"strings"
)

// source is a box with the arrows that leave it. Nodes with the same arrows share
// one.
type source struct {
	labels []string
	round  bool
	edges  []edge
}

// sources lists the boxes in the order in which they first send something.
func (g *flow) sources() (out []source) {
	of := map[*node][]edge{}
	var order []*node
	for _, e := range g.edges {
		if of[e.from] == nil {
			order = append(order, e.from)
		}
		of[e.from] = append(of[e.from], e)
	}
	at := map[string]int{}
	for _, n := range order {
		key := ""
		for _, e := range of[n] {
			key += fmt.Sprint(e.to.id, e.label, e.dotted, e.toTip, e.back, e.to == n, "\n")
		}
		if i, ok := at[key]; ok {
			out[i].labels = append(out[i].labels, n.label)
			continue
		}
		at[key] = len(out)
		out = append(out, source{[]string{n.label}, n.round, of[n]})
	}
	return out
}

// draw writes each box with its arrows below it. The boxes follow each other as data
// do, so that the end of an arrow is found as a box further down. This needs no more
// than the width of a label, whatever the shape of the graph.
func (g *flow) draw(width int) string {
	var b strings.Builder
	for _, group := range g.groups {
		members := make([]string, len(group.members))
		for i, m := range group.members {
			members[i] = m.label
		}
		hang(&b, "", "  ", group.node.label+": "+strings.Join(members, ", "), width)
	}
	all := g.sources()
	for i, s := range all {
		next := ""
		if i+1 < len(all) && len(all[i+1].labels) == 1 {
			next = all[i+1].labels[0]
		}
		s.draw(&b, next, width)
	}
	return b.String()
}

// draw writes a box and its arrows. An only one that leads to the box below it, whose
// label is next, is drawn down to that.
func (s source) draw(b *strings.Builder, next string, width int) {
	var lines []string
	for _, label := range s.labels {
		lines = append(lines, wrap(label, width-4)...)
	}
	inner := 0
	for _, l := range lines {
		inner = max(inner, columns(l))
	}
	corners := []string{"┌", "┐", "└", "┘"}
	if s.round {
		corners = []string{"╭", "╮", "╰", "╯"}
	}
	b.WriteString(corners[0] + strings.Repeat("─", inner+2) + corners[1] + "\n")
	for _, l := range lines {
		b.WriteString("│ " + l + strings.Repeat(" ", inner-columns(l)) + " │\n")
	}
	b.WriteString(corners[2] + "─┬" + strings.Repeat("─", inner) + corners[3] + "\n")
	if e := s.edges[0]; len(s.edges) == 1 && e.to.label == next && e.toTip && !e.back && e.to != e.from {
		line := "│"
		if e.dotted {
			line = "┆"
		}
		if e.label != "" {
			hang(b, "  "+line+" ", "  "+line+" ", e.label, width)
		}
		b.WriteString("  ▼\n")
		return
	}
	for i, e := range s.edges {
		e.draw(b, width, i == len(s.edges)-1)
	}
}

// draw writes an arrow in one line if that has room, or its text and below it where
// it goes.
func (e edge) draw(b *strings.Builder, width int, last bool) {
	line, tip, target := "─", "─▶ ", e.to.label
	if e.dotted {
		line, tip = "┄", "┄▶ "
	}
	if !e.toTip {
		tip = line + line + " "
	}
	if e.to == e.from {
		target = "itself"
	}
	begin, below := "  ├", "  │ "
	if last {
		begin, below = "  └", "    "
	}
	if e.back {
		begin += "◀"
	}
	begin += line
	one := begin + tip + target
	if e.label != "" {
		one = begin + " " + e.label + " " + tip + target
	}
	if columns(one) <= width {
		b.WriteString(one + "\n")
		return
	}
	if e.label == "" {
		hang(b, begin+tip, below+"   ", target, width)
		return
	}
	hang(b, begin+" ", below+" ", e.label, width)
	hang(b, below+" "+line+tip, below+"     ", target, width)
}
