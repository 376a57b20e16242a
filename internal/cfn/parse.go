package cfn

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/pipelab/pipelab/internal/foreign"
)

// maxTemplate is the largest template body, 1 MB as for templates in S3.
// Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
const maxTemplate = 1 << 20

// maxDepth keeps hostile nesting from exhausting the stack.
const maxDepth = 200

// reader turns a YAML syntax tree into nodes.
type reader struct {
	problems *Problems
	anchors  map[string]*Node
	budget   int // nodes left; aliases of aliases would multiply without end
}

// parseNodes reads YAML or JSON into nodes. It returns nil when the text has
// no tree at all.
func parseNodes(src []byte, ps *Problems) *Node {
	src, err := foreign.Text(src)
	if err != nil {
		ps.add(Pos{1, 1}, "", "the template cannot be read: %v", err)
		return nil
	}
	if len(src) > maxTemplate {
		ps.add(Pos{1, 1}, "", "the template is larger than 1 MB")
		return nil
	}
	// JSON may be indented with tabs, which YAML forbids. A raw tab cannot
	// stand inside a JSON string, so each may become one space.
	if t := bytes.TrimSpace(src); len(t) > 0 && t[0] == '{' {
		src = bytes.ReplaceAll(src, []byte("\t"), []byte(" "))
	}
	file, err := parseYAML(src)
	if err != nil {
		pos, msg := Pos{1, 1}, err.Error()
		var syntax yaml.Error
		if errors.As(err, &syntax) && syntax.GetToken() != nil {
			pos, msg = posOf(syntax.GetToken()), syntax.GetMessage()
		}
		hint := "check the indentation and the quotes around this line"
		if strings.Contains(msg, "'\t'") {
			hint = "YAML takes no tabs: indent with spaces"
		}
		ps.add(pos, hint, "the template is not valid YAML or JSON: %s", msg)
		return nil
	}
	r := &reader{problems: ps, anchors: map[string]*Node{}, budget: 100_000}
	for _, doc := range file.Docs {
		if doc.Body != nil {
			return r.node(doc.Body, 0)
		}
	}
	ps.add(Pos{1, 1}, "a template is a map with at least the key Resources", "the template is empty")
	return nil
}

// parseYAML shields the caller from panics of the YAML parser on hostile text.
func parseYAML(src []byte) (f *ast.File, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.New("the YAML parser gave up on it")
		}
	}()
	tokens := lexer.Tokenize(string(src))
	if err := bounded(tokens); err != nil {
		return nil, err
	}
	return parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
}

// What a template may have before it is parsed: the parser writes down the whole
// way to each of its nodes, so that its memory grows with the square of the depth.
const (
	maxNesting = 100
	maxTokens  = 400_000
)

// bounded refuses text that nests deeper than anybody writes.
func bounded(tokens token.Tokens) error {
	if len(tokens) > maxTokens {
		return errors.New("it is too large")
	}
	var columns []int // of the keys and entries that the present one is within
	flow, chain := 0, 0
	for i, t := range tokens {
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow = max(flow-1, 0)
		}
		switch {
		case t.Type == token.TagType || t.Type == token.AnchorType:
			chain++
		case i > 0 && tokens[i-1].Type == token.AnchorType: // the anchor's name
		default:
			chain = 0
		}
		key := i+1 < len(tokens) && tokens[i+1].Type == token.MappingValueType
		if flow == 0 && (key || t.Type == token.SequenceEntryType || t.Type == token.MappingKeyType) {
			for len(columns) > 0 && columns[len(columns)-1] >= t.Position.Column {
				columns = columns[:len(columns)-1]
			}
			columns = append(columns, t.Position.Column)
		}
		if len(columns)+flow+chain > maxNesting {
			return fmt.Errorf("in line %d it is nested deeper than %d levels", t.Position.Line, maxNesting)
		}
	}
	return nil
}

func posOf(t *token.Token) Pos {
	if t == nil || t.Position == nil {
		return Pos{}
	}
	return Pos{Line: t.Position.Line, Column: t.Position.Column}
}

func (r *reader) node(n ast.Node, depth int) *Node {
	if n == nil {
		return &Node{}
	}
	pos := posOf(n.GetToken())
	if r.budget--; depth > maxDepth || r.budget < 0 {
		if r.budget > -2 {
			r.problems.add(pos, "", "the template is nested too deeply or too large")
		}
		r.budget = min(r.budget, -2)
		return &Node{Pos: pos}
	}
	switch v := n.(type) {
	case *ast.MappingNode:
		return r.mapping(posOf(v.GetToken()), v.Values, depth)
	case *ast.MappingValueNode:
		return r.mapping(posOf(v.Key.GetToken()), []*ast.MappingValueNode{v}, depth)
	case *ast.SequenceNode:
		out := &Node{Kind: List, Pos: pos}
		for _, it := range v.Values {
			out.Items = append(out.Items, r.node(it, depth+1))
		}
		return out
	case *ast.TagNode:
		return r.tag(v, depth)
	case *ast.AnchorNode:
		out := r.node(v.Value, depth+1)
		r.anchors[v.Name.GetToken().Value] = out
		return out
	case *ast.AliasNode:
		return r.alias(v, pos)
	}
	return r.scalar(n, pos)
}

func (r *reader) scalar(n ast.Node, pos Pos) *Node {
	switch v := n.(type) {
	case *ast.StringNode:
		return textNode(pos, v.Value)
	case *ast.LiteralNode:
		return textNode(pos, v.Value.Value)
	case *ast.IntegerNode:
		return &Node{Kind: Number, Pos: pos, Scalar: v.Token.Value}
	case *ast.FloatNode:
		return &Node{Kind: Number, Pos: pos, Scalar: v.Token.Value}
	case *ast.BoolNode:
		s := "false"
		if v.Value {
			s = "true"
		}
		return &Node{Kind: Bool, Pos: pos, Scalar: s}
	case *ast.NullNode:
		return &Node{Pos: pos}
	}
	r.problems.add(pos, "", "this kind of YAML value has no place in a template")
	return &Node{Pos: pos}
}

func (r *reader) alias(v *ast.AliasNode, pos Pos) *Node {
	name := v.Value.GetToken().Value
	target, ok := r.anchors[name]
	if !ok {
		r.problems.add(pos, "", "alias *%s names no anchor above it", name)
		return &Node{Pos: pos}
	}
	size := 0
	target.walk(func(*Node) { size++ })
	if r.budget -= size; r.budget < 0 {
		r.problems.add(pos, "", "the aliases of this template expand to too much")
		return &Node{Pos: pos}
	}
	return target.clone()
}

func (r *reader) mapping(pos Pos, values []*ast.MappingValueNode, depth int) *Node {
	out := &Node{Kind: Map, Pos: pos}
	seen := map[string]Pos{}
	for _, kv := range values {
		at := posOf(kv.Key.GetToken())
		if _, merge := kv.Key.(*ast.MergeKeyNode); merge {
			r.problems.add(at, "repeat the keys instead", "CloudFormation does not support YAML's merge key <<")
			continue
		}
		key := kv.Key.GetToken().Value
		if s, ok := kv.Key.(*ast.StringNode); ok {
			key = s.Value
		}
		if first, dup := seen[key]; dup {
			r.problems.add(at, "", "key %q stands here a second time, first in line %d", key, first.Line)
			continue
		}
		seen[key] = at
		out.Fields = append(out.Fields, Field{Key: key, Pos: at, Value: r.node(kv.Value, depth+1)})
	}
	if len(out.Fields) == 1 && (isIntrinsic(out.Fields[0].Key) && out.Fields[0].Key != "Condition") {
		f := out.Fields[0]
		return r.call(f.Pos, f.Key, f.Value)
	}
	if len(out.Fields) == 1 && strings.HasPrefix(out.Fields[0].Key, "Fn::") {
		f := out.Fields[0]
		r.problems.add(f.Pos, nearest(strings.TrimPrefix(f.Key, "Fn::"), functionNames()), "function %s is not supported",
			f.Key)
		return funcNode(f.Pos, "?", f.Value)
	}
	return out
}

func (r *reader) tag(v *ast.TagNode, depth int) *Node {
	tag := v.Start.Value
	pos := posOf(v.Start)
	if strings.HasPrefix(tag, "!!") {
		return r.node(v.Value, depth+1) // YAML's own types, as in !!str 0123
	}
	name, ok := longName(tag)
	if !ok {
		r.problems.add(pos, nearest(strings.TrimPrefix(tag, "!"), functionNames()), "function %s is not supported", tag)
		return funcNode(pos, "?", &Node{Pos: pos}) // a function still, so that nobody complains of its type
	}
	return r.call(pos, name, r.node(v.Value, depth+1))
}

// call makes the node of an intrinsic; the short form of GetAtt is one string.
func (r *reader) call(pos Pos, name string, arg *Node) *Node {
	if name == "Fn::GetAtt" && arg.Kind == String {
		logical, attr, _ := strings.Cut(arg.Scalar, ".")
		arg = listNode(arg.Pos, textNode(arg.Pos, logical), textNode(arg.Pos, attr))
	}
	return funcNode(pos, name, arg)
}

func functionNames() []string {
	return []string{"Ref", "GetAtt", "Sub", "Join", "Select", "Split", "If", "Equals", "And", "Or", "Not", "FindInMap",
		"Base64", "Cidr", "GetAZs", "ImportValue", "Length", "ToJsonString", "Condition"}
}
