package item

import (
	"errors"
	"math/big"
	"strings"
)

// Limits of DynamoDB numbers: 38 significant digits, magnitudes from 1E-130 to
// 9.99…E+125.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html#limits-data-types
const (
	maxDigits    = 38
	maxMagnitude = 125  // exponent of the first digit
	minMagnitude = -130 // likewise
)

// Errors of numbers, with AWS's messages.
var (
	errOverflow  = errors.New("Number overflow. Attempting to store a number with magnitude larger than supported range")
	errUnderflow = errors.New("Number underflow. Attempting to store a number with magnitude smaller than supported range")
	errDigits    = errors.New("Attempting to store more than 38 significant digits in a Number")
)

// Decimal is an exact decimal: ±0.digits × 10^exp, without leading or trailing
// zeros in digits. The zero Decimal is zero.
type Decimal struct {
	neg    bool
	digits string
	exp    int
}

// ParseNumber reads a number as clients write it: sign, digits, a point, an
// exponent. Errors carry AWS's messages.
func ParseNumber(s string) (Decimal, error) {
	bad := errors.New("The parameter cannot be converted to a numeric value: " + s)
	if s == "" {
		return Decimal{}, errors.New("The parameter cannot be converted to a numeric value")
	}
	rest, neg := s, false
	if rest[0] == '-' || rest[0] == '+' {
		neg, rest = rest[0] == '-', rest[1:]
	}
	mantissa, exponent := rest, 0
	if i := strings.IndexAny(rest, "eE"); i >= 0 {
		var ok bool
		if exponent, ok = parseExponent(rest[i+1:]); !ok {
			return Decimal{}, bad
		}
		mantissa = rest[:i]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := whole + fraction
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return Decimal{}, bad
	}
	return normal(neg, digits, len(whole)+exponent)
}

// parseExponent reads a signed integer; far out of range it is clamped, since
// the number is then refused (or is zero) whatever the exact exponent.
func parseExponent(s string) (int, bool) {
	neg := false
	if s != "" && (s[0] == '-' || s[0] == '+') {
		neg, s = s[0] == '-', s[1:]
	}
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n := 0
	for _, c := range s {
		n = min(n*10+int(c-'0'), 1<<24)
	}
	if neg {
		n = -n
	}
	return n, true
}

// normal strips zeros and checks the range. The point stands before
// digits[0] when exp is 0.
func normal(neg bool, digits string, exp int) (Decimal, error) {
	stripped := strings.TrimLeft(digits, "0")
	exp -= len(digits) - len(stripped)
	stripped = strings.TrimRight(stripped, "0")
	if stripped == "" {
		return Decimal{}, nil
	}
	switch magnitude := exp - 1; {
	case magnitude > maxMagnitude:
		return Decimal{}, errOverflow
	case magnitude < minMagnitude:
		return Decimal{}, errUnderflow
	case len(stripped) > maxDigits:
		return Decimal{}, errDigits
	}
	return Decimal{neg: neg, digits: stripped, exp: exp}, nil
}

// String is the canonical form: plain decimal notation, no superfluous zeros.
func (d Decimal) String() string {
	if d.digits == "" {
		return "0"
	}
	var b strings.Builder
	if d.neg {
		b.WriteByte('-')
	}
	switch n := len(d.digits); {
	case d.exp <= 0:
		b.WriteString("0.")
		b.WriteString(strings.Repeat("0", -d.exp))
		b.WriteString(d.digits)
	case d.exp >= n:
		b.WriteString(d.digits)
		b.WriteString(strings.Repeat("0", d.exp-n))
	default:
		b.WriteString(d.digits[:d.exp])
		b.WriteByte('.')
		b.WriteString(d.digits[d.exp:])
	}
	return b.String()
}

// Value makes an attribute value of d.
func (d Decimal) Value() Value { return Value{Kind: Number, Text: d.String()} }

// Number reads a value of kind Number back; it is zero for other kinds.
func (v Value) Number() Decimal {
	if v.Kind != Number {
		return Decimal{}
	}
	d, err := ParseNumber(v.Text)
	if err != nil {
		return Decimal{} // cannot happen: Text is canonical
	}
	return d
}

// Cmp compares by value.
func (d Decimal) Cmp(e Decimal) int {
	if s, t := d.sign(), e.sign(); s != t || s == 0 {
		return compareInt(s, t)
	}
	order := compareInt(d.exp, e.exp)
	if order == 0 {
		order = strings.Compare(d.digits, e.digits) // fractions 0.digits compare as text
	}
	if d.neg {
		return -order
	}
	return order
}

func (d Decimal) sign() int {
	switch {
	case d.digits == "":
		return 0
	case d.neg:
		return -1
	}
	return 1
}

func compareInt(a, b int) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// Neg returns -d.
func (d Decimal) Neg() Decimal {
	d.neg = !d.neg && d.digits != ""
	return d
}

// Add returns the exact sum, or AWS's error when it does not fit 38 digits or
// the range.
func (d Decimal) Add(e Decimal) (Decimal, error) {
	if d.digits == "" {
		return e, nil
	}
	if e.digits == "" {
		return d, nil
	}
	// Both as integers in units of the smaller last place. The range of
	// exponents bounds them to about 300 digits.
	unit := min(d.exp-len(d.digits), e.exp-len(e.digits))
	sum := d.scaled(unit)
	sum.Add(sum, e.scaled(unit))
	text := sum.String()
	neg := strings.HasPrefix(text, "-")
	text = strings.TrimPrefix(text, "-")
	return normal(neg, text, len(text)+unit)
}

// scaled is d in units of 10^unit.
func (d Decimal) scaled(unit int) *big.Int {
	n, _ := new(big.Int).SetString(d.digits+strings.Repeat("0", d.exp-len(d.digits)-unit), 10)
	if d.neg {
		n.Neg(n)
	}
	return n
}
