// Package grading holds the commands of those who grade: one submission in CI,
// a class on a laptop.
package grading

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/cli/assignment"
	"github.com/pipelab/pipelab/internal/cli/reports"
	"github.com/pipelab/pipelab/internal/grade"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/internal/tempdir"
	"github.com/pipelab/pipelab/internal/trial"
)

// Commands returns the commands of this package.
func Commands(a *app.App) []*cobra.Command { return []*cobra.Command{newGrade(a)} }

type gradeFlags struct {
	lab, assignment, roster, out, ref, baseline, sandbox, keys string
	extensions, times, fill, filled                            string
	filling                                                    report.FillOptions
	formats                                                    []string
	jobs                                                       int
	deadline                                                   time.Duration
	maxStored                                                  int64 // MiB
	seed                                                       uint64
	variants, noCache, dryRun, acceptDrops, ci, hidden, older  bool
	trustClaims                                                bool
}

// command is one run of grade.
type command struct {
	*app.App
	gradeFlags
	paths   []string
	rerun   string // the command line, to type again
	chosen  bool   // --seed was given
	place   place  // where it runs, for --ci
	labs    map[string]*lab.Folder
	formats []output
	mode    string // of the sandbox
	export  []byte // what --fill names
	forFill string // a flag that was given and means nothing without --fill
}

func newGrade(a *app.App) *cobra.Command {
	var f gradeFlags
	var ofFill []string
	c := &cobra.Command{
		Use: "grade PATH…", Short: "Grade submissions: one, or a class", GroupID: "grading",
		Long: `Judges submissions, each in a fresh emulated AWS of its own, and writes a
gradebook. A PATH is a submission or a folder of them: folders, zip and tar.gz
files, git repositories, and what Canvas, Moodle, Gradescope and GitHub Classroom
let teachers download. A roster says whose they are; several attempts of one
learner are kept apart.

Results are written down as they come. Cut short, by Ctrl-C or a power cut, the
same command goes on where it was. Submissions that have not changed since they
were graded are not run again.

Learners' programs are confined: by the kernel where that can (Linux 6.12), with
--sandbox container each in a container without a network, of the image that
PIPELAB_SANDBOX_IMAGE names (pipelab/sandbox), which is slower; --sandbox none
lets them have your rights.

Whether something is late is judged by the platform's record, where names or files of
the download hold one (Gradescope, Blackboard; that Canvas does not mark it LATE);
else by the time of the file, unless most of the class's files have nearly the same
one, which is when they were downloaded; else by what its manifest or commit says,
which a learner can change, and which is marked so. Where they differ, both are shown.

What we fail to judge is nobody's grade: it stays open, is tried twice, and the
same command tries it again.

Exit codes: 0 graded; 1 with --baseline, when somebody has fewer points, and with
one submission or --ci, when a check did not pass; 4 the submission is none; 5
something could not be judged; 130 interrupted; 2 and 3 as for every command
(pipelab help exit-codes).`,
		Example: `  pipelab grade .                                   one workspace
  pipelab grade class/ --lab s3-upload-function --roster roster.csv
  pipelab grade downloads/ --assignment week3 --roster roster.csv --dry-run
  pipelab grade class/ --format csv=grades.csv --format junit
  pipelab grade class/ --baseline old/gradebook.json
  pipelab grade --ci --lab s3-upload-function`,
		RunE: func(c *cobra.Command, args []string) error {
			g := &command{App: a, gradeFlags: f, paths: args, chosen: c.Flags().Changed("seed"), rerun: commandLine(c, args)}
			for _, name := range append(ofFill, "write") {
				if c.Flags().Changed(name) {
					g.forFill = name
				}
			}
			return g.run(c.Context())
		},
	}
	fs := c.Flags()
	fs.StringVar(&f.lab, "lab", "", "the lab that is graded: an id or a folder (default: what submissions say)")
	fs.StringVar(&f.assignment, "assignment", "",
		"assignment.yaml, the folder that holds it, or a packed assignment (default: the current folder's, if any)")
	assignment.KeysFlag(c, &f.keys)
	fs.StringVar(&f.extensions, "extensions", "",
		"YAML file with extensions granted since, as in assignment.yaml")
	fs.BoolVar(&f.older, "older", false, "also a packed assignment that is older than another that was used here")
	fs.BoolVar(&f.hidden, "show-hidden", false, "show what hidden checks are about: for you alone")
	fs.StringVar(&f.roster, "roster", "", "CSV file of the class, with columns such as id, name, email, github, canvas")
	fs.StringVarP(&f.out, "output", "o", "grades", "folder that results are written to")
	fs.StringVar(&f.ref, "ref", "", "what is graded of git repositories: a branch, tag or commit (default HEAD)")
	fs.StringArrayVar(&f.formats, "format", nil,
		"also write this format, as NAME or NAME=FILE, or a file for each learner as NAME=FOLDER/; - is standard output; "+
			"repeatable")
	fs.IntVarP(&f.jobs, "jobs", "j", 0, "submissions at a time (default: three for two processors)")
	fs.DurationVar(&f.deadline, "deadline", 5*time.Minute, "what one submission may take")
	fs.Uint64Var(&f.seed, "seed", 0,
		"what data are made from (default: the assignment's, or drawn once for the output folder)")
	fs.BoolVar(&f.trustClaims, "trust-manifest-time", false,
		"believe manifests (and commits) on when something was handed in, rather than the time of its file")
	fs.BoolVar(&f.variants, "variants", false, "data of their own for each learner, derived from the seed and their id")
	fs.BoolVar(&f.noCache, "no-cache", false, "run everything, also what has not changed")
	fs.StringVar(&f.baseline, "baseline", "", "gradebook.json of another run: say whose score changed, and why")
	fs.BoolVar(&f.acceptDrops, "accept-drops", false, "exit code 0 although scores are lower than in the baseline")
	fs.BoolVar(&f.dryRun, "dry-run", false, "show which submission is whose, and grade nothing")
	fs.StringVar(&f.sandbox, "sandbox", "",
		"what confines learners' programs: landlock, container, none (default: the first that there is)")
	fs.Int64Var(&f.maxStored, "max-stored", trial.StoredBytes>>20,
		"MiB that one submission may store in the emulated AWS; its checks fail with more")
	fs.BoolVar(&f.ci, "ci", false,
		"find out where this runs (GitHub Actions, GitLab, Gradescope) and write what that wants")
	fs.StringVar(&f.times, "times", "",
		"CSV file that says when a platform took what (default: the worksheet that --fill names, if it is Moodle's)")
	fs.StringVar(&f.fill, "fill", "", "put the grades into this export of Canvas or Moodle, as pipelab fill does")
	fs.StringVar(&f.filled, "write", "", "write the filled export into this file (default: only show what would change)")
	ofFill = reports.FillFlags(fs, &f.filling, "fill-lab")
	complete(a, c)
	return c
}

func complete(a *app.App, c *cobra.Command) {
	fixed := func(list func() []string) cobra.CompletionFunc {
		return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return list(), cobra.ShellCompDirectiveNoFileComp
		}
	}
	for name, list := range map[string]func() []string{
		"lab":     func() []string { ids, _ := lab.IDs(a.Labs); return ids }, // no completion is the worst that can happen
		"format":  report.Names,
		"sandbox": func() []string { return []string{"landlock", "container", "none"} },
	} {
		_ = c.RegisterFlagCompletionFunc(name, fixed(list)) // the flag exists
	}
	_ = c.RegisterFlagCompletionFunc("assignment", // as above
		func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			if list := assignment.Near(a); len(list) > 0 {
				return list, cobra.ShellCompDirectiveNoFileComp
			}
			return []string{"yaml", "yml", "zip"}, cobra.ShellCompDirectiveFilterFileExt
		})
}

// commandLine is what was typed, for a person to type again.
func commandLine(c *cobra.Command, args []string) string {
	parts := []string{"pipelab grade"}
	for _, arg := range args {
		parts = append(parts, quote(arg))
	}
	c.Flags().Visit(func(f *pflag.Flag) {
		if f.Name == "json" || f.Name == "dry-run" {
			return
		}
		switch v := f.Value.(type) {
		case pflag.SliceValue:
			for _, s := range v.GetSlice() {
				parts = append(parts, "--"+f.Name, quote(s))
			}
		default:
			if f.Value.Type() == "bool" {
				parts = append(parts, "--"+f.Name)
			} else {
				parts = append(parts, "--"+f.Name, quote(f.Value.String()))
			}
		}
	})
	return strings.Join(parts, " ")
}

// quote makes a word of a shell's command line.
func quote(s string) string {
	safe := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./=:@,+", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !safe(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func (g *command) run(ctx context.Context) error {
	if err := g.check(); err != nil {
		return err
	}
	assignment, err := g.rules()
	if err != nil {
		return err
	}
	roster, err := g.people()
	if err != nil {
		return err
	}
	times, err := g.dates()
	if err != nil {
		return err
	}
	var before *report.Gradebook
	if g.baseline != "" {
		if before, err = grade.ReadGradebook(g.Path(g.baseline)); err != nil {
			return app.Usagef("the baseline cannot be read: %w", err)
		}
	}
	work, err := tempdir.New("grade")
	if err != nil {
		return err
	}
	defer work.Remove()
	found, err := grade.Find(ctx, grade.FindOptions{Dir: g.Dir, Paths: g.paths, Ref: g.ref, Labs: g.given(),
		Skip: []string{g.Path(g.out)}, Zone: g.Now().Location(), Unpack: work.Path()})
	if bad := (*grade.BadDownloadError)(nil); errors.As(err, &bad) {
		return app.Invalidf("%w", err).Hint("download it again, or unpack it yourself and name the folder")
	}
	if err != nil {
		return app.Usagef("%w", err)
	}
	if len(found) == 0 {
		return app.Usagef("there is no submission in %s", strings.Join(g.paths, ", "))
	}
	if g.place.claim != nil && len(found) == 1 {
		g.place.claim(&found[0])
	}
	build, err := g.build()
	if err != nil {
		return err
	}
	if g.maxStored != trial.StoredBytes>>20 { // which results depend on, as on the program
		build += fmt.Sprintf(" with %d MiB", g.maxStored)
	}
	policy, mode, err := g.confine(ctx)
	if err != nil {
		return err
	}
	g.mode = mode
	o := grade.PlanOptions{Assignment: *assignment, Lab: g.openLab, Roster: roster, Found: found, Tool: g.Version,
		Build: build, Emulator: "embedded", Sandbox: mode, Confine: caged(policy, mode),
		TrustClaims: g.trustClaims, Times: times}
	if g.dryRun {
		return g.show(ctx, o)
	}
	return g.grade(ctx, o, policy, before)
}

// check looks at what can be wrong with the command line alone.
func (g *command) check() error {
	if g.ci {
		g.place = whereabouts(g.Getenv, autograder)
		if len(g.paths) == 0 {
			g.paths = []string{g.place.path}
		}
		g.gradeFlags.formats = append(g.place.formats, g.gradeFlags.formats...)
	}
	switch {
	case len(g.paths) == 0:
		return app.Usagef("grade what?").Hint("name a submission or a folder of them: pipelab grade class/").Hint(
			"the workspace that you are in: pipelab grade .")
	case g.lab != "" && g.assignment != "":
		return app.Usagef("--lab and --assignment exclude each other")
	case g.jobs < 0:
		return app.Usagef("--jobs %d is less than one", g.jobs)
	case g.maxStored < 1:
		return app.Usagef("--max-stored %d is less than one MiB", g.maxStored)
	case g.deadline <= 0:
		return app.Usagef("--deadline %s is no time", g.deadline)
	case g.acceptDrops && g.baseline == "":
		return app.Usagef("--accept-drops needs --baseline")
	case g.forFill != "" && g.fill == "":
		return app.Usagef("--%s needs --fill", g.forFill)
	}
	var err error
	if g.formats, err = outputs(g.gradeFlags.formats); err != nil {
		return err
	}
	if err := g.readExport(); err != nil {
		return err
	}
	return g.destinations()
}

// show is --dry-run.
func (g *command) show(ctx context.Context, o grade.PlanOptions) error {
	work, err := tempdir.New("grade")
	if err != nil {
		return err
	}
	defer work.Remove()
	o.Work = work.Path()
	if g.chosen {
		o.Assignment.Seed = g.seed
	}
	p, err := g.plan(ctx, o)
	if err != nil {
		return err
	}
	fits, err := g.tryFill(p)
	if err != nil {
		return err
	}
	m := p.Mapping()
	if g.JSON {
		return g.PrintJSON(struct {
			grade.Mapping
			Fill *report.Filled `json:"fill,omitempty"`
		}{m, fits})
	}
	if err := m.Text(g.Out); err != nil {
		return err
	}
	if fits != nil {
		fmt.Fprintf(g.Out, "\n%s, ", g.fill)
		if err := fits.Mismatches(g.Out); err != nil {
			return err
		}
	}
	g.Statusf("%s for %s, %s without one; nothing was graded", report.Count(len(m.Submissions), "submission"),
		strings.Join(p.Labs(), ", "), report.Count(len(m.Missing), "learner"))
	return nil
}

// plan opens everything, and words what can go wrong.
func (g *command) plan(ctx context.Context, o grade.PlanOptions) (*grade.Plan, error) {
	p, err := grade.NewPlan(ctx, o)
	if grade.IsNoLab(err) {
		return nil,
			app.Usagef("nothing says which lab is graded").Hint("name it: --lab ID, or --assignment FILE").Hint(
				"see the labs: pipelab list")
	}
	if bad := (*grade.ExtensionError)(nil); errors.As(err, &bad) {
		return nil, app.Invalidf("%w", err).Hint("nothing was graded; correct the name, or the roster")
	}
	return p, err
}

// openOutput takes the output folder for this run.
func (g *command) openOutput() (*grade.Output, error) {
	out, err := grade.OpenOutput(g.Path(g.out))
	if errors.Is(err, grade.ErrBusy) {
		return nil, app.Environmentf("another run is grading into %s",
			g.out).Hint("wait for it, or write elsewhere: --output FOLDER")
	}
	return out, err
}

// keep writes what a run has found out, whatever formats are wanted.
func keep(out *grade.Output, o *grade.Outcome) error {
	return errors.Join(
		out.Write(grade.GradebookFile, func(w io.Writer) error {
			return report.Write("json", w, o.Book, report.Options{Hidden: true})
		}),
		out.Write(grade.TimingsFile, jsonOf(o.Timings)))
}

// conclude writes what is wanted and picks the exit code.
func (g *command) conclude(out *grade.Output, o *grade.Outcome, before *report.Gradebook, single bool) error {
	toOut, err := g.write(out, o.Book)
	if err != nil {
		return err
	}
	switch {
	case g.JSON:
		err = report.Write("json", g.Out, o.Book, report.Options{Hidden: g.hidden})
	case !toOut:
		err = report.Write("text", g.Out, o.Book, report.Options{Hidden: g.hidden})
	}
	if err != nil {
		return err
	}
	if err := g.fillIn(out, o.Book, toOut); err != nil {
		return err
	}
	dropped, err := g.compare(out, o.Book, before)
	if err := errors.Join(err, out.End()); err != nil {
		return err
	}
	return g.exit(o.Book, dropped, single)
}

// compare tells what is different from the baseline.
func (g *command) compare(out *grade.Output, book, before *report.Gradebook) (dropped int, err error) {
	if before == nil {
		return 0, nil
	}
	changes := grade.Compare(before, book)
	if changes == nil {
		changes = []grade.Change{}
	}
	for _, c := range changes {
		if c.Drop {
			dropped++
		}
	}
	if err := out.Write("changes.json", jsonOf(changes)); err != nil {
		return dropped, err
	}
	w := g.Out
	if g.JSON || slices.ContainsFunc(g.formats, func(f output) bool { return f.file == standard }) {
		w = g.Err
	}
	fmt.Fprintf(w, "\n%s changed, %d dropped\n", report.Count(len(changes), "grade"), dropped)
	return dropped, grade.WriteChanges(w, changes)
}

// exit is the exit code that a gradebook stands for.
func (g *command) exit(b *report.Gradebook, dropped int, single bool) error {
	var open, rejected, failed int
	for _, gr := range b.Grades {
		switch {
		case gr.Status == report.Open:
			open++
		case gr.Status == report.Rejected:
			rejected++
		case gr.Status == report.Final && !gr.Result.Passed():
			failed++
		}
	}
	if open > 0 {
		g.Statusf("open: %d of %s; what could not be judged is no score", open, report.Count(len(b.Grades), "grade"))
		g.Statusf("try them again: %s", g.rerun)
		return app.Silent(app.ExitUntrusted)
	}
	if dropped > 0 && !g.acceptDrops {
		e := &app.Error{Code: app.ExitFailed, Message: "lower than in " + g.baseline + ": " +
			report.Count(dropped, "grade")}
		return e.Hint("if that is as it should be: --accept-drops")
	}
	switch {
	case rejected > 0 && single && !g.ci:
		return app.Silent(app.ExitInvalid)
	case (rejected > 0 || failed > 0) && (single || g.ci):
		return app.Silent(app.ExitFailed)
	}
	return nil
}
