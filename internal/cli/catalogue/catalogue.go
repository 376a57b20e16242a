// Package catalogue holds the commands about labs as such: list, show,
// progress.
package catalogue

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/emulator"
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
	// Prerequisites are labs to do before.
	Prerequisites []string `json:"prerequisites,omitempty"`
	Best          *float64 `json:"best,omitempty"` // points of the best attempt on this machine
	Checks        int      `json:"checks"`
	// Judged are the checks that the emulator can judge for sure.
	Judged int `json:"judged"`
	// Lacking are capabilities that the others need.
	Lacking []string `json:"lacking,omitempty"`
}

// entries lists the labs, judged by an emulator with these capabilities.
func entries(a *app.App, has []emulator.Capability) ([]entry, error) {
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
		e := entry{ID: l.ID, Title: l.Title, Level: l.Level, Minutes: l.Minutes, ExamTasks: l.ExamTasks, Services: l.Services,
			Prerequisites: l.Prerequisites}
		if b, tried := best[id]; tried {
			e.Best = &b.Points
		}
		e.Checks = len(l.Checks)
		names := make([]string, len(has))
		for i, c := range has {
			names[i] = string(c)
		}
		e.Judged = len(l.Judgeable(names))
		for _, c := range l.Order() {
			e.Lacking = append(e.Lacking, emulator.Lacking(l.Required(c), has)...)
		}
		slices.Sort(e.Lacking)
		e.Lacking = slices.Compact(e.Lacking)
		out = append(out, e)
	}
	return out, nil
}

func newList(a *app.App) *cobra.Command {
	var covered bool
	var which string
	c := &cobra.Command{
		Use: "list", Short: "List the labs", GroupID: "labs",
		Long: `Lists the labs. With --emulator it says how many of each lab's checks that
emulator can judge, and what it lacks for the others. One that runs already, at a
URL, is tried out for that, with resources of our own that are removed again.`,
		Example: "  pipelab list\n  pipelab list --emulator localstack\n  pipelab list --coverage\n  pipelab list --json | " +
			"jq -r '.[].id'",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if covered {
				return coverage(a)
			}
			has, err := a.CapabilitiesNamed(c.Context(), which)
			if err != nil {
				return err
			}
			list, err := entries(a, has)
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
				a.Beside(fmt.Sprintf("%-30s ", e.ID), fmt.Sprintf("%-13s %3d min  %-8s best %s", e.Level, e.Minutes,
					strings.Join(e.ExamTasks, ","), state))
				a.Indented(2, e.Title)
				if len(e.Prerequisites) > 0 {
					a.Beside("  after ", strings.Join(e.Prerequisites, ", "))
				}
				if c.Flags().Changed("emulator") {
					a.Printf("  %d of %d checks can be judged\n", e.Judged, e.Checks)
					if len(e.Lacking) > 0 {
						a.Beside("  lacking: ", strings.Join(e.Lacking, ", "))
					}
				}
			}
			return nil
		},
	}
	a.EmulatorFlags(c, &which, "say what this one can judge")
	c.Flags().BoolVar(&covered, "coverage", false, "show which tasks of the exam the labs practise")
	return c
}

func newShow(a *app.App) *cobra.Command {
	var text bool
	c := &cobra.Command{
		Use: "show LAB", Short: "Show what a lab is about and what it checks", GroupID: "labs",
		Example: "  pipelab show kinesis-partition-keys\n  pipelab show kinesis-partition-keys --text | less",
		Args:    cobra.ExactArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			ids, _ := lab.IDs(a.Labs) // no completion is the worst that can happen
			return ids, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if text {
				f, err := a.Folder(args[0])
				if err != nil {
					return err
				}
				b, err := fs.ReadFile(f.FS, "README.md")
				a.Printf("%s", b)
				return err
			}
			l, err := a.Lab(args[0])
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(l)
			}
			a.Indented(0, l.Title)
			a.Indented(0, l.Summary)
			a.Printf("\n")
			a.Indented(0, fmt.Sprintf("%s, about %d minutes, exam task %s", l.Level, l.Minutes, strings.Join(l.ExamTasks, ", ")))
			for _, t := range l.Tasks {
				a.Printf("\n")
				a.Indented(0, t.Title)
				a.Indented(2, strings.TrimSpace(t.Text))
			}
			a.Printf("\nChecks\n")
			for _, c := range l.Checks {
				a.Beside(fmt.Sprintf("  %-22s %3d points  ", c.ID, c.Points), c.Title)
			}
			a.Printf("\nthe whole text: pipelab show %s --text\n", args[0])
			return nil
		},
	}
	c.Flags().BoolVar(&text, "text", false, "print the lab's text, Markdown")
	return c
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
				a.Beside(t.Time.Local().Format("2006-01-02 15:04  "), fmt.Sprintf("%-30s %3.0f of %3.0f points", t.Lab, t.Points,
					t.Max))
			}
			return nil
		},
	}
}
