package mermaid

import (
	"regexp"
	"slices"
	"strings"
)

// node is a box of a flowchart.
type node struct {
	id, label string
	round     bool
}

// edge is an arrow.
type edge struct {
	from, to    *node
	label       string
	dotted      bool
	toTip, back bool // a tip at the end, and at the beginning
}

// flow is a flowchart.
type flow struct {
	nodes  map[string]*node
	edges  []edge
	groups []group
	inside []int // groups that are open while parsing, by index
}

// group is a subgraph: a box around boxes.
type group struct {
	node    *node
	members []*node
}

// parseFlow reads statements; false if it does not know one.
func parseFlow(lines []string) (*flow, bool) {
	g := &flow{nodes: map[string]*node{}}
	for _, l := range lines {
		for _, statement := range strings.Split(l, ";") {
			if statement = strings.TrimSpace(statement); statement != "" && !g.statement(statement) {
				return nil, false
			}
		}
	}
	return g, len(g.inside) == 0
}

func (g *flow) statement(s string) bool {
	word, rest, _ := strings.Cut(s, " ")
	switch word {
	case "direction", "classDef", "class", "style", "linkStyle", "click": // looks, not meaning
		return true
	case "end":
		if len(g.inside) == 0 {
			return false
		}
		g.inside = g.inside[:len(g.inside)-1]
		return true
	case "subgraph":
		id, after, ok := identifier(strings.TrimSpace(rest))
		if !ok {
			return false
		}
		n := g.node(id)
		if label, left, ok := shape(strings.TrimSpace(after), n); ok && left == "" {
			n.label = label
		} else if strings.TrimSpace(after) != "" {
			n.label = strings.TrimSpace(rest)
		}
		g.groups = append(g.groups, group{node: n})
		g.inside = append(g.inside, len(g.groups)-1)
		return true
	}
	return g.chain(s)
}

// node finds a node by its id, or makes it.
func (g *flow) node(id string) *node {
	n := g.nodes[id]
	if n == nil {
		n = &node{id: id, label: id}
		g.nodes[id] = n
	}
	return n
}

// chain reads nodes with arrows between them: A & B -- text --> C --> D.
func (g *flow) chain(s string) bool {
	left, s, ok := g.side(s)
	for ok && s != "" {
		var e edge
		var right []*node
		if e, s, ok = link(s); !ok {
			return false
		}
		if right, s, ok = g.side(s); !ok {
			return false
		}
		for _, from := range left {
			for _, to := range right {
				e.from, e.to = from, to
				g.edges = append(g.edges, e)
			}
		}
		left = right
	}
	return ok
}

// side reads nodes that are joined by &.
func (g *flow) side(s string) (out []*node, rest string, ok bool) {
	for {
		id, after, ok := identifier(strings.TrimSpace(s))
		if !ok {
			return nil, "", false
		}
		n := g.node(id)
		if label, left, ok := shape(after, n); ok {
			n.label, after = label, left
		}
		for _, i := range g.inside {
			if !slices.Contains(g.groups[i].members, n) {
				g.groups[i].members = append(g.groups[i].members, n)
			}
		}
		out = append(out, n)
		after = strings.TrimSpace(after)
		more, found := strings.CutPrefix(after, "&")
		if !found {
			return out, after, true
		}
		s = more
	}
}

func identifier(s string) (id, rest string, ok bool) {
	end := strings.IndexFunc(s, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
	if end < 0 {
		end = len(s)
	}
	return s[:end], s[end:], end > 0
}

// shape reads what stands behind a node's id, such as [text] or [(text)].
func shape(s string, n *node) (label, rest string, ok bool) {
	for _, p := range [][2]string{{"[[", "]]"}, {"[(", ")]"}, {"([", "])"}, {"((", "))"}, {"{{", "}}"}, {"[/", "/]"},
		{"[", "]"}, {"(", ")"}, {"{", "}"}} {
		after, found := strings.CutPrefix(s, p[0])
		if !found {
			continue
		}
		end := strings.Index(after, p[1])
		if quoted, isQuoted := strings.CutPrefix(after, `"`); isQuoted { // it may hold brackets
			close := strings.Index(quoted, `"`)
			if close < 0 || !strings.HasPrefix(quoted[close+1:], p[1]) {
				return "", "", false
			}
			end = close + 2
		}
		if end < 0 {
			return "", "", false
		}
		n.round = strings.Contains(p[0], "(")
		return clean(after[:end]), after[end+len(p[1]):], true
	}
	return "", s, false
}

// clean is a label without its quotation marks and line breaks of HTML.
func clean(label string) string {
	label = strings.Trim(strings.TrimSpace(label), `"`)
	return strings.Join(strings.Fields(regexp.MustCompile(`<br ?/?>`).ReplaceAllString(label, " ")), " ")
}

// link reads an arrow with its text, in any of the two ways to write it.
func link(s string) (e edge, rest string, ok bool) {
	m := regexp.MustCompile(`^(<)?(?:` +
		`(-\.+->?|-{2,}>|-{3,}|={2,}>|={3,})(?:\|([^|]*)\|)?` + // -->, -->|text|
		`|-- *("[^"]*"|.+?) *(-{2,}>|-{3,})` + // -- text -->
		`|-\. *("[^"]*"|.+?) *(\.+->|\.+-)` + // -. text .->
		`|== *("[^"]*"|.+?) *(={2,}>|={3,})` + // == text ==>
		`)`).FindStringSubmatch(s)
	if m == nil {
		return edge{}, "", false
	}
	arrow := m[2] + m[5] + m[7] + m[9]
	e = edge{label: clean(m[3] + m[4] + m[6] + m[8]), back: m[1] != "", toTip: strings.HasSuffix(arrow, ">"),
		dotted: strings.Contains(arrow, ".")}
	return e, s[len(m[0]):], true
}
