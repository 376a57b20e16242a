package session

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/workspace"
)

func newStop(a *app.App) *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use: "stop", Short: "Stop the emulator; files and state stay", GroupID: "labs",
		Long: `Stops this folder's emulator; with --all those of every workspace of yours on this
machine. Files stay, and what is in the embedded AWS is there the next time.`,
		Example: "  pipelab stop\n  pipelab stop --all",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if all {
				return stopAll(c.Context(), a)
			}
			w, err := a.Workspace()
			if err != nil {
				return err
			}
			release, err := a.Alone(c.Context(), w)
			if err != nil {
				return err
			}
			defer release()
			return stop(c.Context(), a, w)
		},
	}
	c.Flags().BoolVar(&all, "all", false, "stop the emulators of all workspaces of this machine")
	return c
}

// stopped is what stop has done, for programs.
type stopped struct {
	Stopped bool `json:"stopped"` // something was running
	// Kept says that what is in the emulated AWS is there the next time.
	Kept    bool `json:"kept"`
	Removed int  `json:"removed"` // containers that killed processes had left
}

func stop(ctx context.Context, a *app.App, w *workspace.Workspace) error {
	ended, err := a.StopEmulator(ctx, w)
	if err != nil {
		return err
	}
	// It may have been killed, or its engine gone when it was stopped.
	left, err := a.Sweep(ctx, w.Meta.Emulator)
	if err != nil {
		a.Statusf("note: whether a container is left cannot be told: %v; the next start or stop looks again", err)
	}
	has, err := a.Capabilities(w)
	if err != nil {
		return err
	}
	kept := slices.Contains(has, emulator.Durable)
	if a.JSON {
		return a.PrintJSON(stopped{Stopped: ended, Kept: kept, Removed: left})
	}
	switch {
	case left > 0 && !ended:
		a.Statusf("nothing was running; removed %d that killed processes had left in the container engine", left)
	case ended && !w.Embedded() && kept:
		a.Statusf("stopped looking at %s, which runs on with what is in it", w.Meta.Emulator)
	case ended && !kept:
		a.Statusf("stopped; what was in the emulated AWS is gone, your files are not")
	case ended:
		a.Statusf("stopped; what is in the emulated AWS stays for the next time")
	default:
		a.Statusf("nothing is running")
	}
	return nil
}
