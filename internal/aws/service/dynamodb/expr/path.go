package expr

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/item"
)

// Step is one part of a document path: a name, or an index when Name is empty.
type Step struct {
	Name  string
	Index int
	Elem  bool // the step is an index
}

// Path leads to an attribute or into one.
type Path []Step

// Top is the name of the attribute that the path begins with.
func (p Path) Top() string { return p[0].Name }

// String is AWS's form in error messages: [a, b, [1]].
func (p Path) String() string {
	parts := make([]string, len(p))
	for i, s := range p {
		if parts[i] = s.Name; s.Elem {
			parts[i] = "[" + strconv.Itoa(s.Index) + "]"
		}
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// Get follows the path; the answer does not Exist when it leads nowhere.
func (p Path) Get(it item.Item) item.Value {
	v := it[p[0].Name]
	for _, s := range p[1:] {
		v = s.in(v)
	}
	return v
}

func (s Step) in(v item.Value) item.Value {
	switch {
	case !s.Elem && v.Kind == item.Map:
		return v.Fields[s.Name]
	case s.Elem && v.Kind == item.List && s.Index < len(v.Elems):
		return v.Elems[s.Index]
	}
	return item.Value{}
}

func (p Path) equal(q Path) bool {
	if len(p) != len(q) {
		return false
	}
	for i := range p {
		if p[i] != q[i] {
			return false
		}
	}
	return true
}

// checkOverlap refuses two paths of which one contains the other, or which
// treat one value both as a map and as a list.
func checkOverlap(paths []Path) error {
	for i, p := range paths {
		for _, q := range paths[:i] {
			switch overlap(q, p) {
			case 1:
				return fmt.Errorf("Two document paths overlap with each other; must remove or rewrite one of these paths; "+
					"path one: %s, path two: %s", q, p)
			case 2:
				return fmt.Errorf("Two document paths conflict with each other; must remove or rewrite one of these paths; "+
					"path one: %s, path two: %s", q, p)
			}
		}
	}
	return nil
}

// overlap is 1 for overlapping, 2 for conflicting paths.
func overlap(p, q Path) int {
	for i := range min(len(p), len(q)) {
		if p[i].Elem != q[i].Elem {
			return 2
		}
		if p[i] != q[i] {
			return 0
		}
	}
	return 1
}

// Projection selects parts of items.
type Projection struct {
	Paths []Path
	root  selection
	flat  bool // of PartiQL: what a path leads to is called by its last name
}

// selection is a tree of what to keep; whole keeps a value with all it holds.
type selection struct {
	whole  bool
	fields map[string]*selection
	elems  map[int]*selection
}

// NewProjection makes a projection of paths that do not overlap.
func NewProjection(paths []Path) *Projection {
	pr := &Projection{Paths: paths}
	for _, p := range paths {
		at := &pr.root
		for _, s := range p {
			at = at.child(s)
		}
		at.whole = true
	}
	return pr
}

// label is the name of what the path leads to in the answer of a SELECT: the last name,
// or for an element its place among what is selected.
func (p Path) label(place int) string {
	if last := p[len(p)-1]; !last.Elem {
		return last.Name
	}
	return "_" + strconv.Itoa(place+1)
}

func (sel *selection) child(s Step) *selection {
	if s.Elem {
		if sel.elems == nil {
			sel.elems = map[int]*selection{}
		}
		if sel.elems[s.Index] == nil {
			sel.elems[s.Index] = &selection{}
		}
		return sel.elems[s.Index]
	}
	if sel.fields == nil {
		sel.fields = map[string]*selection{}
	}
	if sel.fields[s.Name] == nil {
		sel.fields[s.Name] = &selection{}
	}
	return sel.fields[s.Name]
}

// Apply returns the selected parts. List elements keep their order but not
// their positions.
func (pr *Projection) Apply(it item.Item) item.Item {
	out := item.Item{}
	if pr.flat {
		for i, p := range pr.Paths {
			if v := p.Get(it); v.Exists() {
				out[p.label(i)] = v
			}
		}
		return out
	}
	for name, sel := range pr.root.fields {
		if v := sel.of(it[name]); v.Exists() {
			out[name] = v
		}
	}
	return out
}

func (sel *selection) of(v item.Value) item.Value {
	switch {
	case sel.whole || !v.Exists():
		return v
	case v.Kind == item.Map && sel.fields != nil:
		out := item.Value{Kind: item.Map, Fields: map[string]item.Value{}}
		for name, s := range sel.fields {
			if f := s.of(v.Fields[name]); f.Exists() {
				out.Fields[name] = f
			}
		}
		if len(out.Fields) == 0 {
			return item.Value{}
		}
		return out
	case v.Kind == item.List && sel.elems != nil:
		out := item.Value{Kind: item.List}
		for i, e := range v.Elems {
			if s := sel.elems[i]; s != nil {
				if e = s.of(e); e.Exists() {
					out.Elems = append(out.Elems, e)
				}
			}
		}
		if len(out.Elems) == 0 {
			return item.Value{}
		}
		return out
	}
	return item.Value{}
}
