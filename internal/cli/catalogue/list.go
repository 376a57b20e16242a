package catalogue

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/internal/study"
)

// entry is one line of list.
type entry struct {
	ID        string   `json:"id"`
	Title     string   `json:"title"`
	Level     string   `json:"level"`
	Minutes   int      `json:"minutes"`
	ExamTasks []string `json:"examTasks"`
	Services  []string `json:"services"`
	// Prerequisites are labs to do before.
	Prerequisites []string    `json:"prerequisites,omitempty"`
	State         study.State `json:"state"`
	Best          *float64    `json:"best,omitempty"` // points of the best attempt on this machine
	Max           int         `json:"max"`            // points that there are
	// StartHere marks the lab to begin next.
	StartHere bool `json:"startHere,omitempty"`
	Checks    int  `json:"checks"`
	// Judged are the checks that the emulator can judge for sure.
	Judged int `json:"judged"`
	// Lacking are capabilities that the others need.
	Lacking []string `json:"lacking,omitempty"`

	waits []string // prerequisites that are not done
}

// entries lists the labs in the order of learning, judged by an emulator with these
// capabilities.
func entries(all []study.Standing, has []emulator.Capability) []entry {
	names := make([]string, len(has))
	for i, c := range has {
		names[i] = string(c)
	}
	next, _, found := study.Next(all, "")
	done := map[string]bool{}
	out := []entry{}
	for _, s := range all {
		l := s.Lab
		done[l.ID] = s.State == study.Done
		e := entry{ID: l.ID, Title: l.Title, Level: l.Level, Minutes: l.Minutes, ExamTasks: l.ExamTasks, Services: l.Services,
			Prerequisites: l.Prerequisites, State: s.State, Max: study.Possible(l), Checks: len(l.Checks),
			StartHere: found && next.Lab.ID == l.ID, Judged: len(l.Judgeable(names))}
		if s.Best != nil {
			e.Best = &s.Best.Points
		}
		for _, p := range l.Prerequisites {
			if !done[p] {
				e.waits = append(e.waits, p)
			}
		}
		for _, c := range l.Order() {
			e.Lacking = append(e.Lacking, emulator.Lacking(l.Required(c), has)...)
		}
		slices.Sort(e.Lacking)
		e.Lacking = slices.Compact(e.Lacking)
		out = append(out, e)
	}
	return out
}

func newList(a *app.App) *cobra.Command {
	var covered bool
	var which string
	var f filter
	c := &cobra.Command{
		Use: "list", Short: "List the labs in the order of learning", GroupID: "labs",
		Long: `Lists the labs in the order in which one learns from them: each after those that it
builds on, easier ones first. Beside each is how long it takes, which tasks of the
exam it practises, and how far you have come.

Filters can be combined. Several values of one, separated by commas, mean any of
them; several filters mean all of them.

With --emulator it says how many of each lab's checks that emulator can judge, and
what it lacks for the others. One that runs already, at a URL, is tried out for
that, with resources of our own that are removed again.`,
		Example: `  pipelab list
  pipelab list --level beginner --service s3
  pipelab list --domain 1,2 --state new,begun
  pipelab list --emulator localstack
  pipelab list --coverage
  pipelab list --json | jq -r '.[].id'`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if covered {
				return coverage(a)
			}
			has, err := a.CapabilitiesNamed(c.Context(), which)
			if err != nil {
				return err
			}
			all, err := a.Standings()
			if err != nil {
				return err
			}
			if err := f.valid(all); err != nil {
				return err
			}
			list := slices.DeleteFunc(entries(all, has), func(e entry) bool { return !f.fits(e) })
			if a.JSON {
				return a.PrintJSON(list)
			}
			switch {
			case len(all) == 0:
				a.Statusf("there are no labs in this build yet")
				return nil
			case len(list) == 0:
				a.Statusf("no lab fits all of that; leave out one of the filters, or see them all: pipelab list")
				return nil
			}
			table(a, list, c.Flags().Changed("emulator"))
			return nil
		},
	}
	a.EmulatorFlags(c, &which, "say what this one can judge")
	c.Flags().BoolVar(&covered, "coverage", false, "show which tasks of the exam the labs practise")
	f.flags(a, c)
	return c
}

// Columns of the list, with the blanks after them.
const (
	minutesWide = 7
	tasksWide   = 9
	stateWide   = 12
	titleWide   = 30 // fewer are not worth a column
)

// table prints the labs, a line for each where there is room.
func table(a *app.App, list []entry, judged bool) {
	id := 0
	for _, e := range list {
		id = max(id, len(e.ID)+2)
	}
	level := ""
	for _, e := range list {
		if e.Level != level {
			level = e.Level
			a.Printf("%s\n", level)
		}
		minutes, tasks := fmt.Sprintf("%d min", e.Minutes), strings.Join(e.ExamTasks, " ")
		line := fmt.Sprintf("  %-*s%-*s%-*s", id, e.ID, minutesWide, minutes, tasksWide, tasks)
		switch room := a.Columns() - len(line); {
		case room >= stateWide+titleWide:
			a.BesideIn(a.Columns(), line+fmt.Sprintf("%-*s", stateWide, e.state()), e.about())
		case room >= stateWide:
			text := e.state()
			if e.State == study.New && !e.StartHere && len(e.waits) > 0 {
				text = e.after()
			}
			a.Beside(line, text)
		default:
			a.Printf("  %s\n", e.ID)
			a.Indented(4, minutes+", tasks "+tasks+", "+e.state())
		}
		if judged {
			a.Printf("    %d of %s can be judged\n", e.Judged, report.Count(e.Checks, "check"))
			if len(e.Lacking) > 0 {
				a.Beside("    lacking: ", strings.Join(e.Lacking, ", "))
			}
		}
	}
	a.Printf("\n")
	a.Indented(0, "Numbers such as 1.1 are tasks of the exam "+study.ExamName+": the first domain's first. Their names: "+
		"pipelab list --coverage")
	a.Indented(0, "about a lab: pipelab show "+list[0].ID)
}

// state is how far somebody has come with the lab, in two words.
func (e entry) state() string {
	switch {
	case e.State == study.Done:
		return "done"
	case e.State == study.Begun && e.Best != nil:
		return fmt.Sprintf("%s of %d", report.Points(*e.Best), e.Max)
	case e.State == study.Begun:
		return "begun"
	case e.StartHere:
		return "start here"
	}
	return "not begun"
}

// after says what is to be done before.
func (e entry) after() string { return "after " + strings.Join(e.waits, ", ") }

// about is the title, and what is to be done before.
func (e entry) about() string {
	if e.State == study.New && len(e.waits) > 0 {
		return e.Title + " (" + e.after() + ")"
	}
	return e.Title
}
