package wire

import (
	"encoding/base64"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// appendJSON writes v, which may be a pointer, as a JSON value.
func appendJSON(b []byte, n *node, v reflect.Value) ([]byte, error) {
	if v.Kind() == reflect.Pointer && n.kind != kUnion {
		if v.IsNil() {
			return append(b, "null"...), nil
		}
		v = v.Elem()
	}
	switch n.kind {
	case kStruct:
		return appendStruct(b, n, v, nil)
	case kUnion:
		return appendUnion(b, n, v)
	case kList:
		return appendList(b, n, v)
	case kMap:
		return appendMap(b, n, v)
	case kString:
		return appendString(b, v.String()), nil
	case kInt:
		return strconv.AppendInt(b, v.Int(), 10), nil
	case kFloat:
		return appendFloat(b, v.Float()), nil
	case kBool:
		return strconv.AppendBool(b, v.Bool()), nil
	case kBlob:
		b = append(b, '"')
		b = base64.StdEncoding.AppendEncode(b, v.Bytes())
		return append(b, '"'), nil
	case kTime:
		format := n.format(formatEpoch)
		if format == formatEpoch {
			return appendTime(b, v.Interface().(time.Time), format), nil
		}
		return append(appendTime(append(b, '"'), v.Interface().(time.Time), format), '"'), nil
	}
	return nil, fmt.Errorf("a %s cannot stand in a JSON document", n.shape.Type)
}

// appendStruct writes the members that keep lets through; nil keeps all.
func appendStruct(b []byte, n *node, v reflect.Value, keep func(*field) bool) ([]byte, error) {
	b = append(b, '{')
	first := true
	for _, f := range n.fields {
		if keep != nil && !keep(f) {
			continue
		}
		fv, ok := f.present(v.Field(f.index))
		if !ok {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(appendString(b, f.jsonName()), ':')
		var err error
		if b, err = appendJSON(b, f.node, fv); err != nil {
			return nil, fmt.Errorf("%s: %w", f.member, err)
		}
	}
	return append(b, '}'), nil
}

func appendUnion(b []byte, n *node, v reflect.Value) ([]byte, error) {
	f, inner, err := n.variantOf(v)
	if err != nil || f == nil {
		return append(b, "null"...), err
	}
	b = append(appendString(append(b, '{'), f.jsonName()), ':')
	if b, err = appendJSON(b, f.node, inner); err != nil {
		return nil, err
	}
	return append(b, '}'), nil
}

// variantOf returns which member of a union is set, and its value; nil for a
// nil interface.
func (n *node) variantOf(v reflect.Value) (*field, reflect.Value, error) {
	for v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil, v, nil
		}
		v = v.Elem()
	}
	for _, f := range n.fields {
		if f.variant == v.Type() {
			return f, v.Field(0), nil
		}
	}
	return nil, v, fmt.Errorf("%s is no member of union %s", v.Type(), n.shape.Name)
}

func appendList(b []byte, n *node, v reflect.Value) ([]byte, error) {
	b = append(b, '[')
	for i := range v.Len() {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = appendJSON(b, n.elem, v.Index(i)); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}

func appendMap(b []byte, n *node, v reflect.Value) ([]byte, error) {
	keys := v.MapKeys() // sorted: the same answer has the same bytes
	slices.SortFunc(keys, func(x, y reflect.Value) int { return strings.Compare(x.String(), y.String()) })
	b = append(b, '{')
	for i, k := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, k.String()), ':')
		var err error
		if b, err = appendJSON(b, n.elem, v.MapIndex(k)); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

func appendFloat(b []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(b, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(b, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(b, `"-Infinity"`...)
	}
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		return strconv.AppendFloat(b, f, 'e', -1, 64)
	}
	return strconv.AppendFloat(b, f, 'f', -1, 64)
}

const hexDigits = "0123456789abcdef"

// appendString writes s quoted; invalid UTF-8 becomes U+FFFD.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				b = append(append(b, s[start:i]...), "\ufffd"...)
				start = i + 1
			}
			i += size
			continue
		}
		if c >= 0x20 && c != '"' && c != '\\' {
			i++
			continue
		}
		b = append(b, s[start:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	return append(append(b, s[start:]...), '"')
}
