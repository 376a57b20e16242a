package wire

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// constraint is what a model demands of a value of one shape.
type constraint struct {
	min, max *float64
	enum     []string
	pattern  *regexp.Regexp
	source   string // the pattern as the model spells it
}

var unicodeEscape = regexp.MustCompile(`\\u([0-9A-Fa-f]{4})`)

// constrain compiles a shape's constraints, nil if it has none. The patterns
// are Java's: those that RE2 cannot hold (looking ahead or behind, surrogate
// pairs; some ten in all services) are left to handlers.
func constrain(s *Shape) *constraint {
	if s.Min == nil && s.Max == nil && len(s.Enum) == 0 && s.Pattern == "" {
		return nil
	}
	c := &constraint{min: s.Min, max: s.Max, enum: s.Enum, source: s.Pattern}
	if s.Pattern != "" {
		c.pattern, _ = compilePattern(s.Pattern) // nil when it does not compile
	}
	return c
}

func compilePattern(p string) (*regexp.Regexp, error) {
	return regexp.Compile(`^(?:` + unicodeEscape.ReplaceAllString(p, `\x{$1}`) + `)$`)
}

// maxViolations bounds the list in one message. That AWS stops at ten too is an
// assumption, not documented behaviour.
const maxViolations = 10

// validator collects what is wrong with one input.
type validator struct {
	found    []string
	missing  string // the first required member that was not sent
	enumOnly bool
	zeros    []string // members that were sent as zero, where their type cannot tell
	choices  map[string][]string
}

// Validate compares a decoded input with the model: required members, length,
// range, pattern, enum. What it returns has the code and text of the service.
//
// AWS: keys of maps are checked too; here only their values are, and the names of
// a function's variables by its service.
func (t *Target) Validate(in any) error {
	if t.op.Input == nil {
		return nil
	}
	v := reflect.ValueOf(in).Elem()
	n, err := t.plans.plan(t.op.Input, v.Type())
	if err != nil {
		return err
	}
	c := validator{enumOnly: true, zeros: t.zeros.found, choices: t.svc.words.Choices}
	c.structure(n, v, "", t.svc.words.OnlyRequired)
	if len(c.found) == 0 {
		return nil
	}
	return t.invalid(&c)
}

func (t *Target) invalid(c *validator) error {
	plural := ""
	if len(c.found) > 1 {
		plural = "s"
	}
	message := fmt.Sprintf("%d validation error%s detected: %s", len(c.found), plural, strings.Join(c.found, "; "))
	w := t.svc.words
	switch {
	case c.missing != "" && w.Missing.Code != "":
		missing := w.Missing
		missing.Message = fmt.Sprintf(missing.Message, c.missing)
		return missing.say("")
	case c.enumOnly && len(c.found) == 1 && w.InvalidChoice.Code != "":
		return w.InvalidChoice.say(c.found[0])
	case c.enumOnly && w.InvalidChoices.Code != "":
		return w.InvalidChoices.say(message)
	case w.Invalid.Code != "":
		return w.Invalid.say(message)
	case t.model.Metadata.Protocol == "query", t.model.Metadata.Protocol == ec2Query:
		return Fault{Code: "ValidationError"}.say(message)
	}
	return Fault{Code: "ValidationException"}.say(message)
}

func (c *validator) report(path, value, demand string) {
	if len(c.found) < maxViolations {
		c.found = append(c.found, fmt.Sprintf("Value %s at '%s' failed to satisfy constraint: %s", value, path, demand))
	}
}

// structure checks members. Of some services it asks only that required members
// of the body are there (Wording.OnlyRequired).
func (c *validator) structure(n *node, v reflect.Value, path string, onlyRequired bool) {
	for _, f := range n.fields {
		fv := v.Field(f.index)
		switch fv.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
			if fv.IsNil() {
				c.absent(f, path, onlyRequired)
				continue
			}
		case reflect.String:
			if fv.Len() == 0 { // an enum that was not sent
				c.absent(f, path, onlyRequired)
				continue
			}
		default:
			if path == "" && f.node.bare() && fv.IsZero() && !slices.Contains(c.zeros, f.member) {
				c.absent(f, path, onlyRequired)
				continue
			}
		}
		if !f.node.free {
			c.value(f.node, fv, memberPath(path, f.member), onlyRequired)
		}
	}
}

func (c *validator) absent(f *field, path string, bodyOnly bool) {
	if f.required && f.node.kind != kStream && (!bodyOnly || f.ref.Location == "") {
		c.enumOnly = false
		if c.missing == "" {
			c.missing = f.member
		}
		c.report(memberPath(path, f.member), "null", "Member must not be null")
	}
}

// memberPath writes paths as AWS does: lower camel, list elements as n.member.
func memberPath(path, member string) string {
	name := strings.ToLower(member[:1]) + member[1:]
	if path == "" {
		return name
	}
	return path + "." + name
}

func (c *validator) value(n *node, v reflect.Value, path string, onlyRequired bool) {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return
		}
		v = v.Elem()
	}
	if n.check != nil && !onlyRequired {
		c.constraints(n, v, path)
	}
	switch n.kind {
	case kStruct:
		c.structure(n, v, path, onlyRequired)
	case kUnion:
		c.union(n, v, path, onlyRequired)
	case kList:
		if n.elem.free {
			return
		}
		for i := range v.Len() {
			c.value(n.elem, v.Index(i), path+"."+strconv.Itoa(i+1)+".member", onlyRequired)
		}
	case kMap:
		if n.elem.free {
			return
		}
		c.mapped(n, v, path, onlyRequired)
	}
}

func (c *validator) union(n *node, v reflect.Value, path string, onlyRequired bool) {
	if v.Kind() == reflect.Interface {
		if v.IsNil() {
			return
		}
		v = v.Elem()
	}
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return
	}
	for _, f := range n.fields {
		if f.variant == v.Type().Elem() {
			c.value(f.node, v.Elem().Field(0), memberPath(path, f.member), onlyRequired)
			return
		}
	}
}

func (c *validator) constraints(n *node, v reflect.Value, path string) {
	k := n.check
	switch n.kind {
	case kString:
		s := v.String()
		if len(k.enum) > 0 && !contains(k.enum, s) {
			values := k.enum
			if own := c.choices[n.shape.Name]; own != nil {
				values = own
			}
			c.report(path, "'"+s+"'", "Member must satisfy enum value set: ["+strings.Join(values, ", ")+"]")
			return
		}
		if k.min != nil || k.max != nil {
			c.bounds(k, path, "'"+s+"'", "have length", float64(utf8.RuneCountInString(s)))
		}
		if k.pattern != nil && !k.pattern.MatchString(s) {
			c.enumOnly = false
			c.report(path, "'"+s+"'", "Member must satisfy regular expression pattern: "+k.source)
		}
	case kInt:
		c.bounds(k, path, "'"+strconv.FormatInt(v.Int(), 10)+"'", "have value", float64(v.Int()))
	case kFloat:
		c.bounds(k, path, fmt.Sprintf("'%v'", v.Float()), "have value", v.Float())
	case kBlob:
		size := strconv.Itoa(v.Len())
		c.bounds(k, path, "'java.nio.HeapByteBuffer[pos=0 lim="+size+" cap="+size+"]'", "have length", float64(v.Len()))
	case kList, kMap:
		c.bounds(k, path, "'"+elements(n, v)+"'", "have length", float64(v.Len()))
	}
}

// elements are those of a list or map as an error shows them. AWS prints Java's form of
// what is in it, which nobody can use; empty ones and those of text are readable.
func elements(n *node, v reflect.Value) string {
	left, right := "[", "]"
	if n.kind == kMap {
		left, right = "{", "}"
	}
	if v.Len() > 0 && (n.kind != kList || n.elem.kind != kString) {
		return left + strconv.Itoa(v.Len()) + " elements" + right
	}
	texts := make([]string, v.Len())
	for i := range texts {
		texts[i] = reflect.Indirect(v.Index(i)).String()
	}
	return left + strings.Join(texts, ", ") + right
}

// mapped checks the values of a map, which AWS reports as the map's: with the map, and
// with all that is demanded of its values.
func (c *validator) mapped(n *node, v reflect.Value, path string, onlyRequired bool) {
	for _, key := range sortedKeys(v) {
		e := v.MapIndex(key)
		if n.elem.check != nil && !onlyRequired {
			one := validator{enumOnly: true, choices: c.choices}
			one.constraints(n.elem, reflect.Indirect(e), "")
			if len(one.found) > 0 {
				c.enumOnly = c.enumOnly && one.enumOnly
				value := reflect.Indirect(e)
				text := fmt.Sprint(value.Interface())
				if n.elem.kind == kList || n.elem.kind == kMap {
					text = elements(n.elem, value)
				}
				c.report(path, "'{"+key.String()+"="+text+"}'",
					"Map value must satisfy constraint: ["+n.elem.check.demands(n.elem.kind)+"]")
				continue
			}
		}
		c.value(n.elem, e, path+"."+key.String()+".member", onlyRequired)
	}
}

// demands lists all that is demanded, in AWS's order.
func (k *constraint) demands(kind kind) string {
	what, list := "have length", []string{}
	if kind == kInt || kind == kFloat {
		what = "have value"
	}
	if k.max != nil {
		list = append(list, fmt.Sprintf("Member must %s less than or equal to %.0f", what, *k.max))
	}
	if k.min != nil {
		list = append(list, fmt.Sprintf("Member must %s greater than or equal to %.0f", what, *k.min))
	}
	if k.pattern != nil {
		list = append(list, "Member must satisfy regular expression pattern: "+k.source)
	}
	if len(k.enum) > 0 {
		list = append(list, "Member must satisfy enum value set: ["+strings.Join(k.enum, ", ")+"]")
	}
	return strings.Join(list, ", ")
}

func (c *validator) bounds(k *constraint, path, value, what string, got float64) {
	switch {
	case k.min != nil && got < *k.min:
		c.enumOnly = false
		c.report(path, value, fmt.Sprintf("Member must %s greater than or equal to %.0f", what, *k.min))
	case k.max != nil && got > *k.max:
		c.enumOnly = false
		c.report(path, value, fmt.Sprintf("Member must %s less than or equal to %.0f", what, *k.max))
	}
}

func contains(list []string, s string) bool {
	for _, e := range list {
		if e == s {
			return true
		}
	}
	return false
}
