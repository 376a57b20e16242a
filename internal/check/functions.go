package check

import (
	"fmt"
	"math"
	"strings"
)

// field follows a path such as json.customer; a missing step gives nil.
func field(row any, path string) any {
	for name := range strings.SplitSeq(path, ".") {
		m, ok := row.(map[string]any)
		if !ok {
			return nil
		}
		row = m[name]
	}
	return row
}

func text(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

func rows(list any) ([]any, error) {
	l, ok := list.([]any)
	if !ok {
		return nil, fmt.Errorf("a list is needed, not %T", list)
	}
	return l, nil
}

// group collects something of each row under the row's key.
func group[T any](list, key any, add func(old T, row any) T) (map[string]T, error) {
	l, err := rows(list)
	if err != nil {
		return nil, err
	}
	out := map[string]T{}
	for _, row := range l {
		k := text(field(row, text(key)))
		out[k] = add(out[k], row)
	}
	return out, nil
}

func countBy(list, key any) (any, error) {
	return group(list, key, func(n int64, _ any) int64 { return n + 1 })
}

func groupBy(list, key any) (any, error) {
	return group(list, key, func(l []any, row any) []any { return append(l, row) })
}

// valueBy maps the key of each row to one of its other fields.
func valueBy(list, key, value any) (any, error) {
	return group(list, key, func(_ any, row any) any { return field(row, text(value)) })
}

// maxBy maps each key to the greatest text among its rows, such as a time.
func maxBy(list, key, value any) (any, error) {
	return group(list, key, func(old string, row any) string { return max(old, text(field(row, text(value)))) })
}

// groupValues maps each key to its distinct values in order of appearance.
// A value that comes again is left out: a duplicate does not break order.
func groupValues(list, key, value any) (map[string][]string, error) {
	seen := map[string]bool{}
	return group(list, key, func(l []string, row any) []string {
		v := text(field(row, text(value)))
		if k := text(field(row, text(key))) + "\x00" + v; !seen[k] {
			seen[k] = true
			l = append(l, v)
		}
		return l
	})
}

func number(v any) (float64, bool) {
	switch n := v.(type) {
	case int64:
		return float64(n), true
	case int:
		return float64(n), true
	case uint64:
		return float64(n), true
	case float64:
		return n, true
	}
	return 0, false
}

func sumOf(list, key any) (any, error) {
	l, err := rows(list)
	if err != nil {
		return nil, err
	}
	sum := 0.0
	for _, row := range l {
		n, ok := number(field(row, text(key)))
		if !ok {
			return nil, fmt.Errorf("%v of %s is not a number", key, brief(row))
		}
		sum += n
	}
	// CEL has no arithmetic between int and double, and counts are ints.
	if sum == math.Trunc(sum) && math.Abs(sum) < 1<<53 {
		return int64(sum), nil
	}
	return sum, nil
}

// topKey is the most frequent key; the smaller text wins a tie.
func topKey(list, key any) (any, error) {
	counts, err := group(list, key, func(n int, _ any) int { return n + 1 })
	best, most := "", 0
	for k, n := range counts {
		if n > most || n == most && k < best {
			best, most = k, n
		}
	}
	return best, err
}

// imbalance is the greatest value of a map over the mean of all, 1 when all
// are the same.
func imbalance(counts any) (any, error) {
	m, ok := counts.(map[string]any)
	if !ok {
		if typed, is := counts.(map[string]int64); is {
			m = map[string]any{}
			for k, v := range typed {
				m[k] = v
			}
		} else {
			return nil, fmt.Errorf("a map of counts is needed, not %T", counts)
		}
	}
	sum, top := 0.0, 0.0
	for _, v := range m {
		n, ok := number(v)
		if !ok {
			return nil, fmt.Errorf("%v is not a number", v)
		}
		sum, top = sum+n, max(top, n)
	}
	if sum == 0 {
		return 0.0, nil
	}
	return top / (sum / float64(len(m))), nil
}

// flagged keeps the entries that carry one of the flags, or those that carry
// none of them.
func flagged(list, flags any, want bool) (any, error) {
	l, err := rows(list)
	if err != nil {
		return nil, err
	}
	wanted, ok := flags.([]any)
	if !ok {
		wanted = []any{flags}
	}
	out := []any{}
	for _, row := range l {
		hit := false
		have, _ := field(row, "flags").([]any)
		for _, f := range have {
			for _, w := range wanted {
				hit = hit || text(f) == text(w)
			}
		}
		if hit == want {
			out = append(out, row)
		}
	}
	return out, nil
}
