package author

import (
	"context"
	"errors"
	"io"
	"os/exec"
	"path"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/deploy"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/labtest"
	"github.com/pipelab/pipelab/internal/provision"
	"github.com/pipelab/pipelab/internal/trial"
)

type testFlags struct {
	all    bool
	repeat int
	seeds  []uint
	upTo   uint // seeds from 1 to this; 0 for those named
	more   int  // seeds for the solution alone
	only   string
	mutate int // with --mutate: how many, 0 for all
	which  string
}

func newTest(a *app.App) *cobra.Command {
	var f testFlags
	c := &cobra.Command{
		Use: "test [LAB…]", Short: "Let labs prove themselves: starter, solution, mutants",
		Long: `Deploys and judges each lab in fresh emulators: the starter must fail and nothing
may end in error, the solution must pass every time with each seed, and every
mutant must fail exactly the checks that it names, with each seed: other data come
in another order, and faults strike other records. Mutants meet every check with the
first seed, and with the others those that they must fail. What checks take a mutant
for must be its own mistake, or none. The solution must also pass with --variants
further seeds, since each learner of a class has data of their own. A lab is an id or
a folder.

With --mutate the solution itself is changed, in one property of the template or
one statement of the Python code at a time, and the checks must notice each change.
--mutate=20 tries twenty, chosen by the first seed. What survives is a gap in the
checks, or is explained in mutants/survivors.yaml of the lab.

With --emulator the lab is tested there, one tree after the other, and what was
deployed is removed after each. Checks that the emulator lacks something for are
left out, and mutants that only they would catch are "unjudged"; the embedded one
judges them all.

Exit code 1 if a lab does not hold.`,
		Example: `  pipelab lab test kinesis-partition-keys
  pipelab lab test ./my-lab --repeat 5
  pipelab lab test ./my-lab --seeds 5
  pipelab lab test ./my-lab --only solution --variants 100
  pipelab lab test ./my-lab --only 'mutants/*'
  pipelab lab test ./my-lab --mutate
  pipelab lab test --all --repeat 20 --json`,
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case f.all && len(args) > 0:
				return app.Usagef("--all and names exclude each other")
			case !f.all && len(args) == 0:
				return app.Usagef("which labs?").Hint("name them, or test all: pipelab lab test --all")
			case f.repeat < 1:
				return app.Usagef("--repeat %d is less than one", f.repeat)
			case f.more < 0:
				return app.Usagef("--variants %d is less than none", f.more)
			case f.mutate < 0:
				return app.Usagef("--mutate %d is less than none", f.mutate)
			case c.Flags().Changed("mutate") && f.only != "":
				return app.Usagef("--mutate and --only exclude each other")
			case f.upTo > 0 && len(f.seeds) > 0:
				return app.Usagef("--seeds and --seed exclude each other")
			case c.Flags().Changed("seeds") && f.upTo < 2:
				return app.Usagef("--seeds %d cannot show that an answer depends on the data",
					f.upTo).Hint("try two or more: --seeds 2")
			case len(f.seeds) == 1 && !c.Flags().Changed("mutate"):
				return app.Usagef("one seed cannot show that an answer depends on the data").Hint("give two: --seed 1 --seed 2")
			}
			for n := range f.upTo {
				f.seeds = append(f.seeds, n+1)
			}
			if f.all {
				var err error
				if args, err = lab.IDs(a.Labs); err != nil {
					return err
				}
			}
			if c.Flags().Changed("mutate") {
				return mutate(c.Context(), a, args, f)
			}
			return test(c.Context(), a, args, f)
		},
	}
	c.Flags().BoolVar(&f.all, "all", false, "every lab of the catalogue")
	c.Flags().IntVar(&f.repeat, "repeat", 2, "how often the solution runs with each seed")
	c.Flags().IntVar(&f.more, "variants", 4, "further seeds that the solution runs with, once each")
	c.Flags().StringVar(&f.only, "only", "", "only trees of this name, such as solution or 'mutants/*'")
	c.Flags().IntVar(&f.mutate, "mutate", 0, "change the solution in so many places, 0 in all, one at a time")
	c.Flags().Lookup("mutate").NoOptDefVal = "0"
	a.EmulatorFlags(c, &f.which, "where to test")
	c.Flags().UintSliceVar(&f.seeds, "seed", nil, "seeds to use (default 1 and 2)")
	c.Flags().UintVar(&f.upTo, "seeds", 0, "so many seeds, from 1 on")
	return c
}

func test(ctx context.Context, a *app.App, names []string, f testFlags) error {
	if a.Getenv("GOGC") == "" { // memory is there, and collecting it takes an eighth of the time
		defer debug.SetGCPercent(debug.SetGCPercent(400))
	}
	if err := a.Reach(ctx, f.which); err != nil {
		return err
	}
	driver, err := a.Driver(f.which)
	if err != nil {
		return err
	}
	deploys := deployments{app: a, states: map[emulator.Emulator]provision.State{}}
	folders := make([]*lab.Folder, len(names))
	for i, name := range names {
		if folders[i], err = a.WholeFolder(name); err != nil {
			return err
		}
	}
	// Labs share the places for trees, so that none waits for another's last one.
	places, outs, printed := labtest.NewPlaces(), make([]*labtest.Outcome, len(folders)), 0
	var mu sync.Mutex // of what is printed, in the order of the names
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(labsAtOnce)
	if f.which != string(emulator.Embedded) {
		group.SetLimit(1)
	}
	for i, l := range folders {
		o := options(a, l, f, driver, &deploys)
		o.Places = places
		compiles(a, l, f.only)
		o.Done = func(r labtest.Run) {
			mu.Lock()
			defer mu.Unlock()
			a.Statusf("  %-8s %s %s, seed %d", r.State(), l.ID, r.Name, r.Seed)
		}
		group.Go(func() error {
			out, err := labtest.Test(ctx, o)
			if errors.Is(err, labtest.ErrNothing) {
				return app.Usagef("--only %s names no tree of %s", f.only,
					l.ID).Hint("trees are starter, solution and mutants/NAME; patterns need quotes: --only 'mutants/*'")
			}
			if err != nil {
				return app.StartProblem(err)
			}
			mu.Lock()
			defer mu.Unlock()
			outs[i] = out
			for ; !a.JSON && printed < len(outs) && outs[printed] != nil; printed++ {
				if err := labtest.Text(a.Out, outs[printed]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	closing := labtest.Closing
	if a.JSON {
		closing = func(io.Writer, []*labtest.Outcome) error { return a.PrintJSON(outs) }
	}
	if err := closing(a.Out, outs); err != nil {
		return err
	}
	if !slices.ContainsFunc(outs, func(o *labtest.Outcome) bool { return !o.OK }) {
		return nil
	}
	return app.Silent(app.ExitFailed)
}

// compiles says that a solution is compiled, which takes minutes where nothing is in Go's
// cache.
func compiles(a *app.App, l *lab.Folder, only string) {
	for _, s := range l.Solutions {
		if match, err := path.Match(only, s.Name); only != "" && (err != nil || !match) {
			continue
		}
		if _, err := exec.LookPath(s.Tool()); s.Tool() == "go" && err == nil {
			a.Statusf("  compiling %s of %s, which takes minutes the first time", s.Name, l.ID)
		}
	}
}

// labsAtOnce is enough that the last trees of one lab run beside the first of
// the next.
const labsAtOnce = 3

// options are what plain tests and mutations have in common.
func options(a *app.App, l *lab.Folder, f testFlags, driver emulator.Driver, deploys *deployments) labtest.Options {
	o := labtest.Options{Lab: l, Driver: driver, Interpreters: a.Interpreters, Clock: a.Wall(), Repeat: f.repeat,
		Variants: f.more, Only: f.only, Deploy: trial.Stacks(deploys.target)}
	if f.which != string(emulator.Embedded) {
		o.Partial, o.Remove = true, deploys.remove
	}
	for _, s := range f.seeds {
		o.Seeds = append(o.Seeds, uint64(s))
	}
	return o
}

// mutate changes the solutions and prints what no check has noticed.
func mutate(ctx context.Context, a *app.App, names []string, f testFlags) error {
	if err := a.Reach(ctx, f.which); err != nil {
		return err
	}
	driver, err := a.Driver(f.which)
	if err != nil {
		return err
	}
	deploys := deployments{app: a, states: map[emulator.Emulator]provision.State{}}
	all, ok := []*labtest.Mutations{}, true
	for _, name := range names {
		l, err := a.WholeFolder(name)
		if err != nil {
			return err
		}
		o, tried := options(a, l, f, driver, &deploys), 0
		sample := labtest.Sample{N: f.mutate}
		if len(o.Seeds) > 0 {
			sample.Seed = o.Seeds[0]
		}
		out, err := labtest.Mutate(ctx, o, sample, func(m labtest.Mutation) {
			tried++
			by := m.By
			if by == "" {
				by = "NOBODY"
			}
			a.Statusf("  %4d %s %s: noticed by %s", tried, l.ID, strings.TrimSuffix(m.String(), ":"), by)
		})
		if err != nil {
			return err
		}
		all, ok = append(all, out), ok && out.OK
		if !a.JSON {
			if err := labtest.MutationText(a.Out, out); err != nil {
				return err
			}
		}
	}
	if a.JSON {
		if err := a.PrintJSON(all); err != nil {
			return err
		}
	}
	if !ok {
		return app.Silent(app.ExitFailed)
	}
	return nil
}

// deployments remember what was deployed where the emulator is not thrown away, so
// that it can be removed again.
type deployments struct {
	app    *app.App
	mu     sync.Mutex
	states map[emulator.Emulator]provision.State // of emulators that have no snapshots
}

func (d *deployments) target(e emulator.Emulator) deploy.Target {
	if slices.Contains(e.Capabilities(), emulator.Snapshots) {
		return d.app.Target(e, nil, nil)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.states[e] == nil {
		d.states[e] = provision.NewMemoryState()
	}
	return d.app.Target(e, d.states[e], nil)
}

func (d *deployments) remove(ctx context.Context, e emulator.Emulator, l *lab.Folder) error {
	return d.target(e).Remove(ctx, l, l.ID)
}
