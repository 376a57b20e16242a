package item

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"
)

// ErrCorrupt is returned for bytes that are no encoded item.
var ErrCorrupt = errors.New("encoded item is damaged")

// maxDecodeDepth stops a damaged or hostile encoding from exhausting the
// stack; real items nest 32 levels at most.
const maxDecodeDepth = 64

// Encode appends the stored form of the item: a count, then name and value
// for each attribute in order of names, so that equal items have equal bytes.
func (it Item) Encode(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(it)))
	for _, name := range slices.Sorted(maps.Keys(it)) {
		b = appendText(b, name)
		b = it[name].encode(b)
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func (v Value) encode(b []byte) []byte {
	b = append(b, byte(v.Kind))
	switch v.Kind {
	case Bool:
		if v.True {
			return append(b, 1)
		}
		return append(b, 0)
	case String, Binary, Number:
		return appendText(b, v.Text)
	case StringSet, NumberSet, BinarySet, List:
		b = binary.AppendUvarint(b, uint64(len(v.Elems)))
		for _, e := range v.Elems {
			b = e.encode(b)
		}
	case Map:
		b = Item(v.Fields).Encode(b)
	}
	return b
}

// Decode reads an item and returns the bytes behind it.
func Decode(b []byte) (Item, []byte, error) {
	d := decoder{rest: b}
	it := d.item(0)
	if d.failed {
		return nil, nil, ErrCorrupt
	}
	return it, d.rest, nil
}

type decoder struct {
	rest   []byte
	failed bool
}

func (d *decoder) fail() { d.failed, d.rest = true, nil }

// count reads a length, which can never exceed the bytes that are left.
func (d *decoder) count() int {
	n, w := binary.Uvarint(d.rest)
	if w <= 0 || n > uint64(len(d.rest)-w) {
		d.fail()
		return 0
	}
	d.rest = d.rest[w:]
	return int(n)
}

func (d *decoder) text() string {
	n := d.count()
	if d.failed {
		return ""
	}
	s := string(d.rest[:n])
	d.rest = d.rest[n:]
	return s
}

func (d *decoder) item(depth int) Item {
	n := d.count()
	it := make(Item, n)
	for range n {
		name := d.text()
		v := d.value(depth)
		if d.failed {
			return nil
		}
		it[name] = v
	}
	return it
}

func (d *decoder) value(depth int) Value {
	if len(d.rest) == 0 || depth > maxDecodeDepth {
		d.fail()
		return Value{}
	}
	v := Value{Kind: Kind(d.rest[0])}
	d.rest = d.rest[1:]
	switch v.Kind {
	case Null:
	case Bool:
		if len(d.rest) == 0 {
			d.fail()
			return v
		}
		v.True, d.rest = d.rest[0] != 0, d.rest[1:]
	case String, Binary:
		v.Text = d.text()
	case Number:
		n, err := ParseNumber(d.text())
		if err != nil {
			d.fail()
			return v
		}
		v.Text = n.String()
	case StringSet, NumberSet, BinarySet, List:
		n := d.count()
		v.Elems = make([]Value, 0, n)
		for range n {
			if v.Elems = append(v.Elems, d.value(depth+1)); d.failed {
				return v
			}
		}
	case Map:
		v.Fields = d.item(depth + 1)
	default:
		d.fail()
	}
	return v
}
