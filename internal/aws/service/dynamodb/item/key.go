package item

import "strings"

// AppendKey appends the order-preserving form of a key value (S, N or B): the
// byte order of two encodings is DynamoDB's order of the values, and no
// encoding is the beginning of another of the same kind, so that a composite
// key orders by its parts.
func AppendKey(b []byte, v Value) []byte {
	if v.Kind == Number {
		return appendNumber(b, v.Number())
	}
	return append(AppendPrefix(b, v), 0x00, 0x01)
}

// AppendPrefix is AppendKey of a string or binary without the end mark: every
// key that begins with v begins with these bytes.
func AppendPrefix(b []byte, v Value) []byte {
	s := v.Text
	for {
		i := strings.IndexByte(s, 0)
		if i < 0 {
			return append(b, s...)
		}
		// A zero byte becomes 00 FF, so that the end mark 00 01 sorts below it.
		b = append(append(b, s[:i]...), 0x00, 0xff)
		s = s[i+1:]
	}
}

// appendNumber writes sign, exponent and digits in pairs; a negative number
// has all bytes behind the sign complemented, which turns the order round.
func appendNumber(b []byte, d Decimal) []byte {
	if d.digits == "" {
		return append(b, 0x80)
	}
	var flip byte
	if d.neg {
		b, flip = append(b, 0x7f), 0xff
	} else {
		b = append(b, 0x81)
	}
	b = append(b, byte(d.exp-1-minMagnitude)^flip) // 256 exponents: exactly a byte
	for i := 0; i < len(d.digits); i += 2 {
		pair := (d.digits[i] - '0') * 10
		if i+1 < len(d.digits) {
			pair += d.digits[i+1] - '0'
		}
		b = append(b, (pair+1)^flip) // 1..100, so the end mark 0 sorts below
	}
	return append(b, 0^flip)
}

// Hash spreads a partition key value over 64 bits: the order in which Scan
// meets partitions, and the division into parallel segments.
func Hash(v Value) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	h = (h ^ uint64(v.Kind)) * prime
	for i := range len(v.Text) {
		h = (h ^ uint64(v.Text[i])) * prime
	}
	h ^= h >> 30 // SplitMix64's finaliser: FNV alone leaves the high bits poor
	h *= 0xbf58476d1ce4e5b9
	h ^= h >> 27
	h *= 0x94d049bb133111eb
	return h ^ h>>31
}
