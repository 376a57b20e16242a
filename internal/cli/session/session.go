// Package session holds the commands that begin, describe and end work on a
// lab: start, status, stop.
package session

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/internal/study"
	"github.com/pipelab/pipelab/internal/workspace"
)

// Commands returns this package's commands.
func Commands(a *app.App) []*cobra.Command {
	return []*cobra.Command{newStart(a), newStatus(a), newStop(a)}
}

func newStart(a *app.App) *cobra.Command {
	var o startFlags
	c := &cobra.Command{
		Use: "start LAB", Short: "Begin a lab: a folder to work in, an AWS to work with", GroupID: "labs",
		Long: `Copies the lab's starter files into a new folder, leaves an emulated AWS running
for it and sets up in it what the lab provides. The emulator survives the terminal; if it dies, the next command
brings it back with everything that was in it. In the folder of a lab that was
started before, start goes on with that.

With --here the folder that you are in becomes the lab's: that takes along work
that you have copied or cloned. Only what is missing is written; no file of yours
is changed.

With --emulator the lab runs on another emulator: one that PipeLab runs in a
container, or one that is running already, by its URL. What it cannot judge is
"unsupported" there; "pipelab list --emulator …" says how much that is.`,
		Example: "  pipelab start kinesis-partition-keys\n  pipelab start kinesis-partition-keys --dir ~/aws/keys\n  " +
			"pipelab start kinesis-partition-keys --emulator http://127.0.0.1:4566\n  " +
			"cd my-clone && pipelab start kinesis-partition-keys --here",
		Args: cobra.ExactArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			ids, _ := lab.IDs(a.Labs) // no completion is the worst that can happen
			return ids, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			o.name, o.chosen = args[0], c.Flags().Changed("emulator")
			return start(c.Context(), a, o)
		},
	}
	c.Flags().StringVar(&o.dir, "dir", "", "folder to work in (default: one named after the lab)")
	c.Flags().BoolVar(&o.here, "here", false, "work in this folder, with the files of yours that are in it")
	c.MarkFlagsMutuallyExclusive("dir", "here")
	a.EmulatorFlags(c, &o.which, "which emulated AWS to use")
	return c
}

type startFlags struct {
	name       string // of the lab
	dir, which string
	here       bool
	chosen     bool // --emulator was given
}

func start(ctx context.Context, a *app.App, o startFlags) error {
	name, which := o.name, o.which
	l, err := a.Folder(name)
	if err != nil {
		return err
	}
	dir := a.Path(o.dir)
	switch {
	case o.here && homeOrRoot(a, dir):
		return app.Usagef("%s holds more than one lab's work", dir).Hint("make a folder for the lab, and go there")
	case o.dir == "" && !o.here:
		dir = a.Path(l.ID)
	}
	source, _ := a.LabDir(name)
	if _, err := fs.Stat(a.Labs, path.Join(name, "lab.yaml")); err == nil {
		source = ""
	}
	// What cannot be used is said before a folder is made.
	if err := a.Reach(ctx, which); err != nil {
		return err
	}
	w, adopted, err := open(a, l, dir, source, o)
	if err != nil {
		return err
	}
	if o.chosen && w.Meta.Emulator != which {
		return app.Usagef("%s uses the emulator %s", w.Root, w.Meta.Emulator).Hint("choose another folder: --dir FOLDER")
	}
	release, err := a.Alone(ctx, w)
	if err != nil {
		return err
	}
	defer release()
	work, err := a.WorkIn(ctx, w)
	if err != nil {
		return err
	}
	if err := work.Provide(ctx); err != nil {
		return err
	}
	outputs, err := w.Outputs()
	if err != nil {
		return err
	}
	return tellStarted(a, l, work, outputs.Provided, adopted)
}

// tellStarted says where to work, and with what.
func tellStarted(a *app.App, l *lab.Folder, w *app.Work, provided map[string]string, adopted *workspace.Adopted) error {
	url := w.Emulator.Endpoint().URL
	if a.JSON {
		out := map[string]any{"lab": l.ID, "dir": w.Root, "endpoint": url, "outputs": provided}
		if adopted != nil {
			out["written"], out["kept"] = adopted.Written, adopted.Kept
		}
		return a.PrintJSON(out)
	}
	names, width := slices.Sorted(maps.Keys(provided)), len("endpoint")
	for _, name := range names {
		width = max(width, len(name))
	}
	a.Printf("%s\n\n  %-*s  %s\n  %-*s  %s\n", l.Title, width, "folder", w.Root, width, "endpoint", url)
	for _, name := range names {
		a.Printf("  %-*s  %s\n", width, name, provided[name])
	}
	a.Printf("\n")
	a.Indented(0, study.ExamLine(l.ExamTasks))
	a.Printf("\n")
	if adopted != nil {
		tellAdopted(a, *adopted)
		a.Printf("next: read README.md, then: %s check\n", a.Self())
	} else {
		a.Printf("next: cd %s, read README.md, then: %s check\n", w.Root, a.Self())
	}
	if hint := a.PathHint(); hint != "" {
		a.Printf("to type pipelab alone: %s\n", hint)
	}
	return nil
}

// homeOrRoot reports whether a folder is one that much else lies in.
func homeOrRoot(a *app.App, dir string) bool {
	return dir == filepath.Dir(dir) || dir == filepath.Clean(a.Getenv("HOME"))
}

// tellAdopted says what became of the lab's files.
func tellAdopted(a *app.App, d workspace.Adopted) {
	if len(d.Kept) > 0 {
		a.Beside("kept as they are:  ", strings.Join(d.Kept, ", "))
	}
	if len(d.Written) > 0 {
		a.Beside("written:           ", strings.Join(d.Written, ", "))
	} else {
		a.Printf("nothing was missing\n")
	}
	a.Printf("\n")
}

// open makes a workspace, or takes up one that this lab was started in. With --here
// it says what became of the lab's files, unless there was a workspace.
func open(a *app.App, l *lab.Folder, dir, source string, o startFlags) (*workspace.Workspace, *workspace.Adopted,
	error) {
	if w, err := workspace.Find(dir); err == nil && w.Root == dir {
		if w.Meta.Lab != l.ID {
			return nil, nil, app.Usagef("%s is a workspace of the lab %s", dir,
				w.Meta.Lab).Hint("choose another folder: --dir FOLDER")
		}
		return w, nil, a.Settle(w)
	}
	starter, err := fs.Sub(l.FS, "starter")
	if err != nil {
		return nil, nil, err
	}
	text, err := a.LabText(l)
	if err != nil {
		return nil, nil, err
	}
	meta := workspace.Meta{Lab: l.ID, Source: source, Emulator: o.which, RealAWS: a.RealAWS, Created: a.Now().UTC(),
		Stack: l.ID}
	readme := workspace.File{Name: "README.md", Content: text}
	var w *workspace.Workspace
	var adopted *workspace.Adopted
	if o.here {
		adopted = &workspace.Adopted{}
		w, *adopted, err = workspace.Adopt(dir, meta, starter, readme)
	} else {
		w, err = workspace.Create(dir, meta, starter, readme)
	}
	var taken *workspace.TakenError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, app.Invalidf("lab %s has no starter", l.ID)
	case errors.As(err, &taken):
		return nil, nil, app.Environmentf("%w", err).
			Hint(fmt.Sprintf("is it your work on this lab? take it up: cd %s && pipelab start %s --here",
				app.ShellWord(dir), app.ShellWord(o.name))).
			Hint("or choose another folder: --dir FOLDER")
	case err != nil:
		return nil, nil, app.Environmentf("%w", err).Hint("choose another folder: --dir FOLDER")
	}
	return w, adopted, nil
}

func newStatus(a *app.App) *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use: "status", Short: "Say which lab this folder holds and what is running", GroupID: "labs",
		Long: `Says which lab this folder holds, whether its emulator runs, and how the checks went
the last time. With --all it lists every workspace of yours on this machine, with
the memory that its emulator takes and for how long nothing has used it.

An emulator that nothing has used for an hour ends by itself, keeps its state, and
comes back with the next command. PIPELAB_IDLE=30m makes that another time; with 0
emulators go on until they are stopped.`,
		Example: "  pipelab status\n  pipelab status --all\n  pipelab status --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if all {
				return statusOfAll(c.Context(), a)
			}
			return status(c.Context(), a)
		},
	}
	c.Flags().BoolVar(&all, "all", false, "list all workspaces of this machine")
	return c
}

func status(ctx context.Context, a *app.App) error {
	w, err := a.Workspace()
	if err != nil {
		return err
	}
	e, d, running := a.Running(ctx, w)
	var gone error
	if running {
		gone = a.Answers(ctx, e)
	}
	judged, err := app.ReadJudged(w)
	if err != nil {
		return err
	}
	deployed, err := deployment(w)
	if err != nil {
		return err
	}
	outdated, err := outdated(a, w)
	if err != nil {
		return err
	}
	if a.JSON {
		out := map[string]any{"lab": w.Meta.Lab, "dir": w.Root, "running": running && gone == nil, "endpoint": d.URL,
			"pid":      d.PID,
			"deployed": deployed, "solved": w.Meta.Solved}
		if outdated {
			out["outdated"] = true
		}
		if gone != nil {
			out["problem"] = gone.Error()
		}
		if judged.Last != nil {
			out["result"] = judged.Last
		}
		if judged.Full != nil {
			out["fullRun"] = judged.Full
		}
		return a.PrintJSON(out)
	}
	a.Printf("lab       %s\nfolder    %s\n", w.Meta.Lab, w.Root)
	switch {
	case gone != nil:
		a.Printf("emulator  not running: %v\n", gone)
	case running:
		a.Printf("emulator  %s (process %d)\n", e.URL, d.PID)
	default:
		a.Printf("emulator  not running; the next command that needs it starts it\n")
	}
	a.Printf("deployed  %s\n", deployed)
	if outdated {
		a.Printf("provided  not what the lab provides now; to have that: pipelab reset\n")
	}
	checks(a, judged)
	return nil
}

// outdated reports whether the emulated AWS has what an older edition of the lab
// provided. A lab that cannot be read says nothing.
func outdated(a *app.App, w *workspace.Workspace) (bool, error) {
	l, err := a.Folder(w.LabName())
	if err != nil {
		return false, nil // the commands that need the lab tell what is wrong with it
	}
	return a.Renewed(w, l)
}

// checks says what the last run of all checks gave, and what one of some has said since.
func checks(a *app.App, judged app.Judged) {
	if judged.Last == nil {
		a.Printf("checks    none run yet\n")
		return
	}
	last := judged.Last
	if judged.Full != nil {
		points, possible, _ := judged.Full.Result.Score()
		a.Printf("checks    %s of %s the last time that all were run, %s\n", report.Points(points),
			report.Count(possible, "point"),
			judged.Full.Time.Local().Format("2006-01-02 15:04"))
		for _, c := range judged.Full.Result.Checks {
			a.Printf("  %-11s %s\n", c.Verdict, c.ID)
		}
		if len(last.Checks) >= len(judged.Full.Result.Checks) {
			return
		}
		a.Printf("since     some were run by themselves\n")
	} else {
		a.Printf("checks    some were run by themselves, all never yet\n")
	}
	for _, c := range last.Checks {
		a.Printf("  %-11s %s\n", c.Verdict, c.ID)
	}
}

// deployment says how the files and what is deployed compare.
func deployment(w *workspace.Workspace) (string, error) {
	if w.Meta.Deployed == "" {
		return "nothing yet", nil
	}
	digest, err := w.Digest()
	if err == nil && digest != w.Meta.Deployed {
		return "files have changed since", nil
	}
	return "what the files say", err
}
