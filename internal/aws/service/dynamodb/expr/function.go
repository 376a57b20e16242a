package expr

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/item"
)

// operand is a path, a value, a call or (in updates) a sum; exactly one is set.
type operand struct {
	path  Path
	value item.Value
	call  *call
	sum   *sum
}

// call is a use of a function.
type call struct {
	name string
	args []operand
}

// Functions of AWS; names are case-sensitive.
const (
	fnExists      = "attribute_exists"
	fnNotExists   = "attribute_not_exists"
	fnType        = "attribute_type"
	fnBegins      = "begins_with"
	fnContains    = "contains"
	fnSize        = "size"
	fnIfNotExists = "if_not_exists"
	fnListAppend  = "list_append"
)

// condition reports whether the function is a condition by itself.
func (c *call) condition() bool {
	switch c.name {
	case fnExists, fnNotExists, fnType, fnBegins, fnContains:
		return true
	}
	return false
}

func (c *call) known(update bool) error {
	switch c.name {
	case fnExists, fnNotExists, fnType, fnBegins, fnContains, fnSize:
		if update {
			return fmt.Errorf("The function is not allowed in an update expression; function: %s", c.name)
		}
		return nil
	case fnIfNotExists, fnListAppend:
		if !update {
			return fmt.Errorf("The function is not allowed in a condition expression; function: %s", c.name)
		}
		return nil
	}
	return fmt.Errorf("Invalid function name; function: %s", c.name)
}

// check applies what can be known without an item.
func (c *call) check() error {
	want := 2
	if c.name == fnExists || c.name == fnNotExists || c.name == fnSize {
		want = 1
	}
	if len(c.args) != want {
		return fmt.Errorf(
			"Incorrect number of operands for operator or function; operator or function: %s, number of operands: %d",
			c.name, len(c.args))
	}
	switch c.name {
	case fnExists, fnNotExists, fnIfNotExists:
		if c.args[0].path == nil {
			return fmt.Errorf("Operator or function requires a document path; operator or function: %s", c.name)
		}
	case fnType:
		return c.checkType()
	case fnBegins:
		return c.checkKinds(item.String, item.Binary)
	case fnSize:
		return c.checkKinds(item.String, item.Binary, item.StringSet, item.NumberSet, item.BinarySet, item.List, item.Map)
	case fnListAppend:
		return c.checkKinds(item.List)
	}
	if (c.name == fnContains || c.name == fnBegins) && c.args[0].path != nil && c.args[0].path.equal(c.args[1].path) {
		return distinct(c.name, c.args[0])
	}
	return nil
}

func distinct(operator string, first operand) error {
	return fmt.Errorf("The first operand must be distinct from the remaining operands for this operator or function; "+
		"operator: %s, first operand: %s", operator, first.path)
}

func (c *call) checkType() error {
	v := c.args[1].value
	if v.Kind != item.String {
		kind := v.Kind.String()
		if kind == "" {
			return fmt.Errorf(
				"Incorrect operand type for operator or function; operator or function: %s, operand type: "+
					"{NS,SS,L,BS,N,M,B,BOOL,NULL,S}", c.name)
		}
		return wrongType(c.name, v.Kind)
	}
	if item.KindOf(v.Text) == 0 {
		return fmt.Errorf("Invalid attribute type name found; type: %s, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}", v.Text)
	}
	return nil
}

func (c *call) checkKinds(allowed ...item.Kind) error {
	for _, a := range c.args {
		if a.value.Exists() && !oneOf(a.value.Kind, allowed) {
			return wrongType(c.name, a.value.Kind)
		}
	}
	return nil
}

func wrongType(operator string, k item.Kind) error {
	return fmt.Errorf("Incorrect operand type for operator or function; operator or function: %s, operand type: %s",
		operator, k)
}

func oneOf(k item.Kind, kinds []item.Kind) bool {
	for _, a := range kinds {
		if a == k {
			return true
		}
	}
	return false
}

// get is the operand's value over an item, in conditions.
func (o operand) get(it item.Item) item.Value {
	switch {
	case o.path != nil:
		return o.path.Get(it)
	case o.call != nil:
		return sizeOf(o.call.args[0].get(it))
	}
	return o.value
}

// sizeOf is the function size; it has no value for numbers, booleans and null.
func sizeOf(v item.Value) item.Value {
	n := 0
	switch v.Kind {
	case item.String:
		n = utf8.RuneCountInString(v.Text)
	case item.Binary:
		n = len(v.Text)
	case item.StringSet, item.NumberSet, item.BinarySet, item.List:
		n = len(v.Elems)
	case item.Map:
		n = len(v.Fields)
	default:
		return item.Value{}
	}
	return item.Num(fmt.Sprint(n))
}

// holds evaluates a function that is a condition.
func (c *call) holds(it item.Item) bool {
	v := c.args[0].get(it)
	switch c.name {
	case fnExists:
		return v.Exists()
	case fnNotExists:
		return !v.Exists()
	}
	w := c.args[1].get(it)
	switch c.name {
	case fnType:
		return v.Exists() && v.Kind.String() == w.Text
	case fnBegins:
		return v.Kind == w.Kind && (v.Kind == item.String || v.Kind == item.Binary) && strings.HasPrefix(v.Text, w.Text)
	case fnContains:
		return contains(v, w)
	}
	return false
}

func contains(v, w item.Value) bool {
	switch v.Kind {
	case item.String, item.Binary:
		return v.Kind == w.Kind && strings.Contains(v.Text, w.Text)
	case item.StringSet, item.NumberSet, item.BinarySet, item.List:
		return w.Exists() && v.Has(w)
	}
	return false
}
