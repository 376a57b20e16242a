package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/http"
	"reflect"
	"time"
)

// amzCBOR is the media type of AWSCBOR.
const amzCBOR = "application/x-amz-cbor-1.1"

// cborTimes is how timestamps stand in a document: rpc-v2-CBOR has seconds, as the
// tag demands, AWSCBOR whole milliseconds under the same tag.
// Sources: https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html#timestamp-type-serialization
// and SdkCborGenerator of the SDKs for Java 1.12 and 2, with their unmarshallers.
type cborTimes bool

const (
	cborSeconds cborTimes = false
	cborMillis  cborTimes = true
)

func (t *Target) times() cborTimes { return cborTimes(t.Protocol == AWSCBOR) }

// binary reports whether bodies are in CBOR.
func (t *Target) binary() bool { return t.Protocol == CBOR || t.Protocol == AWSCBOR }

// cborReader decodes a document of CBOR (RFC 8949) into SDK structs.
type cborReader struct {
	times cborTimes
	b     []byte
	i     int
	depth int
	room  room
	zeros *zeros // nil keeps none
}

var errCBOR = errors.New("malformed CBOR")

func decodeCBOR(b []byte, n *node, v reflect.Value, z *zeros, times cborTimes) error {
	r := &cborReader{b: b, zeros: z, times: times}
	if err := r.value(n, v); err != nil {
		return err
	}
	if r.i != len(b) {
		return fmt.Errorf("%w: bytes after the document", errCBOR)
	}
	return nil
}

// The major types of CBOR.
const (
	cborUint = iota
	cborNegative
	cborBytes
	cborText
	cborArray
	cborMap
	cborTag
	cborSimple
)

// indefinite marks a length that is given by a break byte.
const indefinite = math.MaxUint64

// head reads an initial byte with its argument.
func (r *cborReader) head() (major byte, arg uint64, err error) {
	if r.i >= len(r.b) {
		return 0, 0, errCBOR
	}
	c := r.b[r.i]
	r.i++
	major, info := c>>5, c&31
	switch {
	case info < 24:
		return major, uint64(info), nil
	case info == 31:
		return major, indefinite, nil
	case info > 27:
		return 0, 0, errCBOR
	}
	size := 1 << (info - 24)
	if len(r.b)-r.i < size {
		return 0, 0, errCBOR
	}
	for range size {
		arg = arg<<8 | uint64(r.b[r.i])
		r.i++
	}
	// Every byte or item that is counted takes a byte at least; so no count is
	// mistaken for an indefinite one either.
	if major >= cborBytes && major <= cborMap && arg > uint64(len(r.b)-r.i) {
		return 0, 0, errCBOR
	}
	return major, arg, nil
}

// next reports the major type and info of the coming item.
func (r *cborReader) next() (major, info byte) {
	if r.i >= len(r.b) {
		return 255, 0
	}
	return r.b[r.i] >> 5, r.b[r.i] & 31
}

func (r *cborReader) isBreak() bool {
	if r.i < len(r.b) && r.b[r.i] == 0xff {
		r.i++
		return true
	}
	return false
}

// null reports that the coming item is null or undefined.
func (r *cborReader) null() bool {
	major, info := r.next()
	return major == cborSimple && (info == 22 || info == 23)
}

func (r *cborReader) value(n *node, v reflect.Value) error {
	if r.null() {
		r.i++
		return nil
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
		dst := n.settable(v)
		return r.entries(func(key string) error {
			f := n.byName[key]
			if f == nil {
				if l := n.lacking[key]; l != nil && !r.null() {
					return l.refuse()
				}
				return r.skip()
			}
			fv := dst.Field(f.index)
			if f.node.watch && r.zeros != nil && !r.null() {
				return r.zeros.member(f, fv, func() error { return r.value(f.node, fv) })
			}
			return r.value(f.node, fv)
		})
	case kUnion:
		return r.entries(func(key string) error {
			f := n.byName[key]
			if f == nil {
				return r.skip()
			}
			if err := r.room.take(int(f.variant.Size())); err != nil {
				return err
			}
			variant := reflect.New(f.variant)
			err := r.value(f.node, variant.Elem().Field(0))
			v.Set(variant)
			return err
		})
	case kMap:
		return r.mapping(n, v)
	case kList:
		return r.list(n, v)
	}
	return r.scalar(n, v)
}

func (r *cborReader) mapping(n *node, v reflect.Value) error {
	m := reflect.MakeMap(n.typ)
	v.Set(m)
	size := mapEntry + int(n.typ.Elem().Size())
	return r.entries(func(key string) error {
		if err := r.room.take(size); err != nil {
			return err
		}
		e := reflect.New(n.typ.Elem()).Elem()
		err := r.value(n.elem, e)
		m.SetMapIndex(reflect.ValueOf(key).Convert(n.typ.Key()), e)
		return err
	})
}

func (r *cborReader) list(n *node, v reflect.Value) error {
	v.Set(reflect.MakeSlice(n.typ, 0, 0))
	size := int(n.typ.Elem().Size())
	return r.elements(func() error {
		if err := r.room.take(size); err != nil {
			return err
		}
		e := reflect.New(n.typ.Elem()).Elem()
		read := func() error { return r.value(n.elem, e) }
		err := r.zeros.element(n, v.Len(), read)
		v.Set(reflect.Append(v, e))
		return err
	})
}

func (r *cborReader) scalar(n *node, v reflect.Value) error {
	switch n.kind {
	case kString:
		s, err := r.chunks(cborText)
		n.settable(v).SetString(string(s))
		return err
	case kBlob:
		b, err := r.chunks(cborBytes)
		v.SetBytes(b)
		return err
	case kBool:
		major, arg, err := r.head()
		if err != nil || major != cborSimple || arg != 20 && arg != 21 {
			return fmt.Errorf("%w: expected a boolean", errCBOR)
		}
		n.settable(v).SetBool(arg == 21)
		return nil
	}
	if major, _ := r.next(); major == cborTag {
		if _, tag, err := r.head(); err != nil || tag != 1 {
			return fmt.Errorf("%w: unexpected tag", errCBOR)
		}
	}
	f, i, whole, err := r.number()
	if err != nil {
		return err
	}
	switch n.kind {
	case kInt:
		dst := n.settable(v)
		if !whole || dst.OverflowInt(i) {
			return fmt.Errorf("%w: expected an integer in range", errCBOR)
		}
		dst.SetInt(i)
	case kFloat:
		n.settable(v).SetFloat(f)
	case kTime:
		if r.times == cborSeconds {
			f *= 1e3
		}
		if math.IsNaN(f) || math.Abs(f) > 1e15 {
			return fmt.Errorf("%w: expected a timestamp", errCBOR)
		}
		n.settable(v).Set(reflect.ValueOf(time.UnixMilli(int64(math.Round(f))).UTC()))
	default:
		return fmt.Errorf("a %s cannot stand in a CBOR document", n.shape.Type)
	}
	return nil
}

func (r *cborReader) number() (f float64, i int64, whole bool, err error) {
	_, info := r.next()
	major, arg, err := r.head()
	if err != nil {
		return 0, 0, false, err
	}
	switch {
	case major == cborUint && arg <= math.MaxInt64:
		return float64(arg), int64(arg), true, nil
	case major == cborNegative && arg <= math.MaxInt64:
		return -1 - float64(arg), -1 - int64(arg), true, nil
	case major == cborSimple && info == 27:
		f = math.Float64frombits(arg)
	case major == cborSimple && info == 26:
		f = float64(math.Float32frombits(uint32(arg)))
	case major == cborSimple && info == 25:
		f = halfFloat(uint16(arg))
	default:
		return 0, 0, false, fmt.Errorf("%w: expected a number", errCBOR)
	}
	return f, int64(f), f == math.Trunc(f) && math.Abs(f) < 1<<53, nil
}

// halfFloat widens an IEEE 754 binary16.
func halfFloat(h uint16) float64 {
	exp, frac := int(h>>10&31), float64(h&1023)
	var f float64
	switch exp {
	case 0:
		f = math.Ldexp(frac, -24)
	case 31:
		if frac != 0 {
			return math.NaN()
		}
		f = math.Inf(1)
	default:
		f = math.Ldexp(1024+frac, exp-25)
	}
	if h>>15 == 1 {
		return -f
	}
	return f
}

// chunks reads a string, whole or in pieces.
func (r *cborReader) chunks(want byte) ([]byte, error) {
	major, arg, err := r.head()
	if err != nil || major != want {
		return nil, fmt.Errorf("%w: expected a string of bytes or text", errCBOR)
	}
	if arg != indefinite {
		return r.take(arg)
	}
	out := []byte{}
	for !r.isBreak() {
		major, arg, err := r.head()
		if err != nil || major != want || arg == indefinite {
			return nil, errCBOR
		}
		piece, err := r.take(arg)
		if err != nil {
			return nil, err
		}
		out = append(out, piece...)
	}
	return out, nil
}

func (r *cborReader) take(n uint64) ([]byte, error) {
	if n > uint64(len(r.b)-r.i) {
		return nil, errCBOR
	}
	b := r.b[r.i : r.i+int(n)]
	r.i += int(n)
	return append([]byte{}, b...), nil
}

func (r *cborReader) entries(fn func(key string) error) error {
	major, count, err := r.head()
	if err != nil || major != cborMap {
		return fmt.Errorf("%w: expected a map", errCBOR)
	}
	for i := uint64(0); i < count; i++ {
		if count == indefinite && r.isBreak() {
			return nil
		}
		key, err := r.chunks(cborText)
		if err != nil {
			return err
		}
		if err := fn(string(key)); err != nil {
			return err
		}
	}
	return nil
}

func (r *cborReader) elements(fn func() error) error {
	major, count, err := r.head()
	if err != nil || major != cborArray {
		return fmt.Errorf("%w: expected an array", errCBOR)
	}
	for i := uint64(0); i < count; i++ {
		if count == indefinite && r.isBreak() {
			return nil
		}
		if r.i >= len(r.b) {
			return errCBOR
		}
		if err := fn(); err != nil {
			return err
		}
	}
	return nil
}

func (r *cborReader) skip() error {
	if r.depth++; r.depth > maxDepth {
		return errors.New("nested too deeply")
	}
	defer func() { r.depth-- }()
	major, info := r.next()
	switch major {
	case cborBytes, cborText:
		_, err := r.chunks(major)
		return err
	case cborArray:
		return r.elements(r.skip)
	case cborMap:
		return r.entries(func(string) error { return r.skip() })
	}
	if info == 31 { // a break that ends nothing, or a number without end
		return errCBOR
	}
	if _, _, err := r.head(); err != nil || major != cborTag {
		return err
	}
	return r.skip()
}

// cborTexts are the texts of a map, as errors are; what is no text is left out.
func cborTexts(b []byte) map[string]string {
	r, out := &cborReader{b: b}, map[string]string{}
	_ = r.entries(func(key string) error {
		if major, _ := r.next(); major != cborText {
			return r.skip()
		}
		text, err := r.chunks(cborText)
		out[key] = string(text)
		return err
	}) // what is there says what it says
	return out
}

// append writes v in the forms that rpc-v2-CBOR prescribes, but for the times.
func (c cborTimes) append(b []byte, n *node, v reflect.Value) ([]byte, error) {
	if v.Kind() == reflect.Pointer && n.kind != kUnion {
		if v.IsNil() {
			return append(b, 0xf6), nil
		}
		v = v.Elem()
	}
	var err error
	switch n.kind {
	case kStruct:
		return c.appendStruct(b, n, v)
	case kUnion:
		f, inner, err := n.variantOf(v)
		if err != nil || f == nil {
			return append(b, 0xf6), err
		}
		return c.append(cborString(append(b, 0xa1), f.member), f.node, inner)
	case kList:
		b = cborHead(b, cborArray, uint64(v.Len()))
		for i := range v.Len() {
			if b, err = c.append(b, n.elem, v.Index(i)); err != nil {
				return nil, err
			}
		}
		return b, nil
	case kMap:
		b = cborHead(b, cborMap, uint64(v.Len()))
		for _, k := range sortedKeys(v) {
			if b, err = c.append(cborString(b, k.String()), n.elem, v.MapIndex(k)); err != nil {
				return nil, err
			}
		}
		return b, nil
	case kString:
		return cborString(b, v.String()), nil
	case kBlob:
		return append(cborHead(b, cborBytes, uint64(v.Len())), v.Bytes()...), nil
	case kBool:
		if v.Bool() {
			return append(b, 0xf5), nil
		}
		return append(b, 0xf4), nil
	case kInt:
		return cborInt(b, v.Int()), nil
	case kFloat:
		return cborFloat(b, v.Float()), nil
	case kTime:
		ms := v.Interface().(time.Time).UnixMilli()
		if c == cborMillis {
			return cborInt(append(b, 0xc1), ms), nil
		}
		return cborFloat(append(b, 0xc1), float64(ms)/1e3), nil
	}
	return nil, fmt.Errorf("a %s cannot stand in a CBOR document", n.shape.Type)
}

func (c cborTimes) appendStruct(b []byte, n *node, v reflect.Value) ([]byte, error) {
	b = append(b, 0xbf) // a map of indefinite length saves counting first
	for _, f := range n.fields {
		fv, ok := f.present(v.Field(f.index))
		if !ok {
			continue
		}
		var err error
		if b, err = c.append(cborString(b, f.member), f.node, fv); err != nil {
			return nil, fmt.Errorf("%s: %w", f.member, err)
		}
	}
	return append(b, 0xff), nil
}

func cborHead(b []byte, major byte, arg uint64) []byte {
	switch {
	case arg < 24:
		return append(b, major<<5|byte(arg))
	case arg <= math.MaxUint8:
		return append(b, major<<5|24, byte(arg))
	case arg <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, major<<5|25), uint16(arg))
	case arg <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, major<<5|26), uint32(arg))
	}
	return binary.BigEndian.AppendUint64(append(b, major<<5|27), arg)
}

func cborInt(b []byte, i int64) []byte {
	if i < 0 {
		return cborHead(b, cborNegative, uint64(-1-i))
	}
	return cborHead(b, cborUint, uint64(i))
}

func cborString(b []byte, s string) []byte {
	return append(cborHead(b, cborText, uint64(len(s))), s...)
}

func cborFloat(b []byte, f float64) []byte {
	return binary.BigEndian.AppendUint64(append(b, 0xfb), math.Float64bits(f))
}

// writeCBOR sends a document in the target's form of CBOR.
func (t *Target) writeCBOR(w http.ResponseWriter, requestID string, status int, b []byte) error {
	if t.Protocol == CBOR {
		w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
	}
	return write(w, t.mediaType(), requestID, status, b)
}

func (t *Target) writeCBORError(w http.ResponseWriter, requestID string, f failure) error {
	name := f.code
	if f.shape != nil {
		name = f.shape.Name
	}
	b := cborString(cborString([]byte{0xa2}, "__type"), name)
	b = cborString(cborString(b, "message"), f.message)
	return t.writeCBOR(w, requestID, f.status, b)
}
