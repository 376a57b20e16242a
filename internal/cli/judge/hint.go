package judge

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/internal/workspace"
)

func newHint(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use: "hint [CHECK]", Short: "Show the next hint for a check that did not pass", GroupID: "labs",
		Long: `Shows one more hint for the first check that did not pass the last time, or for
the one named. Each goes further than the one before; the last is nearly the
answer. The first is in the report of a check that did not pass, so the second comes
next.`,
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
	judged, err := app.ReadJudged(w)
	if err != nil {
		return err
	}
	var id string
	switch {
	case len(args) == 1:
		id = args[0]
	case judged.Last == nil:
		return app.Usagef("no check has been run yet").Hint("run them: pipelab check").Hint(
			"or name a check: pipelab hint CHECK")
	default:
		open, ok := judged.FirstOpen(l.Lab)
		if !ok {
			return none(a, "", "every check passed when it was run last; there is nothing to hint at")
		}
		id = open.ID
	}
	c := l.Checks[slices.IndexFunc(l.Checks, func(c lab.Check) bool { return c.ID == id })]
	if len(c.Hints) == 0 {
		return none(a, id, "there are no hints for "+id)
	}
	return next(a, w, c)
}

// none says that there is no hint, and why.
func none(a *app.App, id, why string) error {
	if a.JSON {
		return a.PrintJSON(hints{Check: id, Hints: []string{}})
	}
	a.Statusf("%s", why)
	return nil
}

// hints are those of a check that were shown by now.
type hints struct {
	Check string   `json:"check"`
	Hints []string `json:"hints"`
	Of    int      `json:"of"`
	Left  int      `json:"left"`
}

// next shows the first hint that was not shown before; when all were, all of them.
func next(a *app.App, w *workspace.Workspace, c lab.Check) error {
	before := min(w.Meta.Hints[c.ID], len(c.Hints))
	shown := min(before+1, len(c.Hints))
	if err := remember(w, map[string]int{c.ID: shown}); err != nil {
		return err
	}
	if a.JSON {
		return a.PrintJSON(hints{c.ID, c.Hints[:shown], len(c.Hints), len(c.Hints) - shown})
	}
	a.Beside(c.ID+": ", c.Title)
	r, err := a.Reading()
	if err != nil {
		return err
	}
	defer r.Aside()
	if before == len(c.Hints) {
		for i, h := range c.Hints {
			r.Text(2, fmt.Sprintf("%d. %s", i+1, h))
		}
		a.Statusf("you have seen all hints for this check")
		return nil
	}
	r.Text(2, fmt.Sprintf("hint %d of %d: %s", shown, len(c.Hints), c.Hints[shown-1]))
	if shown == len(c.Hints) {
		a.Statusf("that was the last hint for this check")
	}
	return nil
}

// remember keeps how many hints of checks were shown; fewer than before take none back.
func remember(w *workspace.Workspace, shown map[string]int) error {
	changed := false
	for id, n := range shown {
		changed = changed || n > w.Meta.Hints[id]
	}
	if !changed {
		return nil
	}
	return w.Update(func(m *workspace.Meta) {
		if m.Hints == nil {
			m.Hints = map[string]int{}
		}
		for id, n := range shown {
			m.Hints[id] = max(m.Hints[id], n)
		}
	})
}

// printed are the hints that a report of these checks shows: the first of each that
// did not pass.
func printed(l *lab.Lab, r *report.Result) map[string]int {
	out := map[string]int{}
	for _, c := range l.Checks {
		if slices.ContainsFunc(r.Checks, func(judged report.Check) bool {
			return judged.ID == c.ID && len(c.Hints) > 0 && judged.Hint == c.Hints[0]
		}) {
			out[c.ID] = 1
		}
	}
	return out
}
