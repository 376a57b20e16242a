package lab

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/pipelab/pipelab/internal/foreign"
)

// maxFile bounds a lab.yaml; maxDepth its nesting.
const (
	maxFile  = 1 << 20
	maxDepth = 40
)

type place struct{ line, column int }

// decoder fills Go values from a YAML tree and notes every problem instead
// of stopping at the first, which the library's own strict mode does.
type decoder struct {
	file     string
	places   map[string]place
	problems Problems
}

func (d *decoder) problem(at place, path, hint, format string, args ...any) {
	d.problems = append(d.problems, Problem{File: d.file, Line: at.line, Column: at.column,
		Place: path, Message: fmt.Sprintf(format, args...), Hint: hint})
}

// at reports a problem at a path that was decoded, or at the nearest one
// above it.
func (d *decoder) at(path, hint, format string, args ...any) {
	for p := path; ; {
		if pos, ok := d.places[p]; ok {
			d.problem(pos, path, hint, format, args...)
			return
		}
		i := strings.LastIndexAny(p, ".[")
		if i < 0 {
			d.problem(place{1, 1}, path, hint, format, args...)
			return
		}
		p = p[:i]
	}
}

// decodeFile reads one document into v, a pointer to a struct.
func decodeFile(file string, src []byte, v any) *decoder {
	d := &decoder{file: file, places: map[string]place{}}
	if len(src) > maxFile {
		d.problem(place{1, 1}, "", "move data to the data folder", "the file has %d bytes; %d are allowed", len(src), maxFile)
		return d
	}
	src, err := foreign.Text(src)
	if err != nil {
		d.problem(place{1, 1}, "", "", "%v", err)
		return d
	}
	tree, err := parser.ParseBytes(src, 0)
	if err != nil {
		at, msg := place{1, 1}, err.Error()
		var syntax yaml.Error
		if errors.As(err, &syntax) {
			msg = syntax.GetMessage()
			if t := syntax.GetToken(); t != nil && t.Position != nil {
				at = place{t.Position.Line, t.Position.Column}
			}
		}
		d.problem(at, "", unquoted(msg), "%s", msg)
		return d
	}
	if len(tree.Docs) != 1 || tree.Docs[0].Body == nil {
		d.problem(place{1, 1}, "", "", "the file must hold exactly one YAML document")
		return d
	}
	if _, ok := entries(tree.Docs[0].Body); !ok {
		d.problem(position(tree.Docs[0].Body), "", "", "a mapping is needed here, not %s", kindOf(tree.Docs[0].Body))
		return d
	}
	d.value(tree.Docs[0].Body, reflect.ValueOf(v).Elem(), "", 0)
	return d
}

// unquoted is the hint for what the reader of YAML says when an expression within { … }
// holds a comma, a colon or a bracket of its own.
func unquoted(msg string) string {
	if strings.Contains(msg, "flow map") || strings.Contains(msg, "'}' must be specified") {
		return `within { … } quote an expression that holds a comma, a colon or brackets: { that: "size(items) == 1" }`
	}
	return ""
}

func position(n ast.Node) place {
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return place{1, 1}
	}
	p := n.GetToken().Position
	return place{p.Line, p.Column}
}

func (d *decoder) value(n ast.Node, v reflect.Value, path string, depth int) {
	if depth > maxDepth {
		d.problem(position(n), path, "", "nested more than %d deep", maxDepth)
		return
	}
	if _, seen := d.places[path]; !seen {
		d.places[path] = position(n)
	}
	switch n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		d.problem(position(n), path, "write the value out, or share it as a probe of the lab",
			"anchors, aliases and tags are not part of the format")
		return
	case *ast.NullNode, nil:
		if v.Kind() != reflect.Interface {
			d.problem(position(n), path, "write a value or leave the key out", "the value is missing")
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, v.Elem(), path, depth)
	case reflect.Struct:
		d.structure(n, v, path, depth)
	case reflect.Map:
		d.mapping(n, v, path, depth)
	case reflect.Slice:
		seq, ok := n.(*ast.SequenceNode)
		if !ok {
			d.problem(position(n), path, "write it as [a, b] or as lines that begin with -", "a list is needed here, not %s",
				kindOf(n))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), len(seq.Values), len(seq.Values)))
		for i, e := range seq.Values {
			d.value(e, v.Index(i), fmt.Sprintf("%s[%d]", path, i), depth+1)
		}
	case reflect.Interface:
		if plain := d.plain(n, path, depth); plain != nil {
			v.Set(reflect.ValueOf(plain))
		}
	default:
		d.scalar(n, v, path)
	}
}

// entries lists the keys of a mapping, whichever node the parser chose.
func entries(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch m := n.(type) {
	case *ast.MappingNode:
		return m.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{m}, true
	}
	return nil, false
}

func keyText(n ast.MapKeyNode) string {
	if s, ok := n.(*ast.StringNode); ok {
		return s.Value
	}
	return n.GetToken().Value
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func (d *decoder) structure(n ast.Node, v reflect.Value, path string, depth int) {
	list, ok := entries(n)
	if !ok {
		d.problem(position(n), path, "", "a mapping is needed here, not %s", kindOf(n))
		return
	}
	fields, names := map[string]int{}, []string{}
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("yaml")
		fields[name], names = i, append(names, name)
	}
	for _, e := range list {
		key := keyText(e.Key)
		i, known := fields[key]
		if !known {
			hint := nearest(key, names)
			if hint == "" {
				hint = "known here: " + strings.Join(names, ", ")
			}
			d.problem(position(e.Key), join(path, key), hint, "unknown key %q", key)
			continue
		}
		d.places[join(path, key)] = position(e.Key)
		d.value(e.Value, v.Field(i), join(path, key), depth+1)
	}
}

func (d *decoder) mapping(n ast.Node, v reflect.Value, path string, depth int) {
	list, ok := entries(n)
	if !ok {
		d.problem(position(n), path, "", "a mapping is needed here, not %s", kindOf(n))
		return
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), len(list)))
	for _, e := range list {
		key := keyText(e.Key)
		d.places[join(path, key)] = position(e.Key)
		elem := reflect.New(v.Type().Elem()).Elem()
		d.value(e.Value, elem, join(path, key), depth+1)
		v.SetMapIndex(reflect.ValueOf(key), elem)
	}
}

func (d *decoder) scalar(n ast.Node, v reflect.Value, path string) {
	text, isText := textOf(n)
	switch v.Kind() {
	case reflect.String:
		if isText {
			v.SetString(text)
			return
		}
		// A number or true where text belongs is kept as written.
		switch n.(type) {
		case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
			v.SetString(n.GetToken().Value)
			return
		}
		d.problem(position(n), path, "", "text is needed here, not %s", kindOf(n))
	case reflect.Int:
		if i, err := strconv.Atoi(n.GetToken().Value); err == nil && !isText {
			v.SetInt(int64(i))
			return
		}
		d.problem(position(n), path, "", "a whole number is needed here, not %s", kindOf(n))
	case reflect.Float64:
		if f, err := strconv.ParseFloat(n.GetToken().Value, 64); err == nil && !isText {
			v.SetFloat(f)
			return
		}
		d.problem(position(n), path, "", "a number is needed here, not %s", kindOf(n))
	case reflect.Bool:
		if b, ok := n.(*ast.BoolNode); ok {
			v.SetBool(b.Value)
			return
		}
		d.problem(position(n), path, "", "true or false is needed here, not %s", kindOf(n))
	default: // the format's types are ours: the first lab that uses it shows it
		panic("the lab format has a " + v.Type().String() + " at " + path + ", which nobody decodes")
	}
}

// plain turns a node into nil, bool, int64, float64, string, []any or
// map[string]any.
func (d *decoder) plain(n ast.Node, path string, depth int) any {
	if list, ok := entries(n); ok {
		m := map[string]any{}
		for _, e := range list {
			var v any
			d.value(e.Value, reflect.ValueOf(&v).Elem(), join(path, keyText(e.Key)), depth+1)
			m[keyText(e.Key)] = v
		}
		return m
	}
	switch t := n.(type) {
	case *ast.SequenceNode:
		l := make([]any, len(t.Values))
		for i, e := range t.Values {
			d.value(e, reflect.ValueOf(&l[i]).Elem(), fmt.Sprintf("%s[%d]", path, i), depth+1)
		}
		return l
	case *ast.BoolNode:
		return t.Value
	case *ast.IntegerNode:
		if i, err := strconv.ParseInt(t.GetToken().Value, 0, 64); err == nil {
			return i
		}
	case *ast.FloatNode:
		return t.Value
	}
	if s, ok := textOf(n); ok {
		return s
	}
	d.problem(position(n), path, "", "cannot read %s", kindOf(n))
	return nil
}

func textOf(n ast.Node) (string, bool) {
	switch t := n.(type) {
	case *ast.StringNode:
		return t.Value, true
	case *ast.LiteralNode:
		return t.Value.Value, true
	}
	return "", false
}

func kindOf(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	case *ast.IntegerNode, *ast.FloatNode:
		return "a number"
	case *ast.BoolNode:
		return "true or false"
	}
	return "this value"
}
