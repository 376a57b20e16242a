package judge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pipelab/pipelab/internal/check"
	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/internal/workspace"
)

type checkFlags struct {
	seed             uint64
	watch, keep, raw bool
}

func newCheck(a *app.App) *cobra.Command {
	var f checkFlags
	c := &cobra.Command{
		Use: "check [ID…]", Short: "Judge your pipeline by pushing data through it", GroupID: "labs",
		Long: `Deploys what has changed, then runs the lab's checks: each sends data, waits,
looks at what your pipeline made of them, and says what was sent, expected and
seen. Data come from a seed; a run without --seed draws a new one and prints it.

What is in the emulated AWS before the checks is there again after them.

Exit codes: 0 every check passed, 1 some did not, 5 some could not be judged.`,
		Example: `  pipelab check
  pipelab check order-per-customer --seed 7
  pipelab check --watch
  pipelab check --json | jq '.checks[] | {id, verdict}'`,
		RunE: func(c *cobra.Command, args []string) error {
			w, err := a.Work(c.Context())
			if err != nil {
				return err
			}
			if err := known(w, args); err != nil {
				return err
			}
			if !c.Flags().Changed("seed") {
				f.seed = uint64(a.Now().UnixNano()/1000) % 1_000_000 //nolint:gosec // after 1970
			}
			if f.watch {
				return watch(c.Context(), a, w, args, f)
			}
			return run(c.Context(), a, w, args, f)
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return checkIDs(a), cobra.ShellCompDirectiveNoFileComp
		},
	}
	c.Flags().Uint64Var(&f.seed, "seed", 0, "what the data are made from (default: a new one each time)")
	c.Flags().BoolVarP(&f.watch, "watch", "w", false, "deploy and check again whenever a file changes, until Ctrl-C")
	c.Flags().BoolVar(&f.keep, "keep", false, "leave what the last check put into the emulated AWS, to look at it")
	c.Flags().BoolVar(&f.raw, "no-deploy", false, "judge what is deployed, whatever the files say")
	return c
}

// checkIDs completes the arguments; no completion is the worst that can happen.
func checkIDs(a *app.App) []string {
	w, err := a.Workspace()
	if err != nil {
		return nil
	}
	l, err := a.Lab(w.Meta.Lab)
	if err != nil {
		return nil
	}
	var ids []string
	for _, c := range l.Checks {
		ids = append(ids, c.ID)
	}
	return ids
}

func known(w *app.Work, args []string) error {
	var ids []string
	for _, c := range w.Lab.Checks {
		ids = append(ids, c.ID)
	}
	for _, arg := range args {
		if slices.Contains(ids, arg) {
			continue
		}
		e := app.Usagef("the lab %s has no check %q", w.Lab.ID, arg)
		if near := app.Nearest(arg, ids); near != "" {
			e = e.Hint("did you mean " + near + "?")
		}
		return e.Hint("its checks: " + strings.Join(ids, ", "))
	}
	return nil
}

// run deploys, judges and reports once.
func run(ctx context.Context, a *app.App, w *app.Work, only []string, f checkFlags) error {
	if err := bringUp(ctx, a, w, f); err != nil {
		return err
	}
	outputs, err := w.Outputs()
	if err != nil {
		return err
	}
	if !f.keep {
		putBack, err := keepState(ctx, w)
		if err != nil {
			return err
		}
		defer putBack()
	}
	t := &ticker{a: a, terminal: app.Terminal(a.Err), total: len(w.Lab.Checks)}
	result, err := check.Run(ctx, check.Options{
		Lab: w.Lab, Emulator: w.Emulator, Driver: w.Meta.Emulator, Seed: f.seed, Outputs: outputs.All,
		Workspace: w.Root, Only: only, Clock: a.Wall(),
		Redeploy: func(ctx context.Context) (map[string]string, error) {
			res, err := w.Deploy(ctx, nil)
			if err != nil {
				return nil, err
			}
			return res.Outputs, nil
		},
		Done: t.done,
	})
	t.clear()
	if err != nil {
		return err
	}
	return conclude(a, w, result, len(only) == 0)
}

// bringUp deploys unless nothing has changed since the last time.
func bringUp(ctx context.Context, a *app.App, w *app.Work, f checkFlags) error {
	digest, err := w.Digest()
	if err != nil {
		return err
	}
	switch {
	case f.raw && w.Meta.Deployed == "":
		return app.Usagef("nothing is deployed yet").Hint("deploy first: pipelab deploy")
	case f.raw || digest == w.Meta.Deployed:
		return nil
	}
	a.Statusf("deploying")
	_, err = w.Deploy(ctx, progress(a))
	return err
}

// keepState makes the emulator go back to where it is now. The clock does not
// go back; nothing moves it but checks that say so.
func keepState(ctx context.Context, w *app.Work) (func(), error) {
	if !slices.Contains(w.Emulator.Capabilities(), emulator.Snapshots) {
		return func() {}, nil
	}
	control := w.Emulator.Control()
	id, err := control.Snapshot(ctx)
	if err != nil {
		return nil, fmt.Errorf("keep the state: %w", err)
	}
	return func() {
		ctx := context.WithoutCancel(ctx) // also after Ctrl-C
		// An emulator that has died meanwhile has told so already.
		_ = errors.Join(control.ClearFaults(ctx, ""), control.Restore(ctx, id), control.DropSnapshot(ctx, id))
	}, nil
}

// conclude keeps, prints and turns a result into the exit code.
func conclude(a *app.App, w *app.Work, r *report.Result, whole bool) error {
	points, possible, final := r.Score()
	if whole {
		verdicts := map[string]any{}
		for _, c := range r.Checks {
			verdicts[c.ID] = c.Verdict
		}
		err := a.Progress().Append(workspace.Attempt{Lab: w.Lab.ID, Time: a.Now().UTC(), Seed: r.Seed, Points: points,
			Max: float64(possible), Checks: verdicts, Solved: w.Meta.Solved})
		if err != nil {
			a.Statusf("note: this attempt could not be written down: %v", err)
		}
	}
	if err := w.WriteJSON(w.LastResult(), r); err != nil {
		return err
	}
	write := report.Text
	if a.JSON {
		write = report.JSON
	}
	if err := write(a.Out, r); err != nil {
		return err
	}
	switch {
	case !final:
		return app.Silent(app.ExitUntrusted)
	case !r.Passed():
		if !a.JSON {
			a.Statusf("more help: pipelab hint")
		}
		return app.Silent(app.ExitFailed)
	}
	return nil
}

// ticker says how far a run is: one line that is written over on a terminal,
// a line for each check in a pipe.
type ticker struct {
	a        *app.App
	terminal bool
	n, total int
}

func (t *ticker) done(c report.Check) {
	t.n++
	if !t.terminal {
		t.a.Statusf("  %-11s %s", c.Verdict, c.ID)
		return
	}
	fmt.Fprintf(t.a.Err, "\r\x1b[K  %d of %d checks: %s %s", t.n, t.total, c.ID, c.Verdict)
}

func (t *ticker) clear() {
	if t.terminal && t.n > 0 {
		fmt.Fprint(t.a.Err, "\r\x1b[K")
	}
}
