package gateway

import (
	"reflect"
	"slices"
	"strings"
)

// Members say which members of its inputs a service uses. What is not among
// them answers 501 by name when it is set: nothing is accepted and ignored, also
// not what a new version of the SDK adds.
type Members struct {
	// Used are the members that the service's code reads, by structure:
	// "PutObjectInput", "types.Tag". "*" stands for all members of a structure
	// that is handed on whole. It is generated; a test holds it to the code.
	Used map[string][]string
	// ByName are members that the code reads by their names, through reflection.
	ByName []string
	// Kept are members that change nothing here, each with the reason why that is
	// right: "PutRecordInput.SequenceNumberForOrdering".
	Kept map[string]string
}

// Allow reports whether a member of a structure may be set.
func (m Members) Allow(structure, member string) bool {
	used := m.Used[structure]
	if slices.Contains(used, "*") || slices.Contains(used, member) || slices.Contains(m.ByName, member) {
		return true
	}
	for _, name := range []string{structure + "." + member, "*." + member} {
		if _, kept := m.Kept[name]; kept {
			return true
		}
	}
	return false
}

// structureName is a structure's name as Members has it.
func structureName(t reflect.Type) string {
	if strings.HasSuffix(t.PkgPath(), "/types") {
		return "types." + t.Name()
	}
	return t.Name()
}

// limits is what may not be set in values of one structure; nil where all may.
type limits struct {
	refused []reflect.StructField
	nested  []nestedLimits
}

type nestedLimits struct {
	field reflect.StructField
	in    *limits
}

// limit compiles what may not be set in a structure. Within a recursive one the
// members of the inner values are not looked at again.
func (m Members) limit(t reflect.Type, within []reflect.Type) *limits {
	l := &limits{}
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() || f.Name == "ResultMetadata" {
			continue
		}
		if !m.Allow(structureName(t), f.Name) {
			l.refused = append(l.refused, f)
			continue
		}
		inner := f.Type
		for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice || inner.Kind() == reflect.Map {
			inner = inner.Elem()
		}
		if inner.Kind() != reflect.Struct || !strings.Contains(inner.PkgPath(), "/service/") ||
			slices.Contains(within, inner) {
			continue
		}
		if in := m.limit(inner, append(within, t)); in != nil {
			l.nested = append(l.nested, nestedLimits{f, in})
		}
	}
	if len(l.refused) == 0 && len(l.nested) == 0 {
		return nil
	}
	return l
}

// given reports whether a member is set. A pointer to a zero value, such as an
// option that is off, a list of nothing and a structure of such are not.
func given(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer:
		return !v.IsNil() && given(v.Elem())
	case reflect.Slice, reflect.Map:
		return v.Len() > 0
	case reflect.Struct:
		members := 0
		for i := range v.NumField() {
			if !v.Type().Field(i).IsExported() {
				continue
			}
			if given(v.Field(i)) {
				return true
			}
			members++
		}
		if members > 0 {
			return false
		}
		return v.Type() != timeType || !v.IsZero() // S3's EventBridgeConfiguration has no members and says something
	}
	return !v.IsZero()
}

// find returns the path of a member that is set and may not be.
func (l *limits) find(v reflect.Value) string {
	for _, f := range l.refused {
		if given(v.FieldByIndex(f.Index)) {
			return f.Name
		}
	}
	for _, n := range l.nested {
		if found := n.in.within(v.FieldByIndex(n.field.Index)); found != "" {
			return n.field.Name + "." + found
		}
	}
	return ""
}

func (l *limits) within(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return l.within(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			if found := l.within(v.Index(i)); found != "" {
				return found
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			if found := l.within(it.Value()); found != "" {
				return found
			}
		}
	case reflect.Struct:
		return l.find(v)
	}
	return ""
}

// refusal is the answer to an input with a member that the operation does not
// use; nil without one.
func (o Operation) refusal(service string, input any) error {
	if o.limits == nil {
		return nil
	}
	if found := o.limits.find(reflect.ValueOf(input).Elem()); found != "" {
		return Unsupported(service, o.Name, found)
	}
	return nil
}
