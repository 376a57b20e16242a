package cfn

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

// pseudo parameters that every template may use.
// Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html
func pseudoParameters() []string {
	return []string{"AWS::AccountId", "AWS::NoValue", "AWS::NotificationARNs", "AWS::Partition", "AWS::Region",
		"AWS::StackId", "AWS::StackName", "AWS::URLSuffix"}
}

// check reports everything that can be wrong without values of parameters.
func (t *Template) check(types map[string]*Schema) {
	c := &checker{t: t, types: types}
	if t.Conditions != nil && t.Conditions.Kind == Map {
		for _, f := range t.Conditions.Fields {
			c.condition(f.Value)
		}
		t.conditionCycles()
	}
	for _, n := range t.pendingConditions {
		c.conditionName(n)
	}
	for _, r := range t.Resources {
		s, ok := types[r.Type]
		if !ok {
			if !strings.HasPrefix(r.Type, "AWS::Serverless::") || len(t.Transforms) > 0 {
				t.problems.add(r.TypePos, c.otherTypes(r.Type), "resource type %s is not supported", r.Type)
			}
			continue
		}
		for i, d := range r.DependsOn {
			if t.Resource(d) == nil {
				t.problems.Add(r.dependsOn[i], nearest(d, c.resourceNames()), "DependsOn of %s names no resource: %s", r.LogicalID,
					d)
			}
		}
		c.functions(r.Properties, true)
		c.object(r.Properties, s.Properties, r.LogicalID, r.Pos)
	}
	for _, o := range t.Outputs {
		c.functions(o.Value, true)
		c.functions(o.Export, true)
	}
	if len(t.problems.List) == 0 {
		if _, err := graphOf(t).Order(); err != nil {
			var cycle *CycleError
			errors.As(err, &cycle) // Order has no other error
			t.problems.add(t.Resource(cycle.IDs[0]).Pos, "break the circle: name resources in advance or split one in two", "%s",
				cycle)
		}
	}
}

type checker struct {
	t     *Template
	types map[string]*Schema
}

func (c *checker) typeNames() []string {
	names := make([]string, 0, len(c.types))
	for n := range c.types {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// otherTypes says what there is in place of a type that is not: the one that was meant,
// those of the service, or the services that have any.
func (c *checker) otherTypes(name string) string {
	if near := nearest(name, c.typeNames()); near != "" {
		return near
	}
	service := func(name string) string { return name[:max(strings.LastIndex(name, "::"), 0)] }
	var same, services []string
	for _, n := range c.typeNames() {
		if s := service(n); strings.HasPrefix(name, s+"::") {
			same = append(same, n)
		} else if !slices.Contains(services, s) {
			services = append(services, s)
		}
	}
	if len(same) > 0 {
		return "of that service there is " + strings.Join(same, ", ")
	}
	return "there are types of " + strings.Join(services, ", ")
}

func (c *checker) resourceNames() []string {
	var out []string
	for _, r := range c.t.Resources {
		out = append(out, r.LogicalID)
	}
	return out
}

func (c *checker) object(n *Node, fields Properties, path string, pos Pos) {
	if n != nil && n.Kind == Func {
		return
	}
	if n != nil && n.Kind == Map {
		pos = n.Pos
		for _, f := range n.Fields {
			p, ok := fields[f.Key]
			if !ok {
				c.t.problems.add(f.Pos, nearest(f.Key, fields.names()), "%s has no property %s, or it is not supported", path,
					f.Key)
				continue
			}
			c.value(f.Value, p, path+"."+f.Key)
		}
	}
	for _, name := range fields.names() {
		if fields[name].Required && n.Get(name) == nil {
			c.t.problems.add(pos, "", "%s: property %s is required", path, name)
		}
	}
}

// value checks the form of one property; what a function returns is checked
// when it is known.
func (c *checker) value(n *Node, p Property, path string) {
	if n.Kind == Func {
		if n.Func == "Fn::If" && n.Arg().Kind == List && len(n.Arg().Items) == 3 {
			c.value(n.Arg().Items[1], p, path)
			c.value(n.Arg().Items[2], p, path)
		}
		return
	}
	bad := func(hint string) { c.t.problems.Add(n, hint, "%s must be %s, this is %s", path, p.Type, n.Kind) }
	switch p.Type {
	case TObject:
		if n.Kind != Map {
			bad("")
			return
		}
		c.object(n, p.Fields, path, n.Pos)
	case TMap:
		if n.Kind != Map {
			bad("")
			return
		}
		for _, f := range n.Fields {
			c.value(f.Value, *p.Item, path+"."+f.Key)
		}
	case TList:
		if n.Kind != List {
			bad("put a dash before it")
			return
		}
		for i, it := range n.Items {
			c.value(it, *p.Item, path+"["+strconv.Itoa(i)+"]")
		}
		c.bounds(n, p, path, float64(len(n.Items)), "entries")
	case TJSON:
	default:
		c.scalar(n, p, path)
	}
}

func (c *checker) scalar(n *Node, p Property, path string) {
	if n.Kind == Map || n.Kind == List || n.Kind == Null {
		c.t.problems.Add(n, "", "%s must be %s, this is %s", path, p.Type, n.Kind)
		return
	}
	switch p.Type {
	case TBoolean:
		if n.Scalar != "true" && n.Scalar != "false" {
			c.t.problems.Add(n, "write true or false", "%s must be a boolean, this is %q", path, n.Scalar)
		}
	case TInteger, TDouble:
		f, err := strconv.ParseFloat(n.Scalar, 64)
		if err != nil || p.Type == TInteger && f != float64(int64(f)) {
			c.t.problems.Add(n, "", "%s must be %s, this is %q", path, p.Type, n.Scalar)
			return
		}
		c.bounds(n, p, path, f, "")
	}
	if len(p.Enum) > 0 && !slices.Contains(p.Enum, n.Scalar) {
		hint := nearest(n.Scalar, p.Enum)
		if hint == "" {
			hint = "one of " + strings.Join(p.Enum, ", ")
		}
		c.t.problems.Add(n, hint, "%s cannot be %q", path, n.Scalar)
	}
}

func (c *checker) bounds(n *Node, p Property, path string, v float64, unit string) {
	if p.Min == 0 && p.Max == 0 {
		return
	}
	if v < p.Min || p.Max != 0 && v > p.Max {
		c.t.problems.Add(n, "", "%s must have %v to %v %s", path, p.Min, p.Max, cmpOr(unit, "as its value"))
	}
}

func cmpOr(a, b string) string {
	if a == "" {
		return b
	}
	return a
}
