package judge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pipelab/pipelab/internal/check"
	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/embedded"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/provision"
	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/internal/workspace"
)

type checkFlags struct {
	seed             uint64
	watch, keep, raw bool
	format, output   string
}

func newCheck(a *app.App) *cobra.Command {
	var f checkFlags
	c := &cobra.Command{
		Use: "check [ID…]", Short: "Judge your pipeline by pushing data through it", GroupID: "labs",
		Long: `Deploys your files into a fresh emulated AWS and runs the lab's checks there: each
sends data, waits, looks at what your pipeline made of them, and says what was
sent, expected and seen. Data come from a seed; a run without --seed draws a new
one and prints it.

What you have put into the lab's own AWS neither disturbs the checks nor is
touched by them. To look at what a check did with trace, logs or the AWS CLI,
run it with --keep: then it empties and uses the lab's own. A lab that was started
with another emulator than the embedded one is always judged in its own, deployed
anew for each check; what that emulator lacks makes a check "unsupported".

With --watch it judges again whenever you save a file. On a terminal that is a screen
with the first check that did not pass; keys show hints, the logs of your functions
and the calls that the check made.

Exit codes: 0 every check passed, 1 some did not, 5 some could not be judged; 2, 3
and 4 when nothing was judged: the command line, this machine or the emulator, or
your template (pipelab help exit-codes).`,
		Example: `  pipelab check
  pipelab check order-per-customer --seed 7
  pipelab check --watch
  pipelab check --json | jq '.checks[] | {id, verdict}'
  pipelab check --format html --output report.html`,
		RunE: func(c *cobra.Command, args []string) error {
			w, err := a.Work(c.Context())
			if err != nil {
				return err
			}
			if err := known(w, args); err != nil {
				return err
			}
			if err := f.formats(a); err != nil {
				return err
			}
			if !c.Flags().Changed("seed") {
				f.seed = uint64(a.Now().UnixNano()/1000) % 1_000_000 // after 1970
			}
			if f.watch {
				defer a.Stay(c.Context(), w.Emulator.Endpoint())()
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
	c.Flags().BoolVar(&f.keep, "keep", false,
		"empty the lab's own AWS, judge there and leave what the checks did, to look at it")
	c.Flags().BoolVar(&f.raw, "no-deploy", false, "judge what is deployed in the lab's own AWS, as it is")
	c.Flags().StringVar(&f.format, "format", "", "write the report in this format: "+strings.Join(report.Names(), ", "))
	c.Flags().StringVarP(&f.output, "output", "o", "", "write it into this file, and the text to standard output as ever")
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(report.Names(), cobra.ShellCompDirectiveNoFileComp))
	return c
}

// formats holds the flags together before anything is run.
func (f checkFlags) formats(a *app.App) error {
	switch {
	case f.format == "" && f.output != "":
		return app.Usagef("--output needs a --format").Hint("for a page: --format html --output " + f.output)
	case f.format != "" && a.JSON:
		return app.Usagef("--json and --format exclude each other").Hint(
			"--format json writes a gradebook, --json the result alone")
	case f.format == "":
		return nil
	}
	if _, err := report.ByName(f.format); err != nil {
		return app.Usagef("%w", err)
	}
	return nil
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
		if near := lab.Nearest(arg, ids); near != "" {
			e = e.Hint("did you mean " + near + "?")
		}
		return e.Hint("its checks: " + strings.Join(ids, ", "))
	}
	return nil
}

// run judges and reports once.
func run(ctx context.Context, a *app.App, w *app.Work, only []string, f checkFlags) error {
	t := &ticker{a: a, terminal: app.Terminal(a.Err), total: len(w.Lab.Checks)}
	result, err := judge(ctx, a, w, only, f, listener{done: func(c report.Check, _ emulator.Emulator) {
		if ctx.Err() == nil { // else it was cut short, which is no verdict
			t.done(c)
		}
	}})
	t.clear()
	if ctx.Err() != nil {
		t.interrupted(f.own(w))
		return ctx.Err()
	}
	if err != nil {
		return err
	}
	return conclude(a, w, result, f, len(only) == 0)
}

// listener is told how a run goes on.
type listener struct {
	ready func(emulator.Emulator) // all is deployed, and nothing was checked; may be nil
	// done has an outcome, and the emulator as the check has left it.
	done func(report.Check, emulator.Emulator)
}

// judge runs checks.
func judge(ctx context.Context, a *app.App, w *app.Work, only []string, f checkFlags, l listener) (*report.Result,
	error) {
	if err := a.Tools(ctx, app.Interpreters(w.Lab.Interpreters, w.Root)); err != nil {
		return nil, err
	}
	if f.own(w) { // what judges elsewhere disturbs nobody
		release, err := a.Alone(ctx, w.Workspace)
		if err != nil {
			return nil, err
		}
		defer release()
	}
	p, err := prepare(ctx, a, w, f)
	if err != nil {
		return nil, err
	}
	defer p.close()
	if l.ready != nil {
		l.ready(p.emulator)
	}
	result, err := check.Run(ctx, check.Options{
		Interpreters: a.Interpreters,
		Lab:          w.Lab, Emulator: p.emulator, Driver: w.Meta.Emulator, Seed: f.seed, Outputs: p.outputs,
		Workspace: w.Root, Only: only, Clock: a.Wall(), Redeploy: p.deploy, Renew: p.renew,
		Done: func(c report.Check) { l.done(c, p.emulator) },
		Building: func(program string) func() {
			slow := time.AfterFunc(2*time.Second,
				func() { a.Statusf("compiling %s; the first time this may take some minutes", program) })
			return func() { slow.Stop() }
		},
	})
	if errors.Is(err, check.ErrGone) {
		return nil, a.Gone(ctx, w.Workspace, err)
	}
	return result, err
}

// own reports whether checks run in the workspace's own emulated AWS.
func (f checkFlags) own(w *app.Work) bool { return f.keep || f.raw || !w.Embedded() }

// place is where a run judges.
type place struct {
	emulator emulator.Emulator
	outputs  map[string]string
	deploy   func(context.Context) (map[string]string, error)
	renew    func(context.Context) (map[string]string, error) // nil where snapshots do it, or nothing may be touched
	close    func()
}

// prepare brings up the place to judge in: an emulated AWS of its own that is
// gone afterwards, so that neither what the learner has tried out disturbs the
// checks nor they the learner; or, to look at it, the workspace's own.
func prepare(ctx context.Context, a *app.App, w *app.Work, f checkFlags) (*place, error) {
	if f.keep || f.raw {
		return prepareOwn(ctx, a, w, f)
	}
	if !w.Embedded() {
		a.Statusf("judging in the lab's own AWS at %s: what you have put into its resources goes", w.Emulator.Endpoint().URL)
		return prepareOwn(ctx, a, w, f)
	}
	e, err := embedded.Driver{Provision: provision.At, Interpreters: a.Interpreters}.Start(ctx, emulator.Options{})
	if err != nil {
		return nil, err
	}
	p := &place{emulator: e, close: func() { _ = e.Close() }} // it holds nothing that could be lost
	t := a.Target(e, provision.NewMemoryState(), progress(a))
	t.Out = a.Err
	if err := emulator.Enable(ctx, e, w.Lab.Capabilities); err != nil {
		p.close()
		return nil, err
	}
	provided, err := t.Provided(ctx, w.Lab)
	if err != nil {
		p.close()
		return nil, app.DeployProblem(err)
	}
	p.deploy = func(ctx context.Context) (map[string]string, error) {
		res, err := t.Submission(ctx, w.Lab, w.Meta.Stack, w.Root, provided)
		if err != nil {
			return nil, err
		}
		return res.Outputs, nil
	}
	if p.outputs, err = p.deploy(ctx); err != nil {
		p.close()
		return nil, app.DeployProblem(err)
	}
	return p, nil
}

// prepareOwn judges in the workspace's emulator: as it is, or emptied first.
func prepareOwn(ctx context.Context, a *app.App, w *app.Work, f checkFlags) (*place, error) {
	p := &place{emulator: w.Emulator, close: func() {}}
	p.deploy = func(ctx context.Context) (map[string]string, error) {
		res, err := w.Deploy(ctx, progress(a))
		if err != nil {
			return nil, err
		}
		return res.Outputs, nil
	}
	if f.raw {
		outputs, err := w.Outputs()
		if err == nil && w.Meta.Deployed == "" {
			err = app.Usagef("nothing is deployed yet").Hint("deploy first: pipelab deploy")
		}
		p.outputs = outputs.All
		return p, err
	}
	anew := func(ctx context.Context) (map[string]string, error) {
		if err := w.Empty(ctx); err != nil {
			return nil, err
		}
		return p.deploy(ctx)
	}
	if !w.Embedded() {
		p.renew = anew
	}
	var err error
	p.outputs, err = anew(ctx)
	return p, err
}

// conclude keeps, prints and turns a result into the exit code.
func conclude(a *app.App, w *app.Work, r *report.Result, f checkFlags, whole bool) error {
	if err := record(a, w, r, whole); err != nil {
		return err
	}
	if err := f.write(a, w, r); err != nil {
		return err
	}
	_, _, final := r.Score()
	switch {
	case !final:
		return app.Silent(app.ExitUntrusted)
	case !r.Passed():
		if !a.JSON {
			if err := words(a, r); err != nil {
				return err
			}
			a.Statusf("more help: pipelab hint")
		}
		return app.Silent(app.ExitFailed)
	case whole && !a.JSON && (f.format == "" || f.output != ""):
		return finish(a, w, r)
	}
	return nil
}

// record remembers a result: as an attempt where all checks were run, in the workspace,
// and which hints its report shows.
func record(a *app.App, w *app.Work, r *report.Result, whole bool) error {
	if whole {
		points, possible, _ := r.Score()
		verdicts := map[string]any{}
		for _, c := range r.Checks {
			verdicts[c.ID] = c.Verdict
		}
		err := a.Progress().Append(workspace.Attempt{Lab: w.Lab.ID, Time: a.Now().UTC(), Seed: r.Seed, Points: points,
			Max: float64(possible), Checks: verdicts, Solved: w.Meta.Solved, Dir: w.Root})
		if err != nil {
			a.Statusf("note: this attempt could not be written down: %v", err)
		}
	}
	if err := app.WriteJudged(w.Workspace, r, whole, a.Now()); err != nil {
		return err
	}
	return remember(w.Workspace, printed(w.Lab.Lab, r))
}

// write writes the report to standard output, or what was asked for to a file
// as well.
func (f checkFlags) write(a *app.App, w *app.Work, r *report.Result) error {
	if f.format != "" {
		o, done, err := a.ReportOptions(f.format)
		if err != nil {
			return err
		}
		defer done()
		var b bytes.Buffer
		if err := report.Write(f.format, &b, report.Single(w.Lab, r, a.Version), o); err != nil {
			return err
		}
		if f.output == "" {
			_, err := a.Out.Write(b.Bytes())
			return err
		}
		if err := os.WriteFile(a.Path(f.output), b.Bytes(), 0o644); err != nil { // a report is for others to read
			return app.Environmentf("the report could not be written: %w", err)
		}
	}
	if a.JSON {
		return report.JSON(a.Out, r)
	}
	return report.Text(a.Out, r, report.RefOf(w.Lab, 0, ""), report.Page{Width: a.Width(), Style: a.Style(a.Out)})
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
	fmt.Fprintf(t.a.Err, "\r\x1b[K  %d of %s: %s %s", t.n, report.Count(t.total, "check"), c.ID, c.Verdict)
}

// interrupted says what Ctrl-C has left; own is whether that was in the lab's own AWS.
func (t *ticker) interrupted(own bool) {
	t.a.Statusf("interrupted after %d of %s: nothing was written down, and your files are as they were", t.n,
		report.Count(t.total, "check"))
	if own {
		t.a.Statusf("what the checks did is still in the lab's AWS; to empty it: pipelab reset")
	}
}

func (t *ticker) clear() {
	if t.terminal && t.n > 0 {
		fmt.Fprint(t.a.Err, "\r\x1b[K")
	}
}
