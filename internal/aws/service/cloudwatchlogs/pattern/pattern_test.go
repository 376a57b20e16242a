package pattern_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/service/cloudwatchlogs/pattern"
)

const (
	line = `127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534`
	doc  = `{"eventType":"UpdateTrail","sourceIPAddress":"111.111.111.111","arrayKey":["value","another"],"objectList":[{"name":"a","id":1},{"name":"b","id":2}],"SomeObject":null,"cluster.name":"c","user":{"id":10,"ok":true},"big":9007199254740993,"latency":1.5e3}`
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, message string
		want             bool
	}{
		{"", "anything", true},
		{"ERROR", "[ERROR 400] BAD REQUEST", true},
		{"ERROR", "[error 400] bad request", false},
		{"ERROR ARGUMENTS", "ERROR in ARGUMENTS", true},
		{"ERROR ARGUMENTS", "ERROR", false},
		{"?ERROR ?WARN", "WARN: low", true},
		{"?ERROR ?WARN", "INFO", false},
		{"?ERROR REQUEST", "INFO REQUEST", true},
		{"ERROR -EXITING", "ERROR EXITING", false},
		{"ERROR -EXITING", "ERROR going on", true},
		{`"INTERNAL SERVER ERROR"`, "500 INTERNAL SERVER ERROR", true},
		{`"INTERNAL SERVER ERROR"`, "INTERNAL ERROR SERVER", false},
		{`-"out of memory"`, "out of memory", false},
		{`"say \"hi\""`, `they say "hi"`, true},
		{`%[Ee]rror|[Ff]ail%`, "a failure", true},
		{`%\d{3}-x%`, "404-x", true},
		{`%^a%`, "ba", false},

		{"[ip, env, user, timestamp, request, status_code, bytes]", line, true},
		{"[ip, env, user, timestamp, request, status_code]", line, false},
		{"[ip, ..., status_code = 4*, bytes]", line, true},
		{"[ip, ..., status_code = 404 || status_code = 410, bytes]", line, true},
		{"[ip, ..., status_code = 4*, bytes > 2000]", line, false},
		{"[ip, env, user, timestamp, request = *.html*, status_code = 4*, bytes > 1000]", line, true},
		{"[ip != 127.0.0.1, ...]", line, false},
		{`[ip = %127\.0\.0\.[1-9]%, ...]`, line, true},
		{"[..., bytes = 1534]", line, true},
		{"[w1 = ERROR, w2]", "ERROR x", true},
		{"[w1 != ERROR && w1 != WARN, w2]", "WARN x", false},

		{`{ $.eventType = "UpdateTrail" }`, doc, true},
		{`{$.eventType="Update*"}`, doc, true},
		{`{ $.eventType != "UpdateTrail" }`, doc, false},
		{`{ $.sourceIPAddress != 123.123.* }`, doc, true},
		{`{ $.arrayKey[0] = "value" }`, doc, true},
		{`{ $.arrayKey[2] = "value" }`, doc, false},
		{`{ $.arrayKey[*] = "another" }`, doc, true},
		{`{ $.objectList[1].id = 2 }`, doc, true},
		{`{ $.SomeObject IS NULL }`, doc, true},
		{`{ $.SomeOtherObject NOT EXISTS }`, doc, true},
		{`{ $.eventType NOT EXISTS }`, doc, false},
		{`{ $.user.ok IS TRUE }`, doc, true},
		{`{ $.user.ok IS FALSE }`, doc, false},
		{`{ $.user.* = 10 }`, doc, true},
		{`{ $.['cluster.name'] = "c" }`, doc, true},
		{`{ $.latency >= 1500 && $.latency < 1501 }`, doc, true},
		{`{ $.latency = 1.5e3 }`, doc, true},
		{`{ $.big = "9007199254740993" }`, doc, true},
		{`{ ($.user.id = 1 || $.user.id = 10) && $.eventType = %^Upd% }`, doc, true},
		{`{ $.user.id = 1 || $.user.id = 10 && $.eventType = "x" }`, doc, false},
		{`{ $.eventType = "*" }`, doc, true},
		{`{ $.missing = "*" }`, doc, false},
		{`{ $.a = 1 }`, `{"a":1} trailing`, false},
		{`{ $.a = 1 }`, `a 1`, false},
		{`{ $.a > 1 }`, `{"a":"2"}`, false},
	} {
		p, err := pattern.Parse(c.pattern)
		require.NoError(t, err, c.pattern)
		require.Equal(t, c.want, p.Match(c.message), "%s on %s", c.pattern, c.message)
	}
}

func TestParse_refuses(t *testing.T) {
	for _, s := range []string{
		"foo.bar", "foo-bar", `"open`, `""`, "-", "? x", "%(a)%", "%a", "%[%", "%a b%", "%ü%",
		"[", "[a", "[a b]", "[a, a]", "[..., ...]", "[a = ]", "[a > x]", "[(a = 1]", "[a = 1 b = 2]",
		"{", "{}", "{ $.a }", "{ $ = 1 }", "{ a = 1 }", "{ $.a == 1 }", "{ $.a = 1 && }", "{ ($.a = 1 }", "{ $.a[x] = 1 }",
		"{ $.a[*].b[*] = 1 }", "{ $.a > \"1\" }", "{ $.a = 1 } x", "{ $.a[1 = 1 }", "{ $.a = %a% || $.b = %b% || $.c = %c% }",
	} {
		_, err := pattern.Parse(s)
		require.Error(t, err, s)
	}
}

func TestExtract(t *testing.T) {
	p, err := pattern.Parse("[ip, ..., request, status, bytes]")
	require.NoError(t, err)
	got, ok := p.Extract(line)
	require.True(t, ok)
	require.Equal(t, map[string]string{"$ip": "127.0.0.1", "$request": "GET /index.html HTTP/1.0", "$status": "404", "$bytes": "1534"}, got)
	p, err = pattern.Parse("{ $.user.id = 10 }")
	require.NoError(t, err)
	got, ok = p.Extract(doc)
	require.True(t, ok)
	require.Equal(t, map[string]string{"$.user.id": "10"}, got)
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"?a -b \"c\" %d%", "[a, ..., b = 4* || b = 5]", `{ ($.a[0].b = "x*" && $.c IS TRUE) || $.d NOT EXISTS }`} {
		f.Add(s, line)
		f.Add(s, doc)
	}
	f.Fuzz(func(_ *testing.T, s, message string) {
		if p, err := pattern.Parse(s); err == nil {
			p.Match(message) // neither may panic or hang
		}
	})
}
