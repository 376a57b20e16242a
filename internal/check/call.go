package check

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"reflect"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/pipelab/pipelab/internal/awsapi"
	"github.com/pipelab/pipelab/internal/lab"
)

// apiCall makes one API call with cfg, which for a probe only looks. What AWS refuses
// is an outcome like any other: {ok, error, message, output}, with the output under
// AWS's member names.
func (s *session) apiCall(ctx context.Context, cfg aws.Config, c *lab.Call) (map[string]any, error) {
	service, _ := awsapi.Find(c.Service)
	op, ok := service.Operation(c.Operation)
	if !ok {
		return nil, fmt.Errorf("%s has no operation %q", c.Service, c.Operation)
	}
	expanded, err := s.expandValue(c.Input)
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(expanded)
	if err != nil {
		return nil, err
	}
	in := reflect.New(op.Input)
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(in.Interface()); err != nil && expanded != nil {
		return nil, fmt.Errorf("input of %s.%s: %w", c.Service, c.Operation, err)
	}
	answer, err := op.Call(ctx, service.Client(cfg), in.Interface())
	if err != nil {
		r := refusal(err)
		if r == nil {
			return nil, err
		}
		return map[string]any{"ok": false, "error": r.code, "message": r.message, "output": map[string]any{}}, nil
	}
	out, err := output(reflect.ValueOf(answer).Elem())
	if err != nil {
		return nil, err
	}
	return map[string]any{"ok": true, "error": "", "message": "", "output": out}, nil
}

// output shows an SDK output as a map; a body that is a stream is read.
func output(v reflect.Value) (map[string]any, error) {
	text, body := "", v.FieldByName("Body")
	if body.IsValid() && body.Kind() == reflect.Interface && !body.IsNil() {
		stream, ok := body.Interface().(io.ReadCloser)
		if ok {
			b, err := io.ReadAll(stream)
			if err != nil {
				return nil, err
			}
			_ = stream.Close() // was read to its end
			text = string(b)
			body.SetZero()
		}
	}
	shown, err := asJSON(v.Interface(), nil)
	if err != nil {
		return nil, err
	}
	out, _ := answered(shown).(map[string]any) // outputs are structures
	delete(out, "ResultMetadata")
	if text != "" {
		out["Body"] = text
	}
	return out, nil
}

// answered leaves out the members without a value, so that has() tells what
// was answered.
func answered(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if member == nil {
				delete(v, name)
			} else {
				v[name] = answered(member)
			}
		}
	case []any:
		for i := range v {
			v[i] = answered(v[i])
		}
	}
	return v
}

// callStep keeps the outcome as the next of run.<name>.
func (s *session) callStep(ctx context.Context, c *lab.Call) error {
	out, err := s.apiCall(ctx, s.config, c)
	if err != nil {
		return err
	}
	name := c.Name
	if name == "" {
		name = "call"
	}
	verdict := "ok"
	if code, _ := out["error"].(string); code != "" {
		verdict = code
	}
	sent, err := s.expandValue(c.Input)
	if err != nil {
		return err
	}
	s.note("%s %s: %s", c.Operation, readable(sent), verdict)
	before, _ := s.runs[name].([]any) // none yet
	s.runs[name] = append(before, out)
	return nil
}

// expandValue expands the texts within a value.
func (s *session) expandValue(v any) (any, error) {
	switch v := v.(type) {
	case string:
		return s.expand(v)
	case map[string]any:
		out := map[string]any{}
		for k, m := range v {
			x, err := s.expandValue(m)
			if err != nil {
				return nil, err
			}
			out[k] = x
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i, m := range v {
			x, err := s.expandValue(m)
			if err != nil {
				return nil, err
			}
			out[i] = x
		}
		return out, nil
	}
	return v, nil
}
