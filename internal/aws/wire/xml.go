package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// element is a parsed XML element. Documents of S3 are small (a thousand keys
// at the most), so a tree is simpler than a stream and fast enough.
type element struct {
	name     string
	attrs    []xml.Attr
	text     []byte
	children []*element
}

// parseXML reads one document.
func parseXML(b []byte) (*element, error) {
	from := &tokens{from: bytes.NewReader(b)}
	d := xml.NewDecoder(from)
	d.Strict = true
	var taken room
	var stack []*element
	var root *element
	for {
		from.left = maxToken
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			if root == nil || len(stack) > 0 {
				return nil, errors.New("the document ends too soon")
			}
			return root, nil
		}
		if err != nil {
			return nil, err
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			e := &element{name: tok.Name.Local, attrs: tok.Attr}
			if len(stack) > maxDepth || root != nil && len(stack) == 0 {
				return nil, errors.New("nested too deeply or more than one root")
			}
			if err := taken.take(xmlElement * (1 + len(tok.Attr))); err != nil {
				return nil, err
			}
			if len(stack) > 0 {
				top := stack[len(stack)-1]
				top.children = append(top.children, e)
			} else {
				root = e
			}
			stack = append(stack, e)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			if len(stack) > 0 {
				top := stack[len(stack)-1]
				top.text = append(top.text, tok...)
			}
		}
	}
}

// decodeXML reads a document into v, whose members are the root's children.
func decodeXML(b []byte, n *node, v reflect.Value, z *zeros) error {
	root, err := parseXML(b)
	if err != nil {
		return err
	}
	return readXML(root, n, v, z)
}

func readXML(e *element, n *node, v reflect.Value, z *zeros) error {
	switch n.kind {
	case kStruct:
		return readXMLStruct(e, n, n.settable(v), z)
	case kUnion:
		for _, c := range e.children {
			for _, f := range n.fields {
				if f.xmlName() == c.name {
					variant := reflect.New(f.variant)
					if err := readXML(c, f.node, variant.Elem().Field(0), z); err != nil {
						return err
					}
					v.Set(variant)
				}
			}
		}
		return nil
	case kList:
		item := n.itemName()
		for _, c := range e.children {
			if c.name == item {
				if err := appendElement(c, n, v, z); err != nil {
					return err
				}
			}
		}
		if v.IsNil() {
			v.Set(reflect.MakeSlice(n.typ, 0, 0))
		}
		return nil
	case kMap:
		return fmt.Errorf("maps do not occur in XML requests")
	}
	text := string(e.text)
	if n.kind != kString {
		text = strings.TrimSpace(text)
	}
	return setText(n, v, text)
}

func appendElement(e *element, n *node, v reflect.Value, z *zeros) error {
	item := reflect.New(n.typ.Elem()).Elem()
	if err := z.element(n, v.Len(), func() error { return readXML(e, n.elem, item, z) }); err != nil {
		return err
	}
	v.Set(reflect.Append(v, item))
	return nil
}

func readXMLStruct(e *element, n *node, v reflect.Value, z *zeros) error {
	for _, l := range n.lacking {
		for _, c := range e.children {
			if l.ref.Location == "" && c.name == l.xmlName() {
				return l.refuse()
			}
		}
	}
	for _, f := range n.fields {
		if f.ref.Location != "" {
			continue
		}
		fv := v.Field(f.index)
		name := f.xmlName()
		if f.ref.XMLAttribute {
			_, local, _ := strings.Cut(name, ":")
			for _, a := range e.attrs {
				if a.Name.Local == name || a.Name.Local == local {
					if err := setText(f.node, fv, a.Value); err != nil {
						return err
					}
				}
			}
			continue
		}
		flat := f.node.kind == kList && f.flattened()
		for _, c := range e.children {
			if c.name != name {
				continue
			}
			err := z.member(f, fv, func() error {
				if flat {
					return appendElement(c, f.node, fv, z)
				}
				return readXML(c, f.node, fv, z)
			})
			if err != nil {
				return fmt.Errorf("%s: %w", f.member, err)
			}
			if !flat {
				break
			}
		}
	}
	return nil
}

func (f *field) flattened() bool { return f.ref.Flattened || f.node.shape.Flattened }

// xmlName is the element of a member. Of a flattened list whose element is
// named, that name counts.
func (f *field) xmlName() string {
	if f.ref.LocationName != "" {
		return f.ref.LocationName
	}
	if f.node.kind == kList && f.flattened() && f.node.shape.Member.LocationName != "" {
		return f.node.shape.Member.LocationName
	}
	return f.member
}

func (n *node) itemName() string {
	if name := n.shape.Member.LocationName; name != "" {
		return name
	}
	return "member"
}

// appendXMLDocument writes an output without payload member as a document.
func appendXMLDocument(namespace string, n *node, v reflect.Value, op *Operation) ([]byte, error) {
	name := n.shape.LocationName
	if name == "" {
		name = strings.TrimSuffix(strings.TrimSuffix(n.shape.Name, "Output"), "Request")
	}
	if op.Output.LocationName != "" {
		name = op.Output.LocationName
	}
	// GetBucketLocation alone has no element around its one member.
	// Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html
	if f := n.byName["LocationConstraint"]; f != nil && op.Name == "GetBucketLocation" {
		return xmlDocument("LocationConstraint", namespace, f.node, v.Field(f.index))
	}
	return xmlDocument(name, namespace, n, v)
}

// appendXMLPayload writes a payload member as a document.
func appendXMLPayload(namespace string, f *field, v reflect.Value) ([]byte, error) {
	name := f.ref.LocationName
	if name == "" {
		name = f.node.shape.Name
	}
	return xmlDocument(name, namespace, f.node, v)
}

func xmlDocument(name, namespace string, n *node, v reflect.Value) ([]byte, error) {
	var b strings.Builder
	b.WriteString(xml.Header)
	b.WriteString("<" + name)
	if namespace != "" {
		b.WriteString(` xmlns="` + namespace + `"`)
	}
	b.WriteString(">")
	if err := writeXML(&b, n, v); err != nil {
		return nil, err
	}
	b.WriteString("</" + name + ">")
	return []byte(b.String()), nil
}

// writeXML writes the content of an element.
func writeXML(b *strings.Builder, n *node, v reflect.Value) error {
	if v.Kind() == reflect.Pointer && n.kind != kUnion {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	switch n.kind {
	case kStruct:
		// What a document is about comes before the lists that may follow for long, as S3
		// writes Name and Prefix before Contents.
		// Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html#API_ListObjectsV2_ResponseSyntax
		if err := writeXMLMembers(b, n, v, false); err != nil {
			return err
		}
		return writeXMLMembers(b, n, v, true)
	case kUnion:
		f, inner, err := n.variantOf(v)
		if err != nil || f == nil {
			return err
		}
		return writeMember(b, f, inner)
	case kList:
		return writeItems(b, n, v, n.itemName())
	case kMap:
		return writeEntries(b, n, v, "entry")
	}
	escape(b, xmlText(n, v))
	return nil
}

// writeXMLMembers writes the members of a structure that are lists, or the others.
func writeXMLMembers(b *strings.Builder, n *node, v reflect.Value, lists bool) error {
	for _, f := range n.fields {
		if f.ref.Location != "" || f.ref.XMLAttribute || (f.node.kind == kList) != lists {
			continue
		}
		fv, ok := f.present(v.Field(f.index))
		if !ok {
			continue
		}
		if err := writeMember(b, f, fv); err != nil {
			return fmt.Errorf("%s: %w", f.member, err)
		}
	}
	return nil
}

func writeMember(b *strings.Builder, f *field, v reflect.Value) error {
	name := f.xmlName()
	if f.flattened() {
		switch f.node.kind {
		case kList:
			return writeItems(b, f.node, v, name)
		case kMap:
			return writeEntries(b, f.node, v, name)
		}
	}
	b.WriteString("<" + name)
	writeAttributes(b, f.node, v)
	b.WriteString(">")
	if err := writeXML(b, f.node, v); err != nil {
		return err
	}
	b.WriteString("</" + name + ">")
	return nil
}

// writeAttributes writes the members of a structure that are attributes (the
// xsi:type of an S3 grantee, with the namespace it needs).
func writeAttributes(b *strings.Builder, n *node, v reflect.Value) {
	if n.kind != kStruct {
		return
	}
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	for _, f := range n.fields {
		if !f.ref.XMLAttribute {
			continue
		}
		if fv, ok := f.present(v.Field(f.index)); ok {
			if ns := n.ref.XMLNamespace; ns.URI != "" {
				b.WriteString(` xmlns:` + ns.Prefix + `="` + ns.URI + `"`)
			} else if ns := n.shape.XMLNamespace; ns.URI != "" {
				b.WriteString(` xmlns:` + ns.Prefix + `="` + ns.URI + `"`)
			}
			b.WriteString(" " + f.xmlName() + `="`)
			escape(b, fv.String())
			b.WriteString(`"`)
		}
	}
}

func writeItems(b *strings.Builder, n *node, v reflect.Value, name string) error {
	for i := range v.Len() {
		b.WriteString("<" + name)
		writeAttributes(b, n.elem, v.Index(i))
		b.WriteString(">")
		if err := writeXML(b, n.elem, v.Index(i)); err != nil {
			return err
		}
		b.WriteString("</" + name + ">")
	}
	return nil
}

func writeEntries(b *strings.Builder, n *node, v reflect.Value, name string) error {
	key, val := n.shape.Key.LocationName, n.shape.Value.LocationName
	if key == "" {
		key = "key"
	}
	if val == "" {
		val = "value"
	}
	for _, k := range sortedKeys(v) {
		b.WriteString("<" + name + "><" + key + ">")
		escape(b, k.String())
		b.WriteString("</" + key + "><" + val + ">")
		if err := writeXML(b, n.elem, v.MapIndex(k)); err != nil {
			return err
		}
		b.WriteString("</" + val + "></" + name + ">")
	}
	return nil
}

func xmlText(n *node, v reflect.Value) string {
	switch n.kind {
	case kInt:
		return strconv.FormatInt(v.Int(), 10)
	case kFloat:
		return floatText(v.Float())
	case kBool:
		return strconv.FormatBool(v.Bool())
	case kTime:
		return string(appendTime(nil, v.Interface().(time.Time), n.format(formatISO)))
	case kBlob:
		return base64.StdEncoding.EncodeToString(v.Bytes())
	}
	return v.String()
}

// floatText writes a number into XML, a header or a form; what is no number has
// AWS's names.
func floatText(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}
