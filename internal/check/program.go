package check

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/internal/sandbox"
	"github.com/pipelab/pipelab/internal/tempdir"
)

// Judgement is what a check written as a program prints on standard output:
// one JSON object. Anything else is an error of the check.
type Judgement struct {
	Verdict  report.Verdict `json:"verdict"` // pass, partial, fail or unsupported
	Message  string         `json:"message,omitempty"`
	Expected string         `json:"expected,omitempty"`
	Seen     string         `json:"seen,omitempty"`
	// Share of the points from 0 to 1; looked at for partial only.
	Share float64 `json:"share,omitempty"`
}

// program runs the lab's own program. It works in a copy of the lab's checks
// folder, reaches the emulator through its environment, finds the outputs and
// the ledger as JSON in the files that PIPELAB_OUTPUTS and PIPELAB_DATA name,
// and the learner's folder in PIPELAB_WORKSPACE.
func (s *session) program(ctx context.Context, out *report.Check) error {
	tmp, err := tempdir.New("check")
	if err != nil {
		return err
	}
	defer tmp.Remove()
	dir := tmp.Path()
	if s.o.Lab.FS != nil {
		checks, err := fs.Sub(s.o.Lab.FS, "checks")
		if err == nil {
			err = os.CopyFS(dir, checks)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("copy the lab's checks: %w", err)
		}
	}
	p := s.check.Program
	spec := sandbox.Spec{Command: p.Command, Dir: dir, Env: s.o.Emulator.Endpoint().Env(),
		Timeout: p.Timeout.Or(time.Minute), Interpreters: s.o.Interpreters}
	files := map[string]any{"PIPELAB_OUTPUTS": s.outputs, "PIPELAB_DATA": s.data, "PIPELAB_RUN": s.runs}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		b, err := json.Marshal(files[name])
		if err != nil {
			return err
		}
		file := filepath.Join(dir, strings.ToLower(name)+".json")
		if err := os.WriteFile(file, b, 0o600); err != nil {
			return err
		}
		spec.Env = append(spec.Env, name+"="+file)
	}
	spec.Policy = s.o.Confine.With([]string{s.o.Workspace}, nil, s.o.Emulator.Endpoint().Port())
	spec.Env = append(spec.Env, "PIPELAB_WORKSPACE="+s.o.Workspace, fmt.Sprintf("PIPELAB_SEED=%d", s.o.Seed))
	for _, name := range slices.Sorted(maps.Keys(p.Env)) {
		v, err := s.expand(p.Env[name])
		if err = errors.Join(err, word("variable "+name, v)); err != nil {
			return err
		}
		spec.Env = append(spec.Env, name+"="+v)
	}
	r, err := sandbox.Run(ctx, spec)
	switch {
	case err != nil:
		return err
	case r.TimedOut:
		return fmt.Errorf("the check's program took longer than %s", spec.Timeout)
	case r.Exit != 0:
		return fmt.Errorf("the check's program ended with exit code %d: %s", r.Exit, brief(r.Stderr))
	}
	return s.take(r.Stdout, out)
}

// take reads the judgement strictly: a misspelt member would else be lost.
func (s *session) take(text string, out *report.Check) error {
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	var j Judgement
	if err := d.Decode(&j); err != nil || d.More() {
		return fmt.Errorf("the check's program must print one JSON object: %w",
			errors.Join(err, fmt.Errorf("it printed %s", brief(text))))
	}
	switch {
	case j.Verdict == report.Pass:
		out.Points = float64(s.check.Points)
	case j.Verdict == report.Partial && j.Share > 0 && j.Share < 1:
		out.Points = float64(s.check.Points) * j.Share
	case j.Verdict == report.Fail:
	case j.Verdict == report.Unsupported:
		return fmt.Errorf("%w: %s", errUnsupported, j.Message)
	default:
		return fmt.Errorf("the check's program gave the verdict %q with the share %g", j.Verdict, j.Share)
	}
	out.Verdict, out.Message, out.Expected, out.Seen = j.Verdict, j.Message, brief(j.Expected), brief(j.Seen)
	return nil
}
