package cfn

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A small template must not take the memory of whoever reads it. Nothing else
// runs beside this test, since what all tests together allocate is counted.
func TestParse_whatNestsWithoutEndIsRefusedBeforeItIsParsed(t *testing.T) {
	for name, text := range map[string]string{
		"lists":           strings.Repeat("[", 40_000),
		"lists that end":  strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000),
		"functions":       strings.Repeat(`{"Fn::Join":["",[`, 4000) + strings.Repeat("]]}", 4000),
		"maps":            strings.Repeat("{a: ", 20_000),
		"entries":         strings.Repeat("- ", 20_000) + "x",
		"keys":            strings.Repeat("? ", 20_000) + "x",
		"tags":            strings.Repeat("!Sub ", 20_000) + "x",
		"anchors":         strings.Repeat("&a ", 20_000) + "x",
		"lines":           stairs(400),
		"more than lines": strings.Repeat("a: b\n", 190_000),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Parse("template.yaml", []byte(text), testTypes())
		runtime.ReadMemStats(&after)
		require.Error(t, err, name)
		require.Less(t, (after.TotalAlloc-before.TotalAlloc)>>20, uint64(400), "MiB: %s", name)
	}
}

func stairs(levels int) string {
	var b strings.Builder
	for i := range levels {
		fmt.Fprintf(&b, "%*sa:\n", i, "")
	}
	return b.String()
}

// What people write is far below the bound.
func TestParse_takesTheNestingThatPeopleWrite(t *testing.T) {
	t.Parallel()
	text := "Resources:\n  B:\n    Type: AWS::S3::Bucket\n    Properties:\n      BucketName: " +
		strings.Repeat("!Join ['', [a, ", 40) + "x" + strings.Repeat("]]", 40) + "\n"
	_, err := Parse("template.yaml", []byte(text), testTypes())
	if err != nil { // the functions nest too deeply for a value, but not for the parser
		require.NotContains(t, err.Error(), "not valid YAML")
	}
}
