// Package item holds DynamoDB's data model: attribute values, exact decimal
// numbers, sizes as AWS counts them, the stored form of an item and the
// order-preserving encoding of keys. It knows no tables and no expressions.
package item

import "maps"

// Kind is the type of a value.
type Kind uint8

// The types of DynamoDB. The zero Kind is no value at all.
const (
	Null Kind = iota + 1
	Bool
	String
	Number
	Binary
	StringSet
	NumberSet
	BinarySet
	List
	Map
)

// String returns AWS's type descriptor, such as "S" or "NS".
func (k Kind) String() string {
	switch k {
	case Null:
		return "NULL"
	case Bool:
		return "BOOL"
	case String:
		return "S"
	case Number:
		return "N"
	case Binary:
		return "B"
	case StringSet:
		return "SS"
	case NumberSet:
		return "NS"
	case BinarySet:
		return "BS"
	case List:
		return "L"
	case Map:
		return "M"
	}
	return ""
}

// KindOf is the reverse of Kind.String; it returns 0 for an unknown name.
func KindOf(descriptor string) Kind {
	for k := Null; k <= Map; k++ {
		if k.String() == descriptor {
			return k
		}
	}
	return 0
}

// Element is the kind of a set's members, 0 when k is no set.
func (k Kind) Element() Kind {
	switch k {
	case StringSet:
		return String
	case NumberSet:
		return Number
	case BinarySet:
		return Binary
	}
	return 0
}

// Value is one attribute value. Values are immutable: what Elems and Fields
// point to is shared between items, so change a copy. The zero Value stands
// for an attribute that does not exist.
type Value struct {
	Kind   Kind
	True   bool             // of Bool
	Text   string           // String and Binary as bytes, Number in canonical decimal form
	Elems  []Value          // List, and the members of sets
	Fields map[string]Value // Map
}

// Item is a record: attributes by name.
type Item map[string]Value

// Str makes a string value.
func Str(s string) Value { return Value{Kind: String, Text: s} }

// Bin makes a binary value of the bytes of s.
func Bin(s string) Value { return Value{Kind: Binary, Text: s} }

// Truth makes a boolean value.
func Truth(b bool) Value { return Value{Kind: Bool, True: b} }

// Num makes a number; it panics when text is no valid number, so it is for
// constants.
func Num(text string) Value {
	n, err := ParseNumber(text)
	if err != nil {
		panic("item: " + err.Error())
	}
	return n.Value()
}

// Exists reports whether v is a value.
func (v Value) Exists() bool { return v.Kind != 0 }

// Equal compares two values as DynamoDB's = does: sets have no order, numbers
// are compared by value, different types are never equal.
func (v Value) Equal(w Value) bool {
	if v.Kind != w.Kind {
		return false
	}
	switch v.Kind {
	case Null:
		return true
	case Bool:
		return v.True == w.True
	case String, Binary, Number: // numbers are canonical, so their text decides
		return v.Text == w.Text
	case StringSet, NumberSet, BinarySet:
		return sameMembers(v.Elems, w.Elems)
	case List:
		if len(v.Elems) != len(w.Elems) {
			return false
		}
		for i := range v.Elems {
			if !v.Elems[i].Equal(w.Elems[i]) {
				return false
			}
		}
		return true
	case Map:
		return Item(v.Fields).Equal(w.Fields)
	}
	return true // two values that do not exist
}

func sameMembers(a, b []Value) bool {
	if len(a) != len(b) {
		return false
	}
	in := make(map[string]struct{}, len(a))
	for _, e := range a {
		in[e.Text] = struct{}{}
	}
	for _, e := range b {
		if _, ok := in[e.Text]; !ok {
			return false
		}
	}
	return true
}

// Has reports whether the set or list v holds member.
func (v Value) Has(member Value) bool {
	for _, e := range v.Elems {
		if e.Equal(member) {
			return true
		}
	}
	return false
}

// Equal reports whether two items hold the same attributes.
func (it Item) Equal(other Item) bool { return maps.EqualFunc(it, other, Value.Equal) }

// Clone returns an item whose attributes can be replaced without changing it.
func (it Item) Clone() Item { return maps.Clone(it) }

// Compare orders two scalars of one kind (S and B by bytes, N by value).
// comparable is false for all others.
func (v Value) Compare(w Value) (order int, comparable bool) {
	if v.Kind != w.Kind {
		return 0, false
	}
	switch v.Kind {
	case String, Binary:
		switch {
		case v.Text < w.Text:
			return -1, true
		case v.Text > w.Text:
			return 1, true
		}
		return 0, true
	case Number:
		return v.Number().Cmp(w.Number()), true
	}
	return 0, false
}
