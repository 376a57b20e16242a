package lab

import (
	"bytes"
	_ "embed" // schema.json
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/pipelab/pipelab/internal/version"
)

//go:embed schema.json
var schema string

// Schema is the JSON Schema of lab.yaml, for editors and for people who write labs.
// A test keeps it fresh.
func Schema() []byte { return []byte(schema) }

// MakeSchema makes the schema from the Go types and the comments on them; dir is
// where this package's source is. A comment on a field is what authors read.
func MakeSchema(dir string) ([]byte, error) {
	r := &jsonschema.Reflector{FieldNameTag: "yaml", ExpandedStruct: true}
	if err := r.AddGoComments(reflect.TypeFor[Lab]().PkgPath(), dir, jsonschema.WithFullComment()); err != nil {
		return nil, err
	}
	for name, text := range r.CommentMap { // lines are broken for people who read the source
		r.CommentMap[name] = strings.Join(strings.Fields(text), " ")
	}
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
