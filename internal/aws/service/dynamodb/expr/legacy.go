package expr

import (
	"errors"

	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/item"
)

// Comparison is one condition of the parameters that expressions have replaced.
// Source:
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/LegacyConditionalParameters.html
type Comparison struct {
	Attribute string
	Op        string // EQ NE LE LT GE GT NULL NOT_NULL CONTAINS NOT_CONTAINS BEGINS_WITH IN BETWEEN
	Values    []item.Value
}

// symbols are the operators of expressions with the meaning of the old ones.
var symbols = map[string]string{
	"EQ": "=", "NE": "<>", "LE": "<=", "LT": "<", "GE": ">=", "GT": ">", "BETWEEN": "BETWEEN", "BEGINS_WITH": fnBegins,
}

// Compare makes the condition that the comparisons mean: all of them hold or, with
// either, one does. Without comparisons it is nil.
func Compare(comparisons []Comparison, one bool) *Condition {
	var root node
	for _, c := range comparisons {
		switch n := c.node(); {
		case root == nil:
			root = n
		case one:
			root = &either{root, n}
		default:
			root = &both{root, n}
		}
	}
	if root == nil {
		return nil
	}
	return &Condition{root}
}

func (c Comparison) node() node {
	args := []operand{{path: Path{{Name: c.Attribute}}}}
	for _, v := range c.Values {
		args = append(args, operand{value: v})
	}
	function := func(name string) node { return &function{&call{name, args}} }
	switch c.Op {
	case "NOT_NULL":
		return function(fnExists)
	case "NULL":
		return function(fnNotExists)
	case "CONTAINS":
		return function(fnContains)
	case "NOT_CONTAINS":
		return &negation{function(fnContains)}
	case "BEGINS_WITH":
		return function(fnBegins)
	case "IN":
		return &membership{args[0], args[1:]}
	case "BETWEEN":
		return &between{args[0], args[1], args[2]}
	}
	return &comparison{symbols[c.Op], args[0], args[1]}
}

// KeyTerm is the comparison as a condition on a key; not every operator can be one.
func (c Comparison) KeyTerm() (t KeyTerm, ok bool) {
	op, ok := symbols[c.Op]
	return KeyTerm{c.Attribute, op, c.Values}, ok && op != "<>"
}

// Action is one entry of AttributeUpdates.
type Action struct {
	Attribute string
	Do        string // PUT ADD DELETE
	Value     item.Value
}

// Act makes the update that the actions mean. Without actions it is nil.
func Act(actions []Action) *Update {
	if len(actions) == 0 {
		return nil
	}
	u := &Update{old: true}
	for _, a := range actions {
		path := Path{{Name: a.Attribute}}
		u.paths = append(u.paths, path)
		switch {
		case a.Do == "ADD" && a.Value.Kind == item.List: // appends
			empty := operand{value: item.Value{Kind: item.List}}
			there := operand{call: &call{fnIfNotExists, []operand{{path: path}, empty}}}
			u.sets = append(u.sets, setAction{path, operand{call: &call{fnListAppend, []operand{there, {value: a.Value}}}}})
		case a.Do == "ADD":
			u.adds = append(u.adds, valueAction{path, a.Value})
		case a.Do == "DELETE" && a.Value.Exists():
			u.deletes = append(u.deletes, valueAction{path, a.Value})
		case a.Do == "DELETE":
			u.removes = append(u.removes, path)
		default:
			u.sets = append(u.sets, setAction{path, operand{value: a.Value}})
		}
	}
	return u
}

// Deletes reports whether AttributeUpdates only has DELETE: that makes no item where
// there was none.
// Source:
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/LegacyConditionalParameters.AttributeUpdates.html
func (u *Update) Deletes() bool { return u.old && len(u.sets)+len(u.adds) == 0 }

// errMismatch is what AttributeUpdates says of operands of another type.
var errMismatch = errors.New("Type mismatch for attribute to update")
