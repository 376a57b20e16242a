package filter

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"
)

// number is a decimal as a record or a pattern writes it: 0.digits × 10^exp, digits
// without zeros at their ends, empty for zero. It is never written out, whatever
// its exponent: a record of 256 KB holds forty thousand of them.
type number struct {
	digits   string
	exp      int
	negative bool
}

// longestNumber bounds the text of one. Source: rules compare numbers from -5.0e9 to
// 5.0e9 with 15 digits,
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
const longestNumber = 64

// parseNumber reads a value; ok is false for what is none, or a longer one than rules know.
func parseNumber(v any) (n number, ok bool) {
	text, ok := v.(json.Number)
	if !ok || len(text) > longestNumber {
		return number{}, false
	}
	rest, negative := strings.CutPrefix(string(text), "-")
	mantissa, exponent := rest, 0
	if i := strings.IndexAny(rest, "eE"); i >= 0 {
		var err error
		if exponent, err = strconv.Atoi(rest[i+1:]); err != nil || exponent > 1<<30 || exponent < -1<<30 {
			return number{}, false
		}
		mantissa = rest[:i]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	exponent += len(whole) - (len(whole) + len(fraction) - len(digits))
	digits = strings.TrimRight(digits, "0")
	if digits == "" {
		return number{}, true
	}
	return number{digits: digits, exp: exponent, negative: negative}, true
}

// compare orders two numbers.
func (n number) compare(m number) int {
	if s := cmp.Compare(n.sign(), m.sign()); s != 0 || n.digits == "" {
		return s
	}
	order := cmp.Or(cmp.Compare(n.exp, m.exp), strings.Compare(n.digits, m.digits)) // fractions compare as text
	if n.negative {
		return -order
	}
	return order
}

func (n number) sign() int {
	switch {
	case n.digits == "":
		return 0
	case n.negative:
		return -1
	}
	return 1
}
