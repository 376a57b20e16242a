package cfn

import (
	"strings"
)

// Graph is what depends on what. Make one with newGraph; the order in which
// nodes are added breaks ties, so that every result repeats.
type Graph struct {
	ids   []string
	index map[string]int
	deps  map[string][]string
}

// CycleError names resources that wait for one another.
type CycleError struct{ IDs []string }

// Error names the circle, in CloudFormation's words.
func (e *CycleError) Error() string {
	return "Circular dependency between resources: [" + strings.Join(e.IDs, ", ") + "]"
}

func newGraph() *Graph { return &Graph{index: map[string]int{}, deps: map[string][]string{}} }

func (g *Graph) node(id string) {
	if _, ok := g.index[id]; !ok {
		g.index[id] = len(g.ids)
		g.ids = append(g.ids, id)
	}
}

// edge says that id needs dep to exist before it.
func (g *Graph) edge(id, dep string) {
	for _, d := range g.deps[id] {
		if d == dep {
			return
		}
	}
	g.deps[id] = append(g.deps[id], dep)
}

// Dependencies returns what id directly needs.
func (g *Graph) Dependencies(id string) []string { return g.deps[id] }

// Levels groups the nodes so that each needs only nodes of earlier groups. The
// error is a *CycleError.
func (g *Graph) Levels() ([][]string, error) {
	depth := map[string]int{}
	const visiting = -1
	var path []string
	var visit func(id string) error
	visit = func(id string) error {
		switch d, seen := depth[id]; {
		case seen && d == visiting:
			for i, p := range path {
				if p == id {
					return &CycleError{IDs: append([]string(nil), path[i:]...)}
				}
			}
		case seen:
			return nil
		}
		depth[id] = visiting
		path = append(path, id)
		level := 0
		for _, d := range g.deps[id] {
			if _, known := g.index[d]; !known {
				continue
			}
			if err := visit(d); err != nil {
				return err
			}
			level = max(level, depth[d]+1)
		}
		path = path[:len(path)-1]
		depth[id] = level
		return nil
	}
	var levels [][]string
	for _, id := range g.ids {
		if err := visit(id); err != nil {
			return nil, err
		}
	}
	for _, id := range g.ids {
		for len(levels) <= depth[id] {
			levels = append(levels, nil)
		}
		levels[depth[id]] = append(levels[depth[id]], id)
	}
	return levels, nil
}

// Order returns the nodes so that each comes after what it needs.
func (g *Graph) Order() ([]string, error) {
	levels, err := g.Levels()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, l := range levels {
		out = append(out, l...)
	}
	return out, nil
}

// graphOf returns the dependencies between the resources of a template.
func graphOf(t *Template) *Graph {
	g := newGraph()
	for _, r := range t.Resources {
		g.node(r.LogicalID)
	}
	for _, r := range t.Resources {
		for _, d := range r.DependsOn {
			g.edge(r.LogicalID, d)
		}
		for _, d := range references(r.Properties) {
			if t.Resource(d) != nil {
				g.edge(r.LogicalID, d)
			}
		}
	}
	return g
}

// references returns the names that a value refers to, parameters included.
func references(n *Node) []string {
	var out []string
	n.walk(func(n *Node) {
		if n.Kind != Func {
			return
		}
		arg := n.Arg()
		switch n.Func {
		case "Ref":
			out = append(out, arg.Text())
		case "Fn::GetAtt":
			if arg.Kind == List && len(arg.Items) > 0 {
				out = append(out, arg.Items[0].Text())
			}
		case "Fn::Sub":
			text, local := arg, (*Node)(nil)
			if arg.Kind == List && len(arg.Items) == 2 {
				text, local = arg.Items[0], arg.Items[1]
			}
			for _, name := range subNames(text.Text()) {
				if local.Get(name) == nil {
					id, _, _ := strings.Cut(name, ".")
					out = append(out, id)
				}
			}
		}
	})
	return out
}
