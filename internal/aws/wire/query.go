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
	q := &queryReader{form: t.form, zeros: &t.zeros, ec2: t.Protocol == EC2Query,
		moved: len(t.model.Metadata.QueryCompatible) > 0}
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
			if old := q.oldName(f, prefix); old != "" && !q.under(name) {
				name = old
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

// oldName is how a list or map was spelled before its service moved to JSON, which
// its model does not say any more: by the shape of its elements
// (SendMessageBatchRequestEntry.1.Id), or in the singular (AttributeName.1,
// Attribute.1.Name). Empty when a form has none of it.
// Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests-xml.html
func (q *queryReader) oldName(f *field, prefix string) string {
	if !q.moved || !f.flattened() || f.node.elem == nil {
		return ""
	}
	for _, name := range []string{f.node.elem.shape.Name, strings.TrimSuffix(f.member, "s")} {
		if old := join(prefix, name); q.under(old + ".1") {
			return old
		}
	}
	return ""
}

func join(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "." + name
}

func (q *queryReader) list(n *node, v reflect.Value, prefix string, depth int) error {
	out := reflect.MakeSlice(n.typ, 0, 0)
	for i := 1; ; i++ {
		name := prefix + "." + strconv.Itoa(i)
		if !q.under(name) {
			v.Set(out)
			return nil
		}
		e := reflect.New(n.typ.Elem()).Elem()
		err := q.zeros.element(n, i-1, func() error { return q.value(n.elem, e, name, depth+1) })
		if err != nil {
			return err
		}
		out = reflect.Append(out, e)
	}
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
	for i := 1; ; i++ {
		at := prefix + "." + strconv.Itoa(i)
		if !q.under(at) {
			v.Set(out)
			return nil
		}
		if q.moved && q.form.Has(at+".Name") {
			key, val = "Name", "Value"
		} else if q.moved && q.form.Has(at+".Key") {
			key, val = "Key", "Value"
		}
		e := reflect.New(n.typ.Elem()).Elem()
		if err := q.value(n.elem, e, at+"."+val, depth+1); err != nil {
			return err
		}
		out.SetMapIndex(reflect.ValueOf(q.form.Get(at+"."+key)).Convert(n.typ.Key()), e)
	}
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
