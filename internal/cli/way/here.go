package way

import (
	"fmt"
	"time"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/internal/workspace"
)

// current is the lab whose folder this is.
type current struct {
	ID     string  `json:"id"`
	Title  string  `json:"title"`
	Dir    string  `json:"dir"`
	Tasks  []task  `json:"tasks"`
	Checks []check `json:"checks"` // each as it was judged last
	// Open is the check to make pass next; "" when none was judged, or all passed.
	Open string `json:"open,omitempty"`
	// FullRun is the last run of all checks.
	FullRun *fullRun `json:"fullRun,omitempty"`
	Done    bool     `json:"done"` // all checks passed in one run
}

type task struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

// check is one of a lab's checks; without a verdict it was never run.
type check struct {
	ID      string         `json:"id"`
	Title   string         `json:"title"`
	Verdict report.Verdict `json:"verdict,omitempty"`
}

type fullRun struct {
	Time   time.Time `json:"time"`
	Points float64   `json:"points"`
	Max    int       `json:"max"`
}

func here(a *app.App, w *workspace.Workspace) error {
	name := w.Meta.Lab
	if w.Meta.Source != "" {
		name = w.Meta.Source
	}
	l, err := a.Lab(name)
	if err != nil {
		return err
	}
	judged, err := app.ReadJudged(w)
	if err != nil {
		return err
	}
	now := &current{ID: l.ID, Title: l.Title, Dir: w.Root, Tasks: []task{}, Checks: []check{}}
	for _, t := range l.Tasks {
		now.Tasks = append(now.Tasks, task{t.ID, t.Title})
	}
	for _, c := range judged.Latest(l) {
		now.Checks = append(now.Checks, check{c.ID, c.Title, c.Verdict})
	}
	first, open := judged.FirstOpen(l)
	if open {
		now.Open = first.ID
	}
	if f := judged.Full; f != nil {
		points, possible, _ := f.Result.Score()
		now.FullRun = &fullRun{f.Time, points, possible}
		now.Done = judged.Complete(l) && f.Result.Passed()
	}
	p := position{Lab: now, Command: a.Self() + " check"}
	if open && judged.Full != nil {
		p.Command += " " + first.ID
	}
	if now.Done || a.JSON { // reading all labs takes its time
		if err := among(a, &p, l.ID); err != nil {
			return err
		}
	}
	if now.Done {
		if p.Command = a.Self() + " list"; p.Next != nil {
			p.Command = a.Self() + " start " + p.Next.ID
		}
	}
	if a.JSON {
		return a.PrintJSON(p)
	}
	show(a, p, judged, first)
	return nil
}

// show prints the position in a lab for people.
func show(a *app.App, p position, judged app.Judged, first report.Check) {
	now := p.Lab
	a.Indented(0, now.Title)
	a.Beside(now.ID+" in ", now.Dir)
	a.Printf("\n")
	if judged.Last == nil {
		a.Printf("to do\n")
		for i, t := range now.Tasks {
			a.Beside(fmt.Sprintf("  %d. ", i+1), t.Title)
		}
		a.Printf("\n%s, none run yet\n", report.Count(len(now.Checks), "check"))
		a.Printf("\nnext: read README.md, work, then\n  %s\n", p.Command)
		return
	}
	passed := now.print(a)
	if now.FullRun != nil {
		f := now.FullRun
		a.Indented(0, fmt.Sprintf("%d of %s pass; %s of %s the last time that all were run, %s", passed,
			report.Count(len(now.Checks), "check"), report.Points(f.Points), report.Count(f.Max, "point"),
			f.Time.Local().Format("2006-01-02 15:04")))
	} else {
		a.Indented(0, fmt.Sprintf("%d of %s pass; all of them were never run together", passed,
			report.Count(len(now.Checks), "check")))
	}
	switch {
	case now.Done:
		suggest(a, p.Next, "\ndone; next")
		if p.Next == nil {
			a.Printf("\ndone, and every lab is begun: %s\n", p.Command)
		}
	case now.Open == "":
		a.Printf("\nnext: run all checks together\n  %s\n", p.Command)
	default:
		a.Printf("\nnext: %s\n", first.ID)
		a.Indented(2, first.Title)
		a.Printf("  %s\n", p.Command)
		if first.Verdict != report.Skipped {
			a.Printf("  %s hint %s\n", a.Self(), first.ID)
		}
	}
}

// print lists the checks, and returns how many pass.
func (c *current) print(a *app.App) (passed int) {
	width := 0
	for _, k := range c.Checks {
		width = max(width, len(k.ID))
	}
	for _, k := range c.Checks {
		verdict := string(k.Verdict)
		switch k.Verdict {
		case report.Pass:
			passed++
		case "":
			verdict = "not run"
		}
		a.Beside(fmt.Sprintf("  %-11s %-*s  ", verdict, width, k.ID), k.Title)
	}
	a.Printf("\n")
	return passed
}
