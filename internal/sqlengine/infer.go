package sqlengine

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// wide is the number of members from which maps count as dictionaries rather
// than as records: their column is JSON.
const wide = 200

// kind is what the values of one column have in common. The zero kind is a
// column of nulls.
type kind struct {
	name   string           // "", BOOLEAN, BIGINT, DOUBLE, VARCHAR, JSON, list, struct
	elem   *kind            // of a list
	fields map[string]*kind // of a struct
}

// infer is the kind of one value as JSON readers give it. Text stays text,
// whatever it looks like: a query that wants a time casts it.
func infer(v any) *kind {
	switch t := v.(type) {
	case nil:
		return &kind{}
	case bool:
		return &kind{name: "BOOLEAN"}
	case int, int64, int32:
		return &kind{name: "BIGINT"}
	case uint64:
		if t > math.MaxInt64 {
			return &kind{name: "DOUBLE"}
		}
		return &kind{name: "BIGINT"}
	case float64:
		return &kind{name: "DOUBLE"}
	case string:
		return &kind{name: "VARCHAR"}
	case []any:
		elem := &kind{}
		for _, e := range t {
			elem = elem.with(infer(e))
		}
		return &kind{name: "list", elem: elem}
	case map[string]any:
		k := &kind{name: "struct", fields: make(map[string]*kind, len(t))}
		for name, e := range t {
			k.fields[name] = infer(e)
		}
		return k
	}
	return &kind{name: "JSON"}
}

// with is the kind that holds the values of both: numbers meet in DOUBLE,
// other scalars in text, the rest in JSON.
func (k *kind) with(o *kind) *kind {
	switch {
	case k.name == "" || k.name == o.name && k.elem == nil && k.fields == nil:
		return o
	case o.name == "":
		return k
	case k.name == "list" && o.name == "list":
		return &kind{name: "list", elem: k.elem.with(o.elem)}
	case k.name == "struct" && o.name == "struct":
		out := &kind{name: "struct", fields: maps.Clone(k.fields)}
		for name, f := range o.fields {
			if have, ok := out.fields[name]; ok {
				f = have.with(f)
			}
			out.fields[name] = f
		}
		return out
	case k.nested() || o.nested():
		return &kind{name: "JSON"}
	case k.number() && o.number():
		return &kind{name: "DOUBLE"}
	}
	return &kind{name: "VARCHAR"}
}

func (k *kind) nested() bool {
	return k.name == "list" || k.name == "struct" || k.name == "JSON"
}
func (k *kind) number() bool { return k.name == "BIGINT" || k.name == "DOUBLE" }

// structure writes the kind as DuckDB's from_json wants it.
// https://duckdb.org/docs/stable/data/json/json_functions (transforming JSON)
func (k *kind) structure() any {
	switch k.name {
	case "":
		return "VARCHAR"
	case "list":
		return []any{k.elem.structure()}
	case "struct":
		if len(k.fields) == 0 || len(k.fields) > wide || clash(k.fields) != "" {
			return "JSON"
		}
		out := make(map[string]any, len(k.fields))
		for name, f := range k.fields {
			out[name] = f.structure()
		}
		return out
	}
	return k.name
}

// clash finds two names that SQL takes for one, since it ignores case.
func clash(fields map[string]*kind) string {
	seen := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		folded := strings.ToLower(name)
		if other, ok := seen[folded]; ok {
			return fmt.Sprintf("%q and %q", other, name)
		}
		seen[folded] = name
	}
	return ""
}

// columns is the structure of a table's rows.
func columns(rows []map[string]any) (string, error) {
	all := &kind{}
	for _, r := range rows {
		all = all.with(infer(r))
	}
	if pair := clash(all.fields); pair != "" {
		return "", dataErrorf("columns %s differ in case only", pair)
	}
	out := make(map[string]any, len(all.fields))
	for name, f := range all.fields {
		if name == "" {
			return "", dataErrorf("a column has an empty name")
		}
		out[name] = f.structure()
	}
	b, err := json.Marshal(out)
	return string(b), err
}
