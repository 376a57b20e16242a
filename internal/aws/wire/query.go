package wire

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// decodeQuery reads the parameters of a query request: Name.member.1.Key=….
// EC2's form of it has lists as Name.1 and members that begin with a capital.
func (t *Target) decodeQuery(n *node, v reflect.Value) error {
	q := &queryReader{form: t.form, zeros: &t.zeros, ec2: t.Protocol == EC2Query, moved: t.spelling != nil}
	for k := range t.form {
		q.keys = append(q.keys, k)
	}
	slices.Sort(q.keys)
	return q.value(n, v, "", 0)
}

type queryReader struct {
	form url.Values
	keys []string // sorted, for prefix searches

	zeros *zeros
	ec2   bool
	moved bool // the service spoke this protocol before its model's
}

// under reports whether a parameter is named prefix or lies below it.
func (q *queryReader) under(prefix string) bool {
	if q.form.Has(prefix) {
		return true
	}
	i, _ := slices.BinarySearch(q.keys, prefix+".")
	return i < len(q.keys) && strings.HasPrefix(q.keys[i], prefix+".")
}

func (q *queryReader) value(n *node, v reflect.Value, prefix string, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%s is nested too deeply", prefix)
	}
	switch n.kind {
	case kStruct:
		dst := n.settable(v)
		for _, l := range n.lacking {
			if q.under(join(prefix, q.name(l))) {
				return l.refuse()
			}
		}
		for _, f := range n.fields {
			name := join(prefix, q.name(f))
			if q.moved && !q.under(name) {
				name = join(prefix, f.member) // as the model has it today
			}
			if !q.under(name) {
				continue
			}
			fv := dst.Field(f.index)
			err := q.zeros.member(f, fv, func() error { return q.member(f, fv, name, depth) })
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return nil
	case kUnion:
		for _, f := range n.fields {
			name := join(prefix, q.name(f))
			if !q.under(name) {
				continue
			}
			variant := reflect.New(f.variant)
			if err := q.member(f, variant.Elem().Field(0), name, depth); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			v.Set(variant)
			return nil
		}
		return nil
	case kList:
		if q.ec2 || n.shape.Flattened {
			return q.list(n, v, prefix, depth)
		}
		return q.list(n, v, join(prefix, n.itemName()), depth)
	case kMap:
		return q.mapping(n, v, join(prefix, "entry"), depth)
	}
	return setText(n, v, q.form.Get(prefix))
}

func (q *queryReader) member(f *field, v reflect.Value, name string, depth int) error {
	if f.flattened() {
		switch f.node.kind {
		case kList:
			return q.list(f.node, v, name, depth)
		case kMap:
			return q.mapping(f.node, v, name, depth)
		}
	}
	return q.value(f.node, v, name, depth+1)
}

// name is a member's in a form. EC2 makes it of the name in its answers, with a
// capital, where the model has no other.
// Source: https://smithy.io/2.0/aws/protocols/aws-ec2-query-protocol.html
func (q *queryReader) name(f *field) string {
	switch {
	case q.ec2 && f.ref.QueryName != "":
		return f.ref.QueryName
	case q.ec2 && f.ref.LocationName != "":
		return strings.ToUpper(f.ref.LocationName[:1]) + f.ref.LocationName[1:]
	case f.ref.LocationName != "":
		return f.ref.LocationName
	case f.node.kind == kList && f.flattened() && f.node.shape.Member.LocationName != "":
		return f.node.shape.Member.LocationName
	}
	return f.member
}

func join(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "." + name
}

// items are the numbers below a prefix, in their order. AWS minds no gaps.
func (q *queryReader) items(prefix string) []int {
	at, _ := slices.BinarySearch(q.keys, prefix+".")
	var out []int
	for _, key := range q.keys[at:] {
		rest, ok := strings.CutPrefix(key, prefix+".")
		if !ok {
			break
		}
		number, _, _ := strings.Cut(rest, ".")
		if n, err := strconv.Atoi(number); err == nil && n > 0 && strconv.Itoa(n) == number {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (q *queryReader) list(n *node, v reflect.Value, prefix string, depth int) error {
	out := reflect.MakeSlice(n.typ, 0, 0)
	add := func(name string) error {
		e := reflect.New(n.typ.Elem()).Elem()
		err := q.zeros.element(n, out.Len(), func() error { return q.value(n.elem, e, name, depth+1) })
		out = reflect.Append(out, e)
		return err
	}
	items := q.items(prefix)
	if q.moved && len(items) == 0 && n.elem.kind != kStruct && q.form.Get(prefix) != "" {
		if err := add(prefix); err != nil { // boto 2 sends a single element without a number
			return err
		}
	}
	for _, i := range items {
		if err := add(prefix + "." + strconv.Itoa(i)); err != nil {
			return err
		}
	}
	v.Set(out)
	return nil
}

func (q *queryReader) mapping(n *node, v reflect.Value, prefix string, depth int) error {
	key, val := n.shape.Key.LocationName, n.shape.Value.LocationName
	if key == "" {
		key = "key"
	}
	if val == "" {
		val = "value"
	}
	out := reflect.MakeMap(n.typ)
	add := func(at string) error {
		key, val := key, val
		if q.moved && !q.form.Has(at+"."+key) && q.form.Has(at+".key") {
			key, val = "key", "value" // as the model has it today
		}
		e := reflect.New(n.typ.Elem()).Elem()
		err := q.value(n.elem, e, at+"."+val, depth+1)
		out.SetMapIndex(reflect.ValueOf(q.form.Get(at+"."+key)).Convert(n.typ.Key()), e)
		return err
	}
	if q.moved && q.form.Has(prefix+"."+key) {
		if err := add(prefix); err != nil { // boto 2 sends a single entry without a number
			return err
		}
	}
	for _, i := range q.items(prefix) {
		if err := add(prefix + "." + strconv.Itoa(i)); err != nil {
			return err
		}
	}
	v.Set(out)
	return nil
}

// writeQuery answers with <OperationResponse><OperationResult>…, EC2 without
// the inner of them.
func (t *Target) writeQuery(w http.ResponseWriter, requestID string, n *node, v reflect.Value) error {
	var b strings.Builder
	b.WriteString(xml.Header + "<" + t.Operation + "Response")
	if ns := t.model.Metadata.XMLNamespace; ns != "" {
		b.WriteString(` xmlns="` + ns + `"`)
	}
	b.WriteString(">")
	if t.Protocol == EC2Query {
		b.WriteString("<requestId>" + requestID + "</requestId>")
		if n != nil {
			if err := writeXML(&b, n, v); err != nil {
				return err
			}
		}
		b.WriteString("</" + t.Operation + "Response>")
		return write(w, "text/xml;charset=UTF-8", requestID, http.StatusOK, []byte(b.String()))
	}
	if n != nil {
		wrapper := t.op.Output.ResultWrapper
		if wrapper == "" {
			wrapper = t.Operation + "Result"
		}
		b.WriteString("<" + wrapper + ">")
		if err := writeXML(&b, n, v); err != nil {
			return err
		}
		b.WriteString("</" + wrapper + ">")
	}
	b.WriteString("<ResponseMetadata><RequestId>" + requestID + "</RequestId></ResponseMetadata></" + t.Operation +
		"Response>")
	return write(w, "text/xml", requestID, http.StatusOK, []byte(b.String()))
}
