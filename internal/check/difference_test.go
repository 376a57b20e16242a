package check

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/lab"
)

func TestDifference_saysWhatIsMissingUnexpectedAndChanged(t *testing.T) {
	t.Parallel()
	list := func(v ...any) []any { return v }
	for name, c := range map[string]struct {
		want, have any
		lines      []string
	}{
		"lists": {list("a", "b b", "c", "c"), list("c", "x", "a"), []string{`missing "b b"`, "missing c", "unexpected x"}},
		"none":  {list("a"), list(), []string{"missing a"}},
		"many": {list(), list(1, 2, 3, 4, 5, 6, 7), []string{"unexpected 1", "unexpected 2", "unexpected 3", "unexpected 4",
			"unexpected 5", "unexpected 2 more"}},
		"twice": {list("a"), list("a", "a"), []string{"unexpected a"}},
		"order": {list("a", "b", "c"), list("a", "c", "b"), []string{
			"the right ones in another order: at place 2 b is expected and c was seen"}},
		"objects": {list(map[string]any{"id": "a"}), list(map[string]any{"id": "b"}), []string{
			`missing {"id": "a"}`, `unexpected {"id": "b"}`}},
		"maps": {map[string]any{"a": 1, "b": 2, "c": 3}, map[string]any{"a": 1, "b": 4, "d": ""}, []string{
			"missing c: 3", `unexpected d: ""`, "changed b: 2 is expected and 4 was seen"}},
		"nothing in common": {map[string]any{"a": 1}, map[string]any{"status": 200}, nil},
		"nothing there":     {map[string]any{"a": 1}, map[string]any{}, []string{"missing a: 1"}},
		"the same":          {list("a"), list("a"), nil},
		"unlike":            {list("a"), list(map[string]any{"key": "a"}), nil},
		"scalars":           {3, 4, nil},
		"two kinds":         {list("a"), map[string]any{"a": 1}, nil},
	} {
		require.Equal(t, c.lines, difference(c.want, c.have), name)
	}
}

func TestFaultWords_sayWhatGoesWrongAndHowOften(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]lab.Fault{
		"from here on the function Consumer gets events a second time": {
			Kind: "duplicate", Service: "lambda", Resource: "lab-Consumer-5OR7FJ4S6ODW"},
		"from here on every function crashes before its work (1 time, after the first 2)": {
			Kind: "crash", Service: "lambda", Count: 1, Skip: 2},
		"from here on a function crashes when it makes dynamodb.PutItem on t": {
			Kind: "crash", Service: "dynamodb", Operation: "PutItem", Resource: "t"},
		"from here on calls of dynamodb on t: answered with Busy (25 of 100)": {
			Kind: "error", Service: "dynamodb", Operation: "[PU]*Item", Resource: "t", Error: "Busy", Share: 0.25},
		"from here on dynamodb.PutItem with e-7: answered with Busy (1 time)": {
			Kind: "error", Service: "dynamodb", Operation: "PutItem", Carrying: []string{"e-7"}, Error: "Busy", Count: 1},
		"from here on every function with e-7 crashes before its work (1 time)": {
			Kind: "crash", Service: "lambda", Carrying: []string{"e-7"}, Count: 1},
		"from here on kinesis.PutRecords: 2s slower (3 times)": {
			Kind: "latency", Service: "kinesis", Operation: "PutRecords", Latency: "2s", Count: 3},
	} {
		require.Equal(t, want, faultWords(&f, f.Resource, f.Carrying))
	}
}
