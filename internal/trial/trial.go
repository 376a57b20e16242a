// Package trial judges one tree in one fresh emulator: it deploys what the lab
// provides and what the tree holds, and runs the lab's checks. Tests of labs
// and graders share it. It decides nothing about what a result is worth.
package trial

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/pipelab/pipelab/internal/check"
	"github.com/pipelab/pipelab/internal/deploy"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/prefork"
	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/internal/sandbox"
)

// Deploy provisions the lab and deploys a folder; it returns the outputs of
// both stacks. A *LabError is ours, any other error the folder's.
type Deploy func(ctx context.Context, e emulator.Emulator, l *lab.Folder, folder string) (map[string]string, error)

// Remove takes away again what Deploy made in an emulator.
type Remove func(ctx context.Context, e emulator.Emulator, l *lab.Folder) error

// LabError marks a failure of Deploy that is the lab's own, not that of the
// tree on trial.
type LabError struct{ Err error }

func (e *LabError) Error() string { return e.Err.Error() }

// Unwrap returns the reason.
func (e *LabError) Unwrap() error { return e.Err }

// CrowdedError is why a tree could not be deployed that stores too much.
type CrowdedError struct {
	Why string // for the learner
	Err error  // what failed first
}

func (e *CrowdedError) Error() string { return e.Why }

// Unwrap returns what failed.
func (e *CrowdedError) Unwrap() error { return e.Err }

// StoredBytes is what a tree may store in the emulated AWS where somebody else
// pays for the memory.
const StoredBytes = 512 << 20

// Options say what is tried and how.
type Options struct {
	Lab    *lab.Folder
	Driver emulator.Driver
	Clock  check.Clock
	Deploy Deploy
	// Remove is for emulators that are not thrown away after a trial and have no
	// snapshots: it runs before each further check, and at the end. May be nil.
	Remove Remove
	// Interpreters run Python programs; nil starts one for each.
	Interpreters *prefork.Interpreters
	// Confine says what programs of checks may do; nil leaves them unconfined.
	Confine *sandbox.Policy
	// Expressions keeps what was compiled for other trials; may be nil.
	Expressions *check.Expressions
	// Builds keeps programs that were compiled for other trials; may be nil.
	Builds *check.Builds
	Seed   uint64
	// Only are the ids of the checks to judge, with those that they need; all when empty.
	Only []string
	// Folder is the tree: programs run in it and may write to it.
	Folder string
	// Done hears of each check as it is judged, Saw of what probes see; both
	// may be nil.
	Done func(report.Check)
	Saw  func(check string, value any)
}

// AtOnce is how many trials at a time do this machine good: half as many more than it
// has processors, since a trial waits now and then for a program that backs off, or for
// calls that a check makes slow. More of them need more processes, and those cost more
// than what they save (measured with a class of 50 on two processors: 3 at a time took
// 21.8 s, 6 took 24.2 s).
func AtOnce() int { return max(2, runtime.NumCPU()*3/2) }

// Outcome is how it went. Result is nil when nothing was judged, and holds the
// checks until then when Run returned ctx's error.
type Outcome struct {
	Endpoint string // URL of the emulator, which is gone
	Deploy   error  // why the tree could not be deployed
	Result   *report.Result
}

// Run deploys and judges. The error means that the trial itself broke down, or
// is ctx's.
func Run(ctx context.Context, o Options) (out Outcome, err error) {
	e, err := o.Driver.Start(ctx, emulator.Options{})
	if err != nil {
		return out, fmt.Errorf("start the emulator: %w", err)
	}
	defer func() { _ = e.Close() }() // it holds nothing that could be lost
	out.Endpoint = e.Endpoint().URL
	if o.Remove != nil {
		defer func() {
			if !errors.Is(err, check.ErrGone) { // nothing is left to remove it from
				err = errors.Join(err, o.remove(context.WithoutCancel(ctx), e))
			}
		}()
	}
	redeploy := func(ctx context.Context) (map[string]string, error) { return o.Deploy(ctx, e, o.Lab, o.Folder) }
	outputs, err := redeploy(ctx)
	var own *LabError
	if errors.As(err, &own) {
		return out, err
	}
	if err != nil {
		if why := check.Crowded(ctx, e, 0); why != "" {
			err = &CrowdedError{why, err}
		}
		out.Deploy = err
		return out, errors.Join(ctx.Err(), out.ended(ctx, e, check.Gone(ctx, e)))
	}
	out.Result, err = check.Run(ctx, check.Options{
		Lab: o.Lab, Emulator: e, Driver: o.Driver.Name(), Seed: o.Seed, Outputs: outputs, Workspace: o.Folder, Clock: o.Clock,
		Interpreters: o.Interpreters, Confine: o.Confine, Expressions: o.Expressions, Builds: o.Builds, Redeploy: redeploy,
		Only:  o.Only,
		Renew: o.renewing(e), Done: o.Done, Saw: o.Saw,
	})
	return out, out.ended(ctx, e, err)
}

// ended says more of an emulator that went away. One that a tree has made too large
// is that tree's doing, as everything is that it stores.
func (out *Outcome) ended(ctx context.Context, e emulator.Emulator, err error) error {
	mortal, ok := e.(emulator.Mortal)
	if !ok || !errors.Is(err, check.ErrGone) || ctx.Err() != nil {
		return err
	}
	why, spent := mortal.Ended()
	switch {
	case spent:
		out.Deploy, out.Result = &CrowdedError{"your pipeline is too much for the emulated AWS: " + why, err}, nil
		return nil
	case why != "":
		return fmt.Errorf("%w; it said: %s", err, why)
	}
	return err
}

// renewing takes an emulator that has no snapshots back to where it was before
// a check; nil where nothing can be removed.
func (o *Options) renewing(e emulator.Emulator) func(context.Context) (map[string]string, error) {
	if o.Remove == nil {
		return nil
	}
	return func(ctx context.Context) (map[string]string, error) {
		if err := o.remove(ctx, e); err != nil {
			return nil, err
		}
		return o.Deploy(ctx, e, o.Lab, o.Folder)
	}
}

func (o *Options) remove(ctx context.Context, e emulator.Emulator) error {
	if err := o.Remove(ctx, e, o.Lab); err != nil {
		return fmt.Errorf("remove what was deployed: %w", err)
	}
	return nil
}

// Stacks deploys as "pipelab start" and "pipelab deploy" do, to the target
// that is made for each emulator.
func Stacks(target func(emulator.Emulator) deploy.Target) Deploy {
	return func(ctx context.Context, e emulator.Emulator, l *lab.Folder, folder string) (map[string]string, error) {
		t := target(e)
		if err := emulator.Enable(ctx, e, l.Capabilities); err != nil {
			return nil, &LabError{Err: err}
		}
		provided, err := t.Provided(ctx, l)
		if err != nil {
			return nil, &LabError{Err: err}
		}
		res, err := t.Submission(ctx, l, l.ID, folder, provided)
		if err != nil {
			return nil, err
		}
		return res.Outputs, nil
	}
}
