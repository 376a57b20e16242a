package wire

import (
	"fmt"
	"io"
	"iter"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
)

// kind is how a value is written.
type kind uint8

const (
	kString kind = iota + 1
	kInt
	kFloat
	kBool
	kBlob
	kTime
	kList
	kMap
	kStruct
	kUnion
	kStream // a body that is not held in memory
)

// node is the compiled way between one shape and one Go type.
type node struct {
	kind   kind
	shape  *Shape
	ref    *Ref // the use of the shape; never nil
	typ    reflect.Type
	ptr    bool  // typ is a pointer to the value
	watch  bool  // the value is, or holds, a scalar whose zero says nothing: see presence.go
	elem   *node // list element or map value
	check  *constraint
	fields []*field
	byName map[string]*field // struct and union members by model name
	byJSON map[string]*field // by JSON name, which differs in REST services

	lacking map[string]*field // members that the Go type does not have, by JSON name

	settled bool // free is told
	free    bool // neither the value nor anything in it can be wrong
}

// field is a member of a structure, or a variant of a union.
type field struct {
	member   string
	ref      *Ref
	index    int // in the Go struct
	node     *node
	required bool
	variant  reflect.Type // unions: the SDK's member struct
}

// planner compiles and keeps the nodes of one model.
type planner struct {
	model *Model
	mu    sync.Mutex
	nodes map[planKey]*node
}

type planKey struct {
	shape string
	typ   reflect.Type
	ref   *Ref
}

var (
	timeType   = reflect.TypeFor[time.Time]()
	readerType = reflect.TypeFor[io.Reader]()
	bytesType  = reflect.TypeFor[[]byte]()
)

// plan returns the node for a use of a shape as a Go type.
func (p *planner) plan(ref *Ref, t reflect.Type) (*node, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, err := p.compile(ref, t)
	if err == nil && !n.settled {
		n.settle()
	}
	return n, err
}

// settle tells of a node and of all below it which can have wrong values. Shapes
// are recursive: that of an item's attribute demands nothing, however deep.
func (n *node) settle() {
	all, seen := []*node{n}, map[*node]bool{n: true}
	demands := map[*node]bool{}
	for i := 0; i < len(all); i++ {
		at := all[i]
		if at.settled {
			demands[at] = !at.free
			continue // and so is what is below
		}
		demands[at] = at.check != nil || slices.ContainsFunc(at.fields, func(f *field) bool { return f.required })
		for child := range at.children() {
			if !seen[child] {
				seen[child] = true
				all = append(all, child)
			}
		}
	}
	for changed := true; changed; {
		changed = false
		for _, at := range all {
			if demands[at] || at.settled {
				continue
			}
			for child := range at.children() {
				if demands[child] {
					demands[at], changed = true, true
					break
				}
			}
		}
	}
	for _, at := range all {
		if !at.settled {
			at.settled, at.free = true, !demands[at]
		}
	}
}

// children are the nodes of what a value holds.
func (n *node) children() iter.Seq[*node] {
	return func(yield func(*node) bool) {
		if n.elem != nil && !yield(n.elem) {
			return
		}
		for _, f := range n.fields {
			if !yield(f.node) {
				return
			}
		}
	}
}

func (p *planner) compile(ref *Ref, t reflect.Type) (*node, error) {
	key := planKey{ref.Shape, t, ref}
	if n, ok := p.nodes[key]; ok {
		return n, nil
	}
	s := p.model.Shapes[ref.Shape]
	if s == nil {
		return nil, fmt.Errorf("model %s has no shape %s", p.model.Name, ref.Shape)
	}
	n := &node{shape: s, ref: ref, typ: t, check: constrain(s), watch: watched(t, []reflect.Type{nil})}
	p.nodes[key] = n // before its members: shapes are recursive
	base := t
	if t.Kind() == reflect.Pointer {
		n.ptr, base = true, t.Elem()
	}
	var err error
	switch s.Type {
	case "string", "character":
		n.kind = kString
		if base == timeType {
			n.kind = kTime // S3's Expires: a string in the model, a date in the SDK
		}
	case "integer", "long", "short", "byte":
		n.kind = kInt
		if base.Kind() == reflect.String {
			n.kind = kString // S3's PartNumberMarker: an integer in the model, a string in the SDK
		}
	case "float", "double":
		n.kind = kFloat
	case "boolean":
		n.kind = kBool
	case "timestamp":
		n.kind = kTime
	case "blob":
		n.kind = kBlob
		if base != bytesType {
			n.kind = kStream
		}
	case "list":
		n.kind = kList
		n.elem, err = p.compile(s.Member, base.Elem())
	case "map":
		n.kind = kMap
		n.elem, err = p.compile(s.Value, base.Elem())
	case "structure":
		err = p.compileStruct(n, base)
	default:
		err = fmt.Errorf("shape %s has unknown type %q", s.Name, s.Type)
	}
	if err == nil {
		err = n.matches(base)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ref.Shape, err)
	}
	return n, nil
}

// matches guards against a model and an SDK that disagree about a type.
func (n *node) matches(base reflect.Type) error {
	ok := true
	switch n.kind {
	case kString:
		ok = base.Kind() == reflect.String
	case kInt:
		ok = base.Kind() == reflect.Int32 || base.Kind() == reflect.Int64
	case kFloat:
		ok = base.Kind() == reflect.Float32 || base.Kind() == reflect.Float64
	case kBool:
		ok = base.Kind() == reflect.Bool
	case kTime:
		ok = base == timeType
	case kStream:
		ok = base.Kind() == reflect.Interface && base.Implements(readerType)
	}
	if !ok {
		return fmt.Errorf("%s is a Go %s", n.shape.Type, base)
	}
	return nil
}

func (p *planner) compileStruct(n *node, base reflect.Type) error {
	n.kind = kStruct
	n.byName, n.byJSON = map[string]*field{}, map[string]*field{}
	required := map[string]bool{}
	for _, r := range n.shape.Required {
		required[r] = true
	}
	if base.Kind() == reflect.Interface {
		return p.compileUnion(n, base)
	}
	if base.Kind() != reflect.Struct {
		return fmt.Errorf("structure is a Go %s", base)
	}
	for name, ref := range n.shape.Members {
		if target := p.model.Shapes[ref.Shape]; target != nil && target.EventStream && base.Kind() == reflect.Struct {
			continue // the SDK keeps event streams out of the struct; see eventstream.go
		}
		sf, ok := goField(base, name)
		if !ok {
			n.lack(name, ref)
			continue
		}
		c, err := p.compile(ref, sf.Type)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		n.add(&field{member: name, ref: ref, index: sf.Index[0], node: c, required: required[name]})
	}
	// Fields in the order of the Go struct: output is the same every time.
	sortFields(n.fields)
	return nil
}

func (n *node) add(f *field) {
	n.fields = append(n.fields, f)
	n.byName[f.member] = f
	n.byJSON[f.jsonName()] = f
}

func (p *planner) compileUnion(n *node, base reflect.Type) error {
	n.kind = kUnion
	for _, v := range unionVariants(base) {
		name := v.Name()[strings.LastIndex(v.Name(), "Member")+len("Member"):]
		member, ref := memberFor(n.shape, name)
		if ref == nil {
			return fmt.Errorf("union has no member %s", name)
		}
		c, err := p.compile(ref, v.Field(0).Type)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		n.add(&field{member: member, ref: ref, node: c, variant: v})
	}
	if len(n.fields) == 0 {
		return fmt.Errorf("union %s is not registered", base)
	}
	sortFields(n.fields)
	return nil
}

func memberFor(s *Shape, goName string) (string, *Ref) {
	for name, ref := range s.Members {
		if strings.EqualFold(name, goName) {
			return name, ref
		}
	}
	return "", nil
}

// goField finds the field of a member: the SDK upper-cases the first letter,
// and a few names differ in more than that.
func goField(t reflect.Type, member string) (reflect.StructField, bool) {
	if f, ok := t.FieldByName(strings.ToUpper(member[:1]) + member[1:]); ok {
		return f, true
	}
	return t.FieldByNameFunc(func(n string) bool { return strings.EqualFold(n, member) })
}

func sortFields(f []*field) {
	for i := 1; i < len(f); i++ {
		for j := i; j > 0 && f[j].before(f[j-1]); j-- {
			f[j], f[j-1] = f[j-1], f[j]
		}
	}
}

func (f *field) before(o *field) bool {
	if f.index != o.index {
		return f.index < o.index
	}
	return f.member < o.member
}

func (f *field) jsonName() string {
	if f.ref.LocationName != "" && f.ref.Location == "" {
		return f.ref.LocationName
	}
	return f.member
}

// settable returns the place to decode into, allocating what pointers need.
func (n *node) settable(v reflect.Value) reflect.Value {
	if !n.ptr {
		return v
	}
	p := reflect.New(n.typ.Elem())
	v.Set(p)
	return p.Elem()
}

// present returns the value to encode, and false for what is not set. Zero
// scalars that are not pointers count as set: the SDK has no pointer only where
// a default is part of the model, and AWS's answers write that out.
func (f *field) present(v reflect.Value) (reflect.Value, bool) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return v, false
		}
		if v.Kind() == reflect.Pointer {
			return v.Elem(), true
		}
		return v, true
	case reflect.Slice, reflect.Map:
		return v, !v.IsNil()
	case reflect.String:
		return v, v.Len() > 0
	case reflect.Bool, reflect.Int32, reflect.Int64, reflect.Float32, reflect.Float64:
		return v, true
	}
	return v, true
}
