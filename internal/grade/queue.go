package grade

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pipelab/pipelab/internal/check"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/prefork"
	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/internal/sandbox"
	"github.com/pipelab/pipelab/internal/trial"
)

// RunOptions say how submissions are run.
type RunOptions struct {
	Driver emulator.Driver
	Clock  check.Clock
	Deploy trial.Deploy
	// Interpreters run Python programs; nil starts one for each.
	Interpreters *prefork.Interpreters
	// Confine says what programs of checks may do; nil leaves them unconfined.
	// Functions are confined by Driver, scripts by Deploy.
	Confine *sandbox.Policy
	// Parallel is how many submissions are run at a time. When it is less than one they are
	// trial.AtOnce(), and half as many more beside those that have taken longer than Long
	// already: one that never ends keeps nobody waiting.
	Parallel int
	Long     time.Duration // 15 s when 0
	Deadline time.Duration // of one submission; 5 minutes when 0
	Output   *Output
	Cache    Cache
	// Rerun is what to type to grade again what is open.
	Rerun string
	// Warn hears, once, that Cache cannot be written; may be nil.
	Warn func(text string)
	// Progress hears of each submission as it is done, one at a time; may be nil.
	Progress func(Progress)
}

// Progress is how far a run is.
type Progress struct {
	Done, Total int
	// Ran is how many of Done were run and not taken from an earlier run, and
	// Spent how long all has taken.
	Ran   int
	Spent time.Duration
	// What was done last.
	Learner, Lab, Source string
	Status               report.Status
	Points, Possible     float64
	Kept, Retried        bool
	Problem              string
}

// defaultDeadline bounds one submission.
const defaultDeadline = 5 * time.Minute

// run is a plan at work.
type run struct {
	*Plan
	RunOptions
	expressions *check.Expressions
	builds      *check.Builds
	uncached    sync.Once

	mu      sync.Mutex
	results map[*unit]judged
	done    Progress
	began   time.Time
}

// Run grades what counts and is not known yet, several submissions at a time,
// each result written down at once. It returns ctx's error when that ended; a
// later run with the same output goes on then. Any other error is ours and
// leaves what was written down.
func (p *Plan) Run(ctx context.Context, o RunOptions) (*Outcome, error) {
	if o.Deadline == 0 {
		o.Deadline = defaultDeadline
	}
	r := &run{Plan: p, RunOptions: o, expressions: check.NewExpressions(), builds: check.NewBuilds(o.Clock),
		results: map[*unit]judged{}, began: o.Clock.Now()}
	// Submissions of one key are the same files with the same data: one is run
	// for all of them, so that copies have one result.
	var keys []string
	todo := map[string][]*unit{}
	var opened []*unit
	for _, u := range p.units {
		if u.problem != "" || u.extra || u.aside {
			continue
		}
		if u.open != "" {
			r.done.Total++
			opened = append(opened, u)
			continue
		}
		if todo[u.key] == nil {
			keys = append(keys, u.key)
		}
		todo[u.key] = append(todo[u.key], u)
		r.done.Total++
	}
	for _, u := range opened {
		r.conclude(u, judged{Key: u.key, Problem: u.open}, false)
	}
	defer r.builds.Close()
	group, inner := errgroup.WithContext(ctx)
	places := newPlaces(o)
	for _, key := range keys {
		leave, ok := places.take(inner)
		if !ok {
			break
		}
		group.Go(func() error {
			defer leave()
			return r.together(inner, todo[key])
		})
	}
	err := group.Wait()
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	return r.outcome(), nil
}

// together finds or makes the result of submissions that are the same.
func (r *run) together(ctx context.Context, same []*unit) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j, kept := r.known(same[0])
	if !kept {
		var err error
		if j, err = r.judge(ctx, same[0]); err != nil {
			return err
		}
		if err := r.Output.keep(entry{Judged: &j}); err != nil {
			return err
		}
		if err := r.Cache.put(j); err != nil && r.Warn != nil {
			r.uncached.Do(func() {
				r.Warn(fmt.Sprintf("results cannot be kept in %s for later runs, which costs time and no grade: %v", r.Cache.Dir,
					err))
			})
		}
	}
	for i, u := range same {
		r.conclude(u, j, kept || i > 0)
	}
	return nil
}

// conclude takes note of a submission's result and tells of it.
func (r *run) conclude(u *unit, j judged, kept bool) {
	j.Timing.Learner, j.Timing.Lab, j.Timing.Source, j.Timing.Kept = u.learner.ID, u.lab.ID, u.handed.Source, kept
	g := r.gradeOf(u, j)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.results[u] = j
	r.done.Done++
	if !kept {
		r.done.Ran++
	}
	if r.Progress == nil {
		return
	}
	p := r.done
	p.Spent = r.Clock.Now().Sub(r.began)
	p.Learner, p.Lab, p.Source, p.Status, p.Problem = u.learner.ID, u.lab.ID, u.handed.Source, g.Status, g.Problem
	p.Points, p.Possible, p.Kept, p.Retried = g.Points, g.Possible, kept, j.Retried
	r.Progress(p)
}

// known looks for a result in what an interrupted run has left, then in the
// cache.
func (r *run) known(u *unit) (judged, bool) {
	if j, ok := r.Output.before[u.key]; ok && (j.trusted() || j.Deadline == r.Deadline) {
		return j, true
	}
	j, ok := r.Cache.get(u.key)
	return j, ok
}
