package grading

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/pipelab/pipelab/internal/check"
	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/cli/assignment"
	"github.com/pipelab/pipelab/internal/cli/serve"
	"github.com/pipelab/pipelab/internal/confine"
	"github.com/pipelab/pipelab/internal/deploy"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/embedded"
	"github.com/pipelab/pipelab/internal/grade"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/internal/sandbox"
	"github.com/pipelab/pipelab/internal/trial"
)

// rules are the assignment's, or those of the one lab: 100 points, no dates.
func (g *command) rules() (*grade.Assignment, error) {
	g.labs = map[string]*lab.Folder{}
	a := &grade.Assignment{}
	file := g.assignment
	if file == "" && g.lab == "" {
		if _, err := os.Stat(g.Path(grade.AssignmentFile)); err == nil {
			file = grade.AssignmentFile
		}
	}
	switch {
	case file != "":
		full := g.Path(file)
		h, release, err := assignment.Handout(g.App, full, g.keys, g.older)
		if err != nil {
			return nil, err
		}
		if h != nil {
			defer release()
			a = h.Assignment
			if err := g.unsealed(h); err != nil {
				return nil, err
			}
			break
		}
		if st, err := os.Stat(full); err == nil && st.IsDir() {
			full, file = filepath.Join(full, grade.AssignmentFile), filepath.Join(file, grade.AssignmentFile)
		}
		b, err := os.ReadFile(full)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, app.Usagef("there is no assignment %s", file)
		}
		if err != nil {
			return nil, err
		}
		if a, err = grade.ParseAssignment(file, b); err != nil {
			return nil, app.Invalidf("%w", err)
		}
		for _, l := range a.Labs {
			if g.labs[l.ID], err = g.labBeside(filepath.Dir(full), l.ID); err != nil {
				return nil, err
			}
		}
	case g.lab != "":
		l, err := g.WholeFolder(g.lab)
		if err != nil {
			return nil, err
		}
		g.labs[l.ID] = l
		a.ID, a.Title, a.Labs = l.ID, l.Title, []grade.AssignmentLab{{ID: l.ID, Points: 100}}
	default:
		a.ID, a.Title = "labs", "Labs"
	}
	if g.chosen {
		a.Seed = g.seed
	} else if file != "" {
		g.chosen = true // the assignment has chosen
	}
	a.Variants = a.Variants || g.variants
	return a, g.extend(a)
}

// extend adds what was granted after the assignment was written or packed.
func (g *command) extend(a *grade.Assignment) error {
	if g.extensions == "" {
		return nil
	}
	b, err := os.ReadFile(g.Path(g.extensions))
	if err != nil {
		return app.Usagef("the extensions cannot be read: %w", err)
	}
	if err := a.Extend(g.extensions, b); err != nil {
		return app.Invalidf("%w", err)
	}
	return nil
}

// unsealed opens the labs of a handout with their hidden checks, in memory.
func (g *command) unsealed(h *grade.Handout) error {
	for _, l := range h.Assignment.Labs {
		f, err := lab.Open(h.Labs, l.ID, check.NewExpressions().Check)
		if err != nil {
			return app.Invalidf("the lab %s of the handout has problems:\n%w", l.ID, err)
		}
		g.labs[l.ID] = f
	}
	return nil
}

// labBeside opens a lab that came with an assignment, or one of the catalogue.
func (g *command) labBeside(dir, id string) (*lab.Folder, error) {
	for _, place := range []string{filepath.Join(dir, id), filepath.Join(dir, "labs", id)} {
		if _, ok := g.LabDir(place); ok {
			return g.WholeFolder(place)
		}
	}
	return g.WholeFolder(id)
}

// openLab opens a lab by its id; one that a submission names must be of the
// catalogue.
func (g *command) openLab(id string) (*lab.Folder, error) {
	if l, ok := g.labs[id]; ok {
		return l, nil
	}
	ids, err := lab.IDs(g.Labs)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(ids, id) {
		return nil, fmt.Errorf("the catalogue has no such lab")
	}
	return g.WholeFolder(id)
}

// given are the labs that are known to be graded.
func (g *command) given() (out []*lab.Folder) {
	for _, l := range g.labs {
		out = append(out, l)
	}
	return out
}

func (g *command) people() (*grade.Roster, error) {
	if g.roster == "" {
		return g.exported()
	}
	b, err := os.ReadFile(g.Path(g.roster))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, app.Usagef("there is no roster %s", g.roster)
	}
	if err != nil {
		return nil, err
	}
	r, err := grade.ParseRoster(g.roster, b)
	if err != nil {
		return nil, app.Invalidf("%w", err)
	}
	if len(r.Ignored) > 0 && g.dryRun {
		g.Statusf("note: columns of the roster that mean nothing here: %s", strings.Join(r.Ignored, ", "))
	}
	return r, nil
}

// build tells this program from others of the same version: two builds of one
// version may judge differently.
func (g *command) build() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	f, err := os.Open(self)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// confine is what learners' programs may do, and its name.
func (g *command) confine(ctx context.Context) (*sandbox.Policy, string, error) {
	switch confine.Mode(g.sandbox) {
	case confine.None:
		return nil, g.sandbox, nil
	case confine.Landlock:
		p, err := g.landlock(ctx)
		if errors.Is(err, confine.ErrUnavailable) {
			return nil, "",
				app.Environmentf("%s",
					err).Hint("use containers: --sandbox container; or let programs have your rights: --sandbox none")
		}
		return p, g.sandbox, err
	case confine.Container:
		p, err := g.container(ctx)
		return p, g.sandbox, err
	case "":
	default:
		return nil, "", app.Usagef("there is no sandbox %q", g.sandbox).Hint("choose landlock, container or none")
	}
	mode, why := confine.Available()
	if mode == confine.Landlock {
		p, err := g.landlock(ctx)
		return p, string(mode), err
	}
	p, err := g.container(ctx)
	if err == nil {
		return p, string(confine.Container), nil
	}
	if !g.dryRun {
		g.Statusf("note: learners' programs have your rights on this machine: %s; %s", why, err)
	}
	return nil, string(confine.None), nil
}

// landlock is the policy of the kernel's cages, with control groups where this machine
// has them for us; doctor says why it has not.
func (g *command) landlock(ctx context.Context) (*sandbox.Policy, error) {
	p, err := confine.New(ctx)
	if err != nil || g.dryRun {
		return p, err
	}
	if folder, err := confine.Groups(); err == nil {
		p.Groups = folder
	}
	return p, nil
}

// caged is the policy for programs of this machine that read what learners hand
// in: a container need not have them.
func caged(policy *sandbox.Policy, mode string) *sandbox.Policy {
	if mode != string(confine.Landlock) {
		return nil
	}
	return policy
}

// container is the policy that has learners' programs run in containers.
func (g *command) container(ctx context.Context) (*sandbox.Policy, error) {
	p, err := confine.NewContainer(ctx, g.image())
	switch {
	case errors.Is(err, confine.ErrNoImage):
		return nil,
			app.Environmentf("%s",
				err).Hint(`build it: printf 'FROM python:3-slim\nRUN pip install boto3\n' | docker build -t pipelab/sandbox - ; ` +
				`or name another in ` + sandboxImage)
	case errors.Is(err, confine.ErrUnavailable):
		return nil, app.Environmentf("%s", err).Hint("pipelab doctor tells what this machine can do")
	}
	return p, err
}

// image is that of containers.
func (g *command) image() string {
	if image := g.Getenv(sandboxImage); image != "" {
		return image
	}
	return "pipelab/sandbox"
}

// sandboxImage names the image of --sandbox container.
const sandboxImage = "PIPELAB_SANDBOX_IMAGE"

// grade runs the plan.
func (g *command) grade(ctx context.Context, o grade.PlanOptions, policy *sandbox.Policy,
	before *report.Gradebook) (err error) {
	out, err := g.openOutput()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if !g.chosen {
		if o.Assignment.Seed, err = out.Seed(draw); err != nil {
			return err
		}
	}
	o.Work = out.Work()
	p, err := g.plan(ctx, o)
	if err != nil {
		return err
	}
	if err := g.fits(len(p.Learners())); err != nil {
		return err
	}
	if _, err := g.tryFill(p); err != nil {
		return err
	}
	if err := g.Tools(ctx, p.Needs()); err != nil {
		return err
	}
	for _, source := range p.Mapping().Unknown() {
		g.Statusf("note: %s matches nobody of the roster and counts nowhere; to say whose it is, call it ID.zip", source)
	}
	if n := out.Left(); n > 0 {
		g.Statusf("going on: an interrupted run has left %s", report.Count(n, "result"))
	}
	if g.Getenv("GOGC") == "" { // memory is there, and collecting it takes an eighth of the time
		defer debug.SetGCPercent(debug.SetGCPercent(400))
	}
	t := newTicker(g.App)
	emulators, err := g.emulators(policy)
	if err != nil {
		return err
	}
	defer func() {
		emulators.Close()
		if policy != nil {
			confine.LeaveGroups(policy.Groups)
		}
	}()
	run := grade.RunOptions{
		Driver:       emulators,
		Deploy:       trial.Stacks(func(e emulator.Emulator) deploy.Target { return g.target(e, policy) }),
		Interpreters: g.Interpreters, Confine: policy, Clock: g.Wall(), Parallel: g.jobs, Deadline: g.deadline,
		Output: out, Rerun: g.rerun, Progress: t.done,
		Warn: func(text string) { g.Statusf("warning: %s", text) },
	}
	if !g.noCache {
		run.Cache = g.cache()
	}
	outcome, err := p.Run(ctx, run)
	t.clear()
	if ctx.Err() != nil {
		if t.last.Total == 0 {
			g.Statusf("interrupted before the first submission was graded")
		} else {
			g.Statusf("interrupted after %d of %s; their results are kept", t.last.Done,
				report.Count(t.last.Total, "submission"))
		}
		g.Statusf("go on: %s", g.rerun)
		return context.Canceled
	}
	if err != nil {
		return app.Environmentf("grading stopped: %w", err).Hint("what was graded is kept; go on: " + g.rerun)
	}
	if err := keep(out, outcome); err != nil {
		return err
	}
	g.Statusf("%s graded, %d of them known from before; %s", report.Count(outcome.Ran+outcome.Kept, "submission"),
		outcome.Kept, filepath.Join(g.out, grade.GradebookFile))
	for _, gr := range outcome.Book.Grades {
		switch {
		case gr.Status == report.Rejected:
			g.Statusf("rejected: %s: %s", gr.Submission.Source, gr.Problem)
		case gr.Deploy != "":
			g.Statusf("not deployed: %s: %s", gr.Submission.Source, gr.Deploy)
		}
	}
	return g.conclude(out, outcome, before, len(o.Found) == 1 && o.Roster == nil)
}

// emulators run in processes of their own: whatever a submission does to one,
// the others are graded.
func (g *command) emulators(policy *sandbox.Policy) (*embedded.Apart, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	o := embedded.ApartOptions{Command: []string{self, "emulator", serve.ApartCommand}, Environ: g.Environ,
		MaxBytes: g.maxStored << 20, Confine: policy, Interpreters: g.Interpreters}
	// There are more of them than processors: with one each they do not look for work
	// on the others, which took a tenth of what all took.
	for _, v := range []string{"GOGC=400", "GOMAXPROCS=1"} {
		if name, _, _ := strings.Cut(v, "="); g.Getenv(name) == "" {
			o.Environ = append(slices.Clone(o.Environ), v)
		}
	}
	if g.mode == string(confine.Container) {
		o.Image = g.image()
	}
	return embedded.NewApart(o), nil
}

// draw is a seed that nobody knows beforehand, short enough to type.
func draw() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint64(b[:]) % 1_000_000_000
}

// target deploys with nothing of the grader's own environment.
func (g *command) target(e emulator.Emulator, policy *sandbox.Policy) deploy.Target {
	t := g.Target(e, nil, nil)
	t.Environ = slices.DeleteFunc(slices.Clone(t.Environ), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return name != "PATH" && name != "LANG" && !strings.HasPrefix(name, "LC_")
	})
	t.Confine = policy
	return t
}

func jsonOf(v any) func(io.Writer) error {
	return func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(v)
	}
}

func writes(b []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	}
}

// cache is what is kept of results. Where those of an earlier rule cannot be dropped
// nothing is: a wrong grade is worse than a slow one.
func (g *command) cache() grade.Cache {
	dir := g.CacheDir()
	if dir == "" {
		g.Statusf("note: HOME is not set, so no results are kept for the next time; name a folder in PIPELAB_CACHE")
		return grade.Cache{}
	}
	c := grade.Cache{Dir: filepath.Join(dir, "grades")}
	dropped, err := c.Renew()
	if dropped > 0 {
		g.Statusf("dropped %s of earlier releases, which could take one submission for another; "+
			"what they were of is graded again", report.Count(dropped, "result"))
	}
	if err != nil {
		g.Statusf("warning: no results are kept, which costs time and no grade: %v", err)
		return grade.Cache{}
	}
	return c
}
