// Package session holds the commands that begin, describe and end work on a
// lab: start, status, stop.
package session

import (
	"errors"
	"io/fs"
	"path"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/workspace"
)

// Commands returns this package's commands.
func Commands(a *app.App) []*cobra.Command {
	return []*cobra.Command{newStart(a), newStatus(a), newStop(a)}
}

func newStart(a *app.App) *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use: "start LAB", Short: "Begin a lab: a folder to work in, an AWS to work with", GroupID: "labs",
		Long: `Copies the lab's starter files into a new folder and leaves an emulated AWS
running for it. The emulator survives the terminal; if it dies, the next command
brings it back with everything that was in it. In the folder of a lab that was
started before, start goes on with that.`,
		Example: "  pipelab start kinesis-partition-keys\n  pipelab start kinesis-partition-keys --dir ~/aws/keys",
		Args:    cobra.ExactArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			ids, _ := lab.IDs(a.Labs) // no completion is the worst that can happen
			return ids, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			l, err := a.Lab(args[0])
			if err != nil {
				return err
			}
			if dir == "" {
				dir = filepath.Join(a.Dir, l.ID)
			}
			w, err := open(a, l, dir)
			if err != nil {
				return err
			}
			e, err := a.Emulator(c.Context(), w)
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(map[string]any{"lab": l.ID, "dir": w.Root, "endpoint": e.URL})
			}
			a.Printf("%s\n\n  folder    %s\n  endpoint  %s\n\nnext: cd %s && pipelab run -- aws sts get-caller-identity\n", l.Title, w.Root, e.URL, w.Root)
			return nil
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "folder to work in (default: one named after the lab)")
	return c
}

// open makes a workspace, or takes up one that this lab was started in.
func open(a *app.App, l *lab.Lab, dir string) (*workspace.Workspace, error) {
	if w, err := workspace.Find(dir); err == nil && w.Root == filepath.Clean(dir) {
		if w.Meta.Lab != l.ID {
			return nil, app.Usagef("%s is a workspace of the lab %s", dir, w.Meta.Lab).Hint("choose another folder: --dir FOLDER")
		}
		return w, nil
	}
	starter, err := fs.Sub(a.Labs, path.Join(l.ID, "starter"))
	if err != nil {
		return nil, err
	}
	w, err := workspace.Create(dir, workspace.Meta{Lab: l.ID, Emulator: "embedded", Created: a.Now().UTC(), Stack: l.ID}, starter)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, app.Invalidf("lab %s has no starter", l.ID)
	}
	if err != nil {
		return nil, app.Environmentf("%v", err).Hint("choose another folder: --dir FOLDER")
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
			if a.JSON {
				return a.PrintJSON(map[string]any{"lab": w.Meta.Lab, "dir": w.Root, "running": running, "endpoint": d.URL, "pid": d.PID})
			}
			a.Printf("lab       %s\nfolder    %s\n", w.Meta.Lab, w.Root)
			if running {
				a.Printf("emulator  %s (process %d)\n", e.URL, d.PID)
			} else {
				a.Printf("emulator  not running; the next command that needs it starts it\n")
			}
			return nil
		},
	}
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
			if stopped {
				a.Statusf("stopped; what is in the emulated AWS stays for the next time")
			} else {
				a.Statusf("nothing is running")
			}
			return nil
		},
	}
}
