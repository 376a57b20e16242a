package cfn

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"syscall"
)

// Template is a parsed template. Every problem that can be seen without the
// values of its parameters has been reported by Parse.
type Template struct {
	File        string
	Description string
	Transforms  []string
	Parameters  []*Parameter
	Mappings    *Node
	Conditions  *Node
	Resources   []*ResourceDef
	Outputs     []*Output

	metadata          *Node
	problems          *Problems
	pendingConditions []*Node // uses of conditions, checked when all is read
}

// Parameter is one declared parameter.
type Parameter struct {
	Name        string
	Pos         Pos
	Type        string
	Default     *string
	Description string
	NoEcho      bool
	Allowed     []string
	Pattern     string
	Constraint  string // ConstraintDescription
	MinLength   *float64
	MaxLength   *float64
	MinValue    *float64
	MaxValue    *float64
}

// ResourceDef is one resource of a template.
type ResourceDef struct {
	LogicalID           string
	Pos, TypePos        Pos
	Type                string
	Properties          *Node // a map; nil when there are none
	DependsOn           []string
	dependsOn           []*Node
	Condition           string
	DeletionPolicy      string // Delete, Retain or RetainExceptOnCreate
	UpdateReplacePolicy string // Delete or Retain
	Metadata            *Node
}

// Output is one declared output.
type Output struct {
	Name        string
	Pos         Pos
	Description string
	Value       *Node
	Export      *Node // the export's name; nil when there is none
	Condition   string
}

// Resource returns the resource with a logical id, or nil.
func (t *Template) Resource(id string) *ResourceDef {
	for _, r := range t.Resources {
		if r.LogicalID == id {
			return r
		}
	}
	return nil
}

// Parameter returns the parameter with a name, or nil.
func (t *Template) Parameter(name string) *Parameter {
	for _, p := range t.Parameters {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// Parse reads a template, expands the serverless transform and checks it
// against the types that can be deployed. The error is *Problems and holds
// every problem found; file is the name that messages use.
func Parse(file string, src []byte, types map[string]*Schema) (*Template, error) {
	return ParseLocal(file, src, types, nil)
}

// ParseLocal is Parse for templates that name local code: a plain string where
// a property declared Local is an object is given to pack, whose answer takes
// its place. An error of pack is a problem at that line.
func ParseLocal(file string, src []byte, types map[string]*Schema, pack func(path string) (map[string]string,
	error)) (*Template, error) {
	ps := &Problems{File: file}
	root := parseNodes(src, ps)
	if root == nil {
		return nil, ps.err()
	}
	if root.Kind != Map {
		ps.Add(root, "a template is a map with at least the key Resources", "the template is %s, not a map", root.Kind)
		return nil, ps.err()
	}
	t := &Template{File: file, problems: ps}
	t.read(root)
	t.expandServerless(root.Get("Globals"))
	if err := t.packLocal(types, pack); err != nil {
		return nil, err
	}
	t.check(types)
	return t, ps.err()
}

func (t *Template) packLocal(types map[string]*Schema, pack func(path string) (map[string]string, error)) error {
	for _, r := range t.Resources {
		s, ok := types[r.Type]
		if !ok || r.Properties == nil {
			continue
		}
		for i, f := range r.Properties.Fields {
			if !s.Properties[f.Key].Local || f.Value.Kind != String {
				continue
			}
			if pack == nil {
				t.problems.Add(f.Value, "give S3Bucket and S3Key, or deploy with pipelab, which packs it",
					"local code %q cannot be reached from here", f.Value.Scalar)
				r.Properties.Fields[i].Value = funcNode(f.Value.Pos, "?", &Node{})
				continue
			}
			fields, err := pack(f.Value.Scalar)
			if errors.Is(err, syscall.ENOSPC) { // nothing is wrong with the template
				return fmt.Errorf("pack local code %q: %w", f.Value.Scalar, err)
			}
			if err != nil {
				t.problems.Add(f.Value, "its path begins at the template's folder", "local code %q: %v", f.Value.Scalar, err)
			}
			packed := mapNode(f.Value.Pos)
			for k, v := range fields {
				packed.set(k, textNode(f.Value.Pos, v))
			}
			r.Properties.Fields[i].Value = packed
		}
	}
	return nil
}

// limits of names.
// Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resources-section-structure.html
func logicalID(s string) bool { return regexp.MustCompile(`^[A-Za-z0-9]{1,255}$`).MatchString(s) }

func (t *Template) read(root *Node) {
	sections := []string{"AWSTemplateFormatVersion", "Description", "Transform", "Globals", "Metadata", "Parameters",
		"Mappings", "Conditions", "Resources", "Outputs"}
	for _, f := range root.Fields {
		switch f.Key {
		case "AWSTemplateFormatVersion":
			if f.Value.Text() != "2010-09-09" {
				t.problems.Add(f.Value, "write '2010-09-09'", "AWSTemplateFormatVersion must be 2010-09-09")
			}
		case "Description":
			t.Description = t.text(f.Value, "Description")
		case "Transform":
			t.readTransform(f.Value)
		case "Globals":
		case "Metadata":
			t.metadata = f.Value
		case "Mappings":
			t.Mappings = f.Value
			t.checkMappings()
		case "Conditions":
			t.Conditions = f.Value
			t.section(f.Value, "Conditions", func(Field) {})
		case "Parameters":
			t.section(f.Value, "Parameters", t.readParameter)
		case "Resources":
			t.section(f.Value, "Resources", t.readResource)
		case "Outputs":
			t.section(f.Value, "Outputs", t.readOutput)
		default:
			t.problems.add(f.Pos, nearest(f.Key, sections), "unknown section %q", f.Key)
		}
	}
	if len(t.Resources) == 0 && root.Get("Resources") == nil {
		t.problems.Add(root, "add a Resources section", "the template declares no resources")
	}
}

func (t *Template) section(n *Node, name string, each func(Field)) {
	if n.Kind != Map {
		t.problems.Add(n, "", "%s must be a map, this is %s", name, n.Kind)
		return
	}
	for _, f := range n.Fields {
		if !logicalID(f.Key) {
			t.problems.add(f.Pos, "use letters and digits only", "%q is not a valid name in %s", f.Key, name)
		}
		each(f)
	}
}

func (t *Template) readTransform(n *Node) {
	items := []*Node{n}
	if n.Kind == List {
		items = n.Items
	}
	for _, it := range items {
		if it.Text() != serverlessTransform {
			t.problems.Add(it, "only "+serverlessTransform+" is supported", "transform %q is not supported", it.Text())
			continue
		}
		t.Transforms = append(t.Transforms, it.Text())
	}
}

func (t *Template) checkMappings() {
	t.section(t.Mappings, "Mappings", func(f Field) {
		if f.Value.Kind != Map {
			t.problems.Add(f.Value, "", "mapping %s must be a map of maps", f.Key)
			return
		}
		for _, top := range f.Value.Fields {
			if top.Value.Kind != Map {
				t.problems.Add(top.Value, "", "mapping %s.%s must be a map", f.Key, top.Key)
				continue
			}
			top.Value.walk(func(n *Node) {
				if n.Kind == Func {
					t.problems.Add(n, "write the value itself", "functions cannot be used in Mappings")
				}
			})
		}
	})
}

func (t *Template) readResource(f Field) {
	r := &ResourceDef{LogicalID: f.Key, Pos: f.Pos, TypePos: f.Pos, DeletionPolicy: "Delete",
		UpdateReplacePolicy: "Delete"}
	if f.Value.Kind != Map {
		t.problems.Add(f.Value, "", "resource %s must be a map with the key Type", f.Key)
		return
	}
	known := []string{"Type", "Properties", "DependsOn", "Condition", "DeletionPolicy", "UpdateReplacePolicy", "Metadata"}
	// The serverless transform drops a description; CloudFormation knows no such attribute.
	serverless := strings.HasPrefix(f.Value.Get("Type").Text(), "AWS::Serverless::")
	for _, a := range f.Value.Fields {
		if serverless && a.Key == "Description" {
			continue
		}
		switch a.Key {
		case "Type":
			r.Type, r.TypePos = t.text(a.Value, "Type"), a.Value.Pos
		case "Properties":
			if a.Value.Kind != Map && a.Value.Kind != Null {
				t.problems.Add(a.Value, "", "Properties of %s must be a map, this is %s", f.Key, a.Value.Kind)
				continue
			}
			r.Properties = a.Value
		case "DependsOn":
			t.readDependsOn(r, a.Value)
		case "Condition":
			r.Condition = t.text(a.Value, "Condition")
			t.pendingConditions = append(t.pendingConditions, a.Value)
		case "DeletionPolicy":
			r.DeletionPolicy = t.oneOf(a.Value, a.Key, "Delete", "Retain", "RetainExceptOnCreate")
		case "UpdateReplacePolicy":
			r.UpdateReplacePolicy = t.oneOf(a.Value, a.Key, "Delete", "Retain")
		case "Metadata":
			r.Metadata = a.Value
		default:
			t.problems.add(a.Pos, nearest(a.Key, known), "resource attribute %q is not supported", a.Key)
		}
	}
	if r.Type == "" {
		t.problems.add(f.Pos, "add Type: AWS::…", "resource %s has no Type", f.Key)
		return
	}
	t.Resources = append(t.Resources, r)
}

func (t *Template) readDependsOn(r *ResourceDef, n *Node) {
	items := []*Node{n}
	if n.Kind == List {
		items = n.Items
	}
	for _, it := range items {
		if it.Kind != String {
			t.problems.Add(it, "write the logical id of a resource", "DependsOn takes names, this is %s", it.Kind)
			continue
		}
		r.DependsOn, r.dependsOn = append(r.DependsOn, it.Scalar), append(r.dependsOn, it)
	}
}

func (t *Template) readOutput(f Field) {
	o := &Output{Name: f.Key, Pos: f.Pos}
	if f.Value.Kind != Map {
		t.problems.Add(f.Value, "", "output %s must be a map with the key Value", f.Key)
		return
	}
	for _, a := range f.Value.Fields {
		switch a.Key {
		case "Value":
			o.Value = a.Value
		case "Description":
			o.Description = t.text(a.Value, "Description")
		case "Condition":
			o.Condition = t.text(a.Value, "Condition")
			t.pendingConditions = append(t.pendingConditions, a.Value)
		case "Export":
			if o.Export = a.Value.Get("Name"); o.Export == nil {
				t.problems.Add(a.Value, "write Export: {Name: …}", "the export of %s has no Name", f.Key)
			}
		default:
			t.problems.add(a.Pos, nearest(a.Key, []string{"Value", "Description", "Export", "Condition"}),
				"an output has no key %q", a.Key)
		}
	}
	if o.Value == nil {
		t.problems.add(f.Pos, "", "output %s has no Value", f.Key)
		return
	}
	t.Outputs = append(t.Outputs, o)
}

func (t *Template) text(n *Node, what string) string {
	if n.Kind == Map || n.Kind == List || n.Kind == Func {
		t.problems.Add(n, "", "%s must be a plain string, this is %s", what, n.Kind)
		return ""
	}
	return n.Scalar
}

func (t *Template) oneOf(n *Node, what string, values ...string) string {
	s := t.text(n, what)
	for _, v := range values {
		if s == v {
			return s
		}
	}
	t.problems.Add(n, nearest(s, values), "%s must be one of %s", what, strings.Join(values, ", "))
	return values[0]
}
