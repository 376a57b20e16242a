package filter

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// rule tests one scalar of a record.
type rule func(v any) bool

// anyRule is a list of rules: one must hold. exists is answered by presence.
type anyRule struct {
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
	for _, r := range a.rules {
		if r(v) {
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
			eq, err := equals(v)
			if err != nil {
				return out, err
			}
			out.rules = append(out.rules, eq)
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

func equals(want any) (rule, error) {
	switch w := want.(type) {
	case json.Number:
		n, ok := new(big.Rat).SetString(w.String())
		if !ok {
			return nil, fmt.Errorf("%s is no number", w)
		}
		return func(v any) bool {
			got, ok := number(v)
			return ok && got.Cmp(n) == 0
		}, nil
	case string, bool, nil:
		return func(v any) bool { return v == want }, nil
	}
	return nil, errors.New("an array holds strings, numbers, true, false, null and rules")
}

func number(v any) (*big.Rat, bool) {
	n, ok := v.(json.Number)
	if !ok || len(n) > 64 { // a huge exponent would take the memory
		return nil, false
	}
	if i := strings.IndexAny(n.String(), "eE"); i >= 0 && len(n)-i > 5 {
		return nil, false
	}
	return new(big.Rat).SetString(n.String())
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
	return func(v any) bool {
		s, ok := v.(string)
		return ok && test(s)
	}
}

// anythingBut takes a scalar, a list of scalars or one text operator.
func anythingBut(arg any) (rule, error) {
	var not []rule
	switch a := arg.(type) {
	case []any:
		if len(a) == 0 {
			return nil, errors.New("anything-but wants values")
		}
		for _, v := range a {
			if _, nested := v.(map[string]any); nested {
				return nil, errors.New("anything-but wants values")
			}
			r, err := equals(v)
			if err != nil {
				return nil, err
			}
			not = append(not, r)
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
			not = append(not, r)
		}
	default:
		r, err := equals(arg)
		if err != nil {
			return nil, err
		}
		not = append(not, r)
	}
	return func(v any) bool {
		if _, inner := v.(map[string]any); inner {
			return false
		}
		for _, r := range not {
			if r(v) {
				return false
			}
		}
		return true
	}, nil
}

// numeric takes one comparison or two that bound a range.
func numeric(arg any) (rule, error) {
	list, ok := arg.([]any)
	if !ok || len(list) != 2 && len(list) != 4 {
		return nil, errors.New("numeric wants one or two comparisons")
	}
	var tests []func(*big.Rat) bool
	for i := 0; i < len(list); i += 2 {
		op, _ := list[i].(string)
		n, ok := number(list[i+1])
		if !ok {
			return nil, errors.New("numeric compares with numbers")
		}
		var holds func(int) bool
		switch op {
		case "=":
			holds = func(c int) bool { return c == 0 }
		case "<":
			holds = func(c int) bool { return c < 0 }
		case "<=":
			holds = func(c int) bool { return c <= 0 }
		case ">":
			holds = func(c int) bool { return c > 0 }
		case ">=":
			holds = func(c int) bool { return c >= 0 }
		default:
			return nil, fmt.Errorf("numeric does not know %q", op)
		}
		tests = append(tests, func(v *big.Rat) bool { return holds(v.Cmp(n)) })
	}
	return func(v any) bool {
		n, ok := number(v)
		for _, t := range tests {
			ok = ok && t(n)
		}
		return ok
	}, nil
}
