package judge

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/report"
)

func newHint(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use: "hint [CHECK]", Short: "Show the next hint for a check that did not pass", GroupID: "labs",
		Long: `Shows one more hint for the first check that did not pass the last time, or for
the one named. Each goes further than the one before; the last is nearly the
answer.`,
		Example: "  pipelab hint\n  pipelab hint failed-entries",
		Args:    cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return checkIDs(a), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error { return hint(a, args) },
	}
}

func hint(a *app.App, args []string) error {
	w, err := a.Workspace()
	if err != nil {
		return err
	}
	name := w.Meta.Lab
	if w.Meta.Source != "" {
		name = w.Meta.Source
	}
	l, err := a.Folder(name)
	if err != nil {
		return err
	}
	if err := known(&app.Work{Workspace: w, Lab: l}, args); err != nil {
		return err
	}
	var last report.Result
	judged, err := app.ReadJSON(w.Path("result.json"), &last)
	if err != nil {
		return app.Environmentf("%w", err).Hint("judge again, which writes it anew: pipelab check")
	}
	var id string
	switch {
	case len(args) == 1:
		id = args[0]
	case !judged:
		return app.Usagef("no check has been run yet").Hint("run them: pipelab check").Hint(
			"or name a check: pipelab hint CHECK")
	default:
		i := slices.IndexFunc(last.Checks, func(c report.Check) bool { return c.Verdict != report.Pass })
		if i < 0 {
			a.Statusf("every check passed the last time; there is nothing to hint at")
			return nil
		}
		id = last.Checks[i].ID
	}
	c := l.Checks[slices.IndexFunc(l.Checks, func(c lab.Check) bool { return c.ID == id })]
	if len(c.Hints) == 0 {
		a.Statusf("there are no hints for %s", id)
		return nil
	}
	if w.Meta.Hints == nil {
		w.Meta.Hints = map[string]int{}
	}
	shown := min(w.Meta.Hints[id]+1, len(c.Hints))
	w.Meta.Hints[id] = shown
	if err := w.Save(); err != nil {
		return err
	}
	if a.JSON {
		return a.PrintJSON(map[string]any{"check": id, "hints": c.Hints[:shown], "left": len(c.Hints) - shown})
	}
	a.Printf("%s: %s\n", id, c.Title)
	for i, h := range c.Hints[:shown] {
		a.Printf("  %d. %s\n", i+1, h)
	}
	if shown == len(c.Hints) {
		a.Statusf("that was the last hint for this check")
	}
	return nil
}
