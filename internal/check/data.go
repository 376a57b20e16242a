package check

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pipelab/pipelab/internal/datagen"
	"github.com/pipelab/pipelab/internal/emulator"
)

// dataset is one data set of a check, ready to send.
type dataset struct {
	entries []datagen.Entry
	format  string
	file    []byte // as it is in the lab, for a fixed file
}

// bytes are the whole set as one file.
func (d *dataset) bytes() []byte {
	if d.file != nil {
		return d.file
	}
	return []byte(datagen.Encode(d.entries, d.format))
}

// generate makes the data sets of the check from the seed.
func (s *session) generate() error {
	for name, spec := range s.o.Lab.DatasetsOf(s.check) {
		d := &dataset{format: spec.Format}
		var err error
		if spec.File != "" {
			err = d.read(s.o.Lab.FS, spec.File)
		} else {
			d.entries, err = datagen.All(spec, name, s.o.Seed)
		}
		if err != nil {
			return fmt.Errorf("data set %s: %w", name, err)
		}
		s.sets[name] = d
		list := make([]any, len(d.entries))
		for i, e := range d.entries {
			flags := make([]any, len(e.Flags))
			for j, f := range e.Flags {
				flags[j] = f
			}
			list[i] = map[string]any{"seq": int64(e.Seq), "id": e.ID, "key": e.Key, "time": e.Time, "raw": e.Raw, "row": e.Row,
				"flags": flags}
		}
		s.data[name] = list
	}
	return nil
}

// read takes a fixed file of JSON lines or CSV as entries.
func (d *dataset) read(fsys fs.FS, name string) error {
	b, err := fs.ReadFile(fsys, path.Join("data", name))
	if err != nil {
		return err
	}
	d.file = b
	lines := strings.Split(strings.TrimRight(string(b), "\n"), "\n")
	for i, line := range lines {
		e := datagen.Entry{Seq: i, Raw: line, Flags: []string{}}
		if row, ok := parseJSON([]byte(line)).(map[string]any); ok {
			e.Row, e.ID, e.Key, e.Time = row, text(row["id"]), text(row["customer"]), text(row["time"])
		} else {
			e.Flags = append(e.Flags, datagen.FlagPoison)
		}
		d.entries = append(d.entries, e)
	}
	return nil
}

// parseJSON reads one value, whole numbers as int64; nil if it is not JSON.
func parseJSON(b []byte) any {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil || dec.More() {
		return nil
	}
	return numbers(v)
}

func numbers(v any) any {
	switch t := v.(type) {
	case json.Number:
		if i, err := t.Int64(); err == nil {
			return i
		}
		f, _ := t.Float64()
		return f
	case []any:
		for i := range t {
			t[i] = numbers(t[i])
		}
	case map[string]any:
		for k := range t {
			t[k] = numbers(t[k])
		}
	}
	return v
}

// parseLines reads JSON lines; a line that is not JSON stays text.
func parseLines(b []byte) []any {
	out := []any{}
	for line := range strings.SplitSeq(strings.TrimRight(string(b), "\n"), "\n") {
		if line == "" {
			continue
		}
		if v := parseJSON([]byte(line)); v != nil {
			out = append(out, v)
		} else {
			out = append(out, line)
		}
	}
	return out
}

// parseCSV reads a file with a header into maps; nil if it is not CSV.
func parseCSV(b []byte) any {
	rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil || len(rows) == 0 {
		return nil
	}
	out := []any{}
	for _, r := range rows[1:] {
		m := map[string]any{}
		for i, name := range rows[0] {
			m[name] = r[i]
		}
		out = append(out, m)
	}
	return out
}

var template = regexp.MustCompile(`\$\{([^}]*)\}`)

// expand fills in ${…}. An output that does not exist is an error: sending to
// a bucket named "" would blame the learner for a typing error of the lab.
func (s *session) expand(in string) (string, error) {
	var bad error
	out := template.ReplaceAllStringFunc(in, func(m string) string {
		name := m[2 : len(m)-1]
		kind, rest, _ := strings.Cut(name, ".")
		if kind == "outputs" || kind == "run" {
			s.theirs.Store(true)
		}
		switch {
		case name == "seed":
			return strconv.FormatUint(s.o.Seed, 10)
		case strings.HasPrefix(name, "now"):
			at, err := s.now(name[len("now"):])
			if err == nil {
				return at
			}
			bad = err
		case kind == "outputs":
			if v, ok := s.outputs[rest]; ok {
				return v
			}
			bad = &missingOutput{rest}
		case kind == "env":
			return s.o.Env[rest]
		case strings.HasPrefix(kind, "data"), kind == "run", strings.HasSuffix(kind, "(data"):
			v, failed, err := s.look(context.Background(), name, false)
			if err == nil && failed == nil {
				return text(v)
			}
			bad = fmt.Errorf("%s: no such value", m)
			if kind == "run" { // what the learner's resources answered lacks it
				bad = &missingAnswer{name}
			}
		default:
			bad = fmt.Errorf("%s is not known", m)
		}
		return m
	})
	return out, bad
}

// isNow is a text that is nothing but a time.
var isNow = regexp.MustCompile(`^\$\{now([+-]\d+)?\}$`)

// now is the emulator's time in seconds since 1970, with an offset such as
// "+3600". Without a clock that moves it is the machine's.
func (s *session) now(offset string) (string, error) {
	at := s.o.Clock.Now()
	if slices.Contains(s.o.Emulator.Capabilities(), emulator.ClockAdvance) {
		var err error
		if at, _, err = s.o.Emulator.Control().Now(context.Background()); err != nil {
			return "", err
		}
	}
	if offset == "" {
		offset = "0"
	}
	d, err := strconv.ParseInt(offset, 10, 64)
	return strconv.FormatInt(at.Unix()+d, 10), err
}

// missingAnswer is the learner's: an answer has no such member, such as a
// version id in a bucket without versions.
type missingAnswer struct{ name string }

func (m *missingAnswer) Error() string { return "the answer has no " + m.name }

// missingOutput is the learner's: their template lacks an output.
type missingOutput struct{ name string }

func (m *missingOutput) Error() string {
	return fmt.Sprintf("the stack has no output %s", m.name)
}
