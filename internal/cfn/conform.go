package cfn

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
)

// conform turns an evaluated value into the declared type, as CloudFormation
// does: "5" for a number is 5, 5 for a string is "5". Unknown values pass.
func conform(v any, p Property, path string) (any, error) {
	if _, later := v.(unknown); later {
		return v, nil
	}
	switch p.Type {
	case TJSON:
		return v, nil
	case TList:
		l, ok := v.([]any)
		if !ok {
			return nil, fmt.Errorf("%s must be a list", path)
		}
		out := make([]any, len(l))
		for i, it := range l {
			c, err := conform(it, *p.Item, path+"["+strconv.Itoa(i)+"]")
			if err != nil {
				return nil, err
			}
			out[i] = c
		}
		return out, nil
	case TMap, TObject:
		m, ok := v.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s must be %s", path, p.Type)
		}
		return conformMap(m, p, path)
	}
	return conformScalar(v, p, path)
}

func conformMap(m map[string]any, p Property, path string) (any, error) {
	out := map[string]any{}
	for k, it := range m {
		field, ok := p.Fields[k]
		if p.Type == TMap {
			field, ok = *p.Item, true
		}
		if !ok {
			return nil, fmt.Errorf("%s has no property %s, or it is not supported", path, k)
		}
		c, err := conform(it, field, path+"."+k)
		if err != nil {
			return nil, err
		}
		out[k] = c
	}
	for _, k := range p.Fields.names() {
		if _, ok := out[k]; p.Fields[k].Required && !ok {
			return nil, fmt.Errorf("%s: property %s is required", path, k)
		}
	}
	return out, nil
}

func conformScalar(v any, p Property, path string) (any, error) {
	s, err := scalarText(nil, v)
	if err != nil {
		return nil, fmt.Errorf("%s must be %s", path, p.Type)
	}
	if len(p.Enum) > 0 && !slices.Contains(p.Enum, s) {
		return nil, fmt.Errorf("%s cannot be %q", path, s)
	}
	switch p.Type {
	case TBoolean:
		b, err := strconv.ParseBool(s)
		if err != nil {
			return nil, fmt.Errorf("%s must be a boolean, this is %q", path, s)
		}
		return b, nil
	case TInteger, TDouble:
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || p.Type == TInteger && f != float64(int64(f)) || !json.Valid([]byte(s)) {
			return nil, fmt.Errorf("%s must be %s, this is %q", path, p.Type, s)
		}
		if (p.Min != 0 || p.Max != 0) && (f < p.Min || p.Max != 0 && f > p.Max) {
			return nil, fmt.Errorf("%s must be from %v to %v, this is %s", path, p.Min, p.Max, s)
		}
		return json.Number(s), nil
	}
	return s, nil
}

// properties evaluates the properties of a resource against its schema.
func (e *evaluation) properties(r *ResourceDef, s *Schema) (map[string]any, error) {
	if r.Properties == nil || r.Properties.Kind == Null {
		return map[string]any{}, nil
	}
	v, err := e.value(r.Properties)
	if err != nil {
		return nil, err
	}
	c, err := conform(v, Property{Type: TObject, Fields: s.Properties}, r.LogicalID)
	if err != nil {
		return nil, failAt(r.Properties, "%v", err)
	}
	return c.(map[string]any), nil
}

// changed returns the names of top-level properties that differ, sorted, and
// whether one of them, at any depth, replaces the resource.
func changed(s *Schema, before, after map[string]any) (names []string, replace bool) {
	for _, name := range s.Properties.names() {
		if differs(s.Properties[name], before[name], after[name], &replace) {
			names = append(names, name)
		}
	}
	return names, replace
}

func differs(p Property, a, b any, replace *bool) bool {
	if !hasUnknown(b) && canonical(a) == canonical(b) {
		return false
	}
	if p.Update == Replacement {
		*replace = true
		return true
	}
	if p.Type == TObject {
		am, _ := a.(map[string]any)
		bm, _ := b.(map[string]any)
		for name, f := range p.Fields {
			differs(f, am[name], bm[name], replace)
		}
	}
	return true
}
