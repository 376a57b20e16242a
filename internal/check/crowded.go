package check

import (
	"context"
	"fmt"
	"slices"

	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/report"
)

// Crowded says that a pipeline has stored more than the emulator takes; "" when
// there was room since refused was counted.
func Crowded(ctx context.Context, e emulator.Emulator, refused int64) string {
	if !slices.Contains(e.Capabilities(), emulator.CallTrace) {
		return ""
	}
	s, err := e.Control().Storage(ctx)
	if err != nil || s.Refused <= refused {
		return ""
	}
	return fmt.Sprintf("your pipeline stored more than %d MiB in the emulated AWS", s.Max>>20)
}

// refused counts the calls that found no room so far.
func (s *session) refused(ctx context.Context) int64 {
	if !slices.Contains(s.o.Emulator.Capabilities(), emulator.CallTrace) {
		return 0
	}
	st, _ := s.o.Emulator.Control().Storage(ctx) // an emulator that is gone is noticed elsewhere
	return st.Refused
}

// crowded fails a check that did not pass while there was no room: what went
// wrong in it is the pipeline's own doing.
func (s *session) crowded(ctx context.Context, out *report.Check, failed error) bool {
	if failed == nil && out.Verdict == report.Pass {
		return false
	}
	why := Crowded(ctx, s.o.Emulator, s.full)
	if why == "" {
		return false
	}
	out.Verdict, out.Points, out.Message = report.Fail, 0, why
	out.Expected, out.Seen = "", ""
	if failed != nil {
		out.Seen = brief(failed.Error())
	}
	return true
}
