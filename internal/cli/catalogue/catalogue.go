// Package catalogue holds the commands about labs as such: list, show.
package catalogue

import (
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/lab"
)

// Commands returns this package's commands.
func Commands(a *app.App) []*cobra.Command {
	return []*cobra.Command{newList(a), newShow(a)}
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
