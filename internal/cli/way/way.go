// Package way holds the commands that say where a learner stands and what comes next:
// next, which "pipelab" alone is too, and progress.
package way

import (
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/internal/study"
	"github.com/pipelab/pipelab/internal/workspace"
)

// Commands returns this package's commands.
func Commands(a *app.App) []*cobra.Command {
	return []*cobra.Command{newNext(a), newProgress(a)}
}

func newNext(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use: "next", Short: "Say where you stand and what comes next", GroupID: "labs",
		Long: `In the folder of a lab: which of its checks pass, which one is to be made to pass
next, and what to type for that. Elsewhere: the labs that you have begun, with their
folders, how many are done, and which one to begin, with the reason.

"pipelab" without a command says the same.`,
		Example: "  pipelab next\n  pipelab next --json | jq -r .command",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return Next(a) },
	}
}

// position is where somebody stands.
type position struct {
	Lab        *current `json:"lab,omitempty"` // whose folder this is
	Labs       int      `json:"labs"`          // in the catalogue
	Done       []string `json:"done"`          // ids of labs
	InProgress []begun  `json:"inProgress"`    // the one that was tried last first
	Next       *onward  `json:"next,omitempty"`
	Command    string   `json:"command"` // what to type next
}

// begun is a lab with some of its points.
type begun struct {
	ID     string    `json:"id"`
	Dir    string    `json:"dir,omitempty"` // where it was tried last, if it is still there
	Points float64   `json:"points"`
	Max    float64   `json:"max"` // 0 before the first run of all checks
	Last   time.Time `json:"last"`
}

// onward is a lab to begin.
type onward struct {
	ID      string `json:"id"`
	Title   string `json:"title"`
	Level   string `json:"level"`
	Minutes int    `json:"minutes"`
	Why     string `json:"why"`
}

// Next says where somebody stands: in the lab whose folder this is, else among all.
func Next(a *app.App) error {
	w, err := workspace.Find(a.Dir)
	if errors.Is(err, workspace.ErrNone) {
		return elsewhere(a)
	}
	if err != nil {
		return err
	}
	return here(a, w)
}

// among fills in what is so wherever one stands; but is the lab at hand, "" for none.
func among(a *app.App, p *position, but string) error {
	all, err := a.Standings()
	if err != nil {
		return err
	}
	attempts, err := a.Progress().All()
	if err != nil {
		return err
	}
	spaces, err := a.Workspaces()
	if err != nil {
		return err
	}
	p.Labs, p.Done, p.InProgress = len(all), []string{}, inProgress(spaces, attempts)
	for _, s := range all {
		if s.State == study.Done {
			p.Done = append(p.Done, s.Lab.ID)
		}
	}
	if s, why, ok := study.Next(all, but); ok {
		p.Next = &onward{s.Lab.ID, s.Lab.Title, s.Lab.Level, s.Lab.Minutes, why}
	}
	return nil
}

// inProgress are the labs that were tried and not done, also those of nobody's
// catalogue, the latest first; then those that were started and never judged.
func inProgress(spaces []*workspace.Workspace, attempts []workspace.Attempt) []begun {
	best, folders, seen := workspace.Best(attempts), app.Folders(spaces, attempts), map[string]bool{}
	out := []begun{}
	for i := len(attempts) - 1; i >= 0; i-- {
		t := attempts[i]
		b := best[t.Lab]
		if seen[t.Lab] || b.Max > 0 && b.Points >= b.Max {
			continue
		}
		seen[t.Lab] = true
		out = append(out, begun{t.Lab, folders[t.Lab], b.Points, b.Max, t.Time})
	}
	for _, w := range spaces {
		if _, tried := best[w.Meta.Lab]; !tried && !seen[w.Meta.Lab] {
			seen[w.Meta.Lab] = true
			out = append(out, begun{ID: w.Meta.Lab, Dir: folders[w.Meta.Lab], Last: w.Meta.Created})
		}
	}
	return out
}

func elsewhere(a *app.App) error {
	var p position
	if err := among(a, &p, ""); err != nil {
		return err
	}
	switch {
	case len(p.InProgress) > 0 && p.InProgress[0].Dir != "":
		p.Command = "cd " + app.ShellWord(p.InProgress[0].Dir) + " && " + a.Self() + " next"
	case p.Next != nil:
		p.Command = a.Self() + " start " + p.Next.ID
	default:
		p.Command = a.Self() + " list"
	}
	if a.JSON {
		return a.PrintJSON(p)
	}
	if len(p.Done) == 0 && len(p.InProgress) == 0 {
		a.Indented(0, "Practise AWS data engineering on your own machine: each lab gives you an emulated AWS, and judges "+
			"what you build in it by pushing data through it.")
	} else {
		a.Printf("%d of %s are done\n", len(p.Done), report.Count(p.Labs, "lab"))
	}
	if len(p.InProgress) > 0 {
		a.Printf("\nin progress\n")
	}
	for _, b := range p.InProgress {
		how := "all checks were never run"
		if b.Max > 0 {
			how = report.Points(b.Points) + " of " + report.Points(b.Max) + " points"
		}
		a.Indented(2, b.ID+", "+how)
		if b.Dir != "" {
			a.Printf("    cd %s && %s next\n", app.ShellWord(b.Dir), a.Self())
		} else {
			a.Indented(4, "its folder is not where it was")
		}
	}
	suggest(a, p.Next, "\nnext")
	a.Printf("\nall labs: %s list\n", a.Self())
	return nil
}

// suggest prints a lab to begin, if there is one.
func suggest(a *app.App, n *onward, lead string) {
	if n == nil {
		return
	}
	a.Printf("%s: %s\n", lead, n.ID)
	a.Indented(2, n.Title)
	a.Indented(2, n.Level+", about "+report.Points(float64(n.Minutes))+" minutes; "+n.Why)
	a.Printf("  %s start %s\n", a.Self(), n.ID)
}
