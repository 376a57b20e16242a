// Package labtest lets a lab prove itself: the starter must not pass, the
// solution must, and each mutant must fail exactly the checks that it names.
// Deploying is given to it; it starts a fresh emulator for every run.
package labtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
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
	Done   func(Run)
	Seeds  []uint64 // two different ones; 1 and 2 when empty
	Places *Places  // for trees at a time, shared with other labs; nil for own ones
	Repeat int      // runs of the solution for each seed; 2 when less
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
	// Unjudged says of a mutant that the emulator cannot judge any of the checks
	// that should catch it.
	Unjudged bool `json:"unjudged,omitempty"`
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
	Runs      []Run   `json:"runs"`
}

// job is one tree to run.
type job struct {
	name   string
	seed   uint64
	mutant *lab.Mutant
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
	for _, s := range o.Lab.Solutions {
		for _, seed := range o.Seeds {
			jobs = append(jobs, job{name: s.Name, seed: seed, tool: s.Tool()})
		}
	}
	for i := range o.Lab.Mutants {
		m := &o.Lab.Mutants[i]
		jobs = append(jobs, job{name: "mutants/" + m.Name, seed: o.Seeds[0], mutant: m})
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
		Expressions: o.expressions, Builds: o.builds, Seed: j.seed, Folder: dir, Done: j.done})
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

// judged is a run without the checks that could not be judged.
func judged(r Run) Run {
	if r.Result == nil {
		return r
	}
	result := *r.Result
	result.Checks = slices.DeleteFunc(slices.Clone(result.Checks), func(c report.Check) bool {
		return c.Verdict == report.Unsupported
	})
	r.Result = &result
	return r
}

// unseen reports whether none of the checks that should catch a mutant is there.
func unseen(m lab.Mutant, r Run) bool {
	return r.Result != nil && len(m.Fails) > 0 && !slices.ContainsFunc(r.Result.Checks, func(c report.Check) bool {
		return slices.Contains(m.Fails, c.ID)
	})
}

func judgeStarter(r Run) (problems []string) {
	if r.Deploy != "" {
		return nil // a starter with gaps may be one that cannot be deployed
	}
	if len(r.Result.Checks) > 0 && r.Result.Passed() {
		problems = append(problems, "every check passes without any work")
	}
	problems = append(problems, unreadable(r.Result)...)
	return append(problems, untrusted(r.Result)...)
}

// machinery is what no learner should have to read: JSON within text, names of
// variables, folders of ours, one thing as many. A backslash after a quote is source.
var machinery = regexp.MustCompile(`[^"']\\n|[^"']\\"|\\u00|\$\{|/pipelab-[a-z]+-\d|` +
	`\b1 (line|item|record|message|resource|check|call|time|row|invocation)s\b`)

// unreadable are the lines of a failing report that are not written for people.
func unreadable(r *report.Result) (problems []string) {
	var text strings.Builder
	_ = report.Text(&text, r, report.Page{Width: 10_000}) // a builder takes everything
	for line := range strings.Lines(text.String()) {
		if machinery.MatchString(line) {
			problems = append(problems, "its report is not written for people: "+strings.TrimSpace(line))
		}
	}
	return problems
}

func judgeSolution(r Run) (problems []string) {
	if r.Skipped != "" {
		return nil
	}
	if r.Deploy != "" {
		return []string{"the solution cannot be deployed: " + r.Deploy}
	}
	for _, c := range r.Result.Checks {
		if c.Verdict != report.Pass {
			problems = append(problems, fmt.Sprintf("%s: %s, not pass: %s", c.ID, c.Verdict, c.Message))
		}
	}
	return problems
}

func untrusted(r *report.Result) (problems []string) {
	for _, c := range r.Checks {
		if c.Verdict == report.Error || c.Verdict == report.Unsupported {
			problems = append(problems, fmt.Sprintf("%s: %s: %s", c.ID, c.Verdict, c.Message))
		}
	}
	return problems
}

func judgeMutant(m lab.Mutant, r Run) (problems []string) {
	if (r.Deploy != "") != (m.Deploy == "fails") {
		return []string{fmt.Sprintf("deploying: expected %q, seen %q", m.Deploy, r.Deploy)}
	}
	if r.Result == nil {
		return nil
	}
	for _, c := range r.Result.Checks {
		named := slices.Contains(m.Fails, c.ID)
		failed := c.Verdict == report.Fail || c.Verdict == report.Partial || c.Verdict == report.Timeout
		switch {
		case named && !failed:
			problems = append(problems, fmt.Sprintf("%s should fail: %s", c.ID, c.Verdict))
		case !named && failed:
			problems = append(problems, fmt.Sprintf("%s fails and is not named: %s", c.ID, c.Message))
		}
	}
	return append(problems, untrusted(r.Result)...)
}

// verdicts are what two runs must have in common: times and calls may vary.
func verdicts(r *report.Result) string {
	var b strings.Builder
	if r != nil {
		for _, c := range r.Checks {
			fmt.Fprintf(&b, "%s=%s/%g ", c.ID, c.Verdict, c.Points)
		}
	}
	return b.String()
}

// Text writes the outcome for people: a line for each tree, and what was found.
func Text(w io.Writer, o *Outcome) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", o.Lab)
	failed := 0
	for _, r := range o.Runs {
		text := summary(r.Result)
		switch {
		case r.Skipped != "":
			text = r.Skipped
		case r.Deploy != "":
			text = "cannot be deployed"
		}
		fmt.Fprintf(&b, "  %-8s %s, seed %d: %s\n", r.State(), r.Name, r.Seed, text)
		for _, p := range r.Problems {
			b.WriteString("           " + p + "\n")
		}
		if len(r.Problems) > 0 {
			failed++
		}
	}
	verdict := "holds"
	if !o.OK {
		verdict = fmt.Sprintf("does not hold: problems in %d of %s", failed, report.Count(len(o.Runs), "tree"))
	}
	fmt.Fprintf(&b, "  %s, flake rate %g\n", verdict, o.FlakeRate)
	_, err := io.WriteString(w, b.String())
	return err
}

// Closing writes what the outcomes of several labs come to, with everything that did
// not hold once more: in a long log it stands where one looks first. It writes
// nothing for a single lab.
func Closing(w io.Writer, outs []*Outcome) error {
	if len(outs) < 2 {
		return nil
	}
	var b strings.Builder
	held := 0
	for _, o := range outs {
		if o.OK {
			held++
		}
		for _, r := range o.Runs {
			for _, p := range r.Problems {
				fmt.Fprintf(&b, "  %s, %s, seed %d: %s\n", o.Lab, r.Name, r.Seed, p)
			}
		}
	}
	_, err := fmt.Fprintf(w, "%d of %s hold\n%s", held, report.Count(len(outs), "lab"), b.String())
	return err
}

// summary says how many checks passed and which did not.
func summary(r *report.Result) string {
	if r == nil {
		return ""
	}
	passed, others := 0, map[report.Verdict][]string{}
	for _, c := range r.Checks {
		if c.Verdict == report.Pass {
			passed++
		} else {
			others[c.Verdict] = append(others[c.Verdict], c.ID)
		}
	}
	text := fmt.Sprintf("%d of %d pass", passed, len(r.Checks))
	for _, v := range slices.Sorted(maps.Keys(others)) {
		text += fmt.Sprintf("; %s: %s", v, strings.Join(others[v], " "))
	}
	return text
}
