package pattern_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/service/cloudwatchlogs/pattern"
)

func TestMatch_followsTheDocumentedExamples(t *testing.T) {
	const access = `127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534`
	const doc = `{"eventType":"UpdateTrail","sourceIPAddress":"111.111.111.111","arrayKey":["value","another"],` +
		`"objectList":[{"name":"a","id":1},{"name":"b","id":2}],"SomeObject":null,"ThisFlag":true,"n":25.5,"latency":"50"}`
	for _, c := range []struct {
		pattern, message string
		want             bool
	}{
		{"", "anything", true},
		{"ERROR", "[ERROR] x", true},
		{"ERROR", "error", false},
		{"ERROR ARGUMENTS", "ERROR CODE: ARGUMENTS", true},
		{"ERROR ARGUMENTS", "ERROR CODE", false},
		{"?ERROR ?ARGUMENTS", "bad ARGUMENTS", true},
		{"?ERROR ?ARGUMENTS", "fine", false},
		{"?ERROR REQUEST", "INFO REQUEST", true},
		{"?ERROR REQUEST", "ERROR", false},
		{`"INTERNAL SERVER ERROR"`, "an INTERNAL SERVER ERROR came", true},
		{`"INTERNAL SERVER ERROR"`, "INTERNAL ERROR", false},
		{"ERROR -ARGUMENTS", "ERROR ARGUMENTS", false},
		{"ERROR -ARGUMENTS", "ERROR", true},
		{`%AUTHORIZED%`, "UNAUTHORIZED 401", true},
		{`{ $.eventType = "UpdateTrail" }`, doc, true},
		{`{ $.eventType = UpdateTrail }`, doc, true},
		{`{ $.eventType = "Update*" }`, doc, true},
		{`{ $.sourceIPAddress != 123.123.* }`, doc, true},
		{`{ $.arrayKey[0] = "value" }`, doc, true},
		{`{ $.arrayKey[1] = "value" }`, doc, false},
		{`{ $.objectList[1].id = 2 }`, doc, true},
		{`{ $.objectList[*].name = "b" }`, doc, true},
		{`{ $.SomeObject IS NULL }`, doc, true},
		{`{ $.SomeOtherObject NOT EXISTS }`, doc, true},
		{`{ $.eventType NOT EXISTS }`, doc, false},
		{`{ $.ThisFlag IS TRUE }`, doc, true},
		{`{ $.ThisFlag IS FALSE }`, doc, false},
		{`{ $.n > 20 && $.n <= 25.5 }`, doc, true},
		{`{ $.n < 20 || $.latency = 50 }`, doc, true},
		{`{ ($.n < 20 || $.n > 25) && $.eventType = "X" }`, doc, false},
		{`{ $.missing != 3 }`, doc, false},
		{`{ $.eventType = %^Update% }`, doc, true},
		{`{ $.n > 1 }`, "not json", false},
		{`[ip, user, username, timestamp, request =*.html*, status_code = 4*, bytes]`, access, true},
		{`[ip, user, username, timestamp, request, status_code = 404 || status_code = 410, bytes]`, access, true},
		{`[ip, user, username, timestamp, request, status_code = 5*, bytes]`, access, false},
		{`[..., status_code >= 400 && status_code < 500, bytes > 1000]`, access, true},
		{`[ip, ..., bytes = 1534]`, access, true},
		{`[ip, bytes]`, access, false},
		{`[ip != 127*, ...]`, access, false},
	} {
		p, err := pattern.Parse(c.pattern)
		require.NoError(t, err, c.pattern)
		require.Equal(t, c.want, p.Match(c.message), "%s on %s", c.pattern, c.message)
	}
}

func TestParse_refusesWhatIsNoPattern(t *testing.T) {
	for _, text := range []string{`"open`, `{ $.a = 1`, `{ a = 1 }`, `{ $.a }`, `{ $.a > x }`, `{ $.a = 1 $.b = 2 }`,
		`{ ($.a = 1 }`, `{ $a = 1 }`, `{ $.a[x] = 1 }`,
		`[a, b`, `[a b]`, `[a, ..., ..., b]`, `[ = 3]`, `%open`, `%(%`, `{ $.a = %(% }`, `a.b`, `? x`, `{ $. = 1 }`} {
		_, err := pattern.Parse(text)
		require.Error(t, err, text)
	}
}

func TestValues_areWhatThePatternNames(t *testing.T) {
	p, err := pattern.Parse(`[ip, ..., status = 4*, bytes]`)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"$ip": "1.2.3.4", "$status": "404", "$bytes": "10"}, p.Values("1.2.3.4 - x 404 10"))
	p, err = pattern.Parse(`{ $.a.b = 7 }`)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"$.a.b": "7"}, p.Values(`{"a":{"b":7}}`))
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"ERROR -x ?y", `"a b"`, `{ $.a[*].b = "x*" && ($.n > 3 || $.c IS NULL) }`,
		`[a, ..., b = 4* || b = 5, c]`, "%[0-9]+%"} {
		f.Add(s, `{"a":[{"b":"xy"}],"n":4}`)
	}
	f.Fuzz(func(_ *testing.T, text, message string) {
		if p, err := pattern.Parse(text); err == nil {
			p.Match(message)
		}
	})
}
