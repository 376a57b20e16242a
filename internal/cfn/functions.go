package cfn

import (
	"errors"
	"slices"
	"strings"
)

// functions checks the calls of intrinsics in a value: the form of their
// arguments and that what they name exists. refs allows references to
// resources, which conditions may not make.
func (c *checker) functions(n *Node, refs bool) {
	if n == nil {
		return
	}
	if n.Kind == Func {
		c.call(n, refs)
	}
	for _, it := range n.Items {
		c.functions(it, refs)
	}
	for _, f := range n.Fields {
		c.functions(f.Value, refs)
	}
}

func (c *checker) call(n *Node, refs bool) {
	arg := n.Arg()
	switch n.Func {
	case "Ref":
		if arg.Kind != String {
			c.t.problems.Add(arg, "", "Ref takes the name of a parameter or resource")
			return
		}
		c.reference(arg, arg.Scalar, refs)
	case "Fn::GetAtt":
		c.getAtt(n, arg, refs)
	case "Fn::Sub":
		c.sub(arg, refs)
	case "Fn::If":
		if c.list(n, 3, 3) {
			c.conditionName(arg.Items[0])
		}
	case "Condition":
		c.conditionName(arg)
	case "Fn::Join", "Fn::Split", "Fn::Select", "Fn::Equals":
		c.list(n, 2, 2)
	case "Fn::FindInMap":
		if c.list(n, 3, 3) {
			c.findInMap(arg)
		}
	case "Fn::Cidr":
		c.list(n, 2, 3)
	case "Fn::And", "Fn::Or":
		c.list(n, 2, 10)
	case "Fn::Not":
		c.list(n, 1, 1)
	}
}

// list checks that a function has lo to hi arguments.
func (c *checker) list(n *Node, lo, hi int) bool {
	arg := n.Arg()
	if arg.Kind == Func {
		c.t.problems.Add(n, "", "the arguments of %s must be written as a list", n.Func)
		return false
	}
	if arg.Kind != List || len(arg.Items) < lo || len(arg.Items) > hi {
		if lo == hi {
			c.t.problems.Add(n, "", "%s takes a list of %d", n.Func, lo)
		} else {
			c.t.problems.Add(n, "", "%s takes a list of %d to %d", n.Func, lo, hi)
		}
		return false
	}
	return true
}

// reference checks a name that Ref or Sub use.
func (c *checker) reference(at *Node, name string, refs bool) {
	if slices.Contains(pseudoParameters(), name) || c.t.Parameter(name) != nil {
		return
	}
	if c.t.Resource(name) != nil {
		if !refs {
			c.t.problems.Add(at, "conditions may use parameters only", "a condition cannot refer to resource %s", name)
		}
		return
	}
	names := append(pseudoParameters(), c.resourceNames()...)
	for _, p := range c.t.Parameters {
		names = append(names, p.Name)
	}
	c.t.problems.Add(at, nearest(name, names), "there is no parameter or resource %q", name)
}

func (c *checker) getAtt(n, arg *Node, refs bool) {
	if arg.Kind != List || len(arg.Items) != 2 || arg.Items[0].Kind != String {
		c.t.problems.Add(n, "write !GetAtt Resource.Attribute", "Fn::GetAtt takes a resource and an attribute")
		return
	}
	c.attribute(arg.Items[0], arg.Items[0].Scalar, arg.Items[1].Text(), refs && arg.Items[1].Kind != Func)
	if !refs {
		c.t.problems.Add(n, "conditions may use parameters only", "Fn::GetAtt cannot be used in a condition")
	}
}

func (c *checker) attribute(at *Node, id, attr string, checkAttr bool) {
	r := c.t.Resource(id)
	if r == nil {
		c.t.problems.Add(at, nearest(id, c.resourceNames()), "there is no resource %q", id)
		return
	}
	s, ok := c.types[r.Type]
	if !ok || !checkAttr {
		return
	}
	if need := s.Needs[attr]; need != "" && r.Properties.Get(need) == nil {
		c.t.problems.Add(at, "give "+id+" the property "+need, "%s has no %s without a %s", id, attr, need)
		return
	}
	if slices.Contains(s.Attributes, attr) {
		return
	}
	hint := nearest(attr, s.Attributes)
	if hint == "" && len(s.Attributes) > 0 {
		hint = "it has " + strings.Join(s.Attributes, ", ")
	}
	c.t.problems.Add(at, hint, "%s has no attribute %q", r.Type, attr)
}

func (c *checker) sub(arg *Node, refs bool) {
	text, local := arg, (*Node)(nil)
	if arg.Kind == List {
		if len(arg.Items) != 2 || arg.Items[1].Kind != Map {
			c.t.problems.Add(arg, "", "Fn::Sub takes a string, or a list of a string and a map of variables")
			return
		}
		text, local = arg.Items[0], arg.Items[1]
	}
	if text.Kind != String {
		c.t.problems.Add(text, "", "Fn::Sub takes a string, this is %s", text.Kind)
		return
	}
	for _, name := range subNames(text.Scalar) {
		if local.Get(name) != nil {
			continue
		}
		if id, attr, ok := strings.Cut(name, "."); ok {
			c.attribute(text, id, attr, refs)
			continue
		}
		c.reference(text, name, refs)
	}
}

// subNames returns the variables of a Sub string; ${!Literal} is none.
func subNames(s string) []string {
	var out []string
	_ = subReplace(s, func(name string) (string, error) {
		out = append(out, name)
		return "", nil
	})
	return out
}

// subReplace replaces each ${name} of s.
func subReplace(s string, value func(string) (string, error)) error {
	_, err := substitute(s, value)
	return err
}

func substitute(s string, value func(string) (string, error)) (string, error) {
	var b strings.Builder
	for {
		i := strings.Index(s, "${")
		if i < 0 {
			b.WriteString(s)
			return b.String(), nil
		}
		end := strings.IndexByte(s[i:], '}')
		if end < 0 {
			b.WriteString(s)
			return b.String(), nil
		}
		name := s[i+2 : i+end]
		b.WriteString(s[:i])
		s = s[i+end+1:]
		if literal, ok := strings.CutPrefix(name, "!"); ok {
			b.WriteString("${" + literal + "}")
			continue
		}
		v, err := value(strings.TrimSpace(name))
		if err != nil {
			return "", err
		}
		b.WriteString(v)
	}
}

func (c *checker) findInMap(arg *Node) {
	m := arg.Items[0]
	if m.Kind != String {
		return
	}
	table := c.t.Mappings.Get(m.Scalar)
	if table == nil {
		var names []string
		if c.t.Mappings != nil {
			for _, f := range c.t.Mappings.Fields {
				names = append(names, f.Key)
			}
		}
		c.t.problems.Add(m, nearest(m.Scalar, names), "there is no mapping %q", m.Scalar)
		return
	}
	top := arg.Items[1]
	if top.Kind == String && table.Kind == Map && table.Get(top.Scalar) == nil {
		c.t.problems.Add(top, "", "mapping %s has no key %q", m.Scalar, top.Scalar)
	}
}

func (c *checker) conditionName(n *Node) {
	var names []string
	if c.t.Conditions != nil {
		for _, f := range c.t.Conditions.Fields {
			names = append(names, f.Key)
		}
	}
	if n.Kind != String || !slices.Contains(names, n.Scalar) {
		c.t.problems.Add(n, nearest(n.Text(), names), "there is no condition %q", n.Text())
	}
}

// condition checks an entry of Conditions: a tree of logical functions.
func (c *checker) condition(n *Node) {
	if n.Kind == Map && len(n.Fields) == 1 && n.Fields[0].Key == "Condition" {
		c.conditionName(n.Fields[0].Value)
		return
	}
	if n.Kind != Func {
		c.t.problems.Add(n, "use !Equals, !And, !Or, !Not or !Condition",
			"a condition must be a logical function, this is %s", n.Kind)
		return
	}
	switch n.Func {
	case "Fn::And", "Fn::Or", "Fn::Not":
		c.call(n, false)
		for _, it := range n.Arg().Items {
			c.condition(it)
		}
	case "Condition":
		c.conditionName(n.Arg())
	case "Fn::Equals":
		c.functions(n, false)
	default:
		c.t.problems.Add(n, "use !Equals, !And, !Or, !Not or !Condition", "%s is not a condition", n.Func)
	}
}

// conditionCycles reports conditions that use each other in a circle.
func (t *Template) conditionCycles() {
	g := newGraph()
	for _, f := range t.Conditions.Fields {
		g.node(f.Key)
	}
	for _, f := range t.Conditions.Fields {
		f.Value.walk(func(n *Node) {
			name := ""
			if n.Kind == Func && n.Func == "Condition" {
				name = n.Arg().Text()
			} else if n.Kind == Map && len(n.Fields) == 1 && n.Fields[0].Key == "Condition" {
				name = n.Fields[0].Value.Text()
			}
			if t.Conditions.Get(name) != nil {
				g.edge(f.Key, name)
			}
		})
	}
	if _, err := g.Order(); err != nil {
		var cycle *CycleError
		errors.As(err, &cycle) // Order has no other error
		t.problems.Add(t.Conditions.Get(cycle.IDs[0]), "", "conditions use each other in a circle: %s",
			strings.Join(cycle.IDs, " -> "))
	}
}
