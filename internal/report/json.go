package report

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/invopop/jsonschema"
)

func writeJSON(w io.Writer, b *Gradebook, _ Options) error {
	whole := *b // lists that are empty are lists, not null
	if whole.Labs == nil {
		whole.Labs = []LabRef{}
	}
	if whole.Grades == nil {
		whole.Grades = []Grade{}
	}
	return encode(w, whole)
}

// MarshalJSON writes null for the points of an open grade: what is no score is
// not there to be read as one. Points are rounded as they are shown.
func (g Grade) MarshalJSON() ([]byte, error) {
	type fields Grade
	out := struct {
		fields
		Earned   *float64 `json:"earned"`
		Penalty  float64  `json:"penalty,omitempty"`
		Points   *float64 `json:"points"`
		Possible float64  `json:"possible"`
	}{fields: fields(g), Penalty: Round(g.Penalty), Possible: Round(g.Possible)}
	if g.Final() {
		earned, points := Round(g.Earned), Round(g.Points)
		out.Earned, out.Points = &earned, &points
	}
	if g.Result != nil && g.Result.Checks == nil {
		r := *g.Result
		r.Checks = []Check{}
		out.Result = &r
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(out)
	return b.Bytes(), err
}

// JSONSchemaExtend says that an open grade has no points.
func (Grade) JSONSchemaExtend(s *jsonschema.Schema) {
	for _, name := range []string{"earned", "points"} {
		s.Properties.Set(name, &jsonschema.Schema{
			OneOf:       []*jsonschema.Schema{{Type: "number"}, {Type: "null"}},
			Description: "null while the grade is open: it is no score",
		})
	}
}

// JSONSchema lists the verdicts.
func (Verdict) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Enum: []any{Pass, Partial, Fail, Skipped, Unsupported, Timeout, Error}}
}

// JSONSchema lists what a grade can be worth.
func (Status) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Enum: []any{Final, Open, Rejected, Missing}}
}

// Schema is the JSON Schema of the format json, made from the Go types.
// schema.json holds it; a test keeps it fresh.
func Schema() ([]byte, error) {
	r := &jsonschema.Reflector{ExpandedStruct: true}
	s := r.Reflect(&Gradebook{})
	s.ID = "https://github.com/pipelab/pipelab/internal/report/schema.json"
	s.Title = "PipeLab gradebook"
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(s); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
