// Package labtest lets a lab prove itself: the starter must not pass, the
// solution must, and each mutant must fail exactly the checks that it names, and be
// taken for the mistake that it is or for none.
// Deploying is given to it; it starts a fresh emulator for every run.
package labtest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/pipelab/pipelab/internal/check"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/prefork"
	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/internal/tempdir"
	"github.com/pipelab/pipelab/internal/trial"
)

// Options say how.
type Options struct {
	Lab    *lab.Folder
	Driver emulator.Driver
	Clock  check.Clock
	// expressions are compiled once for all trees.
	expressions *check.Expressions
	// builds are compiled once for all trees that are the same.
	builds *check.Builds
	// Interpreters run Python programs; nil starts one for each.
	Interpreters *prefork.Interpreters
	// Deploy provisions the lab and deploys a tree.
	Deploy trial.Deploy
	// Remove takes away what Deploy made, for emulators that are not thrown away
	// after use; trees then run one at a time. Nil where they are.
	Remove trial.Remove
	// Partial leaves out the checks that the emulator lacks something for: the
	// lab is proven as far as it can be there. Without it they are problems.
	Partial bool
	// Done is called with each tree as it is judged; may be nil.
	Done func(Run)
	// Seeds are two or more different ones; 1 and 2 when empty. With the first, mutants
	// meet every check; with each other one, those that they must fail: other data come in
	// another order, and faults strike other records.
	Seeds []uint64
	// Variants is how many more seeds the solution is judged with, once each, as learners
	// have data of their own: those that follow the greatest of Seeds. With Only it counts
	// where solution matches.
	Variants int
	Places   *Places // for trees at a time, shared with other labs; nil for own ones
	Repeat   int     // runs of the solution for each seed; 2 when less
	// Only limits the trees to those whose name matches (path.Match): one look
	// at a mutant that is being written. Empty runs all.
	Only string
}

// Places are where trees run: so many at a time.
type Places struct{ free *semaphore.Weighted }

// NewPlaces returns as many places as do this machine good.
func NewPlaces() *Places { return places(trial.AtOnce()) }

func places(n int) *Places { return &Places{semaphore.NewWeighted(int64(n))} }

// do calls f when there is a place.
func (p *Places) do(ctx context.Context, f func() error) error {
	if err := p.free.Acquire(ctx, 1); err != nil {
		return err
	}
	defer p.free.Release(1)
	return f()
}

// ErrNothing is returned when no tree has a name that matches Only.
var ErrNothing = errors.New("no tree has such a name")

// Run is one tree under test.
type Run struct {
	Name     string         `json:"name"` // starter, solution, solution-<language> or mutants/<name>
	Seed     uint64         `json:"seed"`
	Skipped  string         `json:"skipped,omitempty"` // why it was not run
	Deploy   string         `json:"deploy,omitempty"`  // why it could not be deployed
	Result   *report.Result `json:"result,omitempty"`
	Problems []string       `json:"problems,omitempty"`
	// Diagnosis is what the checks took a mutant for; empty for other trees, and where
	// it could not be judged.
	Diagnosis Diagnosis `json:"diagnosis,omitempty"`
	// Unjudged says of a mutant that the emulator cannot judge any of the checks
	// that should catch it.
	Unjudged bool `json:"unjudged,omitempty"`

	mutant *lab.Mutant
	missed bool // it does not fail as it should
}

// State is one word for how a tree did: ok, PROBLEM, skipped, or unjudged.
func (r *Run) State() string {
	switch {
	case len(r.Problems) > 0:
		return "PROBLEM"
	case r.Skipped != "":
		return "skipped"
	case r.Unjudged:
		return "unjudged"
	}
	return "ok"
}

// Outcome is what was found. The lab is finished when OK.
type Outcome struct {
	Lab string `json:"lab"`
	OK  bool   `json:"ok"`
	// FlakeRate is the share of repeated solution runs whose verdicts differ
	// from the first with the same seed.
	FlakeRate float64 `json:"flakeRate"`
	// Mutants counts how the mutants came out over all seeds.
	Mutants Tally `json:"mutants"`
	Runs    []Run `json:"runs"`
}

// job is one tree to run.
type job struct {
	name   string
	seed   uint64
	mutant *lab.Mutant
	only   []string           // checks; all when empty
	repeat int                // 0 for the first run of the solution with a seed
	tool   string             // that must be on the machine
	change *Mutation          // laid over the tree; may be nil
	done   func(report.Check) // called with each check; may be nil
}

func (o *Options) jobs() []job {
	jobs := []job{{name: "starter", seed: o.Seeds[0]}}
	for _, seed := range o.Seeds {
		repeat := max(o.Repeat, 2)
		if o.Only != "" {
			repeat = max(o.Repeat, 1)
		}
		for i := range repeat {
			jobs = append(jobs, job{name: "solution", seed: seed, repeat: i})
		}
	}
	for n := range o.Variants {
		jobs = append(jobs, job{name: "solution", seed: slices.Max(o.Seeds) + uint64(n) + 1})
	}
	for _, s := range o.Lab.Solutions {
		for _, seed := range o.Seeds {
			jobs = append(jobs, job{name: s.Name, seed: seed, tool: s.Tool()})
		}
	}
	for i := range o.Lab.Mutants {
		m := &o.Lab.Mutants[i]
		for n, seed := range o.Seeds {
			j := job{name: "mutants/" + m.Name, seed: seed, mutant: m}
			if n > 0 {
				j.only = m.Fails
			}
			if n == 0 || len(m.Fails) > 0 {
				jobs = append(jobs, j)
			}
		}
	}
	if o.Only == "" {
		return jobs
	}
	return slices.DeleteFunc(jobs, func(j job) bool {
		match, err := path.Match(o.Only, j.name)
		return err != nil || !match
	})
}

func (o *Options) places() *Places {
	switch {
	case o.Remove != nil:
		return places(1)
	case o.Places == nil:
		return NewPlaces()
	}
	return o.Places
}

// Test runs everything, several trees at a time. The error means that testing
// itself broke down.
func Test(ctx context.Context, o Options) (*Outcome, error) {
	if len(o.Seeds) == 0 {
		o.Seeds = []uint64{1, 2}
	}
	o.expressions, o.builds = check.NewExpressions(), check.NewBuilds(o.Clock)
	defer o.builds.Close()
	jobs := o.jobs()
	if len(jobs) == 0 {
		return nil, fmt.Errorf("%w: %s", ErrNothing, o.Only)
	}
	out := &Outcome{Lab: o.Lab.ID, Runs: make([]Run, len(jobs))}
	var mu sync.Mutex // Done is called by one at a time
	group, ctx := errgroup.WithContext(ctx)
	places := o.places()
	for i, j := range jobs {
		group.Go(func() error {
			var r Run
			err := places.do(ctx, func() (err error) {
				r, err = o.tree(ctx, j)
				return err
			})
			if err != nil {
				return err
			}
			seen := r
			if o.Partial {
				seen = judged(r)
			}
			switch {
			case j.mutant != nil:
				r.Problems, r.Unjudged = judgeMutant(*j.mutant, seen), unseen(*j.mutant, seen)
				r.mutant, r.missed = j.mutant, len(r.Problems) > 0
				var wrong []string
				r.Diagnosis, wrong = diagnose(*j.mutant, seen)
				r.Problems = append(r.Problems, wrong...)
			case j.name == "starter":
				r.Problems = judgeStarter(seen)
			default:
				r.Problems = judgeSolution(seen)
			}
			out.Runs[i] = r
			if o.Done != nil {
				mu.Lock()
				defer mu.Unlock()
				o.Done(r)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	out.conclude(jobs)
	return out, nil
}

// conclude compares the repeated runs and sums up.
func (out *Outcome) conclude(jobs []job) {
	repeated, different, first := 0, 0, ""
	for i := range jobs {
		if jobs[i].name != "solution" {
			continue
		}
		r := &out.Runs[i]
		if v := verdicts(r.Result); jobs[i].repeat == 0 {
			first = v
		} else if repeated++; v != first {
			different++
			r.Problems = append(r.Problems, "the verdicts differ from the first run with this seed")
		}
	}
	if repeated > 0 {
		out.FlakeRate = float64(different) / float64(repeated)
	}
	out.Mutants = tally(out.Runs)
	out.OK = true
	for _, r := range out.Runs {
		out.OK = out.OK && len(r.Problems) == 0
	}
}

// tree lays out one workspace, deploys it in a fresh emulator and judges it.
func (o *Options) tree(ctx context.Context, j job) (run Run, err error) {
	run = Run{Name: j.name, Seed: j.seed}
	if _, err := exec.LookPath(j.tool); j.tool != "" && err != nil {
		run.Skipped = j.tool + " is not on this machine; install it to test this solution"
		return run, nil
	}
	tmp, err := tempdir.New("labtest")
	if err != nil {
		return run, err
	}
	defer tmp.Remove()
	dir := tmp.Path()
	if err := layOut(o.Lab, dir, j.name, j.mutant); err != nil {
		return run, fmt.Errorf("%s: %w", j.name, err)
	}
	if c := j.change; c != nil {
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(c.File)), []byte(c.source),
			0o755); err != nil {
			return run, err
		}
	}
	out, err := trial.Run(ctx, trial.Options{Lab: o.Lab, Driver: o.Driver, Clock: o.Clock, Deploy: o.Deploy,
		Remove: o.Remove, Interpreters: o.Interpreters,
		Expressions: o.expressions, Builds: o.builds, Seed: j.seed, Only: j.only, Folder: dir,
		Done: j.done})
	if out.Deploy != nil {
		run.Deploy = out.Deploy.Error()
	}
	run.Result = out.Result
	return run, err
}

// layOut copies starter or solution, and makes a mutant of the solution.
func layOut(l *lab.Folder, dir, name string, m *lab.Mutant) error {
	if m == nil {
		return copyTree(l.FS, name, dir)
	}
	if err := copyTree(l.FS, "solution", dir); err != nil {
		return err
	}
	return l.MakeWrong(m.Name, dir)
}

func copyTree(fsys fs.FS, from, to string) error {
	return fs.WalkDir(fsys, from, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		// A Go module file is stored as go.mod.txt, since embedding drops
		// folders that hold a go.mod.
		rel := strings.TrimPrefix(strings.TrimPrefix(p, from), "/")
		if path.Base(rel) == "go.mod.txt" {
			rel = strings.TrimSuffix(rel, ".txt")
		}
		target := filepath.Join(to, filepath.FromSlash(rel))
		if d.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		b, err := fs.ReadFile(fsys, p)
		if err != nil {
			return err
		}
		return os.WriteFile(target, b, 0o755) // scripts must stay executable; embedding drops the mode
	})
}
