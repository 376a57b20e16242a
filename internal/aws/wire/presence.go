package wire

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// zeros are the paths of members that a request has sent as zero, where the
// SDK's struct cannot hold the difference between that and absent: numbers and
// booleans that are not pointers. A path names members as the model does, and
// places in lists from 0: "Entries.2.DelaySeconds". Readers keep it only below
// nodes that hold such a member, so that most requests never touch it; nil keeps
// nothing.
type zeros struct {
	at    []string
	found []string
}

func (z *zeros) enter(name string) { z.at = append(z.at, name) }

func (z *zeros) leave() { z.at = z.at[:len(z.at)-1] }

// sent notes that the member at the present place was sent with the value v.
func (z *zeros) sent(n *node, v reflect.Value) {
	if n.bare() && v.IsZero() {
		z.found = append(z.found, strings.Join(z.at, "."))
	}
}

// bare reports that a zero of the node says nothing about presence.
func (n *node) bare() bool { return !n.ptr && (n.kind == kInt || n.kind == kFloat || n.kind == kBool) }

// member reads a member with read and keeps its zeros.
func (z *zeros) member(f *field, v reflect.Value, read func() error) error {
	if z == nil || !f.node.watch {
		return read()
	}
	z.enter(f.member)
	defer z.leave()
	err := read()
	if err == nil {
		z.sent(f.node, v)
	}
	return err
}

// element reads an element of a list and keeps the zeros in it.
func (z *zeros) element(n *node, i int, read func() error) error {
	if z == nil || !n.elem.watch {
		return read()
	}
	z.enter(strconv.Itoa(i))
	defer z.leave()
	return read()
}

// watched reports whether values of a type hold a number or boolean that is not
// a pointer. Unions do not count: which variant is set tells.
func watched(t reflect.Type, within []reflect.Type) bool {
	switch t.Kind() {
	case reflect.Bool, reflect.Int32, reflect.Int64, reflect.Float32, reflect.Float64:
		return len(within) > 0
	case reflect.Pointer:
		switch t.Elem().Kind() {
		case reflect.Struct:
			return watched(t.Elem(), within)
		default:
			return false
		}
	case reflect.Slice:
		return t != bytesType && t.Elem().Kind() == reflect.Struct && watched(t.Elem(), within)
	case reflect.Struct:
		if t == timeType || slices.Contains(within, t) {
			return false
		}
		within = append(within, t)
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() && f.Name != "ResultMetadata" && watched(f.Type, within) {
				return true
			}
		}
	}
	return false
}

// Zeros are the paths of the members of a decoded request that were sent as
// zero although their Go type cannot tell: "Entries.2.DelaySeconds".
func (t *Target) Zeros() []string { return t.zeros.found }
