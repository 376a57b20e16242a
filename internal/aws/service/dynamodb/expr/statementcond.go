package expr

import (
	"errors"
	"fmt"
	"strings"

	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/item"
)

// operand reads a path, a value or size(path).
func (p *statementParser) operand() (operand, error) {
	t := p.peek()
	if t.kind == tokWord && strings.EqualFold(t.text, fnSize) && p.tokens[p.at+1].is("(") {
		p.at += 2
		path, err := p.path()
		if err != nil {
			return operand{}, err
		}
		return operand{call: &call{fnSize, []operand{{path: path}}}}, p.expect(")")
	}
	if t.kind == tokQuoted || t.kind == tokWord && !keyword(t) {
		path, err := p.path()
		return operand{path: path}, err
	}
	v, err := p.literal()
	return operand{value: v}, err
}

// literal reads a value as PartiQL writes it, or a parameter.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.data-types.html
func (p *statementParser) literal() (item.Value, error) {
	if err := p.enter(); err != nil {
		return item.Value{}, err
	}
	defer func() { p.depth-- }()
	t := p.peek()
	switch {
	case p.accept("?"):
		if p.used++; p.used > len(p.parameters) {
			return item.Value{Kind: item.Null}, nil // the count is compared at the end
		}
		return p.parameters[p.used-1], nil
	case p.accept("NULL"):
		return item.Value{Kind: item.Null}, nil
	case p.accept("TRUE"), p.accept("FALSE"):
		return item.Truth(strings.EqualFold(t.text, "TRUE")), nil
	case p.accept("["):
		elems, err := p.elements("]")
		return item.Value{Kind: item.List, Elems: elems}, err
	case p.accept("<<"):
		return p.setLiteral()
	case p.accept("{"):
		return p.tuple()
	case t.kind == tokText:
		p.at++
		return item.Str(t.text), nil
	}
	sign := ""
	if p.accept("-") {
		sign = "-"
	}
	if t = p.peek(); t.kind != tokNumber {
		return item.Value{}, p.unexpected()
	}
	p.at++
	n, err := item.ParseNumber(sign + t.text)
	return n.Value(), err
}

func (p *statementParser) elements(end string) (out []item.Value, err error) {
	if p.accept(end) {
		return nil, nil
	}
	for again := true; again; again = p.accept(",") {
		v, err := p.literal()
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, p.expect(end)
}

// setLiteral is a set, <<'a', 'b'>>.
func (p *statementParser) setLiteral() (item.Value, error) {
	elems, err := p.elements(">>")
	if err != nil {
		return item.Value{}, err
	}
	if len(elems) == 0 {
		return item.Value{}, errors.New("A set may not be empty")
	}
	for kind := item.StringSet; kind <= item.BinarySet; kind++ {
		if kind.Element() != elems[0].Kind {
			continue
		}
		out := item.Value{Kind: kind}
		for _, e := range elems {
			if e.Kind != kind.Element() || out.Has(e) {
				return item.Value{}, errors.New("The members of a set are of one type, and different")
			}
			out.Elems = append(out.Elems, e)
		}
		return out, nil
	}
	return item.Value{}, fmt.Errorf("A set cannot have members of type %s", elems[0].Kind)
}

func (p *statementParser) tuple() (item.Value, error) {
	v := item.Value{Kind: item.Map, Fields: map[string]item.Value{}}
	if p.accept("}") {
		return v, nil
	}
	for again := true; again; again = p.accept(",") {
		t := p.next()
		if t.kind != tokText && t.kind != tokQuoted {
			p.at--
			return v, p.unexpected()
		}
		if err := p.expect(":"); err != nil {
			return v, err
		}
		f, err := p.literal()
		if err != nil {
			return v, err
		}
		v.Fields[t.text] = f
	}
	return v, p.expect("}")
}

func (p *statementParser) either() (node, error) {
	left, err := p.both()
	for err == nil && p.accept("OR") {
		var right node
		right, err = p.both()
		left = &either{left, right}
	}
	return left, err
}

func (p *statementParser) both() (node, error) {
	left, err := p.not()
	for err == nil && p.accept("AND") {
		var right node
		right, err = p.not()
		left = &both{left, right}
	}
	return left, err
}

func (p *statementParser) not() (node, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	if p.accept("NOT") {
		n, err := p.not()
		return &negation{n}, err
	}
	if p.accept("(") {
		n, err := p.either()
		if err != nil {
			return nil, err
		}
		return n, p.expect(")")
	}
	return p.condition()
}

func (p *statementParser) condition() (node, error) {
	if t := p.peek(); t.kind == tokWord && p.tokens[p.at+1].is("(") && !strings.EqualFold(t.text, fnSize) {
		return p.function(strings.ToLower(t.text))
	}
	left, err := p.operand()
	if err != nil {
		return nil, err
	}
	t := p.peek()
	switch {
	case p.accept("IS"):
		return p.is(left)
	case p.accept("BETWEEN"):
		lo, err := p.operand()
		if err != nil {
			return nil, err
		}
		if err := p.expect("AND"); err != nil {
			return nil, err
		}
		hi, err := p.operand()
		return &between{left, lo, hi}, err
	case p.accept("NOT"):
		if err := p.expect("IN"); err != nil {
			return nil, err
		}
		n, err := p.members(left)
		return &negation{n}, err
	case p.accept("IN"):
		return p.members(left)
	}
	op := map[string]string{"=": "=", "<>": "<>", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}[t.text]
	if op == "" || t.kind != tokPunct {
		return nil, p.unexpected()
	}
	p.at++
	right, err := p.operand()
	if left.path == nil && right.path != nil {
		left, right, op = right, left, mirrored(op)
	}
	return &comparison{op, left, right}, err
}

// is reads what follows IS: MISSING, NULL, or either with NOT.
func (p *statementParser) is(left operand) (node, error) {
	not := p.accept("NOT")
	var n node = &comparison{"=", left, operand{value: item.Value{Kind: item.Null}}}
	if !p.accept("NULL") {
		if err := p.expect("MISSING"); err != nil {
			return nil, err
		}
		n = &function{&call{fnNotExists, []operand{left}}}
	}
	if left.path == nil {
		return nil, errors.New("IS requires a document path")
	}
	if not {
		n = &negation{n}
	}
	return n, nil
}

func (p *statementParser) members(left operand) (node, error) {
	end := "]"
	if !p.accept("[") {
		if err := p.expect("("); err != nil {
			return nil, err
		}
		end = ")"
	}
	n := &membership{x: left}
	for again := true; again; again = p.accept(",") {
		o, err := p.operand()
		if err != nil {
			return nil, err
		}
		n.list = append(n.list, o)
	}
	if len(n.list) > MaxIn {
		return nil, fmt.Errorf("The IN operator is provided with too many operands; number of operands: %d", len(n.list))
	}
	return n, p.expect(end)
}

// function reads begins_with, contains or attribute_type.
func (p *statementParser) function(name string) (node, error) {
	if name != fnBegins && name != fnContains && name != fnType {
		return nil, fmt.Errorf("Invalid function name; function: %s", name)
	}
	p.at += 2
	c := &call{name: name}
	for again := true; again; again = p.accept(",") {
		o, err := p.operand()
		if err != nil {
			return nil, err
		}
		c.args = append(c.args, o)
	}
	if err := p.expect(")"); err != nil {
		return nil, err
	}
	return &function{c}, c.check()
}

// Terms are the parts of a condition that all have to hold, where they compare one
// attribute with values: what can be read from a key. others tells whether there are
// further parts.
func (c *Condition) Terms() (terms []KeyTerm, others bool) {
	if c == nil {
		return nil, false
	}
	var walk func(node)
	walk = func(n node) {
		switch n := n.(type) {
		case *both:
			walk(n.left)
			walk(n.right)
			return
		case *membership:
			t := KeyTerm{Op: "IN"}
			for _, o := range n.list {
				if !o.value.Exists() {
					others = true
					return
				}
				t.Values = append(t.Values, o.value)
			}
			if len(n.x.path) == 1 {
				t.Attribute = n.x.path.Top()
				terms = append(terms, t)
				return
			}
		default:
			if one, err := keyTerms(n, nil); err == nil {
				terms = append(terms, one...)
				return
			}
		}
		others = true
	}
	walk(c.root)
	return terms, others
}

// OrWithout is the condition that also holds where the item has no such attribute.
func (c *Condition) OrWithout(attribute string) *Condition {
	absent := &function{&call{fnNotExists, []operand{{path: Path{{Name: attribute}}}}}}
	return &Condition{&either{absent, c.root}}
}

// Without is the condition that an item has no such attribute.
func Without(attribute string) *Condition {
	return Compare([]Comparison{{Attribute: attribute, Op: "NULL"}}, false)
}
