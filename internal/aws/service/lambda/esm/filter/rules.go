package filter

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// scalar is a value of a record that is tested; a number is read once for all rules.
type scalar struct {
	value    any
	number   number
	isNumber bool
}

// rule tests one scalar.
type rule func(s scalar) bool

// anyRule is a list of rules: one must hold. exists is answered by presence.
type anyRule struct {
	equal  equal
	rules  []rule
	exists *bool
}

// match tries every element of an array and the array itself for a scalar.
func (a anyRule) match(v any, present bool) bool {
	if a.exists != nil {
		if _, inner := v.(map[string]any); *a.exists == (present && !inner) {
			return true // only leaves exist, as AWS says
		}
	}
	if !present {
		return false
	}
	if list, ok := v.([]any); ok {
		for _, e := range list {
			if a.match(e, true) {
				return true
			}
		}
		return false
	}
	s := scalar{value: v}
	s.number, s.isNumber = parseNumber(v)
	if a.equal.holds(s) {
		return true
	}
	for _, r := range a.rules {
		if r(s) {
			return true
		}
	}
	return false
}

func rules(list []any) (anyRule, error) {
	var out anyRule
	if len(list) == 0 {
		return out, errors.New("an empty array")
	}
	for _, v := range list {
		o, ok := v.(map[string]any)
		if !ok {
			if err := out.equal.add(v); err != nil {
				return out, err
			}
			continue
		}
		if len(o) != 1 {
			return out, errors.New("a rule has exactly one operator")
		}
		for op, arg := range o {
			if op == "exists" {
				b, ok := arg.(bool)
				if !ok {
					return out, errors.New("exists wants true or false")
				}
				out.exists = &b
				continue
			}
			r, err := operator(op, arg)
			if err != nil {
				return out, err
			}
			out.rules = append(out.rules, r)
		}
	}
	return out, nil
}

// equal are the values that a scalar may have: a pattern of 4,096 characters names
// hundreds, a record holds tens of thousands.
type equal struct {
	plain   map[any]bool // strings, booleans and null
	numbers map[number]bool
}

// add takes one more value.
func (e *equal) add(want any) error {
	switch w := want.(type) {
	case json.Number:
		n, ok := parseNumber(w)
		if !ok {
			return fmt.Errorf("%s is no number", w)
		}
		if e.numbers == nil {
			e.numbers = map[number]bool{}
		}
		e.numbers[n] = true
		return nil
	case string, bool, nil:
		if e.plain == nil {
			e.plain = map[any]bool{}
		}
		e.plain[w] = true
		return nil
	}
	return errors.New("an array holds strings, numbers, true, false, null and rules")
}

func (e *equal) holds(s scalar) bool {
	switch s.value.(type) {
	case string, bool, nil:
		return e.plain[s.value]
	}
	return s.isNumber && e.numbers[s.number]
}

func operator(op string, arg any) (rule, error) {
	switch op {
	case "prefix", "suffix":
		test := strings.HasPrefix
		if op == "suffix" {
			test = strings.HasSuffix
		}
		if o, ok := arg.(map[string]any); ok && len(o) == 1 {
			if s, ok := o["equals-ignore-case"].(string); ok {
				s = strings.ToLower(s)
				return onText(func(v string) bool { return test(strings.ToLower(v), s) }), nil
			}
		}
		s, ok := arg.(string)
		if !ok {
			return nil, fmt.Errorf("%s wants a string", op)
		}
		return onText(func(v string) bool { return test(v, s) }), nil
	case "equals-ignore-case":
		s, ok := arg.(string)
		if !ok {
			return nil, fmt.Errorf("%s wants a string", op)
		}
		return onText(func(v string) bool { return strings.EqualFold(v, s) }), nil
	case "anything-but":
		return anythingBut(arg)
	case "numeric":
		return numeric(arg)
	}
	return nil, fmt.Errorf("%q is no operator", op)
}

func onText(test func(string) bool) rule {
	return func(s scalar) bool {
		v, ok := s.value.(string)
		return ok && test(v)
	}
}

// anythingBut takes a scalar, a list of scalars or one text operator.
func anythingBut(arg any) (rule, error) {
	var not anyRule
	switch a := arg.(type) {
	case []any:
		if len(a) == 0 {
			return nil, errors.New("anything-but wants values")
		}
		for _, v := range a {
			if _, nested := v.(map[string]any); nested {
				return nil, errors.New("anything-but wants values")
			}
			if err := not.equal.add(v); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		if len(a) != 1 {
			return nil, errors.New("anything-but wants one operator")
		}
		for op, v := range a {
			if op != "prefix" && op != "suffix" && op != "equals-ignore-case" {
				return nil, fmt.Errorf("anything-but does not take %q", op)
			}
			r, err := operator(op, v)
			if err != nil {
				return nil, err
			}
			not.rules = append(not.rules, r)
		}
	default:
		if err := not.equal.add(arg); err != nil {
			return nil, err
		}
	}
	return func(s scalar) bool {
		_, inner := s.value.(map[string]any)
		return !inner && !not.match(s.value, true)
	}, nil
}

// numeric takes one comparison or two that bound a range.
func numeric(arg any) (rule, error) {
	list, ok := arg.([]any)
	if !ok || len(list) != 2 && len(list) != 4 {
		return nil, errors.New("numeric wants one or two comparisons")
	}
	var tests []func(number) bool
	for i := 0; i < len(list); i += 2 {
		op, _ := list[i].(string)
		n, ok := parseNumber(list[i+1])
		if !ok {
			return nil, errors.New("numeric compares with numbers")
		}
		holds := order(op)
		if holds == nil {
			return nil, fmt.Errorf("numeric does not know %q", op)
		}
		tests = append(tests, func(v number) bool { return holds(v.compare(n)) })
	}
	return func(s scalar) bool {
		ok := s.isNumber
		for _, t := range tests {
			ok = ok && t(s.number)
		}
		return ok
	}, nil
}

// order tells what the order of two numbers must be for an operator, nil for none.
func order(op string) func(int) bool {
	switch op {
	case "=":
		return func(c int) bool { return c == 0 }
	case "<":
		return func(c int) bool { return c < 0 }
	case "<=":
		return func(c int) bool { return c <= 0 }
	case ">":
		return func(c int) bool { return c > 0 }
	case ">=":
		return func(c int) bool { return c >= 0 }
	}
	return nil
}
