package check

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pipelab/pipelab/internal/datagen"
)

// known says how telling the values of records are: one that all of them have tells
// none apart.
type known struct {
	records int
	having  map[string]int // by name and value
	values  []map[string]string
}

func knowing(all []sending) *known {
	k := &known{records: len(all), having: map[string]int{}, values: make([]map[string]string, len(all))}
	for i := range all {
		k.values[i] = all[i].values()
		for name, v := range k.values[i] {
			k.having[name+"\x00"+v]++
		}
	}
	return k
}

// weight is the information in a value, in bits: 0 where every record has it.
func (k *known) weight(name, value string) float64 {
	return math.Log2(float64(k.records) / float64(k.having[name+"\x00"+value]))
}

// candidates are the records that what went wrong is about: those that have the most
// telling values of each difference.
func (k *known) candidates(suspects []any) []int {
	if k.records == 1 && len(suspects) > 0 {
		return []int{0}
	}
	var out []int
	for _, suspect := range suspects[:min(len(suspects), mostSuspects)] {
		for _, i := range k.about(texts(suspect, nil)) {
			if !slices.Contains(out, i) {
				out = append(out, i)
			}
		}
	}
	return out
}

// mostSuspects bounds how many differences are looked into.
const mostSuspects = 10

// about are the records that have the most telling values of some texts.
func (k *known) about(texts []string) (out []int) {
	best, cached := 0.0, map[string]bool{}
	for i, values := range k.values {
		score := 0.0
		for name, v := range values {
			hit, asked := cached[v]
			if !asked {
				hit = slices.ContainsFunc(texts, func(t string) bool { return mentions(t, v) })
				cached[v] = hit
			}
			if hit {
				score += k.weight(name, v)
			}
		}
		switch {
		case score < 0.1 || score < best-1e-9:
		case score > best+1e-9:
			best, out = score, []int{i}
		default:
			out = append(out, i)
		}
	}
	return out
}

// texts are the texts in a value. Numbers count only where nothing else is there: a sum
// that happens to be somebody's quantity says nothing.
func texts(v any, out []string) []string {
	switch t := v.(type) {
	case string:
		return append(out, t)
	case []any:
		for _, e := range t {
			out = texts(e, out)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(t)) {
			switch t[name].(type) {
			case string, []any, map[string]any:
				out = texts(t[name], out)
			}
		}
	case int64:
		return append(out, fmt.Sprint(t))
	}
	return out
}

// mentions reports whether a text has a value as a whole word: what is before and after
// it is neither letter nor digit.
func mentions(text, value string) bool {
	word := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	for from := 0; ; {
		at := strings.Index(text[from:], value)
		if at < 0 {
			return false
		}
		at += from
		before, _ := utf8.DecodeLastRuneInString(text[:at])
		after, _ := utf8.DecodeRuneInString(text[at+len(value):])
		if !word(before) && !word(after) {
			return true
		}
		from = at + 1
	}
}

// name is a record as people know it: by the two most telling of its values, its id
// before others.
func (k *known) name(i int, r *sending) string {
	values := k.values[i]
	names := slices.SortedFunc(maps.Keys(values), func(a, b string) int {
		rank := func(name string) float64 {
			switch {
			case name == "id":
				return math.Inf(1)
			case r.entry != nil && values[name] == r.entry.Key || values[name] == r.key:
				return 1000
			case strings.Contains(name, "time"): // telling, but nobody knows it by that
				return -1
			}
			return k.weight(name, values[name])
		}
		return cmp.Or(cmp.Compare(rank(b), rank(a)), cmp.Compare(a, b))
	})
	var parts []string
	for _, name := range names[:min(2, len(names))] {
		parts = append(parts, name+" "+values[name])
	}
	out := strings.Join(parts, ", ")
	switch {
	case r.flag(datagen.FlagPoison):
		return "the broken record of " + out
	case r.kind == toBucket:
		return "the object " + r.key
	case out == "":
		return atMost(strings.ToValidUTF8(r.text, "\uFFFD"), longestName)
	}
	return out
}
