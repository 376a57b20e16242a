package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// mostOfEach is how many differences of a kind are shown; the rest is counted.
const mostOfEach = 5

// mostShown bounds one value in a difference, in bytes.
const mostShown = 120

// difference says where two lists or two maps differ: what is missing, what nobody
// expected, what has another value, five of each. It is nil where both are the same and
// where they cannot be laid beside each other.
func difference(expected, seen any) []string {
	switch want := expected.(type) {
	case []any:
		if have, ok := seen.([]any); ok && alike(want, have) {
			return lists(want, have)
		}
	case map[string]any:
		if have, ok := seen.(map[string]any); ok && related(want, have) {
			return entries(want, have)
		}
	}
	return nil
}

// alike reports whether the elements of two lists are of one kind: else all of them
// would differ, which says nothing.
func alike(a, b []any) bool {
	kinds := map[string]bool{}
	for _, v := range slices.Concat(a, b) {
		switch v.(type) {
		case map[string]any:
			kinds["map"] = true
		case []any:
			kinds["list"] = true
		default:
			kinds["value"] = true
		}
	}
	return len(kinds) == 1
}

// related reports whether two maps are of the same things: they share a key, or one has
// none.
func related(a, b map[string]any) bool {
	for k := range a {
		if _, ok := b[k]; ok {
			return true
		}
	}
	return len(a) == 0 || len(b) == 0
}

func lists(want, have []any) []string {
	counts := map[string]int{}
	for _, v := range have {
		counts[canonical(v)]++
	}
	var missing, unexpected []string
	for _, v := range want {
		if k := canonical(v); counts[k] > 0 {
			counts[k]--
		} else {
			missing = append(missing, shown(v))
		}
	}
	for _, v := range have { // in their order, those that are left over last
		if k := canonical(v); counts[k] > 0 {
			counts[k]--
			unexpected = append(unexpected, shown(v))
		}
	}
	if len(missing)+len(unexpected) > 0 {
		return slices.Concat(some("missing", missing), some("unexpected", unexpected))
	}
	for i := range want {
		if canonical(want[i]) != canonical(have[i]) {
			return []string{fmt.Sprintf("the right ones in another order: at place %d %s is expected and %s was seen", i+1,
				shown(want[i]), shown(have[i]))}
		}
	}
	return nil
}

func entries(want, have map[string]any) []string {
	var missing, unexpected, changed []string
	for _, k := range slices.Sorted(maps.Keys(want)) {
		v, ok := have[k]
		switch {
		case !ok:
			missing = append(missing, shown(k)+": "+shown(want[k]))
		case canonical(v) != canonical(want[k]):
			changed = append(changed, fmt.Sprintf("%s: %s is expected and %s was seen", shown(k), shown(want[k]), shown(v)))
		}
	}
	for _, k := range slices.Sorted(maps.Keys(have)) {
		if _, ok := want[k]; !ok {
			unexpected = append(unexpected, shown(k)+": "+shown(have[k]))
		}
	}
	return slices.Concat(some("missing", missing), some("unexpected", unexpected), some("changed", changed))
}

// some are the first differences of a kind, a line each.
func some(kind string, all []string) (out []string) {
	for _, v := range all[:min(len(all), mostOfEach)] {
		out = append(out, kind+" "+v)
	}
	if more := len(all) - mostOfEach; more > 0 {
		out = append(out, fmt.Sprintf("%s %d more", kind, more))
	}
	return out
}

// shown is a value as people read it: texts are themselves, where nothing in them needs
// quotes.
func shown(v any) string {
	s, ok := v.(string)
	if !ok || s == "" || strings.ContainsAny(s, " \t\r\n\",:") {
		s = readable(v)
	}
	return atMost(s, mostShown)
}
