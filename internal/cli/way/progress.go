package way

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/internal/study"
	"github.com/pipelab/pipelab/internal/workspace"
)

// progressFlags say what is shown, and as what.
type progressFlags struct{ by, format, output string }

func newProgress(a *app.App) *cobra.Command {
	var f progressFlags
	views, formats := []string{"lab", "task", "item", "attempt"}, []string{"text", "csv", "json"}
	c := &cobra.Command{
		Use: "progress [LAB…]", Short: "Show what you have done, by lab, by task of the exam, by attempt", GroupID: "labs",
		Long: `Shows what you have done on this machine:

  --by lab      each lab: points of the best attempt, how many attempts, the latest
  --by task     each task of the exam: the labs for it that are done, checks passed
  --by item     each item of the study guide's self-assessment, likewise
  --by attempt  every run of all checks of a lab, oldest first

With names of labs, only these. Where all points came after the reference solution
was seen, it says "with the solution".`,
		Example: `  pipelab progress
  pipelab progress --by task
  pipelab progress kinesis-partition-keys --by attempt
  pipelab progress --by lab --format csv -o progress.csv`,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			ids, _ := lab.IDs(a.Labs) // no completion is the worst that can happen
			return ids, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if a.JSON && f.format == "text" {
				f.format = "json"
			}
			for _, v := range []struct {
				flag, value string
				of          []string
			}{{"by", f.by, views}, {"format", f.format, formats}} {
				if !slices.Contains(v.of, v.value) {
					return app.Usagef("--%s: there is no %q", v.flag, v.value).Hint("possible are: " + strings.Join(v.of, ", "))
				}
			}
			if a.JSON && f.format != "json" {
				return app.Usagef("--json and --format %s exclude each other", f.format).Hint("leave one of them out")
			}
			return progress(a, f, args)
		},
	}
	c.Flags().StringVar(&f.by, "by", "lab", "what a line stands for: "+strings.Join(views, ", "))
	c.Flags().StringVar(&f.format, "format", "text", "write it as "+strings.Join(formats, ", "))
	c.Flags().StringVarP(&f.output, "output", "o", "", "write it into this file")
	_ = c.RegisterFlagCompletionFunc("by", cobra.FixedCompletions(views, cobra.ShellCompDirectiveNoFileComp))
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
	return c
}

// view is progress in one of its ways: for programs, as a table, for people.
type view struct {
	data  any
	table [][]string // a header and a line for each
	text  func(*app.App)
}

func progress(a *app.App, f progressFlags, only []string) error {
	all, attempts, err := chosen(a, only)
	if err != nil {
		return err
	}
	var v view
	switch f.by {
	case "task":
		v = proofs("task", study.ByTask(all))
	case "item":
		v = proofs("item", study.ByItem(all))
	case "attempt":
		v = log(attempts)
	default:
		v = labs(all)
	}
	to := a
	var into bytes.Buffer
	if f.output != "" { // a file is as wide as a pipe
		copied := *a
		copied.Out = &into
		to = &copied
	}
	switch f.format {
	case "csv":
		w := csv.NewWriter(to.Out)
		if err := w.WriteAll(v.table); err != nil {
			return err
		}
	case "json":
		if err := to.PrintJSON(v.data); err != nil {
			return err
		}
	default:
		if len(attempts) == 0 {
			a.Statusf("no attempts yet")
		}
		v.text(to)
	}
	if f.output == "" {
		return nil
	}
	if err := os.WriteFile(a.Path(f.output), into.Bytes(), 0o600); err != nil {
		return app.Environmentf("the progress could not be written: %w", err)
	}
	return nil
}

// chosen are the labs that were named, or all, with the attempts at them. A lab of
// nobody's catalogue may be named if it was tried.
func chosen(a *app.App, only []string) ([]study.Standing, []workspace.Attempt, error) {
	all, err := a.Standings()
	if err != nil {
		return nil, nil, err
	}
	attempts, err := a.Progress().All()
	if err != nil {
		return nil, nil, err
	}
	all = append(all, study.Standings(elsewhereOf(attempts, all), attempts, nil)...)
	if len(only) == 0 {
		return all, attempts, nil
	}
	for _, id := range only {
		if slices.ContainsFunc(all, func(s study.Standing) bool { return s.Lab.ID == id }) {
			continue
		}
		_, err := a.Lab(id)
		if err == nil {
			err = app.Usagef("%s was never tried on this machine", id).Hint("see what was: pipelab progress")
		}
		return nil, nil, err
	}
	all = slices.DeleteFunc(all, func(s study.Standing) bool { return !slices.Contains(only, s.Lab.ID) })
	return all, slices.DeleteFunc(attempts, func(t workspace.Attempt) bool { return !slices.Contains(only, t.Lab) }), nil
}

// elsewhereOf are labs of nobody's catalogue that were tried, as far as attempts tell of
// them.
func elsewhereOf(attempts []workspace.Attempt, all []study.Standing) (out []*lab.Lab) {
	best := workspace.Best(attempts)
	for _, s := range all {
		delete(best, s.Lab.ID)
	}
	for _, id := range slices.Sorted(maps.Keys(best)) {
		l := &lab.Lab{ID: id}
		for _, check := range slices.Sorted(maps.Keys(best[id].Checks)) {
			l.Checks = append(l.Checks, lab.Check{ID: check})
		}
		out = append(out, l)
	}
	return out
}

// line is a lab for programs.
type line struct {
	ID       string      `json:"id"`
	Title    string      `json:"title"`
	Level    string      `json:"level"`
	State    study.State `json:"state"`
	Points   float64     `json:"points"` // of the best attempt
	Max      float64     `json:"max"`
	Passed   int         `json:"passed"` // checks, in the best attempt
	Checks   int         `json:"checks"`
	Attempts int         `json:"attempts"`
	Last     *time.Time  `json:"last,omitempty"` // attempt
	// Solved says that all points came only after the reference solution was seen.
	Solved bool `json:"solved,omitempty"`
}

func labs(all []study.Standing) view {
	lines, done := []line{}, 0
	table := [][]string{{"lab", "title", "level", "state", "points", "max", "passed", "checks", "attempts", "last",
		"solved"}}
	for _, s := range all {
		l := line{ID: s.Lab.ID, Title: s.Lab.Title, Level: s.Lab.Level, State: s.State, Max: float64(study.Possible(s.Lab)),
			Passed: s.Passed(), Checks: len(s.Lab.Checks), Attempts: s.Attempts, Solved: s.Solved}
		last := ""
		if s.Best != nil {
			l.Points, l.Max, l.Last = s.Best.Points, s.Best.Max, &s.Last
			last = s.Last.Format(time.RFC3339)
		}
		if s.State == study.Done {
			done++
		}
		lines = append(lines, l)
		table = append(table, []string{l.ID, l.Title, l.Level, string(l.State), report.Points(l.Points), report.Points(l.Max),
			strconv.Itoa(l.Passed), strconv.Itoa(l.Checks), strconv.Itoa(l.Attempts), last, strconv.FormatBool(l.Solved)})
	}
	return view{lines, table, func(a *app.App) {
		for _, l := range lines {
			a.Beside(fmt.Sprintf("%-30s", l.ID), l.String())
		}
		a.Printf("\n%d of %s are done\n", done, report.Count(len(lines), "lab"))
	}}
}

// String is how far somebody has come with a lab.
func (l line) String() string {
	if l.State == study.New {
		return "not begun"
	}
	out := report.Points(l.Points) + " of " + report.Points(l.Max) + " points"
	if l.State == study.Done {
		out = "done"
	}
	if l.Solved {
		out += " with the solution"
	}
	if l.Last == nil {
		return out + ", never judged"
	}
	times := strconv.Itoa(l.Attempts) + " attempts"
	if l.Attempts == 1 {
		times = "1 attempt"
	}
	return out + ", " + times + ", the last " + l.Last.Local().Format("2006-01-02")
}

func proofs(what string, all []study.Proof) view {
	all = append([]study.Proof{}, all...)
	table := [][]string{{what, "title", "labs", "done", "checks", "passed"}}
	practised, proven := 0, 0
	for _, p := range all {
		table = append(table, []string{p.ID, p.Title, strings.Join(p.Labs, " "), strings.Join(p.Done, " "),
			strconv.Itoa(p.Checks), strconv.Itoa(p.Passed)})
		if len(p.Labs) > 0 {
			practised++
			if len(p.Done) == len(p.Labs) {
				proven++
			}
		}
	}
	return view{all, table, func(a *app.App) {
		for _, p := range all {
			if len(p.Labs) == 0 {
				continue
			}
			a.Beside(fmt.Sprintf("%-4s ", p.ID), p.Title)
			a.Indented(5, fmt.Sprintf("%d of %s done, %d of %s passed", len(p.Done), report.Count(len(p.Labs), "lab"), p.Passed,
				report.Count(p.Checks, "check")))
		}
		a.Printf("\n")
		a.Indented(0, fmt.Sprintf("every lab done for %d of the %d %ss that labs practise; there are %d", proven, practised,
			what, len(all)))
	}}
}

func log(attempts []workspace.Attempt) view {
	table := [][]string{{"time", "lab", "points", "max", "seed", "solved", "passed"}}
	for _, t := range attempts {
		var passed []string
		for id, verdict := range t.Checks {
			if verdict == string(report.Pass) {
				passed = append(passed, id)
			}
		}
		slices.Sort(passed)
		table = append(table, []string{t.Time.Format(time.RFC3339), t.Lab, report.Points(t.Points), report.Points(t.Max),
			strconv.FormatUint(t.Seed, 10), strconv.FormatBool(t.Solved), strings.Join(passed, " ")})
	}
	return view{append([]workspace.Attempt{}, attempts...), table, func(a *app.App) {
		for _, t := range attempts {
			a.Beside(t.Time.Local().Format("2006-01-02 15:04  "), fmt.Sprintf("%-30s %3s of %3s points", t.Lab,
				report.Points(t.Points), report.Points(t.Max)))
		}
	}}
}
