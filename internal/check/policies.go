package check

import (
	"context"
	"fmt"
	"slices"

	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/lab"
)

// policies switches on that policies decide, for the checks that need it, and
// off again for the others.
type policies struct {
	control *emulator.Control // nil where they never decide
	found   emulator.IAMMode  // by the run
	now     emulator.IAMMode
}

func (o *Options) policies(ctx context.Context) (*policies, error) {
	if !slices.Contains(o.Emulator.Capabilities(), emulator.IAMEnforced) {
		return &policies{}, nil
	}
	p := &policies{control: o.Emulator.Control()}
	var err error
	if p.found, err = p.control.IAM(ctx); err != nil {
		return nil, fmt.Errorf("ask whether policies decide: %w", err)
	}
	p.now = p.found
	return p, nil
}

// prepare is for the check that comes.
func (p *policies) prepare(ctx context.Context, l *lab.Lab, c *lab.Check) error {
	want := p.found
	if slices.Contains(l.Required(c), string(emulator.IAMEnforced)) {
		want = emulator.IAMEnforces
	}
	return p.set(ctx, want)
}

// leave puts back what the run has found.
func (p *policies) leave(ctx context.Context) { _ = p.set(ctx, p.found) } // the emulator is gone if this fails

func (p *policies) set(ctx context.Context, want emulator.IAMMode) error {
	if p.control == nil || p.now == want {
		return nil
	}
	if err := p.control.SetIAM(ctx, want); err != nil {
		return fmt.Errorf("switch whether policies decide: %w", err)
	}
	p.now = want
	return nil
}
