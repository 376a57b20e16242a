// Package cfn reads CloudFormation templates, works out what a deployment has
// to change, and carries it out over a Provider: dependency order, change
// sets, rollback, deletion, resumption after a kill. It knows the language of
// templates and nothing of any service: resource types, their properties and
// the calls that make them are the Provider's.
package cfn

import "strings"

// Pos is a place in a template; lines and columns count from 1. The zero value
// means the place is not known.
type Pos struct{ Line, Column int }

// Kind is what a node of a template is.
type Kind int

// The kinds of node.
const (
	Null Kind = iota
	Bool
	Number
	String
	List
	Map
	Func // an intrinsic function in any of its spellings
)

// String names the kind as messages use it.
func (k Kind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "a list", "a map", "a function"}[k]
}

// Node is one value of a template with its place.
type Node struct {
	Kind   Kind
	Pos    Pos
	Scalar string // text of a boolean, number or string
	Items  []*Node
	Fields []Field // of a map, in the order of the file
	// Func is the long name of an intrinsic, "Fn::Sub" or "Ref"; its argument
	// is Items[0].
	Func string
}

// Field is one entry of a map.
type Field struct {
	Key   string
	Pos   Pos
	Value *Node
}

// Get returns the value of a key of a map, nil when there is none or n is no
// map.
func (n *Node) Get(key string) *Node {
	if n == nil || n.Kind != Map {
		return nil
	}
	for i := range n.Fields {
		if n.Fields[i].Key == key {
			return n.Fields[i].Value
		}
	}
	return nil
}

// Text returns the text of a scalar, or "".
func (n *Node) Text() string {
	if n == nil || n.Kind == Map || n.Kind == List || n.Kind == Func {
		return ""
	}
	return n.Scalar
}

// Arg is the argument of an intrinsic.
func (n *Node) Arg() *Node { return n.Items[0] }

// Text nodes and maps that a transform makes carry the place of what they were
// made from, so that messages still point into the learner's file.

func textNode(pos Pos, s string) *Node { return &Node{Kind: String, Pos: pos, Scalar: s} }

func listNode(pos Pos, items ...*Node) *Node { return &Node{Kind: List, Pos: pos, Items: items} }

func funcNode(pos Pos, name string, arg *Node) *Node {
	return &Node{Kind: Func, Pos: pos, Func: name, Items: []*Node{arg}}
}

// mapNode builds a map of alternating keys and values; nil values are left out.
func mapNode(pos Pos, kv ...any) *Node {
	n := &Node{Kind: Map, Pos: pos}
	for i := 0; i+1 < len(kv); i += 2 {
		v, _ := kv[i+1].(*Node)
		if s, ok := kv[i+1].(string); ok {
			v = textNode(pos, s)
		}
		if v != nil {
			n.Fields = append(n.Fields, Field{Key: kv[i].(string), Pos: v.Pos, Value: v})
		}
	}
	return n
}

// set replaces or appends a field of a map.
func (n *Node) set(key string, v *Node) {
	for i := range n.Fields {
		if n.Fields[i].Key == key {
			n.Fields[i].Value = v
			return
		}
	}
	n.Fields = append(n.Fields, Field{Key: key, Pos: v.Pos, Value: v})
}

// clone copies a node so that a transform can change it.
func (n *Node) clone() *Node {
	if n == nil {
		return nil
	}
	c := *n
	c.Items = make([]*Node, len(n.Items))
	for i, it := range n.Items {
		c.Items[i] = it.clone()
	}
	c.Fields = make([]Field, len(n.Fields))
	for i, f := range n.Fields {
		c.Fields[i] = Field{Key: f.Key, Pos: f.Pos, Value: f.Value.clone()}
	}
	return &c
}

// walk visits n and everything below it.
func (n *Node) walk(fn func(*Node)) {
	if n == nil {
		return
	}
	fn(n)
	for _, it := range n.Items {
		it.walk(fn)
	}
	for _, f := range n.Fields {
		f.Value.walk(fn)
	}
}

// longName returns the full name of a short-form tag such as "!Sub", and
// whether it names an intrinsic.
func longName(tag string) (string, bool) {
	name := strings.TrimPrefix(tag, "!")
	if name == "Ref" || name == "Condition" {
		return name, true
	}
	return "Fn::" + name, isIntrinsic("Fn::" + name)
}

// isIntrinsic tells the functions that templates may call.
// Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
func isIntrinsic(name string) bool {
	switch name {
	case "Ref", "Condition", "Fn::GetAtt", "Fn::Sub", "Fn::Join", "Fn::Select", "Fn::Split", "Fn::If", "Fn::Equals",
		"Fn::And", "Fn::Or", "Fn::Not", "Fn::FindInMap", "Fn::Base64", "Fn::Cidr", "Fn::GetAZs", "Fn::ImportValue",
		"Fn::Length", "Fn::ToJsonString":
		return true
	}
	return false
}
