package catalogue

import (
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/study"
)

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
				return showText(a, args[0])
			}
			l, err := a.Lab(args[0])
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(l)
			}
			return show(a, l, args[0])
		},
	}
	c.Flags().BoolVar(&text, "text", false, "print the lab's whole text")
	return c
}

func show(a *app.App, l *lab.Lab, name string) error {
	r, err := a.Reading()
	if err != nil {
		return err
	}
	r.Text(0, "# "+l.Title+"\n\n"+l.Summary)
	a.Printf("\n")
	a.Indented(0, fmt.Sprintf("%s, about %d minutes", l.Level, l.Minutes))
	a.Indented(0, study.ExamLine(l.ExamTasks))
	for _, t := range l.Tasks {
		a.Printf("\n")
		a.Indented(0, t.Title)
		r.Text(2, strings.TrimSpace(t.Text))
	}
	if len(l.Facts) > 0 {
		a.Printf("\nWhat it teaches\n")
		for _, f := range l.Facts {
			_, words := lab.Fact(f)
			r.Text(2, "- "+words)
		}
	}
	a.Printf("\nChecks\n")
	for _, c := range l.Checks {
		a.Beside(fmt.Sprintf("  %-22s %3d points  ", c.ID, c.Points), c.Title)
	}
	r.Words()
	a.Printf("\nthe whole text: pipelab show %s --text\n", name)
	return nil
}

// shownText is a lab's text as data.
type shownText struct {
	Lab   string   `json:"lab"`
	Text  string   `json:"text"` // Markdown
	Exam  string   `json:"exam"`
	Facts []string `json:"facts"`
	Words []string `json:"words"` // of the glossary, in the order in which they come
}

func showText(a *app.App, name string) error {
	f, err := a.Folder(name)
	if err != nil {
		return err
	}
	b, err := fs.ReadFile(f.FS, "README.md")
	if err != nil {
		return err
	}
	r, err := a.Reading()
	if err != nil {
		return err
	}
	if a.JSON {
		r.Known(string(b))
		facts := []string{}
		for _, f := range f.Facts {
			_, words := lab.Fact(f)
			facts = append(facts, words)
		}
		return a.PrintJSON(shownText{f.ID, string(b), study.ExamLine(f.ExamTasks), facts, r.Names()})
	}
	r.Text(0, string(b))
	r.Words()
	return nil
}
