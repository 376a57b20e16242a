package cfn

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
)

// errUnknown marks a value that depends on a resource which is yet to be made.
var errUnknown = errors.New("known after the deployment")

// unknown stands in a planned property for a value of errUnknown.
type unknown struct{}

// noValue is what Ref AWS::NoValue returns: the property is as if not written.
type noValue struct{}

// evaluation computes values of a template for one deployment. Values are
// string, bool, json.Number, []any and map[string]any.
type evaluation struct {
	t          *Template
	params     map[string]string
	pseudo     map[string]string
	imports    map[string]string
	conditions map[string]bool
	// attribute returns what Ref (attr "") or GetAtt give for a resource.
	attribute func(id, attr string) (any, error)
	spent     atomic.Int64 // of mostWork
}

// mostWork bounds what all values of a deployment take, in bytes of text and values
// computed: a text that puts another one in twice, which does the same, would else
// double with each of its levels. Templates of a MB take a few.
const mostWork = 64 << 20

// spend counts work.
func (e *evaluation) spend(n int, at *Node) error {
	if e.spent.Add(int64(n)) > mostWork {
		return failAt(at, "the values of this template expand to too much")
	}
	return nil
}

// evalError points at the node whose value cannot be computed.
type evalError struct {
	at  *Node
	msg string
}

func (e *evalError) Error() string { return e.msg }

func failAt(n *Node, format string, args ...any) error {
	return &evalError{at: n, msg: fmt.Sprintf(format, args...)}
}

func newEvaluation(t *Template, params, pseudo, imports map[string]string) (*evaluation, error) {
	e := &evaluation{t: t, params: params, pseudo: pseudo, imports: imports, conditions: map[string]bool{},
		attribute: func(string, string) (any, error) { return nil, errUnknown }}
	if t.Conditions == nil {
		return e, nil
	}
	for _, f := range t.Conditions.Fields {
		if _, err := e.condition(f.Key); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// active tells whether a resource or output with this condition exists.
func (e *evaluation) active(condition string) bool { return condition == "" || e.conditions[condition] }

func (e *evaluation) condition(name string) (bool, error) {
	if v, ok := e.conditions[name]; ok {
		return v, nil
	}
	v, err := e.logical(e.t.Conditions.Get(name))
	if err == nil {
		e.conditions[name] = v
	}
	return v, err
}

func (e *evaluation) logical(n *Node) (bool, error) {
	if n.Kind == Map {
		return e.condition(n.Fields[0].Value.Text())
	}
	arg := n.Arg()
	switch n.Func {
	case "Condition":
		return e.condition(arg.Text())
	case "Fn::Equals":
		a, err := e.value(arg.Items[0])
		if err != nil {
			return false, err
		}
		b, err := e.value(arg.Items[1])
		return err == nil && canonical(a) == canonical(b), err
	}
	all, some := true, false
	for _, it := range arg.Items {
		v, err := e.logical(it)
		if err != nil {
			return false, err
		}
		all, some = all && v, some || v
	}
	switch n.Func {
	case "Fn::And":
		return all, nil
	case "Fn::Or":
		return some, nil
	}
	return !all, nil // Fn::Not
}

// value computes a node.
func (e *evaluation) value(n *Node) (any, error) {
	if err := e.spend(1+len(n.Scalar), n); err != nil {
		return nil, err
	}
	switch n.Kind {
	case Null:
		return nil, nil
	case Bool:
		return n.Scalar == "true", nil
	case Number:
		return number(n.Scalar), nil
	case String:
		return n.Scalar, nil
	case List:
		return e.list(n)
	case Map:
		out := map[string]any{}
		for _, f := range n.Fields {
			v, err := e.value(f.Value)
			switch {
			case errors.Is(err, errUnknown):
				v = unknown{}
			case err != nil:
				return nil, err
			}
			if v != (noValue{}) {
				out[f.Key] = v
			}
		}
		return out, nil
	}
	v, err := e.call(n)
	if text, ok := v.(string); ok && err == nil {
		err = e.spend(len(text), n)
	}
	return v, err
}

// number keeps the text of a number that JSON can hold; others, such as
// 0x1F or account ids with leading zeros, stay text.
func number(s string) any {
	if json.Valid([]byte(s)) {
		return json.Number(s)
	}
	return s
}

func (e *evaluation) list(n *Node) (any, error) {
	out := []any{}
	for _, it := range n.Items {
		v, err := e.value(it)
		switch {
		case errors.Is(err, errUnknown):
			v = unknown{}
		case err != nil:
			return nil, err
		}
		if v != (noValue{}) {
			out = append(out, v)
		}
	}
	return out, nil
}

func (e *evaluation) call(n *Node) (any, error) {
	arg := n.Arg()
	switch n.Func {
	case "Ref":
		return e.ref(n, arg.Text())
	case "Fn::GetAtt":
		attr, err := e.text(arg.Items[1])
		if err != nil {
			return nil, err
		}
		return e.resource(n, arg.Items[0].Text(), attr)
	case "Fn::Sub":
		return e.sub(arg)
	case "Fn::If":
		on, err := e.condition(arg.Items[0].Text())
		if err != nil {
			return nil, err
		}
		if on {
			return e.value(arg.Items[1])
		}
		return e.value(arg.Items[2])
	case "Fn::ImportValue":
		name, err := e.text(arg)
		if err != nil {
			return nil, err
		}
		v, ok := e.imports[name]
		if !ok {
			return nil, failAt(n, "No export named %s found.", name)
		}
		return v, nil
	case "Fn::FindInMap":
		return e.findInMap(n, arg)
	case "Condition", "Fn::Equals", "Fn::And", "Fn::Or", "Fn::Not":
		v, err := e.logical(n)
		return v, err
	}
	return e.compute(n, arg)
}

func (e *evaluation) ref(n *Node, name string) (any, error) {
	if name == "AWS::NoValue" {
		return noValue{}, nil
	}
	if name == "AWS::NotificationARNs" {
		return []any{}, nil
	}
	if v, ok := e.pseudo[name]; ok {
		return v, nil
	}
	if p := e.t.Parameter(name); p != nil {
		return p.value(e.params[name]), nil
	}
	return e.resource(n, name, "")
}

func (e *evaluation) resource(n *Node, id, attr string) (any, error) {
	r := e.t.Resource(id)
	if r == nil || !e.active(r.Condition) {
		return nil, failAt(n, "Unresolved resource dependencies [%s]: its condition is false", id)
	}
	v, err := e.attribute(id, attr)
	if err != nil && !errors.Is(err, errUnknown) {
		return nil, failAt(n, "%v", err)
	}
	return v, err
}

func (e *evaluation) sub(arg *Node) (any, error) {
	text, local := arg, (*Node)(nil)
	if arg.Kind == List {
		text, local = arg.Items[0], arg.Items[1]
	}
	return substitute(text.Scalar, func(name string) (v string, err error) {
		defer func() {
			if err == nil {
				err = e.spend(1+len(v), text)
			}
		}()
		return e.named(text, local, name)
	})
}

// named is what stands for a name in a text: of the text's own values, a resource's
// or a parameter's.
func (e *evaluation) named(text, local *Node, name string) (string, error) {
	if v := local.Get(name); v != nil {
		return e.text(v)
	}
	var v any
	var err error
	if id, attr, ok := strings.Cut(name, "."); ok {
		v, err = e.resource(text, id, attr)
	} else {
		v, err = e.ref(text, name)
	}
	if err != nil {
		return "", err
	}
	return scalarText(text, v)
}

// text computes a node that must be a scalar.
func (e *evaluation) text(n *Node) (string, error) {
	v, err := e.value(n)
	if err != nil {
		return "", err
	}
	return scalarText(n, v)
}

func scalarText(at *Node, v any) (string, error) {
	switch s := v.(type) {
	case string:
		return s, nil
	case bool:
		return strconv.FormatBool(s), nil
	case json.Number:
		return s.String(), nil
	case unknown:
		return "", errUnknown
	}
	return "", failAt(at, "a string is needed here, not a list or a map")
}

// texts computes a node that must be a list of scalars.
func (e *evaluation) texts(n *Node) ([]string, error) {
	v, err := e.value(n)
	if err != nil {
		return nil, err
	}
	l, ok := v.([]any)
	if !ok {
		return nil, failAt(n, "a list is needed here")
	}
	out := make([]string, len(l))
	for i, it := range l {
		if out[i], err = scalarText(n, it); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (e *evaluation) findInMap(n, arg *Node) (any, error) {
	keys, err := e.texts(arg)
	if err != nil {
		return nil, err
	}
	v := e.t.Mappings.Get(keys[0]).Get(keys[1]).Get(keys[2])
	if v == nil {
		return nil, failAt(n, "Template error: Unable to get mapping for %s::%s::%s", keys[0], keys[1], keys[2])
	}
	return e.value(v)
}

// compute evaluates the functions of text and lists.
func (e *evaluation) compute(n, arg *Node) (any, error) {
	switch n.Func {
	case "Fn::Base64":
		s, err := e.text(arg)
		return base64.StdEncoding.EncodeToString([]byte(s)), err
	case "Fn::GetAZs":
		return e.zones(arg)
	case "Fn::Length":
		v, err := e.value(arg)
		if l, ok := v.([]any); ok {
			return json.Number(strconv.Itoa(len(l))), nil
		}
		return nil, errors.Join(err, failAt(n, "Fn::Length takes a list"))
	case "Fn::ToJsonString":
		v, err := e.value(arg)
		if err != nil || hasUnknown(v) {
			return nil, errors.Join(err, errUnknown)
		}
		return canonical(v), nil
	case "Fn::Join":
		sep, err := e.text(arg.Items[0])
		if err != nil {
			return nil, err
		}
		parts, err := e.texts(arg.Items[1])
		if err == nil {
			err = e.spend(len(sep)*len(parts), n)
		}
		if err != nil {
			return nil, err
		}
		return strings.Join(parts, sep), nil
	case "Fn::Split":
		parts, err := e.texts(arg)
		if err != nil {
			return nil, err
		}
		out := []any{}
		for _, s := range strings.Split(parts[1], parts[0]) {
			out = append(out, s)
		}
		return out, nil
	case "Fn::Select":
		return e.choose(n, arg)
	}
	return e.cidr(n, arg)
}

func (e *evaluation) choose(n, arg *Node) (any, error) {
	index, err := e.text(arg.Items[0])
	if err != nil {
		return nil, err
	}
	v, err := e.value(arg.Items[1])
	if err != nil {
		return nil, err
	}
	l, ok := v.([]any)
	i, bad := strconv.Atoi(index)
	if !ok || bad != nil || i < 0 || i >= len(l) {
		return nil, failAt(n, "Template error: Fn::Select cannot select nonexistent value at index %s", index)
	}
	if l[i] == (unknown{}) {
		return nil, errUnknown
	}
	return l[i], nil
}

func (e *evaluation) zones(arg *Node) (any, error) {
	region, err := e.text(arg)
	if err != nil {
		return nil, err
	}
	if region == "" {
		region = e.pseudo["AWS::Region"]
	}
	return []any{region + "a", region + "b", region + "c"}, nil
}

// cidr computes Fn::Cidr: count blocks with so many host bits.
func (e *evaluation) cidr(n, arg *Node) (any, error) {
	args, err := e.texts(arg)
	if err != nil {
		return nil, err
	}
	block, err := netip.ParsePrefix(args[0])
	count, bad := strconv.Atoi(args[1])
	bits := 8
	if len(args) > 2 {
		bits, _ = strconv.Atoi(args[2])
	}
	if err != nil || bad != nil || count < 1 || count > 256 || bits < 1 || bits > 31 || !block.Addr().Is4() {
		return nil,
			failAt(n, "Template error: every Fn::Cidr object requires an IPv4 block, a count of 1 to 256 and host bits")
	}
	start := block.Masked().Addr().As4()
	base := uint64(start[0])<<24 | uint64(start[1])<<16 | uint64(start[2])<<8 | uint64(start[3])
	if uint64(count)<<bits > 1<<(32-block.Bits()) {
		return nil, failAt(n, "Template error: Fn::Cidr cannot make %d blocks of %d host bits from %s", count, bits, args[0])
	}
	out := []any{}
	for i := range uint64(count) {
		a := base + i<<bits
		out = append(out, fmt.Sprintf("%d.%d.%d.%d/%d", byte(a>>24), byte(a>>16), byte(a>>8), byte(a), 32-bits))
	}
	return out, nil
}

// canonical renders a value so that equal values give equal text.
func canonical(v any) string {
	b, err := json.Marshal(v) // map keys are sorted
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

func hasUnknown(v any) bool {
	switch x := v.(type) {
	case unknown:
		return true
	case []any:
		for _, it := range x {
			if hasUnknown(it) {
				return true
			}
		}
	case map[string]any:
		for _, it := range x {
			if hasUnknown(it) {
				return true
			}
		}
	}
	return false
}
