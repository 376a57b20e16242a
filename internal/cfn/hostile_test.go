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

// A small template must not take the time or the memory of whoever computes its
// values: each of these would go on for hours, or take gigabytes.
func TestDeploy_whatExpandsWithoutEndIsRefused(t *testing.T) {
	doubling := func(levels int, inner string) string {
		for range levels {
			inner = `{"Fn::Sub": ["${a}${a}", {"a": ` + inner + `}]}`
		}
		return inner
	}
	long := strings.Repeat("x", 4000)
	for name, c := range map[string]struct{ parameters, note, want string }{
		"texts in texts":        {"{}", doubling(24, `"x"`), "expand to too much"},
		"long texts in texts":   {"{}", doubling(16, `"`+long+`"`), "expand to too much"},
		"functions in texts":    {"{}", doubling(24, `{"Fn::Base64": "x"}`), "expand to too much"},
		"joined texts in texts": {"{}", doubling(20, `{"Fn::Join": ["-", ["a", "b"]]}`), "expand to too much"},
		"a parameter a hundred thousand times": {`{"P": {"Type": "String", "Default": "` + long + `"}}`,
			`{"Fn::Sub": "` + strings.Repeat("${P}", 100_000) + `"}`, "expand to too much"},
		"a list that is joined by a long text": {`{"P": {"Type": "CommaDelimitedList", "Default": "` +
			strings.Repeat("a,", 2000) + `"}}`, `{"Fn::Join": ["` + strings.Repeat("s", 100_000) + `", {"Ref": "P"}]}`,
			"expand to too much"},
		"a long value": {`{"P": {"Type": "String", "Default": "` + long + long + `"}}`, `"x"`, "at most 4096 bytes"},
		"a pattern that repeats": {`{"P": {"Type": "String", "AllowedPattern": "` + strings.Repeat("(x*y*){900}", 100) +
			`", "Default": "` + long + `"}}`, `"x"`, "repeats too much"},
		"a long pattern": {`{"P": {"Type": "String", "AllowedPattern": "` + strings.Repeat("x*", 4000) + `"}}`, `"x"`,
			"more than 4096 bytes"},
		"many parameters": {manyParameters(201), `"x"`, "at most 200 parameters"},
	} {
		t.Run(name, func(t *testing.T) {
			err := tried(newBench(t), `{"Parameters": `+c.parameters+
				`, "Resources": {"B": {"Type": "Test::Box", "Properties": {"Note": `+c.note+`}}}}`)
			require.ErrorContains(t, err, c.want)
			require.Less(t, len(err.Error()), 100_000)
		})
	}
}

// tried is what stands against a template, when it is read or when it is deployed.
func tried(w *bench, text string) error {
	w.Helper()
	tpl, err := Parse("t.yaml", []byte(text), w.b.Types())
	if err != nil {
		return err
	}
	_, err = w.e.Deploy(w.Context(), Request{Stack: "demo", Template: tpl, Parameters: map[string]string{}})
	return err
}

func manyParameters(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `, "P%d": {"Type": "String", "Default": "x"}`, i)
	}
	return "{" + b.String()[1:] + "}"
}

// What YAML can say beyond what CloudFormation takes does nothing, and is told.
func TestDeploy_takesNoMoreOfYAMLThanCloudFormation(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"a merge key":            {"x: &x {Type: Test::Box}\nResources:\n  B:\n    <<: *x\n", "merge key"},
		"an alias of itself":     {"Resources: &r\n  B: *r\n", "names no anchor above it"},
		"an alias that is later": {"Resources:\n  B: *b\n  C: &b {Type: Test::Box}\n", "names no anchor above it"},
		"aliases of aliases": {"a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n" +
			"c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n" +
			"e: [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nResources:\n  B: {Type: Test::Box}\n", "expand to too much"},
		"a key twice":     {"Resources:\n  B: {Type: Test::Box}\n  B: {Type: Test::Box}\n", "a second time"},
		"a program's tag": {"Resources:\n  B: !python/object/apply:os.system [id]\n", "is not supported"},
		"an included file": {"Fn::Transform: {Name: AWS::Include, Parameters: {Location: /etc/passwd}}\n",
			"is not supported"},
		"an include within": {"Resources:\n  Fn::Transform: {Name: AWS::Include, Parameters: {Location: /etc/passwd}}\n",
			""},
		"UTF-16":             {"\xff\xfeR\x00e\x00s\x00", ""},
		"a NUL":              {"Resources:\n  \"B\\0\": {Type: Test::Box}\n", ""},
		"control characters": {"Resources:\n  \"B\\e[31m\": {Type: Test::Box}\n", ""},
		"a name too long":    {"Resources:\n  " + strings.Repeat("B", 256) + ": {Type: Test::Box}\n", ""},
		"a pseudo name":      {"Resources:\n  AWS::Region: {Type: Test::Box}\n", ""},
		"a value of another stack": {"Resources:\n  B: {Type: Test::Box, Properties: {Note: !ImportValue other-secret}}\n",
			"No export named other-secret"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newBench(t)
			err := tried(w, c.text)
			require.Error(t, err)
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "root:")
			require.NotContains(t, err.Error(), "\x1b")
			require.Empty(t, w.b.live)
		})
	}
}
