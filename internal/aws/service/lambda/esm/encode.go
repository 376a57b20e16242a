package esm

import (
	"bytes"
	"encoding/json"
)

// encode is json.Marshal without its escapes for HTML: function code sees the
// text that was sent. The value must be one that always marshals.
func encode(v any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("esm: encode event: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
