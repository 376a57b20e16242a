package check

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/internal/traceback"
)

// readable writes a value for people: as JSON, but without what is JSON's own. A text
// that holds JSON is shown as what it holds, one of several lines by the line that says
// most, and nothing has a backslash that was not sent.
func readable(v any) string {
	var b strings.Builder
	writeReadable(&b, v)
	return b.String()
}

func writeReadable(b *strings.Builder, v any) {
	switch t := v.(type) {
	case string:
		b.WriteString(quoted(t))
	case []any:
		b.WriteByte('[')
		for i, e := range t {
			if i > 0 {
				b.WriteString(", ")
			}
			writeReadable(b, e)
		}
		b.WriteByte(']')
	case map[string]any:
		b.WriteByte('{')
		for i, name := range slices.Sorted(maps.Keys(t)) {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(quoted(name) + ": ")
			writeReadable(b, t[name])
		}
		b.WriteByte('}')
	case map[string]string, []string, map[string]int64, map[string][]string, map[string][]any:
		writeReadable(b, parseJSON([]byte(canonical(t))))
	default:
		b.WriteString(canonical(v))
	}
}

// quoted is a text within a value.
func quoted(s string) string {
	switch parseJSON([]byte(s)).(type) {
	case map[string]any, []any:
		return readable(parseJSON([]byte(s)))
	}
	s = strings.TrimRight(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	if strings.Contains(s, "\n") {
		n := strings.Count(s, "\n") + 1
		line, _, _ := strings.Cut(s, "\n")
		if r, ok := traceback.Find(s); ok {
			line = r.Error
		}
		return fmt.Sprintf("%s (%s in all)", quoted(strings.ReplaceAll(line, "\n", " ")), report.Count(n, "line"))
	}
	for _, mark := range []string{`"`, "'", "`"} {
		if !strings.Contains(s, mark) {
			return mark + s + mark
		}
	}
	return "«" + s + "»"
}

// plainJSON is a value as JSON, with <, > and & as they are.
func plainJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
