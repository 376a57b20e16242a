package policy

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// operators finds the operator of a name without prefix, suffix and negation;
// the zero operator when there is none.
func operators(name string) operator {
	switch name {
	case "StringEquals":
		return operator{parse: text(false), match: matchPattern}
	case "StringLike":
		return operator{parse: text(true), match: matchPattern}
	case "StringEqualsIgnoreCase":
		return operator{parse: text(false), match: matchFolded}
	case "Bool":
		return operator{parse: parseBool, match: matchFolded}
	case "BinaryEquals":
		return operator{parse: parseBinary, match: matchBinary}
	case "IpAddress":
		return operator{parse: parseAddress, match: matchAddress}
	case "ArnEquals", "ArnLike": // AWS: the two behave alike
		return operator{parse: parseARN, match: matchARN}
	}
	if order, ok := strings.CutPrefix(name, "Numeric"); ok && comparison(order) != nil {
		return operator{parse: parseNumber, match: compare(comparison(order), number)}
	}
	if order, ok := strings.CutPrefix(name, "Date"); ok && comparison(order) != nil {
		return operator{parse: parseDate, match: compare(comparison(order), instant)}
	}
	return operator{}
}

func text(wildcards bool) func(string, bool) (operand, error) {
	return func(s string, variables bool) (operand, error) {
		return operand{pattern: compile(s, wildcards, variables)}, nil
	}
}

func matchPattern(o *operand, value string, keys Lookup) bool { return o.pattern.match(value, keys) }

// matchFolded compares without regard to case.
func matchFolded(o *operand, value string, keys Lookup) bool {
	if o.pattern.plain {
		return strings.EqualFold(o.pattern.text, value)
	}
	runes, ok := o.pattern.resolve(keys)
	return ok && strings.EqualFold(string(runes), value)
}

func parseBool(s string, variables bool) (operand, error) {
	p := compile(s, false, variables)
	if p.plain && !strings.EqualFold(s, "true") && !strings.EqualFold(s, "false") {
		return operand{}, fmt.Errorf("%q is neither true nor false", s)
	}
	return operand{pattern: p}, nil
}

func parseBinary(s string, _ bool) (operand, error) {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return operand{}, fmt.Errorf("%q is not base64", s)
	}
	return operand{parsed: b}, nil
}

func matchBinary(o *operand, value string, _ Lookup) bool {
	b, err := base64.StdEncoding.DecodeString(value)
	return err == nil && bytes.Equal(b, o.parsed.([]byte))
}

func parseAddress(s string, _ bool) (operand, error) {
	if addr, err := netip.ParseAddr(s); err == nil { // without a prefix: this address alone
		return operand{parsed: netip.PrefixFrom(addr, addr.BitLen())}, nil
	}
	prefix, err := netip.ParsePrefix(s)
	if err != nil {
		return operand{}, fmt.Errorf("%q is neither an IP address nor a CIDR block", s)
	}
	return operand{parsed: prefix.Masked()}, nil
}

func matchAddress(o *operand, value string, _ Lookup) bool {
	addr, err := netip.ParseAddr(value)
	return err == nil && o.parsed.(netip.Prefix).Contains(addr.Unmap())
}

// parseARN splits an ARN into its six parts, which are compared one by one; what
// has fewer matches no ARN, a lone * any.
func parseARN(s string, variables bool) (operand, error) {
	if s == "*" {
		return operand{pattern: compile(s, true, false)}, nil
	}
	var o operand
	for _, part := range splitARN(s) {
		o.parts = append(o.parts, compile(part, true, variables))
	}
	return o, nil
}

func matchARN(o *operand, value string, keys Lookup) bool {
	parts := splitARN(value)
	if o.pattern.all {
		return len(parts) == 6
	}
	if len(parts) != len(o.parts) || len(parts) != 6 {
		return false
	}
	for i := range parts {
		if !o.parts[i].match(parts[i], keys) {
			return false
		}
	}
	return true
}

// splitARN is strings.SplitN at colons, except that those of a variable do not count.
func splitARN(s string) []string {
	var parts []string
	start, depth := 0, 0
	for i := 0; i < len(s) && len(parts) < 5; i++ {
		switch {
		case s[i] == '$' && i+1 < len(s) && s[i+1] == '{':
			depth++
		case s[i] == '}' && depth > 0:
			depth--
		case s[i] == ':' && depth == 0:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}

// comparison tells what an order of -1, 0 or 1 must be.
func comparison(name string) func(order int) bool {
	switch name {
	case "Equals":
		return func(o int) bool { return o == 0 }
	case "LessThan":
		return func(o int) bool { return o < 0 }
	case "LessThanEquals":
		return func(o int) bool { return o <= 0 }
	case "GreaterThan":
		return func(o int) bool { return o > 0 }
	case "GreaterThanEquals":
		return func(o int) bool { return o >= 0 }
	}
	return nil
}

// compare makes a match of an order; values that do not parse match nothing.
func compare[T any](right func(int) bool, order func(string, T) (int, error)) func(*operand, string, Lookup) bool {
	return func(o *operand, value string, _ Lookup) bool {
		n, err := order(value, o.parsed.(T))
		return err == nil && right(n)
	}
}

func parseNumber(s string, _ bool) (operand, error) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return operand{}, fmt.Errorf("%q is not a number", s)
	}
	return operand{parsed: f}, nil
}

func number(value string, than float64) (int, error) {
	f, err := strconv.ParseFloat(value, 64)
	switch {
	case err != nil:
		return 0, err
	case f < than:
		return -1, nil
	case f > than:
		return 1, nil
	}
	return 0, nil
}

func parseDate(s string, _ bool) (operand, error) {
	t, err := date(s)
	return operand{parsed: t}, err
}

func instant(value string, than time.Time) (int, error) {
	t, err := date(value)
	return t.Compare(than), err
}

var errDate = errors.New("neither an ISO 8601 date nor a count of seconds")

// date reads the W3C profile of ISO 8601, or seconds since 1970.
// Source: https://www.w3.org/TR/NOTE-datetime
func date(s string) (time.Time, error) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && len(s) > 4 {
		return time.Unix(n, 0), nil
	}
	for _, form := range [...]string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02",
		"2006-01", "2006"} {
		if t, err := time.Parse(form, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is %w", s, errDate)
}
