package sqlengine

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// shown is how many rows of each kind a difference shows.
const shown = 5

// Difference is what keeps two answers from being equal; the zero value means
// that nothing does.
type Difference struct {
	MissingColumns, ExtraColumns []string
	// Missing and Unexpected are the first rows that only one side has, as
	// JSON objects; a row that comes twice and should once is unexpected.
	Missing, Unexpected           []string
	MissingCount, UnexpectedCount int
	// Disorder is the place, from 1, of the first row that is at the wrong
	// place although both sides hold the same rows.
	Disorder int
	Expected string // the row that belongs there
	Seen     string // the row that is there
}

// Equal tells whether nothing differs.
func (d *Difference) Equal() bool {
	return len(d.MissingColumns)+len(d.ExtraColumns)+d.MissingCount+d.UnexpectedCount+d.Disorder == 0
}

// Compare compares the answers as multisets of rows, and in order if both
// queries ask for one. Columns are matched by name, so their order does not
// matter. Numbers are equal when their first 12 digits are, whatever their
// types: sums of fractions differ in the last ones by the order of adding.
func Compare(expected, actual *Table) *Difference {
	d := &Difference{}
	for _, c := range expected.Columns {
		if !slices.Contains(actual.Columns, c) {
			d.MissingColumns = append(d.MissingColumns, c)
		}
	}
	for _, c := range actual.Columns {
		if !slices.Contains(expected.Columns, c) {
			d.ExtraColumns = append(d.ExtraColumns, c)
		}
	}
	if !d.Equal() {
		return d
	}
	want, have := expected.lines(expected.Columns), actual.lines(expected.Columns)
	counts := map[string]int{}
	for _, l := range have {
		counts[l]++
	}
	for _, l := range want {
		if counts[l]--; counts[l] < 0 {
			d.MissingCount++
			if len(d.Missing) < shown {
				d.Missing = append(d.Missing, l)
			}
		}
	}
	// What remains is too much; going backwards finds the last ones of each.
	for _, l := range slices.Backward(have) {
		if counts[l] > 0 {
			counts[l]--
			d.UnexpectedCount++
			d.Unexpected = append(d.Unexpected, l)
		}
	}
	slices.Reverse(d.Unexpected)
	d.Unexpected = d.Unexpected[:min(shown, len(d.Unexpected))]
	if d.Equal() && expected.Ordered && actual.Ordered {
		for i := range want {
			if want[i] != have[i] {
				d.Disorder, d.Expected, d.Seen = i+1, want[i], have[i]
				break
			}
		}
	}
	return d
}

// lines writes every row in one way of writing, columns in the given order.
func (t *Table) lines(columns []string) []string {
	at := make([]int, len(columns))
	for i, c := range columns {
		at[i] = slices.Index(t.Columns, c)
	}
	out := make([]string, len(t.Rows))
	for i, r := range t.Rows {
		var b strings.Builder
		b.WriteByte('{')
		for j, c := range columns {
			if j > 0 {
				b.WriteString(", ")
			}
			b.WriteString(strconv.Quote(c) + ": " + cell(r[at[j]]))
		}
		b.WriteByte('}')
		out[i] = b.String()
	}
	return out
}

// cell writes a value so that equal ones are written alike.
func cell(v any) string {
	switch t := v.(type) {
	case nil:
		return "null"
	case int64:
		// Beyond 2^53 a double could not tell them apart; write all digits.
		return strconv.FormatInt(t, 10)
	case float64:
		return float(t)
	case json.Number:
		s := t.String()
		if strings.ContainsAny(s, ".eE") {
			f, _ := t.Float64()
			return float(f)
		}
		return s
	case []any:
		parts := make([]string, len(t))
		for i, e := range t {
			parts[i] = cell(e)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		names := make([]string, 0, len(t))
		for k := range t {
			names = append(names, k)
		}
		slices.Sort(names)
		for i, k := range names {
			names[i] = strconv.Quote(k) + ": " + cell(t[k])
		}
		return "{" + strings.Join(names, ", ") + "}"
	case string:
		b, _ := json.Marshal(t) // text always has a JSON form
		return string(b)
	}
	return fmt.Sprint(v)
}

func float(f float64) string {
	if f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return strconv.FormatInt(int64(f), 10) // also turns -0 into 0
	}
	return strconv.FormatFloat(f, 'g', 12, 64)
}

// Wanted says what was expected, for a report; Found what was there instead.
func (d *Difference) Wanted() string {
	switch {
	case len(d.MissingColumns) > 0:
		return "columns " + strings.Join(d.MissingColumns, ", ")
	case len(d.ExtraColumns) > 0:
		return "no columns but those asked for"
	case d.Disorder > 0:
		return fmt.Sprintf("as row %d: %s", d.Disorder, d.Expected)
	case d.MissingCount > 0:
		return list(d.MissingCount, "missing", d.Missing)
	}
	return "no further rows"
}

// Found is the other half of Wanted.
func (d *Difference) Found() string {
	switch {
	case len(d.MissingColumns)+len(d.ExtraColumns) > 0:
		out := []string{}
		if len(d.MissingColumns) > 0 {
			out = append(out, "columns missing: "+strings.Join(d.MissingColumns, ", "))
		}
		if len(d.ExtraColumns) > 0 {
			out = append(out, "columns not expected: "+strings.Join(d.ExtraColumns, ", "))
		}
		return strings.Join(out, "\n")
	case d.Disorder > 0:
		return fmt.Sprintf("as row %d: %s", d.Disorder, d.Seen)
	case d.UnexpectedCount > 0:
		return list(d.UnexpectedCount, "unexpected", d.Unexpected)
	}
	return "none of these rows"
}

func list(n int, what string, rows []string) string {
	word := "rows"
	if n == 1 {
		word = "row"
	}
	out := fmt.Sprintf("%d %s %s:\n%s", n, what, word, strings.Join(rows, "\n"))
	if n > len(rows) {
		out += fmt.Sprintf("\n… and %d more", n-len(rows))
	}
	return out
}
