package check

import (
	"fmt"
	"io"
)

// probeBytes bounds what one look of a probe brings into the judge's memory, in bytes
// of text. No lab comes near it; a pipeline that fills its resources would otherwise
// fill the judge, where others are judged too.
const probeBytes = 64 << 20

// tooMuch is the failure of a pipeline whose resources hold more than that.
type tooMuch struct{ probe string }

func (t *tooMuch) Error() string {
	return fmt.Sprintf("%s holds more than %d MiB, which is more than any right answer does", t.probe, probeBytes>>20)
}

// found appends what a probe has found to what it found before, as long as there is
// room.
func (s *session) found(all []any, one any) ([]any, error) {
	if s.room -= sizeOf(one); s.room < 0 {
		return nil, &tooMuch{s.looking}
	}
	return append(all, one), nil
}

// readAll reads a body for which there is room.
func (s *session) readAll(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, int64(max(s.room, 0))+1))
	if err == nil && len(b) > s.room {
		return nil, &tooMuch{s.looking}
	}
	return b, err
}

// sizeOf is about what a value takes, in bytes.
func sizeOf(v any) int {
	const each = 32 // what holds it
	n := each
	switch v := v.(type) {
	case string:
		n += len(v)
	case []any:
		for _, one := range v {
			n += sizeOf(one)
		}
	case map[string]any:
		for k, one := range v {
			n += len(k) + sizeOf(one)
		}
	case map[string]string:
		for k, one := range v {
			n += len(k) + len(one) + each
		}
	}
	return n
}
