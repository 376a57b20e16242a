// Package session holds the commands that begin, describe and end work on a
// lab: start, status, stop.
package session

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"

	"github.com/spf13/cobra"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/emulator"
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
	var dir, which string
	c := &cobra.Command{
		Use: "start LAB", Short: "Begin a lab: a folder to work in, an AWS to work with", GroupID: "labs",
		Long: `Copies the lab's starter files into a new folder, leaves an emulated AWS running
for it and sets up in it what the lab provides. The emulator survives the terminal; if it dies, the next command
brings it back with everything that was in it. In the folder of a lab that was
started before, start goes on with that.

With --emulator the lab runs on another emulator: one that PipeLab runs in a
container, or one that is running already, by its URL. What it cannot judge is
"unsupported" there; "pipelab list --emulator …" says how much that is.`,
		Example: "  pipelab start kinesis-partition-keys\n  pipelab start kinesis-partition-keys --dir ~/aws/keys\n  " +
			"pipelab start kinesis-partition-keys --emulator http://127.0.0.1:4566",
		Args: cobra.ExactArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			ids, _ := lab.IDs(a.Labs) // no completion is the worst that can happen
			return ids, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			return start(c.Context(), a, args[0], dir, which, c.Flags().Changed("emulator"))
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "folder to work in (default: one named after the lab)")
	a.EmulatorFlags(c, &which, "which emulated AWS to use")
	return c
}

func start(ctx context.Context, a *app.App, name, dir, which string, chosen bool) error {
	l, err := a.Folder(name)
	if err != nil {
		return err
	}
	if dir == "" {
		dir = l.ID
	}
	dir = a.Path(dir)
	source, _ := a.LabDir(name)
	if _, err := fs.Stat(a.Labs, path.Join(name, "lab.yaml")); err == nil {
		source = ""
	}
	// What cannot be used is said before a folder is made.
	if err := a.Reach(ctx, which); err != nil {
		return err
	}
	w, err := open(a, l, dir, source, which)
	if err != nil {
		return err
	}
	if chosen && w.Meta.Emulator != which {
		return app.Usagef("%s uses the emulator %s", w.Root, w.Meta.Emulator).Hint("choose another folder: --dir FOLDER")
	}
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
	url := work.Emulator.Endpoint().URL
	if a.JSON {
		return a.PrintJSON(map[string]any{"lab": l.ID, "dir": w.Root, "endpoint": url, "outputs": outputs.Provided})
	}
	names, width := slices.Sorted(maps.Keys(outputs.Provided)), len("endpoint")
	for _, name := range names {
		width = max(width, len(name))
	}
	a.Printf("%s\n\n  %-*s  %s\n  %-*s  %s\n", l.Title, width, "folder", w.Root, width, "endpoint", url)
	for _, name := range names {
		a.Printf("  %-*s  %s\n", width, name, outputs.Provided[name])
	}
	a.Printf("\n")
	a.Indented(0, study.ExamLine(l.ExamTasks))
	a.Printf("\nnext: cd %s, read README.md, then: %s check\n", w.Root, a.Self())
	if hint := a.PathHint(); hint != "" {
		a.Printf("to type pipelab alone: %s\n", hint)
	}
	return nil
}

// open makes a workspace, or takes up one that this lab was started in.
func open(a *app.App, l *lab.Folder, dir, source, which string) (*workspace.Workspace, error) {
	if w, err := workspace.Find(dir); err == nil && w.Root == dir {
		if w.Meta.Lab != l.ID {
			return nil, app.Usagef("%s is a workspace of the lab %s", dir,
				w.Meta.Lab).Hint("choose another folder: --dir FOLDER")
		}
		return w, nil
	}
	starter, err := fs.Sub(l.FS, "starter")
	if err != nil {
		return nil, err
	}
	text, err := a.LabText(l)
	if err != nil {
		return nil, err
	}
	w, err := workspace.Create(dir, workspace.Meta{Lab: l.ID, Source: source, Emulator: which, RealAWS: a.RealAWS,
		Created: a.Now().UTC(), Stack: l.ID},
		starter, workspace.File{Name: "README.md", Content: text})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, app.Invalidf("lab %s has no starter", l.ID)
	}
	if err != nil {
		return nil, app.Environmentf("%w", err).Hint("choose another folder: --dir FOLDER")
	}
	return w, nil
}

func newStatus(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Say which lab this folder holds and what is running", GroupID: "labs",
		Example: "  pipelab status --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			w, err := a.Workspace()
			if err != nil {
				return err
			}
			e, d, running := a.Running(c.Context(), w)
			var gone error
			if running {
				gone = a.Answers(c.Context(), e)
			}
			judged, err := app.ReadJudged(w)
			if err != nil {
				return err
			}
			deployed, err := deployment(w)
			if err != nil {
				return err
			}
			if a.JSON {
				out := map[string]any{"lab": w.Meta.Lab, "dir": w.Root, "running": running && gone == nil, "endpoint": d.URL,
					"pid":      d.PID,
					"deployed": deployed, "solved": w.Meta.Solved}
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
			checks(a, judged)
			return nil
		},
	}
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

func newStop(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use: "stop", Short: "Stop the emulator; files and state stay", GroupID: "labs",
		Example: "  pipelab stop",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			w, err := a.Workspace()
			if err != nil {
				return err
			}
			stopped, err := a.StopEmulator(c.Context(), w)
			if err != nil {
				return err
			}
			// It may have been killed, or its engine gone when it was stopped.
			left, err := a.Sweep(c.Context(), w.Meta.Emulator)
			if err != nil {
				a.Statusf("note: whether a container is left cannot be told: %v; the next start or stop looks again", err)
			}
			switch has, err := a.Capabilities(w); {
			case err != nil:
				return err
			case left > 0 && !stopped:
				a.Statusf("nothing was running; removed %d that killed processes had left in the container engine", left)
			case stopped && !w.Embedded() && slices.Contains(has, emulator.Durable):
				a.Statusf("stopped looking at %s, which runs on with what is in it", w.Meta.Emulator)
			case stopped && !slices.Contains(has, emulator.Durable):
				a.Statusf("stopped; what was in the emulated AWS is gone, your files are not")
			case stopped:
				a.Statusf("stopped; what is in the emulated AWS stays for the next time")
			default:
				a.Statusf("nothing is running")
			}
			return nil
		},
	}
}
