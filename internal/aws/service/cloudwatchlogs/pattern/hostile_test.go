package pattern_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/service/cloudwatchlogs/pattern"
)

// The largest patterns meet the largest messages: one that is not refused costs little.
// What takes hours is what this fails with.
func TestMatch_isBoundedForTheLargestMessages(t *testing.T) {
	const most, message = 1024, 256 << 10
	fill := func(size int, one string) string { return strings.Repeat(one, size/len(one)) }
	for name, a := range map[string]struct {
		pattern, message string
		refused          bool
	}{
		"repetitions":            {"%" + fill(most-2, "[a-z]{999}") + "%", fill(message, "a"), true},
		"repeated repetitions":   {"%" + fill(most-2, "a{9}{9}{9}") + "%", fill(message, "a"), true},
		"optional repetitions":   {"%" + fill(most-2, "[a-z]{0,999}") + "b%", fill(message, "a"), true},
		"more than can be":       {"%a{9999}%", fill(message, "a"), true},
		"optional characters":    {"%" + fill(100, "a?") + fill(80, "a") + "b%", fill(message, "a"), false},
		"runs":                   {"%" + fill(120, "a*") + "b%", fill(message, "a"), false},
		"an alternative of many": {"%" + fill(180, "a|") + "b%", fill(message, "c"), false},
		"stars":                  {"{ $.a = \"" + fill(most-20, "a*") + "b\" }", `{"a":"` + fill(message, "a") + `"}`, false},
		"terms":                  {fill(most, "?aab "), fill(message, "a"), false},
		"openings":               {"[a, b = c]", fill(message, "[ "), false},
		"quotes":                 {"[a, b = c]", fill(message-1, " \"a") + "\"", false},
		"fields":                 {"[" + fill(most-9, "a,") + "b]", fill(message, "a "), false},
		"every element": {"{ $.a" + fill(most/2, "[*]") + " = 1 }",
			`{"a":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `}`, false},
		"every member of many": {"{ " + fill(most-20, "$.a[*]=1||") + "$.b=1 }",
			`{"a":[` + fill(message, "2,") + `2]}`, false},
		"parentheses": {"{" + fill(most, "(") + "$.a=1}", `{"a":1}`, true},
		"deep JSON":   {"{ $.a = 1 }", fill(message, `{"a":`), false},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := pattern.Parse(a.pattern)
			require.Equal(t, a.refused, err != nil, "%v", err)
			if err == nil {
				require.False(t, p.Match(a.message))
			}
		})
	}
}

// Openings that nothing closes are words as others are.
func TestMatch_takesAnOpeningForAWord(t *testing.T) {
	p, err := pattern.Parse(`[a = "[x", b = "y z", c = "[w"]`)
	require.NoError(t, err)
	require.True(t, p.Match(`[x "y z" [w`))
	p, err = pattern.Parse(`[a = "x y", b = "\"z"]`)
	require.NoError(t, err)
	require.True(t, p.Match(`[x y] "z`))
}
