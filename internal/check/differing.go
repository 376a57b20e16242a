package check

import (
	"maps"
	"slices"
)

// differing are the values in which two lists or two maps differ: what is missing
// first, then what has changed, then what nobody expected. Of maps they are the keys.
func differing(expected, seen any) (out []any) {
	switch want := expected.(type) {
	case []any:
		if have, ok := seen.([]any); ok && alike(want, have) {
			return slices.Concat(without(want, have), without(have, want))
		}
	case map[string]any:
		have, ok := seen.(map[string]any)
		if !ok || !related(want, have) {
			return nil
		}
		var changed, more []any
		for _, k := range slices.Sorted(maps.Keys(want)) {
			if v, ok := have[k]; !ok {
				out = append(out, k)
			} else if canonical(v) != canonical(want[k]) {
				changed = append(changed, k)
			}
		}
		for _, k := range slices.Sorted(maps.Keys(have)) {
			if _, ok := want[k]; !ok {
				more = append(more, k)
			}
		}
		return slices.Concat(out, changed, more)
	}
	return nil
}

// without are the elements of a list that another one does not have, or not as often.
func without(list, other []any) (out []any) {
	counts := map[string]int{}
	for _, v := range other {
		counts[canonical(v)]++
	}
	for _, v := range list {
		if counts[canonical(v)]--; counts[canonical(v)] < 0 {
			out = append(out, v)
		}
	}
	return out
}
