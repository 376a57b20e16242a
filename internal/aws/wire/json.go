package wire

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// maxDepth bounds nesting, so that a hostile document cannot exhaust the stack.
const maxDepth = 200

// jsonReader decodes a document straight into SDK structs.
type jsonReader struct {
	b     []byte
	i     int
	depth int
	room  room
	zeros *zeros // nil keeps none
}

var errJSON = errors.New("unexpected end or character")

func (r *jsonReader) fail() error { return fmt.Errorf("%w at byte %d", errJSON, r.i) }

func (r *jsonReader) space() {
	for r.i < len(r.b) {
		switch r.b[r.i] {
		case ' ', '\t', '\n', '\r':
			r.i++
		default:
			return
		}
	}
}

// peek returns the next significant byte, 0 at the end.
func (r *jsonReader) peek() byte {
	r.space()
	if r.i >= len(r.b) {
		return 0
	}
	return r.b[r.i]
}

func (r *jsonReader) take(c byte) bool {
	if r.peek() != c {
		return false
	}
	r.i++
	return true
}

func (r *jsonReader) literal(s string) bool {
	if len(r.b)-r.i >= len(s) && string(r.b[r.i:r.i+len(s)]) == s {
		r.i += len(s)
		return true
	}
	return false
}

// decodeJSON reads one whole document into v.
func decodeJSON(b []byte, n *node, v reflect.Value, z *zeros) error {
	r := &jsonReader{b: b, zeros: z}
	if err := r.value(n, v); err != nil {
		return err
	}
	if r.peek() != 0 || r.i < len(r.b) {
		return r.fail()
	}
	return nil
}

func (r *jsonReader) value(n *node, v reflect.Value) error {
	c := r.peek()
	if c == 'n' {
		if !r.literal("null") {
			return r.fail()
		}
		return nil // absent
	}
	if r.depth++; r.depth > maxDepth {
		return errors.New("nested too deeply")
	}
	defer func() { r.depth-- }()
	switch n.kind {
	case kStruct:
		if err := r.room.structure(n); err != nil {
			return err
		}
		return r.object(n, n.settable(v))
	case kUnion:
		return r.union(n, v)
	case kList:
		return r.list(n, v)
	case kMap:
		return r.mapping(n, v)
	}
	return r.scalar(n, v, c)
}

func (r *jsonReader) scalar(n *node, v reflect.Value, c byte) error {
	switch n.kind {
	case kString:
		if c != '"' {
			return r.expected("a string", c)
		}
		s, err := r.str()
		if err == nil {
			n.settable(v).SetString(s)
		}
		return err
	case kBlob:
		if c != '"' {
			return r.expected("a base64 string", c)
		}
		b, err := r.blob()
		if err == nil {
			v.SetBytes(b)
		}
		return err
	case kBool:
		switch {
		case r.literal("true"):
			n.settable(v).SetBool(true)
		case r.literal("false"):
			n.settable(v).SetBool(false)
		default:
			return r.expected("true or false", c)
		}
		return nil
	case kInt, kFloat:
		return r.number(n, v, c)
	case kTime:
		return r.time(n, v, c)
	}
	return fmt.Errorf("a %s cannot stand in a JSON document", n.shape.Type)
}

func (r *jsonReader) expected(what string, c byte) error {
	if r.i >= len(r.b) {
		return fmt.Errorf("expected %s at byte %d, found the end", what, r.i)
	}
	return fmt.Errorf("expected %s at byte %d, found %q", what, r.i, c)
}

// numeral returns the text of a number.
func (r *jsonReader) numeral() string {
	start := r.i
	for r.i < len(r.b) {
		switch c := r.b[r.i]; {
		case c >= '0' && c <= '9', c == '-', c == '+', c == '.', c == 'e', c == 'E':
			r.i++
		default:
			return string(r.b[start:r.i])
		}
	}
	return string(r.b[start:r.i])
}

func (r *jsonReader) number(n *node, v reflect.Value, c byte) error {
	if c == '"' { // NaN and the infinities are strings in JSON
		s, err := r.str()
		if err != nil {
			return err
		}
		special := map[string]float64{"NaN": math.NaN(), "Infinity": math.Inf(1), "-Infinity": math.Inf(-1)}
		f, ok := special[s]
		if !ok || n.kind == kInt {
			return r.expected("a number", c)
		}
		n.settable(v).SetFloat(f)
		return nil
	}
	text := r.numeral()
	if n.kind == kInt {
		i, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			f, ferr := strconv.ParseFloat(text, 64)
			if ferr != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
				return r.expected("an integer", c)
			}
			i = int64(f)
		}
		dst := n.settable(v)
		if dst.OverflowInt(i) {
			return fmt.Errorf("%d is out of range", i)
		}
		dst.SetInt(i)
		return nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return r.expected("a number", c)
	}
	n.settable(v).SetFloat(f)
	return nil
}

func (r *jsonReader) time(n *node, v reflect.Value, c byte) error {
	var text string
	if c == '"' {
		s, err := r.str()
		if err != nil {
			return err
		}
		text = s
	} else if text = r.numeral(); text == "" {
		return r.expected("a timestamp", c)
	}
	t, err := parseTime(text)
	if err != nil {
		return err
	}
	n.settable(v).Set(reflect.ValueOf(t))
	return nil
}

func (r *jsonReader) object(n *node, v reflect.Value) error {
	return r.members(func(name []byte) error {
		f := n.byJSON[unsafe.String(unsafe.SliceData(name), len(name))]
		if f == nil {
			if l := n.lacking[string(name)]; l != nil && r.peek() != 'n' {
				return l.refuse()
			}
			return r.skip() // AWS ignores members it does not know
		}
		if f.node.watch && r.zeros != nil && r.peek() != 'n' {
			fv := v.Field(f.index)
			return r.zeros.member(f, fv, func() error { return r.value(f.node, fv) })
		}
		return r.value(f.node, v.Field(f.index))
	})
}

// members walks an object; fn reads each value. name is valid until fn returns.
func (r *jsonReader) members(fn func(name []byte) error) error {
	if !r.take('{') {
		return r.expected("an object", r.peek())
	}
	if r.take('}') {
		return nil
	}
	for {
		if r.peek() != '"' {
			return r.fail()
		}
		name, err := r.raw()
		if err != nil {
			return err
		}
		if !r.take(':') {
			return r.fail()
		}
		if err := fn(name); err != nil {
			return err
		}
		if r.take('}') {
			return nil
		}
		if !r.take(',') {
			return r.fail()
		}
	}
}

func (r *jsonReader) union(n *node, v reflect.Value) error {
	set := 0
	err := r.members(func(name []byte) error {
		f := n.byJSON[string(name)]
		if f == nil {
			return r.skip()
		}
		if r.peek() == 'n' && r.literal("null") {
			return nil
		}
		if err := r.room.take(int(f.variant.Size())); err != nil {
			return err
		}
		variant := reflect.New(f.variant)
		if err := r.value(f.node, variant.Elem().Field(0)); err != nil {
			return err
		}
		if set++; set == 1 {
			v.Set(variant)
		}
		return nil
	})
	if err == nil && set > 1 {
		return fmt.Errorf("%w: %s", errUnion, n.shape.Name)
	}
	return err
}

// errUnion marks a union with several members set, which services answer with
// their own validation error.
var errUnion = errors.New("more than one member of a union is set")

func (r *jsonReader) list(n *node, v reflect.Value) error {
	if !r.take('[') {
		return r.expected("a list", r.peek())
	}
	v.Set(reflect.MakeSlice(n.typ, 0, 4))
	size := int(n.typ.Elem().Size())
	for !r.take(']') {
		if v.Len() > 0 && !r.take(',') {
			return r.fail()
		}
		if r.peek() == ']' || r.peek() == 0 {
			return r.fail()
		}
		if err := r.room.take(size); err != nil {
			return err
		}
		if v.Len() == v.Cap() {
			v.Grow(v.Len())
		}
		v.SetLen(v.Len() + 1)
		if err := r.element(n, v.Index(v.Len()-1), v.Len()-1); err != nil {
			return err
		}
	}
	return nil
}

func (r *jsonReader) element(n *node, v reflect.Value, i int) error {
	if n.elem.watch && r.zeros != nil {
		return r.zeros.element(n, i, func() error { return r.value(n.elem, v) })
	}
	return r.value(n.elem, v)
}

func (r *jsonReader) mapping(n *node, v reflect.Value) error {
	out := reflect.MakeMap(n.typ)
	size := mapEntry + int(n.typ.Elem().Size())
	err := r.members(func(name []byte) error {
		if err := r.room.take(size); err != nil {
			return err
		}
		key := reflect.New(n.typ.Key()).Elem()
		key.SetString(string(name))
		val := reflect.New(n.typ.Elem()).Elem()
		if err := r.value(n.elem, val); err != nil {
			return err
		}
		out.SetMapIndex(key, val)
		return nil
	})
	if err == nil {
		v.Set(out)
	}
	return err
}

// skip passes over one value of any kind.
func (r *jsonReader) skip() error {
	if r.depth++; r.depth > maxDepth {
		return errors.New("nested too deeply")
	}
	defer func() { r.depth-- }()
	switch c := r.peek(); {
	case c == '"':
		_, err := r.raw()
		return err
	case c == '{':
		return r.members(func([]byte) error { return r.skip() })
	case c == '[':
		r.i++
		for first := true; !r.take(']'); first = false {
			if !first && !r.take(',') {
				return r.fail()
			}
			if err := r.skip(); err != nil {
				return err
			}
		}
		return nil
	case c == 't' && r.literal("true"), c == 'f' && r.literal("false"), c == 'n' && r.literal("null"):
		return nil
	case c == '-' || c >= '0' && c <= '9':
		r.numeral()
		return nil
	}
	return r.fail()
}

func (r *jsonReader) str() (string, error) {
	b, err := r.raw()
	return string(b), err
}

func (r *jsonReader) blob() ([]byte, error) {
	b, err := r.raw()
	if err != nil {
		return nil, err
	}
	out := make([]byte, base64.StdEncoding.DecodedLen(len(b)))
	n, err := base64.StdEncoding.Decode(out, b)
	if err != nil {
		return nil, fmt.Errorf("invalid base64: %w", err)
	}
	return out[:n], nil
}

// raw returns the bytes of a string; without escapes they are those of the
// document itself.
func (r *jsonReader) raw() ([]byte, error) {
	r.i++ // the opening quote
	start := r.i
	for r.i < len(r.b) {
		switch c := r.b[r.i]; {
		case c == '"':
			r.i++
			return r.b[start : r.i-1], nil
		case c == '\\':
			return r.escaped(append([]byte(nil), r.b[start:r.i]...))
		case c < 0x20:
			return nil, r.fail()
		}
		r.i++
	}
	return nil, r.fail()
}

func (r *jsonReader) escaped(out []byte) ([]byte, error) {
	for r.i < len(r.b) {
		c := r.b[r.i]
		r.i++
		switch {
		case c == '"':
			return out, nil
		case c < 0x20:
			return nil, r.fail()
		case c != '\\':
			out = append(out, c)
			continue
		}
		if r.i >= len(r.b) {
			return nil, r.fail()
		}
		e := r.b[r.i]
		r.i++
		switch e {
		case '"', '\\', '/':
			out = append(out, e)
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			c, err := r.unicode()
			if err != nil {
				return nil, err
			}
			out = utf8.AppendRune(out, c)
		default:
			return nil, r.fail()
		}
	}
	return nil, r.fail()
}

func (r *jsonReader) unicode() (rune, error) {
	c, err := r.hex4()
	if err != nil || !utf16.IsSurrogate(c) {
		return c, err
	}
	save := r.i
	if r.literal(`\u`) {
		if low, err := r.hex4(); err == nil {
			if full := utf16.DecodeRune(c, low); full != utf8.RuneError {
				return full, nil
			}
		}
	}
	r.i = save // a lone surrogate
	return utf8.RuneError, nil
}

func (r *jsonReader) hex4() (rune, error) {
	if len(r.b)-r.i < 4 {
		return 0, r.fail()
	}
	n, err := strconv.ParseUint(string(r.b[r.i:r.i+4]), 16, 32)
	if err != nil {
		return 0, r.fail()
	}
	r.i += 4
	return rune(n), nil
}
