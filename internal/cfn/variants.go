package cfn

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Variant is a template in which one property of a resource is not what it was.
type Variant struct {
	Line   int    // of the property, in the template as it was
	What   string // such as "without Queue.VisibilityTimeout"
	Source []byte // the changed template
}

// Variants makes every template that differs from src in one property: a property
// that is gone, at any depth, a number that is another, a true that is false. The
// order is that of the template. References, conditions, parameters and outputs
// stay. The error says that src is no template.
func Variants(src []byte) ([]Variant, error) {
	file, err := parseYAML(src)
	if err != nil {
		return nil, fmt.Errorf("the template is not valid YAML: %w", err)
	}
	if len(file.Docs) == 0 {
		return nil, nil
	}
	c := &variants{file: file}
	for _, resource := range pairs(member(file.Docs[0].Body, "Resources")) {
		c.value(keyOf(resource), member(resource.Value, "Properties"))
	}
	return c.made, c.err
}

type variants struct {
	file *ast.File
	made []Variant
	err  error
}

// add takes the template as it is at this moment.
func (c *variants) add(n ast.Node, format string, args ...any) {
	text := []byte(c.file.String())
	if _, err := parseYAML(text); err != nil && c.err == nil {
		c.err = fmt.Errorf("%s: what was changed cannot be written as YAML: %w", fmt.Sprintf(format, args...), err)
	}
	c.made = append(c.made, Variant{Line: n.GetToken().Position.Line, What: fmt.Sprintf(format, args...), Source: text})
}

func (c *variants) value(path string, n ast.Node) {
	switch t := n.(type) {
	case *ast.MappingNode:
		all := t.Values
		for i, p := range all {
			name := path + "." + keyOf(p)
			if strings.HasPrefix(keyOf(p), "Fn::") || keyOf(p) == "Ref" {
				return // a function is one value
			}
			if len(all) > 1 { // else dropping the whole above is the same
				t.Values = append(append([]*ast.MappingValueNode{}, all[:i]...), all[i+1:]...)
				c.add(p, "without %s", name)
				t.Values = all
			}
			c.alter(name, p)
			c.value(name, p.Value)
		}
	case *ast.SequenceNode:
		all := t.Values
		for i, e := range all {
			if len(all) > 1 {
				t.Values = append(append([]ast.Node{}, all[:i]...), all[i+1:]...)
				c.add(e, "without %s[%d]", path, i)
				t.Values = all
			}
			c.value(fmt.Sprintf("%s[%d]", path, i), e)
		}
	}
}

// alter changes a number or a truth.
func (c *variants) alter(name string, p *ast.MappingValueNode) {
	was := p.Value
	token := was.GetToken()
	text, replacement := token.Value, ""
	switch t := was.(type) {
	case *ast.BoolNode:
		replacement = strconv.FormatBool(!t.Value)
	case *ast.IntegerNode:
		n, err := strconv.ParseInt(text, 0, 64)
		if err != nil {
			return
		}
		replacement = strconv.FormatInt(n*2+1, 10)
	default:
		return
	}
	changed := *token
	changed.Value, changed.Origin = replacement, strings.Replace(token.Origin, text, replacement, 1)
	p.Value = ast.String(&changed)
	c.add(p, "%s: %s instead of %s", name, replacement, text)
	p.Value = was
}

// member is the value of a key of a mapping, nil when there is none.
func member(n ast.Node, name string) ast.Node {
	for _, p := range pairs(n) {
		if keyOf(p) == name {
			return p.Value
		}
	}
	return nil
}

func pairs(n ast.Node) []*ast.MappingValueNode {
	switch t := n.(type) {
	case *ast.MappingNode:
		return t.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{t}
	}
	return nil
}

func keyOf(p *ast.MappingValueNode) string { return p.Key.GetToken().Value }
