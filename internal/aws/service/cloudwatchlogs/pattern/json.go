package pattern

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// node is a condition on a JSON document, or several joined.
type node struct {
	and, or []node
	path    []string
	name    string // the path as written
	test    comparison
}

// parseJSON reads a pattern such as { $.level = "ERROR" && $.n > 3 }.
func parseJSON(text string) (Pattern, error) {
	if !strings.HasSuffix(text, "}") {
		return Pattern{}, errors.New("} is missing")
	}
	p := &parser{rest: text[1 : len(text)-1]}
	root, err := p.alternatives(0)
	if err != nil {
		return Pattern{}, err
	}
	if p.space(); p.rest != "" {
		return Pattern{}, fmt.Errorf("%q is not understood", short(p.rest))
	}
	return Pattern{match: func(message string) (map[string]string, bool) {
		values := map[string]string{}
		var doc any
		d := json.NewDecoder(strings.NewReader(message))
		d.UseNumber()
		if d.Decode(&doc) != nil {
			return values, false
		}
		if _, isObject := doc.(map[string]any); !isObject {
			return values, false
		}
		return values, root.holds(doc, values)
	}}, nil
}

// maxDepth bounds parentheses within parentheses.
const maxDepth = 50

func (p *parser) alternatives(depth int) (node, error) {
	return p.joined("||", depth, func() (node, error) {
		return p.joined("&&", depth, func() (node, error) { return p.single(depth) })
	})
}

func (p *parser) joined(by string, _ int, part func() (node, error)) (node, error) {
	first, err := part()
	parts := []node{first}
	for err == nil && p.take(by) {
		var next node
		next, err = part()
		parts = append(parts, next)
	}
	switch {
	case err != nil:
		return node{}, err
	case len(parts) == 1:
		return first, nil
	case by == "||":
		return node{or: parts}, nil
	default:
		return node{and: parts}, nil
	}
}

func (p *parser) single(depth int) (node, error) {
	if depth > maxDepth {
		return node{}, errors.New("parentheses are nested too deeply")
	}
	if p.take("(") {
		n, err := p.alternatives(depth + 1)
		if err == nil && !p.take(")") {
			err = errors.New(") is missing")
		}
		return n, err
	}
	if !p.take("$") {
		return node{}, fmt.Errorf("a selector such as $.name is missing before %q", short(p.rest))
	}
	n := node{}
	end := strings.IndexFunc(p.rest, func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune("=!<>()&|", r)
	})
	if end < 0 {
		end = len(p.rest)
	}
	n.name = "$" + p.rest[:end]
	var err error
	if n.path, err = steps(p.rest[:end]); err != nil {
		return n, err
	}
	p.rest = p.rest[end:]
	for _, word := range []string{"IS NULL", "IS TRUE", "IS FALSE", "NOT EXISTS"} {
		if p.take(word) {
			n.test.op = word
			return n, nil
		}
	}
	n.test, err = p.comparison(")&|")
	return n, err
}

// steps takes a selector such as .user.ids[0] apart.
func steps(selector string) ([]string, error) {
	if !strings.HasPrefix(selector, ".") {
		return nil, fmt.Errorf("the selector $%s must begin with $.", selector)
	}
	var out []string
	for _, part := range strings.Split(selector[1:], ".") {
		name, indexes, _ := strings.Cut(part, "[")
		if name == "" {
			return nil, fmt.Errorf("the selector $%s has an empty member", selector)
		}
		out = append(out, name)
		for indexes != "" {
			index, rest, ok := strings.Cut(indexes, "]")
			if _, err := strconv.Atoi(index); !ok || err != nil && index != "*" {
				return nil, fmt.Errorf("the selector $%s has a wrong index", selector)
			}
			out = append(out, "["+index)
			indexes = strings.TrimPrefix(rest, "[")
		}
	}
	return out, nil
}

func (n node) holds(doc any, values map[string]string) bool {
	switch {
	case n.and != nil:
		for _, part := range n.and {
			if !part.holds(doc, values) {
				return false
			}
		}
		return true
	case n.or != nil:
		for _, part := range n.or {
			if part.holds(doc, values) {
				return true
			}
		}
		return false
	}
	if n.test.op == "NOT EXISTS" {
		return !visit(doc, n.path, func(any) bool { return true })
	}
	return visit(doc, n.path, func(v any) bool {
		text, isText := plain(v)
		ok := false
		switch n.test.op {
		case "IS NULL":
			ok = v == nil
		case "IS TRUE":
			ok = v == true
		case "IS FALSE":
			ok = v == false
		default:
			ok = v != nil && n.test.holds(text, isText)
		}
		if ok {
			values[n.name] = text
		}
		return ok
	})
}

// visit follows a path and calls fn with the values there, until it returns true; [*
// leads to every element. It reports whether fn has returned true.
func visit(v any, path []string, fn func(any) bool) bool {
	if len(path) == 0 {
		return fn(v)
	}
	if index, ok := strings.CutPrefix(path[0], "["); ok {
		list, _ := v.([]any)
		if index == "*" {
			return slices.ContainsFunc(list, func(e any) bool { return visit(e, path[1:], fn) })
		}
		i, _ := strconv.Atoi(index) // steps has seen it
		return i >= 0 && i < len(list) && visit(list[i], path[1:], fn)
	}
	object, _ := v.(map[string]any)
	member, there := object[path[0]]
	return there && visit(member, path[1:], fn)
}

// plain is a value as text, and whether text patterns can match it.
func plain(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	default:
		return "", false
	}
}
