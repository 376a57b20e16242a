package policy

import "strings"

// Condition is one operator with one key of a Condition block; a statement
// applies when all of its conditions hold.
type Condition struct {
	Operator string   // as written, "ForAnyValue:StringLikeIfExists"
	Key      string   // as written
	Values   []string // as written

	key      string // lower case
	test     operator
	negated  bool // no value may match
	ifExists bool
	null     bool
	quantity quantity
	values   []operand
}

// quantity is what a set operator demands of a key with several values.
type quantity int

const (
	single    quantity = iota
	allValues          // ForAllValues: each value of the request
	anyValue           // ForAnyValue: at least one
)

// operand is a value of a condition, parsed as its operator needs it.
type operand struct {
	pattern pattern
	parts   []pattern // of an ARN
	parsed  any       // number, time, prefix or bytes
}

// operator compares a value of the request with one of the policy.
type operator struct {
	parse func(text string, variables bool) (operand, error)
	match func(o *operand, value string, keys Lookup) bool
}

// newCondition reads an operator; ok is false when there is no such one.
// Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
func newCondition(name, key string) (c Condition, ok bool) {
	c = Condition{Operator: name, Key: key, key: strings.ToLower(key)}
	switch rest, found := strings.CutPrefix(name, "ForAllValues:"); {
	case found:
		c.quantity, name = allValues, rest
	default:
		if rest, found := strings.CutPrefix(name, "ForAnyValue:"); found {
			c.quantity, name = anyValue, rest
		}
	}
	if name == "Null" {
		c.null, c.test = true, operators("Bool")
		return c, c.quantity == single
	}
	name, c.ifExists = strings.CutSuffix(name, "IfExists")
	base, negated := positive(name)
	c.negated, c.test = negated, operators(base)
	return c, c.test.match != nil && (!negated || negatable(base))
}

// positive is the operator that a negated one turns round.
func positive(name string) (base string, negated bool) {
	if name == "NotIpAddress" {
		return "IpAddress", true
	}
	for _, family := range [...]string{"String", "Numeric", "Date", "Arn"} {
		if rest, found := strings.CutPrefix(name, family+"Not"); found {
			return family + rest, true
		}
	}
	return name, false
}

func negatable(base string) bool {
	switch base {
	case "StringEquals", "StringEqualsIgnoreCase", "StringLike", "NumericEquals", "DateEquals", "IpAddress",
		"ArnEquals", "ArnLike":
		return true
	}
	return false
}

// holds decides a condition for a request.
// Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
func (c *Condition) holds(keys Lookup) bool {
	given, ok := keys(c.key)
	if c.null {
		return c.matchesOne(boolText(!ok || len(given) == 0), keys)
	}
	if !ok || len(given) == 0 {
		switch {
		case c.ifExists, c.quantity == allValues:
			return true
		case c.quantity == anyValue:
			return false
		}
		return c.negated
	}
	for _, value := range given {
		matches := c.matchesOne(value, keys) != c.negated
		switch c.quantity {
		case allValues:
			if !matches {
				return false
			}
		case anyValue:
			if matches {
				return true
			}
		default: // one value as a rule; of several a plain operator takes any, a negated one none
			if matches != c.negated {
				return matches
			}
		}
	}
	switch c.quantity {
	case allValues:
		return true
	case anyValue:
		return false
	}
	return c.negated
}

// matchesOne compares a value with those of the policy.
func (c *Condition) matchesOne(value string, keys Lookup) bool {
	for i := range c.values {
		if c.test.match(&c.values[i], value, keys) {
			return true
		}
	}
	return false
}

func boolText(b bool) string {
	if b {
		return "true"
	}
	return "false"
}
