package filter_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/service/lambda/esm/filter"
)

// The largest patterns there are meet the largest records: what a match costs grows with
// their sizes and not with their product, nor with what numbers stand for. One that does
// not end is what this fails with.
func TestMatch_isBoundedForTheLargestRecords(t *testing.T) {
	const pattern, record = 4096, 256 << 10
	fill := func(size int, one string) string { return strings.Repeat(one, size/len(one)) }
	list := func(size int, one string) string { return "[" + strings.TrimSuffix(fill(size, one+","), ",") + "]" }
	var numbers, texts []string
	for n := 0; len(strings.Join(numbers, ",")) < pattern-20; n++ {
		numbers, texts = append(numbers, fmt.Sprintf("1e%d", 9000+n)), append(texts, fmt.Sprintf(`"a%d"`, n))
	}
	for name, a := range map[string]struct{ pattern, record string }{
		"huge numbers":  {`{"a":[` + strings.Join(numbers, ",") + `]}`, `{"a":` + list(record, "1e9999") + `}`},
		"small numbers": {`{"a":[` + strings.Join(numbers, ",") + `]}`, `{"a":` + list(record, "1e-9999") + `}`},
		"ranges": {`{"a":` + list(pattern-9, `{"numeric":[">",1e9998,"<",1e9998]}`) + `}`,
			`{"a":` + list(record, "1e9997") + `}`},
		"hundreds of texts": {`{"a":[` + strings.Join(texts[:500], ",") + `]}`, `{"a":` + list(record, `"x"`) + `}`},
		"anything but hundreds": {`{"a":[{"anything-but":[` + strings.Join(texts[:500], ",") + `]}]}`,
			`{"a":` + list(record, `"a1"`) + `}`},
		"anything but nested": {`{"a":` + list(pattern-9, `{"anything-but":{"prefix":"x"}}`) + `}`,
			`{"a":` + list(record, `"x"`) + `}`},
		"long prefixes": {`{"a":` + list(pattern-9, `{"prefix":{"equals-ignore-case":"XXXY"}}`) + `}`,
			`{"a":"` + fill(record, "x") + `"}`},
		"deep pattern": {fill(pattern/2, `{"a":`) + `["x"]` + fill(pattern/2, `}`),
			fill(record/2, `{"a":`) + `1` + fill(record/2, `}`)},
		"deep lists":     {`{"a":["x"]}`, `{"a":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `}`},
		"wide lists":     {`{"a":{"a":{"a":["x"]}}}`, `{"a":` + list(record, `{"a":[{"a":[{"a":1}]}]}`) + `}`},
		"alternatives":   {`{"$or":` + list(pattern-9, `{"a":["x"]}`) + `}`, `{"a":` + list(record, `"y"`) + `}`},
		"many that lack": {`{"$or":` + list(pattern-9, `{"b":[{"exists":true}]}`) + `}`, `{"a":` + list(record, `{}`) + `}`},
		"names":          {`{"a":["x"]}`, `{` + strings.TrimSuffix(fill(record, `"b":1,`), ",") + `}`},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := filter.Compile(a.pattern)
			if err != nil {
				require.ErrorIs(t, err, filter.ErrPattern)
				return
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			doc, err := filter.Decode([]byte(a.record))
			if err == nil {
				require.False(t, p.Match(doc))
			}
			runtime.ReadMemStats(&after)
			require.Less(t, (after.TotalAlloc-before.TotalAlloc)>>20, uint64(128), "MiB")
		})
	}
}

// Numbers are equal by value, however they are written.
func TestMatch_comparesNumbersOfAnySize(t *testing.T) {
	for _, a := range []struct {
		pattern, value string
		want           bool
	}{
		{"[300]", "3e2", true}, {"[300]", "300.0", true}, {"[0.03]", "3E-2", true}, {"[0]", "-0.0", true},
		{"[1e9999]", "10e9998", true}, {"[1e9999]", "1e9998", false}, {"[-5]", "5", false}, {"[0.5]", "0.05", false},
		{`[{"numeric":["<",1e-5]}]`, "0.000009", true}, {`[{"numeric":["<",-1]}]`, "-1.5", true},
		{`[{"numeric":[">",-1]}]`, "-1.5", false}, {`[{"numeric":[">",-1]}]`, "0", true},
		{`[{"numeric":[">=",100,"<",1e3]}]`, "99.9", false}, {`[{"numeric":[">=",100,"<",1e3]}]`, "999.9", true},
		{`[{"numeric":["=",0]}]`, "0e5", true}, {`[{"anything-but":1}]`, "1.0", false}, {`[1]`, "1e99999999999", false},
	} {
		p, err := filter.Compile(`{"a":` + a.pattern + `}`)
		require.NoError(t, err)
		doc, err := filter.Decode([]byte(`{"a":` + a.value + `}`))
		require.NoError(t, err)
		require.Equal(t, a.want, p.Match(doc), "%s %s", a.pattern, a.value)
	}
	_, err := filter.Compile(`{"a":[1e99999999999]}`)
	require.ErrorIs(t, err, filter.ErrPattern)
}
