package trial_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/check"
	"github.com/pipelab/pipelab/internal/deploy"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/embedded"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/provision"
	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/internal/trial"
)

// storing has checks that put objects of 3 MiB where two are to be; each begins
// with what was deployed.
const storing = `
id: storing
title: T
summary: S
level: beginner
minutes: 1
examTasks: ["1.1"]
services: [s3]
tasks: [{ id: a, title: A, text: B }]
data: { one: { generator: telemetry, count: 15000 }, two: { generator: telemetry, count: 15000 } }
checks:
  - id: one
    title: One
    points: 50
    hints: [a, b, c]
    steps: [{ putObject: { bucket: kept, key: a, data: one } }]
    expect: [{ that: "true", message: M }]
  - id: two
    title: Two
    points: 50
    hints: [a, b, c]
    steps: [{ putObject: { bucket: kept, key: a, data: one } }, { putObject: { bucket: kept, key: b, data: two } }]
    expect: [{ that: "true", message: M }]
`

const resources = "Resources:\n  Kept:\n    Type: AWS::S3::Bucket\n    Properties: { BucketName: kept }\n"

func options(t *testing.T) trial.Options {
	t.Helper()
	l, err := lab.Open(fstest.MapFS{
		"storing/lab.yaml": {Data: []byte(storing)}, "storing/README.md": {},
		"storing/resources.yaml": {Data: []byte(resources)}, "storing/starter/a": {}, "storing/solution/a": {},
	}, "storing", check.Compile)
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(dir+"/template.yaml", []byte("Resources:\n  Q:\n    Type: AWS::SQS::Queue\n"), 0o600))
	return trial.Options{Lab: l, Driver: embedded.Driver{Provision: provision.At}, Clock: clock.New(), Folder: dir,
		Seed: 1,
		Deploy: trial.Stacks(func(e emulator.Emulator) deploy.Target {
			return deploy.Target{Endpoint: e.Endpoint(), Environ: []string{"PATH=" + os.Getenv("PATH")}}
		})}
}

func verdicts(r *report.Result) map[string]report.Verdict {
	out := map[string]report.Verdict{}
	for _, c := range r.Checks {
		out[c.ID] = c.Verdict
	}
	return out
}

func TestRun_judgesOneTree(t *testing.T) {
	out, err := trial.Run(t.Context(), options(t))
	require.NoError(t, err)
	require.NoError(t, out.Deploy)
	require.Equal(t, map[string]report.Verdict{"one": report.Pass, "two": report.Pass}, verdicts(out.Result))
}

// What a check was refused for want of room is the pipeline's failure, and not
// that of the check after it or before.
func TestRun_failsOnlyTheCheckThatStoresTooMuch(t *testing.T) {
	o := options(t)
	o.Driver = embedded.Driver{Provision: provision.At, MaxBytes: 4 << 20}
	out, err := trial.Run(t.Context(), o)
	require.NoError(t, err)
	require.NoError(t, out.Deploy)
	require.Equal(t, map[string]report.Verdict{"one": report.Pass, "two": report.Fail}, verdicts(out.Result))
	require.Equal(t, "your pipeline stored more than 4 MiB in the emulated AWS", out.Result.Checks[1].Message)
}

func TestRun_tellsATreeThatStoresTooMuchWhileDeploying(t *testing.T) {
	o := options(t)
	o.Driver = embedded.Driver{Provision: provision.At, MaxBytes: 64}
	deployed := o.Deploy
	o.Deploy = func(ctx context.Context, e emulator.Emulator, l *lab.Folder, dir string) (map[string]string, error) {
		out, err := deployed(ctx, e, l, dir)
		var own *trial.LabError
		if errors.As(err, &own) { // the lab's resources alone are too many here
			err = own.Err
		}
		return out, err
	}
	out, err := trial.Run(t.Context(), o)
	require.NoError(t, err)
	var crowded *trial.CrowdedError
	require.ErrorAs(t, out.Deploy, &crowded)
	require.Equal(t, "your pipeline stored more than 0 MiB in the emulated AWS", crowded.Why)
	require.Error(t, crowded.Err)
}

func TestRun_tellsTheLabsFailuresFromTheTrees(t *testing.T) {
	o := options(t)
	o.Deploy = func(context.Context, emulator.Emulator, *lab.Folder, string) (map[string]string, error) {
		return nil, &trial.LabError{Err: errors.New("no lab today")}
	}
	_, err := trial.Run(t.Context(), o)
	require.EqualError(t, err, "no lab today")
	o.Deploy = func(context.Context, emulator.Emulator, *lab.Folder, string) (map[string]string, error) {
		return nil, errors.New("no such type")
	}
	out, err := trial.Run(t.Context(), o)
	require.NoError(t, err)
	require.EqualError(t, out.Deploy, "no such type")
	require.Nil(t, out.Result)
}

// mortal is an emulator that went away for a reason.
type mortal struct {
	emulator.Emulator
	spent bool
}

func (m mortal) Ended() (string, bool) { return "the emulated AWS took too much", m.spent }

type mortals struct {
	embedded.Driver
	spent bool
}

func (d mortals) Start(ctx context.Context, o emulator.Options) (emulator.Emulator, error) {
	e, err := d.Driver.Start(ctx, o)
	return mortal{e, d.spent}, err
}

// An emulator that a tree has made too large is that tree's failure; one that went
// away otherwise is nobody's, and says what it said last.
func TestRun_tellsWhyAnEmulatorWentAway(t *testing.T) {
	for _, spent := range []bool{true, false} {
		for _, when := range []string{"deploying", "checking"} {
			o := options(t)
			o.Driver = mortals{embedded.Driver{Provision: provision.At}, spent}
			if when == "deploying" {
				o.Deploy = func(_ context.Context, e emulator.Emulator, _ *lab.Folder, _ string) (map[string]string, error) {
					require.NoError(t, e.Close())
					return nil, errors.New("connection refused")
				}
			} else {
				deployed := o.Deploy
				o.Deploy = func(ctx context.Context, e emulator.Emulator, l *lab.Folder, dir string) (map[string]string, error) {
					out, err := deployed(ctx, e, l, dir)
					o.Saw(when, e)
					return out, err
				}
				var running emulator.Emulator
				o.Saw = func(_ string, v any) {
					if e, ok := v.(emulator.Emulator); ok {
						running = e
					}
				}
				o.Done = func(report.Check) { require.NoError(t, running.Close()) } // after the first check
			}
			out, err := trial.Run(t.Context(), o)
			if !spent {
				require.ErrorIs(t, err, check.ErrGone)
				require.ErrorContains(t, err, "it said: the emulated AWS took too much")
				continue
			}
			require.NoError(t, err)
			var crowded *trial.CrowdedError
			require.ErrorAs(t, out.Deploy, &crowded)
			require.Contains(t, crowded.Why, "too much for the emulated AWS")
			require.Nil(t, out.Result)
		}
	}
}
