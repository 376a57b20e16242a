package expr

import "github.com/pipelab/pipelab/internal/aws/service/dynamodb/item"

type both struct{ left, right node }

func (n *both) holds(it item.Item) bool   { return n.left.holds(it) && n.right.holds(it) }
func (n *both) operands(fn func(operand)) { n.left.operands(fn); n.right.operands(fn) }

type either struct{ left, right node }

func (n *either) holds(it item.Item) bool   { return n.left.holds(it) || n.right.holds(it) }
func (n *either) operands(fn func(operand)) { n.left.operands(fn); n.right.operands(fn) }

type negation struct{ of node }

func (n *negation) holds(it item.Item) bool   { return !n.of.holds(it) }
func (n *negation) operands(fn func(operand)) { n.of.operands(fn) }

type function struct{ call *call }

func (n *function) holds(it item.Item) bool { return n.call.holds(it) }
func (n *function) operands(fn func(operand)) {
	for _, a := range n.call.args {
		a.each(fn)
	}
}

// each visits the operand and what is inside it.
func (o operand) each(fn func(operand)) {
	fn(o)
	if o.call != nil {
		for _, a := range o.call.args {
			a.each(fn)
		}
	}
}

type comparison struct {
	op          string
	left, right operand
}

func (n *comparison) operands(fn func(operand)) { n.left.each(fn); n.right.each(fn) }

func (n *comparison) holds(it item.Item) bool {
	v, w := n.left.get(it), n.right.get(it)
	switch n.op {
	case "=":
		return v.Exists() && v.Equal(w)
	case "<>":
		// An attribute that does not exist differs from every value.
		return !v.Exists() || !v.Equal(w)
	}
	order, ok := v.Compare(w)
	if !ok {
		return false
	}
	switch n.op {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	}
	return order >= 0
}

type between struct{ x, lo, hi operand }

func (n *between) operands(fn func(operand)) { n.x.each(fn); n.lo.each(fn); n.hi.each(fn) }

func (n *between) holds(it item.Item) bool {
	v := n.x.get(it)
	low, ok := v.Compare(n.lo.get(it))
	high, ok2 := v.Compare(n.hi.get(it))
	return ok && ok2 && low >= 0 && high <= 0
}

type membership struct {
	x    operand
	list []operand
}

func (n *membership) operands(fn func(operand)) {
	n.x.each(fn)
	for _, o := range n.list {
		o.each(fn)
	}
}

func (n *membership) holds(it item.Item) bool {
	v := n.x.get(it)
	if !v.Exists() {
		return false
	}
	for _, o := range n.list {
		if v.Equal(o.get(it)) {
			return true
		}
	}
	return false
}
