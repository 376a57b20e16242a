// Package catalogue holds the commands about labs as such: list, show,
// progress.
package catalogue

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/workspace"
)

// Commands returns this package's commands.
func Commands(a *app.App) []*cobra.Command {
	return []*cobra.Command{newList(a), newShow(a), newProgress(a)}
}

// entry is one line of list.
type entry struct {
	ID        string   `json:"id"`
	Title     string   `json:"title"`
	Level     string   `json:"level"`
	Minutes   int      `json:"minutes"`
	ExamTasks []string `json:"examTasks"`
	Services  []string `json:"services"`
	Best      *float64 `json:"best,omitempty"` // points of the best attempt on this machine
}

func entries(a *app.App) ([]entry, error) {
	ids, err := lab.IDs(a.Labs)
	if err != nil {
		return nil, err
	}
	attempts, err := a.Progress().All()
	if err != nil {
		return nil, err
	}
	best := workspace.Best(attempts)
	out := []entry{}
	for _, id := range ids {
		l, err := lab.Load(a.Labs, id)
		if err != nil {
			return nil, err
		}
		e := entry{ID: l.ID, Title: l.Title, Level: l.Level, Minutes: l.Minutes, ExamTasks: l.ExamTasks, Services: l.Services}
		if b, tried := best[id]; tried {
			e.Best = &b.Points
		}
		out = append(out, e)
	}
	return out, nil
}

func newList(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the labs", GroupID: "labs",
		Example: "  pipelab list\n  pipelab list --json | jq -r '.[].id'",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			list, err := entries(a)
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(list)
			}
			if len(list) == 0 {
				a.Statusf("there are no labs in this build yet")
			}
			for _, e := range list {
				state := "-"
				if e.Best != nil {
					state = fmt.Sprintf("%.0f", *e.Best)
				}
				a.Printf("%-30s %-13s %3d min  %-8s best %s\n  %s\n", e.ID, e.Level, e.Minutes, strings.Join(e.ExamTasks, ","), state, e.Title)
			}
			return nil
		},
	}
}

func newShow(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use: "show LAB", Short: "Show what a lab is about and what it checks", GroupID: "labs",
		Example: "  pipelab show kinesis-partition-keys",
		Args:    cobra.ExactArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			ids, _ := lab.IDs(a.Labs) // no completion is the worst that can happen
			return ids, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			l, err := a.Lab(args[0])
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(l)
			}
			a.Printf("%s\n%s\n\n%s, about %d minutes, exam task %s\n", l.Title, l.Summary, l.Level, l.Minutes, strings.Join(l.ExamTasks, ", "))
			for _, t := range l.Tasks {
				a.Printf("\n%s\n  %s\n", t.Title, strings.TrimSpace(t.Text))
			}
			a.Printf("\nChecks\n")
			for _, c := range l.Checks {
				a.Printf("  %-26s %3.0f points  %s\n", c.ID, float64(c.Points), c.Title)
			}
			return nil
		},
	}
}

func newProgress(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use: "progress", Short: "Show your attempts on this machine", GroupID: "labs",
		Example: "  pipelab progress",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			all, err := a.Progress().All()
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(append([]workspace.Attempt{}, all...))
			}
			if len(all) == 0 {
				a.Statusf("no attempts yet")
			}
			for _, t := range all {
				a.Printf("%s  %-30s %3.0f of %3.0f points\n", t.Time.Local().Format("2006-01-02 15:04"), t.Lab, t.Points, t.Max)
			}
			return nil
		},
	}
}
