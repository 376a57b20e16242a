package pattern

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// document is a pattern over JSON events: { $.status = 500 && $.path = "/a*" }.
type document struct {
	where     node
	selectors map[string][]step
}

// step is one step of a selector into an event.
type step struct {
	key  string
	item int // of an array; -1 for a key
	any  bool
}

// The quotas of wildcards in selectors.
// Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
const (
	maxWildcards         = 3
	maxSelectorWildcards = 1
)

// parseJSON reads the form in braces.
func parseJSON(s string) (matcher, error) {
	if s[len(s)-1] != '}' {
		return nil, fmt.Errorf("the filter pattern does not end with }")
	}
	d := &document{selectors: map[string][]step{}}
	wild := 0
	p := &parser{rest: s[1 : len(s)-1], name: func(p *parser) (string, error) {
		name, steps, err := selector(p)
		if err != nil {
			return "", err
		}
		n := 0
		for _, st := range steps {
			if st.any {
				n++
			}
		}
		if wild += n; n > maxSelectorWildcards || wild > maxWildcards {
			return "", fmt.Errorf("a selector can hold %d wildcard and a pattern %d", maxSelectorWildcards, maxWildcards)
		}
		d.selectors[name] = steps
		return name, nil
	}}
	var err error
	if d.where, err = p.or(); err != nil {
		return nil, err
	}
	if p.space(); p.rest != "" {
		return nil, fmt.Errorf("unexpected %q", p.rest)
	}
	return d, nil
}

// selector reads $.a.b[0], $.a[*], $.a.* or $.['a.b'].
func selector(p *parser) (string, []step, error) {
	p.space()
	whole := p.rest
	if !strings.HasPrefix(whole, "$") {
		return "", nil, fmt.Errorf("a selector begins with $, not %q", whole)
	}
	p.rest = p.rest[1:]
	var steps []step
	for p.rest != "" && (p.rest[0] == '.' || p.rest[0] == '[') {
		var st step
		var err error
		if p.rest[0] == '[' || strings.HasPrefix(p.rest, ".[") {
			p.rest = strings.TrimPrefix(p.rest, ".")
			st, err = subscript(p)
		} else {
			p.rest = p.rest[1:]
			st, err = property(p)
		}
		if err != nil {
			return "", nil, err
		}
		steps = append(steps, st)
	}
	if len(steps) == 0 {
		return "", nil, fmt.Errorf("a selector names a property: $.name")
	}
	return whole[:len(whole)-len(p.rest)], steps, nil
}

func property(p *parser) (step, error) {
	if strings.HasPrefix(p.rest, "*") {
		p.rest = p.rest[1:]
		return step{any: true, item: -1}, nil
	}
	end := 0
	for end < len(p.rest) && (isName(p.rest[end]) || p.rest[end] == ':' || p.rest[end] == '@' || p.rest[end] == '/') {
		end++
	}
	if end == 0 {
		return step{}, fmt.Errorf("a property's name is missing before %q", p.rest)
	}
	st := step{key: p.rest[:end], item: -1}
	p.rest = p.rest[end:]
	return st, nil
}

func subscript(p *parser) (step, error) {
	end := strings.IndexByte(p.rest, ']')
	if end < 0 {
		return step{}, errPattern
	}
	in := strings.TrimSpace(p.rest[1:end])
	p.rest = p.rest[end+1:]
	if in == "*" {
		return step{any: true, item: -1}, nil
	}
	if n := len(in); n > 2 && (in[0] == '\'' || in[0] == '"') && in[n-1] == in[0] {
		return step{key: in[1 : n-1], item: -1}, nil
	}
	i, err := strconv.Atoi(in)
	if err != nil || i < 0 {
		return step{}, fmt.Errorf("[%s] is not the index of an array", in)
	}
	return step{item: i}, nil
}

// match implements matcher; what is not one JSON object never matches.
func (d *document) match(message string) (map[string]string, bool) {
	if !strings.HasPrefix(strings.TrimLeft(message, " \t\r\n"), "{") {
		return nil, false
	}
	dec := json.NewDecoder(strings.NewReader(message))
	dec.UseNumber() // ids larger than 2^53 keep their digits
	var root map[string]any
	if dec.Decode(&root) != nil {
		return nil, false
	}
	if _, err := dec.Token(); err != io.EOF { //nolint:errorlint // Token returns io.EOF itself
		return nil, false
	}
	values := map[string]string{}
	ok := d.where.eval(func(name string) []operand {
		found := walk(root, d.selectors[name])
		if len(found) > 0 && found[0].kind != composite {
			values[name] = found[0].text
		}
		return found
	})
	return values, ok
}

// walk follows steps into a value and returns what is there.
func walk(v any, steps []step) []operand {
	if len(steps) == 0 {
		return []operand{operandOf(v)}
	}
	st := steps[0]
	var out []operand
	switch v := v.(type) {
	case map[string]any:
		if st.any {
			for _, x := range v {
				out = append(out, walk(x, steps[1:])...)
			}
		} else if x, ok := v[st.key]; ok && st.item < 0 {
			return walk(x, steps[1:])
		}
	case []any:
		if st.any {
			for _, x := range v {
				out = append(out, walk(x, steps[1:])...)
			}
		} else if st.item >= 0 && st.item < len(v) {
			return walk(v[st.item], steps[1:])
		}
	}
	return out
}

func operandOf(v any) operand {
	switch v := v.(type) {
	case nil:
		return operand{kind: null, text: "null"}
	case bool:
		return operand{kind: boolean, truth: v, text: strconv.FormatBool(v)}
	case string:
		return operand{kind: text, text: v}
	case json.Number:
		f, _ := v.Float64() // out of range is ±Inf, which compares rightly
		return operand{kind: number, text: v.String(), num: f}
	}
	return operand{kind: composite}
}
