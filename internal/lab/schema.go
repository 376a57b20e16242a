package lab

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/invopop/jsonschema"

	"github.com/pipelab/pipelab/internal/version"
)

// Schema is the JSON Schema of lab.yaml, made from the Go types, for editors
// and for people who write labs. schema.json holds it; a test keeps it fresh.
func Schema() ([]byte, error) {
	r := &jsonschema.Reflector{FieldNameTag: "yaml", ExpandedStruct: true}
	s := r.Reflect(&Lab{})
	s.ID = "https://github.com/pipelab/pipelab/internal/lab/schema.json"
	s.Title = "PipeLab lab"
	s.Comments = fmt.Sprintf("format %d", version.Lab)
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(s); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// JSONSchema says how a Duration is written.
func (Duration) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: `^([0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h))+$`,
		Description: "Such as 500ms, 30s or 2m"}
}
