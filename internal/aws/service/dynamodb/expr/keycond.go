package expr

import (
	"errors"
	"fmt"

	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/item"
)

// KeyTerm is one condition on a key attribute.
type KeyTerm struct {
	Attribute string
	Op        string // = < <= > >= BETWEEN begins_with
	Values    []item.Value
}

// ParseKeyCondition reads a KeyConditionExpression: one or two terms joined by
// AND, each on an attribute of its own. Whether they fit a key is for the
// caller to check.
func ParseKeyCondition(src string, params *Params) ([]KeyTerm, error) {
	root, err := parseCondition(src, params)
	if err != nil {
		return nil, fmt.Errorf("Invalid KeyConditionExpression: %w", err)
	}
	terms, err := keyTerms(root, nil)
	if err != nil {
		return nil, err
	}
	for i, t := range terms {
		for _, u := range terms[:i] {
			if t.Attribute == u.Attribute {
				return nil,
					errors.New("Invalid KeyConditionExpression: KeyConditionExpressions must only contain one condition per key")
			}
		}
	}
	return terms, nil
}

func badKeyOperator(op string) error {
	return errors.New("Invalid operator used in KeyConditionExpression: " + op)
}

func keyTerms(n node, terms []KeyTerm) ([]KeyTerm, error) {
	switch n := n.(type) {
	case *both:
		terms, err := keyTerms(n.left, terms)
		if err != nil {
			return nil, err
		}
		return keyTerms(n.right, terms)
	case *either:
		return nil, badKeyOperator("OR")
	case *negation:
		return nil, badKeyOperator("NOT")
	case *membership:
		return nil, badKeyOperator("IN")
	case *comparison:
		if n.op == "<>" {
			return nil, badKeyOperator("<>")
		}
		left, right, op := n.left, n.right, n.op
		if left.path == nil && right.path != nil {
			left, right, op = right, left, mirrored(op)
		}
		return keyTerm(terms, op, left, right)
	case *between:
		return keyTerm(terms, "BETWEEN", n.x, n.lo, n.hi)
	case *function:
		if n.call.name != fnBegins {
			return nil, badKeyOperator(n.call.name)
		}
		return keyTerm(terms, fnBegins, n.call.args[0], n.call.args[1])
	}
	return nil, errors.New("Query key condition not supported")
}

func mirrored(op string) string {
	switch op {
	case "<":
		return ">"
	case "<=":
		return ">="
	case ">":
		return "<"
	case ">=":
		return "<="
	}
	return op
}

func keyTerm(terms []KeyTerm, op string, attribute operand, values ...operand) ([]KeyTerm, error) {
	for _, o := range append(values, attribute) {
		if o.call != nil {
			return nil, badKeyOperator(o.call.name)
		}
	}
	if attribute.path == nil {
		return nil, errors.New("Invalid condition in KeyConditionExpression: No key attribute specified")
	}
	if len(attribute.path) > 1 {
		return nil,
			errors.New("Invalid KeyConditionExpression: KeyConditionExpressions cannot have conditions on nested attributes")
	}
	t := KeyTerm{Attribute: attribute.path.Top(), Op: op}
	for _, o := range values {
		if o.path != nil {
			return nil, errors.New("Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition")
		}
		t.Values = append(t.Values, o.value)
	}
	return append(terms, t), nil
}
