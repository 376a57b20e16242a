package cfn

import (
	"strings"
)

// serverlessTransform is the macro that turns AWS::Serverless types into plain
// ones.
// Source:
// https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-generated-resources.html
const serverlessTransform = "AWS::Serverless-2016-10-31"

// expandServerless replaces the resources of the serverless transform by what
// they stand for. Every node made keeps the place of what it was made from.
func (t *Template) expandServerless(globals *Node) {
	x := &serverless{t: t, globals: globals}
	if len(t.Transforms) == 0 {
		if globals != nil {
			t.problems.Add(globals, "add Transform: "+serverlessTransform, "Globals needs the serverless transform")
		}
		for _, r := range t.Resources {
			if strings.HasPrefix(r.Type, "AWS::Serverless::") {
				t.problems.add(r.TypePos, "add Transform: "+serverlessTransform+" at the top", "%s needs the serverless transform",
					r.Type)
			}
		}
		return
	}
	x.checkGlobals()
	declared := t.Resources
	t.Resources = nil
	for _, r := range declared {
		switch r.Type {
		case "AWS::Serverless::Function":
			x.function(r)
		case "AWS::Serverless::SimpleTable":
			x.simpleTable(r)
		case "AWS::Serverless::LayerVersion":
			x.layer(r)
		default:
			x.add(r)
		}
	}
	for _, link := range x.later {
		link()
	}
}

type serverless struct {
	t       *Template
	globals *Node
	later   []func() // changes to resources that may stand below
}

func (x *serverless) add(r *ResourceDef) {
	if prev := x.t.Resource(r.LogicalID); prev != nil {
		x.t.problems.add(r.Pos, "rename one of them", "the serverless transform makes a resource %s, which exists already",
			r.LogicalID)
		return
	}
	x.t.Resources = append(x.t.Resources, r)
}

// make adds a generated resource that lives and dies with its origin.
func (x *serverless) make(from *ResourceDef, id, typ string, props *Node) {
	x.add(&ResourceDef{LogicalID: id, Pos: from.Pos, TypePos: from.TypePos, Type: typ, Properties: props,
		Condition: from.Condition, DeletionPolicy: "Delete", UpdateReplacePolicy: "Delete"})
}

func (x *serverless) checkGlobals() {
	if x.globals == nil {
		return
	}
	for _, f := range x.globals.Fields {
		if f.Key != "Function" && f.Key != "SimpleTable" && f.Key != "LayerVersion" {
			x.t.problems.add(f.Pos, "", "Globals.%s is not supported", f.Key)
		}
	}
}

// merged returns the properties of a resource over those of Globals: maps are
// merged, lists joined, everything else overridden.
func (x *serverless) merged(r *ResourceDef, section string) *Node {
	own := r.Properties
	if own == nil || own.Kind != Map {
		own = mapNode(r.Pos)
	}
	g := x.globals.Get(section)
	if g == nil {
		return own
	}
	return overlay(g, own)
}

func overlay(under, over *Node) *Node {
	switch {
	case under.Kind == Map && over.Kind == Map:
		out := under.clone()
		for _, f := range over.Fields {
			v := f.Value
			if u := out.Get(f.Key); u != nil {
				v = overlay(u, v)
			}
			out.set(f.Key, v)
		}
		out.Pos = over.Pos
		return out
	case under.Kind == List && over.Kind == List:
		return listNode(over.Pos, append(append([]*Node{}, under.clone().Items...), over.Items...)...)
	}
	return over
}

func (x *serverless) simpleTable(r *ResourceDef) {
	p := x.merged(r, "SimpleTable")
	out := mapNode(p.Pos)
	name, typ := textNode(r.Pos, "id"), textNode(r.Pos, "S")
	for _, f := range p.Fields {
		switch f.Key {
		case "PrimaryKey":
			if n := f.Value.Get("Name"); n != nil {
				name = n
			}
			if n := f.Value.Get("Type"); n != nil {
				typ = textNode(n.Pos, map[string]string{"String": "S", "Number": "N", "Binary": "B"}[n.Text()])
				if typ.Scalar == "" {
					x.t.problems.Add(n, "String, Number or Binary", "%q is no type of a primary key", n.Text())
				}
			}
		case "TableName", "ProvisionedThroughput":
			out.set(f.Key, f.Value)
		case "Tags":
			out.set("Tags", tagList(f.Value))
		default:
			x.unsupported(r, f, "PrimaryKey", "TableName", "ProvisionedThroughput", "Tags")
		}
	}
	out.set("AttributeDefinitions", listNode(r.Pos, mapNode(r.Pos, "AttributeName", name, "AttributeType", typ)))
	out.set("KeySchema", listNode(r.Pos, mapNode(r.Pos, "AttributeName", name, "KeyType", "HASH")))
	if out.Get("ProvisionedThroughput") == nil {
		out.set("BillingMode", textNode(r.Pos, "PAY_PER_REQUEST"))
	}
	made := *r
	made.Type, made.Properties = "AWS::DynamoDB::Table", out
	x.add(&made)
}

func (x *serverless) layer(r *ResourceDef) {
	p := x.merged(r, "LayerVersion")
	out := mapNode(p.Pos)
	made := *r
	// AWS: SAM keeps old layer versions (RetentionPolicy Retain) unless told
	// otherwise, and names each version's resource by a hash of its content.
	made.DeletionPolicy, made.UpdateReplacePolicy = "Retain", "Retain"
	for _, f := range p.Fields {
		switch f.Key {
		case "ContentUri":
			out.set("Content", x.code(f.Value))
		case "LayerName", "Description", "CompatibleRuntimes", "CompatibleArchitectures", "LicenseInfo":
			out.set(f.Key, f.Value)
		case "RetentionPolicy":
			if strings.EqualFold(f.Value.Text(), "Delete") {
				made.DeletionPolicy, made.UpdateReplacePolicy = "Delete", "Delete"
			}
		default:
			x.unsupported(r, f, "ContentUri", "LayerName", "Description", "CompatibleRuntimes", "CompatibleArchitectures",
				"LicenseInfo", "RetentionPolicy")
		}
	}
	made.Type, made.Properties = "AWS::Lambda::LayerVersion", out
	x.add(&made)
}

func (x *serverless) unsupported(r *ResourceDef, f Field, known ...string) {
	x.t.problems.add(f.Pos, nearest(f.Key, known), "%s of type %s has no property %s, or it is not supported", r.LogicalID,
		r.Type, f.Key)
}

// code turns CodeUri into the Code property: an object in S3, or a local path
// that the deployer packs.
func (x *serverless) code(n *Node) *Node {
	if n.Kind == Map {
		out := mapNode(n.Pos)
		for _, f := range n.Fields {
			name := map[string]string{"Bucket": "S3Bucket", "Key": "S3Key", "Version": "S3ObjectVersion"}[f.Key]
			if name == "" {
				x.t.problems.add(f.Pos, "Bucket, Key and Version", "CodeUri has no key %q", f.Key)
				continue
			}
			out.set(name, f.Value)
		}
		return out
	}
	if rest, ok := strings.CutPrefix(n.Text(), "s3://"); ok {
		bucket, key, _ := strings.Cut(rest, "/")
		return mapNode(n.Pos, "S3Bucket", textNode(n.Pos, bucket), "S3Key", textNode(n.Pos, key))
	}
	return n
}

func tagList(n *Node) *Node {
	if n.Kind != Map {
		return n
	}
	out := listNode(n.Pos)
	for _, f := range n.Fields {
		out.Items = append(out.Items, mapNode(f.Pos, "Key", textNode(f.Pos, f.Key), "Value", f.Value))
	}
	return out
}
