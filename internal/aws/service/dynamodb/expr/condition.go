package expr

import (
	"fmt"

	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/item"
)

// Condition is a parsed condition or filter.
type Condition struct{ root node }

// Holds evaluates the condition; a nil item has no attributes.
func (c *Condition) Holds(it item.Item) bool { return c.root.holds(it) }

// Attributes calls fn with the top-level attribute of every path.
func (c *Condition) Attributes(fn func(name string)) {
	c.root.operands(func(o operand) {
		if o.path != nil {
			fn(o.path.Top())
		}
	})
}

type node interface {
	holds(item.Item) bool
	operands(func(operand))
}

// ParseCondition reads a condition; kind is the parameter's name, such as
// "ConditionExpression", for messages.
func ParseCondition(kind, src string, params *Params) (*Condition, error) {
	root, err := parseCondition(src, params)
	if err != nil {
		return nil, fmt.Errorf("Invalid %s: %w", kind, err)
	}
	return &Condition{root: root}, nil
}

func parseCondition(src string, params *Params) (node, error) {
	p, err := newParser(src, params)
	if err != nil {
		return nil, err
	}
	n, _, err := p.or()
	if err != nil {
		return nil, err
	}
	return n, p.end()
}

// The rules return whether their text was wholly in parentheses, because AWS
// refuses a second pair.

func (p *parser) or() (node, bool, error) {
	left, wrapped, err := p.and()
	for err == nil && p.accept("OR") {
		var right node
		if err = p.operator(); err != nil {
			break
		}
		right, _, err = p.and()
		left, wrapped = &either{left, right}, false
	}
	return left, wrapped, err
}

func (p *parser) and() (node, bool, error) {
	left, wrapped, err := p.not()
	for err == nil && p.accept("AND") {
		var right node
		if err = p.operator(); err != nil {
			break
		}
		right, _, err = p.not()
		left, wrapped = &both{left, right}, false
	}
	return left, wrapped, err
}

func (p *parser) not() (node, bool, error) {
	if !p.peek().is("NOT") {
		return p.primary()
	}
	p.at++
	if err := p.operator(); err != nil {
		return nil, false, err
	}
	if err := p.enter(); err != nil {
		return nil, false, err
	}
	n, _, err := p.not()
	p.depth--
	return &negation{n}, false, err
}

func (p *parser) primary() (node, bool, error) {
	if p.peek().is("(") && !p.operandInParens() {
		p.at++
		if err := p.enter(); err != nil {
			return nil, false, err
		}
		n, wrapped, err := p.or()
		if err != nil {
			return nil, false, err
		}
		if err := p.expect(")"); err != nil {
			return nil, false, err
		}
		if wrapped {
			return nil, false, fmt.Errorf("The expression has redundant parentheses;")
		}
		p.depth--
		return n, true, nil
	}
	n, err := p.comparison()
	return n, false, err
}

// operandInParens looks for (path) or (:value) followed by an operator: AWS
// allows parentheses around one operand.
func (p *parser) operandInParens() bool {
	i := p.at + 1
	for ; i < len(p.tokens); i++ {
		t := p.tokens[i]
		if t.is(")") {
			break
		}
		if t.kind == tokEOF || t.is("(") || t.is(",") || operatorToken(t) {
			return false
		}
	}
	return i > p.at+1 && i+1 < len(p.tokens) && operatorToken(p.tokens[i+1]) &&
		!p.tokens[i+1].is("AND") && !p.tokens[i+1].is("OR")
}

func operatorToken(t token) bool {
	switch t.text {
	case "=", "<>", "<", "<=", ">", ">=":
		return t.kind == tokPunct
	}
	return t.kind == tokWord && structural(t.text)
}

// plain is operand with the optional parentheses of operandInParens.
func (p *parser) plain() (operand, error) {
	if !p.accept("(") {
		return p.operand()
	}
	o, err := p.operand()
	if err != nil {
		return o, err
	}
	return o, p.expect(")")
}

func (p *parser) comparison() (node, error) {
	left, err := p.plain()
	if err != nil {
		return nil, err
	}
	if left.call != nil && left.call.condition() {
		if operatorToken(p.peek()) && !p.peek().is("AND") && !p.peek().is("OR") {
			return nil, fmt.Errorf("The function is not allowed to be used this way in an expression; function: %s",
				left.call.name)
		}
		return &function{left.call}, nil
	}
	t := p.peek()
	switch {
	case t.is("BETWEEN"):
		return p.between(left)
	case t.is("IN"):
		return p.in(left)
	case operatorToken(t) && t.kind == tokPunct:
		return p.compare(left)
	}
	if left.call != nil {
		return nil, fmt.Errorf("The function is not allowed to be used this way in an expression; function: %s",
			left.call.name)
	}
	return nil, p.unexpected()
}

// right reads a further operand of a comparison.
func (p *parser) right() (operand, error) {
	o, err := p.plain()
	if err == nil && o.call != nil && o.call.condition() {
		err = fmt.Errorf("The function is not allowed to be used this way in an expression; function: %s", o.call.name)
	}
	return o, err
}

func (p *parser) compare(left operand) (node, error) {
	op := p.next().text
	if err := p.operator(); err != nil {
		return nil, err
	}
	right, err := p.right()
	if err != nil {
		return nil, err
	}
	if left.path != nil && left.path.equal(right.path) {
		return nil, distinct(op, left)
	}
	if op != "=" && op != "<>" {
		for _, o := range []operand{left, right} {
			if o.value.Exists() && !oneOf(o.value.Kind, []item.Kind{item.String, item.Number, item.Binary}) {
				return nil, wrongType(op, o.value.Kind)
			}
		}
	}
	return &comparison{op, left, right}, nil
}

func (p *parser) between(x operand) (node, error) {
	p.at++
	if err := p.operator(); err != nil {
		return nil, err
	}
	lo, err := p.right()
	if err != nil {
		return nil, err
	}
	if err := p.expect("AND"); err != nil {
		return nil, err
	}
	hi, err := p.right()
	if err != nil {
		return nil, err
	}
	for _, o := range []operand{x, lo, hi} {
		if o.value.Exists() && !oneOf(o.value.Kind, []item.Kind{item.String, item.Number, item.Binary}) {
			return nil, wrongType("BETWEEN", o.value.Kind)
		}
	}
	if lo.value.Exists() && hi.value.Exists() {
		order, same := lo.value.Compare(hi.value)
		switch {
		case !same:
			return nil, fmt.Errorf("The BETWEEN operator requires same data type for lower and upper bounds; "+
				"lower bound operand: %s, upper bound operand: %s", shown(lo.value), shown(hi.value))
		case order > 0:
			return nil, fmt.Errorf("The BETWEEN operator requires upper bound to be greater than or equal to lower bound; "+
				"lower bound operand: %s, upper bound operand: %s", shown(lo.value), shown(hi.value))
		}
	}
	return &between{x, lo, hi}, nil
}

func shown(v item.Value) string { return "AttributeValue: {" + v.Kind.String() + ":" + v.Text + "}" }

func (p *parser) in(x operand) (node, error) {
	p.at++
	if err := p.operator(); err != nil {
		return nil, err
	}
	if err := p.expect("("); err != nil {
		return nil, err
	}
	n := &membership{x: x}
	for {
		o, err := p.right()
		if err != nil {
			return nil, err
		}
		n.list = append(n.list, o)
		if !p.accept(",") {
			break
		}
	}
	if len(n.list) > MaxIn {
		return nil, fmt.Errorf("The IN operator is provided with too many operands; number of operands: %d", len(n.list))
	}
	return n, p.expect(")")
}
