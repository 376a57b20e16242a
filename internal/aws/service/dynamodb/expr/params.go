// Package expr parses and evaluates DynamoDB's expressions: condition, filter,
// key condition, projection and update. It works on values of package item and
// knows neither tables nor requests. Errors carry AWS's messages.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html
package expr

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/item"
)

// Limits of expressions.
// Source:
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html#limits-expression-parameters
const (
	MaxLength    = 4096 // bytes of an expression
	MaxOperators = 300  // operators and functions of an expression
	MaxIn        = 100  // operands of IN
	maxNesting   = 300  // parentheses and NOT: bounds the parser's recursion
)

// Params are the placeholders of one request, with a record of which ones its
// expressions used.
type Params struct {
	names      map[string]string
	values     map[string]item.Value
	usedNames  map[string]bool
	usedValues map[string]bool
}

// NewParams checks the placeholders' own form. nil maps mean that the request
// had none; an empty map is an error.
func NewParams(names map[string]string, values map[string]item.Value) (*Params, error) {
	if names != nil && len(names) == 0 {
		return nil, errors.New("ExpressionAttributeNames must not be empty")
	}
	if values != nil && len(values) == 0 {
		return nil, errors.New("ExpressionAttributeValues must not be empty")
	}
	for _, k := range slices.Sorted(maps.Keys(names)) {
		if !placeholder(k, '#') {
			return nil, fmt.Errorf("ExpressionAttributeNames contains invalid key: Syntax error; key: %q", verbatim(k))
		}
		if names[k] == "" {
			return nil, fmt.Errorf("ExpressionAttributeNames contains invalid value: "+
				"Attribute name must not be empty; key: %s", k)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(values)) {
		if !placeholder(k, ':') {
			return nil, fmt.Errorf("ExpressionAttributeValues contains invalid key: Syntax error; key: %q", verbatim(k))
		}
	}
	return &Params{names: names, values: values, usedNames: map[string]bool{}, usedValues: map[string]bool{}}, nil
}

func placeholder(k string, mark byte) bool {
	if len(k) < 2 || k[0] != mark {
		return false
	}
	for i := 1; i < len(k); i++ {
		if !isWordByte(k[i]) {
			return false
		}
	}
	return true
}

// Unused is AWS's error for placeholders that no expression used.
func (p *Params) Unused() error {
	if left := unused(p.names, p.usedNames); left != "" {
		return errors.New("Value provided in ExpressionAttributeNames unused in expressions: keys: {" + left + "}")
	}
	if left := unused(p.values, p.usedValues); left != "" {
		return errors.New("Value provided in ExpressionAttributeValues unused in expressions: keys: {" + left + "}")
	}
	return nil
}

func unused[V any](given map[string]V, used map[string]bool) string {
	if len(given) == len(used) {
		return ""
	}
	var left []string
	for _, k := range slices.Sorted(maps.Keys(given)) {
		if !used[k] {
			left = append(left, k)
		}
	}
	return strings.Join(left, ", ")
}
