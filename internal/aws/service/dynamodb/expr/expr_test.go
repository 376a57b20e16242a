package expr

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/item"
)

func TestReserved_knowsTheTableOfAWS(t *testing.T) {
	t.Parallel()
	for _, w := range []string{"abort", "Status", "NAME", "zone", "flattern"} {
		require.True(t, reserved(w), w)
	}
	for _, w := range []string{"id", "pk", "flatten", "A"} {
		require.False(t, reserved(w), w)
	}
}

// formula draws a condition over a, b and c with the value it has for an item.
func formula(it item.Item, depth int) *rapid.Generator[modelled] {
	return rapid.Custom(func(t *rapid.T) modelled {
		shape := "leaf"
		if depth > 0 {
			shape = rapid.SampledFrom([]string{"leaf", "and", "or", "not"}).Draw(t, "shape")
		}
		switch shape {
		case "and", "or":
			l, r := formula(it, depth-1).Draw(t, "left"), formula(it, depth-1).Draw(t, "right")
			if shape == "and" {
				return modelled{l.wrapped() + " AND " + r.wrapped(), l.holds && r.holds, false}
			}
			return modelled{l.wrapped() + " OR " + r.wrapped(), l.holds || r.holds, false}
		case "not":
			x := formula(it, depth-1).Draw(t, "inner")
			return modelled{"NOT " + x.wrapped(), !x.holds, false}
		}
		name := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name")
		k := rapid.IntRange(0, 4).Draw(t, "value")
		v, exists := it[name]
		x := int(0)
		if exists {
			_, _ = fmt.Sscan(v.Text, &x)
		}
		switch rapid.IntRange(0, 4).Draw(t, "operator") {
		case 0:
			return modelled{fmt.Sprintf("%s = :v%d", name, k), exists && x == k, true}
		case 1:
			return modelled{fmt.Sprintf("%s <> :v%d", name, k), !exists || x != k, true}
		case 2:
			return modelled{fmt.Sprintf("%s < :v%d", name, k), exists && x < k, true}
		case 3:
			return modelled{fmt.Sprintf("%s BETWEEN :v0 AND :v%d", name, k), exists && x <= k, true}
		}
		return modelled{"attribute_exists(" + name + ")", exists, true}
	})
}

type modelled struct {
	text  string
	holds bool
	leaf  bool
}

func (m modelled) wrapped() string {
	if m.leaf {
		return m.text
	}
	return "(" + m.text + ")"
}

func TestCondition_agreesWithABooleanModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		it := item.Item{}
		for _, name := range []string{"a", "b", "c"} {
			if rapid.Bool().Draw(t, name) {
				it[name] = item.Num(fmt.Sprint(rapid.IntRange(0, 4).Draw(t, "of "+name)))
			}
		}
		values := map[string]item.Value{}
		for k := range 5 {
			values[fmt.Sprint(":v", k)] = item.Num(fmt.Sprint(k))
		}
		m := formula(it, 4).Draw(t, "formula")
		p, err := NewParams(nil, values)
		require.NoError(t, err)
		c, err := ParseCondition("ConditionExpression", m.text, p)
		require.NoError(t, err, m.text)
		require.Equal(t, m.holds, c.Holds(it), m.text)
	})
}

func TestCondition_bindsNotThenAndThenOr(t *testing.T) {
	t.Parallel()
	p, err := NewParams(nil, map[string]item.Value{":t": item.Truth(true)})
	require.NoError(t, err)
	it := item.Item{"x": item.Truth(true)}
	for text, want := range map[string]bool{
		"x = :t OR x = :t AND NOT x = :t":   true,
		"(x = :t OR x = :t) AND NOT x = :t": false,
		"NOT x = :t OR x = :t":              true,
		"NOT (x = :t OR x = :t)":            false,
		"(x) = (:t)":                        true,
	} {
		c, err := ParseCondition("ConditionExpression", text, p)
		require.NoError(t, err, text)
		require.Equal(t, want, c.Holds(it), text)
	}
}

func list(values ...item.Value) item.Value { return item.Value{Kind: item.List, Elems: values} }

func TestUpdate_readsOldValuesAndKeepsTheOldItem(t *testing.T) {
	t.Parallel()
	old := item.Item{"a": item.Num("1"), "b": item.Num("2"), "l": list(item.Str("x"), item.Str("y"), item.Str("z")),
		"m": {Kind: item.Map, Fields: map[string]item.Value{"k": item.Num("5")}},
		"s": {Kind: item.StringSet, Elems: []item.Value{item.Str("p"), item.Str("q")}}}
	values := map[string]item.Value{":one": item.Num("1"), ":w": list(item.Str("w")),
		":p": {Kind: item.StringSet, Elems: []item.Value{item.Str("p")}}}
	for text, want := range map[string]item.Item{
		"SET a = b, b = a":                      {"a": item.Num("2"), "b": item.Num("1")},
		"SET m.k = m.k - :one":                  {"m": {Kind: item.Map, Fields: map[string]item.Value{"k": item.Num("4")}}},
		"SET l[9] = :one REMOVE l[0], l[1]":     {"l": list(item.Str("z"), item.Num("1"))},
		"SET l = list_append(:w, l)":            {"l": list(item.Str("w"), item.Str("x"), item.Str("y"), item.Str("z"))},
		"SET n = if_not_exists(n, :one) + :one": {"n": item.Num("2")},
		"ADD a :one DELETE s :p": {"a": item.Num("2"),
			"s": {Kind: item.StringSet, Elems: []item.Value{item.Str("q")}}},
		"remove m.k set l[1] = (a + :one)": {"m": {Kind: item.Map, Fields: map[string]item.Value{}},
			"l": list(item.Str("x"), item.Num("2"), item.Str("z"))},
	} {
		p, err := NewParams(nil, values)
		require.NoError(t, err)
		u, err := ParseUpdate(text, p)
		require.NoError(t, err, text)
		before := old.Encode(nil)
		got, err := u.Apply(old)
		require.NoError(t, err, text)
		require.Equal(t, before, old.Encode(nil), text)
		expect := old.Clone()
		for name, v := range want {
			expect[name] = v
		}
		require.True(t, expect.Equal(got), "%s: %v", text, got)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"a = :v AND NOT (b.c[1] < size(#n) OR begins_with(d, :v))", "x BETWEEN :v AND :v",
		"a IN (:v, b)",
		"SET a = if_not_exists(b, :v) + :v, c[0] = list_append(:v, d) REMOVE e.f ADD g :v DELETE h :v", "a, b.c, #n[3]",
		"((((", "\xff\x00"} {
		f.Add(seed)
	}
	it := item.Item{"a": item.Num("1"), "b": list(item.Str("x"))}
	f.Fuzz(func(t *testing.T, src string) {
		p, err := NewParams(map[string]string{"#n": "n"}, map[string]item.Value{":v": item.Num("1")})
		require.NoError(t, err)
		if c, err := ParseCondition("ConditionExpression", src, p); err == nil {
			c.Holds(it)
			c.Holds(nil)
		}
		if u, err := ParseUpdate(src, p); err == nil {
			_, _ = u.Apply(it)
			_, _ = u.Apply(nil)
		}
		if pr, err := ParseProjection(src, p); err == nil {
			pr.Apply(it)
		}
		_, _ = ParseKeyCondition(src, p)
	})
}
