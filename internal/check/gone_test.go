package check_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/check"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/embedded"
	"github.com/pipelab/pipelab/internal/emulator/endpoint"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/report"
)

const twoChecks = `
id: two
title: T
summary: S
level: beginner
minutes: 1
examTasks: ["1.1"]
services: [s3]
tasks: [{ id: a, title: A, text: B }]
programs: { fails: { command: [sh, -c, "exit 1"] } }
probes: { calls: { calls: { service: s3 } } }
checks:
  - { id: first, title: T, points: 50, hints: [a, b, c], expect: [{ that: "size(calls) == 0", message: m }] }
  - { id: clock, title: T, points: 0, hints: [a, b, c], steps: [{ advance: 1m }], expect: [{ that: "true", message: m }] }
  - { id: second, title: T, points: 50, hints: [a, b, c], steps: [{ run: { program: fails } }], expect: [{ that: "run.fails[0].exit == 0", message: m }] }
`

// What fails because the emulator is gone is not the learner's failure: the run
// ends with one error. Before that, what it lacks is named.
func TestRun_endsWhenTheEmulatorIsGone(t *testing.T) {
	t.Parallel()
	l, err := lab.Parse("lab.yaml", []byte(twoChecks), check.Compile)
	require.NoError(t, err)
	behind, err := embedded.Driver{}.Start(t.Context(), emulator.Options{})
	require.NoError(t, err)
	defer behind.Close()
	e, err := endpoint.Driver{URL: behind.Endpoint().URL}.Start(t.Context(), emulator.Options{})
	require.NoError(t, err)
	defer e.Close()
	o := check.Options{Lab: &lab.Folder{Lab: l}, Emulator: e, Driver: "that-one", Workspace: t.TempDir(), Clock: clock.New()}
	r, err := check.Run(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, report.Fail, r.Checks[2].Verdict, "while it is there the failure is the learner's")
	require.Equal(t, "the emulator that-one lacks clock.advance (time can be moved)", r.Checks[1].Message)
	require.Equal(t, report.Unsupported, r.Checks[1].Verdict)

	o.Done = func(c report.Check) {
		if c.ID == "clock" {
			require.NoError(t, behind.Close())
		}
	}
	r, err = check.Run(t.Context(), o)
	require.ErrorIs(t, err, check.ErrGone)
	require.ErrorContains(t, err, "does not answer")
	require.Len(t, r.Checks, 2, "what was judged before stands")
}

// Without snapshots each check begins with what was deployed anew.
func TestRun_renewsWhatHasNoSnapshots(t *testing.T) {
	t.Parallel()
	l, err := lab.Parse("lab.yaml", []byte(twoChecks), check.Compile)
	require.NoError(t, err)
	behind, err := embedded.Driver{}.Start(t.Context(), emulator.Options{})
	require.NoError(t, err)
	defer behind.Close()
	e, err := endpoint.Driver{URL: behind.Endpoint().URL}.Start(t.Context(), emulator.Options{})
	require.NoError(t, err)
	defer e.Close()
	renewed := 0
	o := check.Options{Lab: &lab.Folder{Lab: l}, Emulator: e, Workspace: t.TempDir(), Clock: clock.New()}
	o.Renew = func(context.Context) (map[string]string, error) {
		renewed++
		return map[string]string{"Name": "anew"}, nil
	}
	_, err = check.Run(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, 1, renewed, "before the second check that ran, not before the first, nor for one that did not run")
}
