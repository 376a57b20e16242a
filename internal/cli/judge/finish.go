package judge

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/internal/study"
)

// finish tells, after a run in which every check passed, what that proves, which wrong
// ideas the pipeline survived, where the reference can be compared, and what comes
// next. It goes beside the report, to standard error.
func finish(a *app.App, w *app.Work, r *report.Result) error {
	heading(a, w)
	lessons(a, w, r)
	return onward(a, w)
}

func heading(a *app.App, w *app.Work) {
	how := ""
	if w.Meta.Solved {
		how = ", with the reference solution seen"
	}
	a.Aside(0, "\ndone: "+w.Lab.Title+how)
}

// lessons are what was proved, what is to be remembered, and what was survived.
func lessons(a *app.App, w *app.Work, r *report.Result) {
	if proved := proves(w.Lab.Lab); len(proved) > 0 {
		a.Aside(0, "\nwhat that proves")
		for _, p := range proved {
			a.Aside(2, p)
		}
	}
	if facts := told(w.Lab.Facts); len(facts) > 0 {
		a.Aside(0, "\nwhat to remember")
		for _, f := range facts {
			a.Aside(2, f)
		}
	}
	if ideas := survived(w.Lab, r); len(ideas) > 0 {
		a.Aside(0, fmt.Sprintf("\nyour pipeline survived %s that these checks catch", report.Count(len(ideas), "wrong idea")))
		for _, i := range ideas {
			a.Aside(2, i)
		}
	}
}

// onward is what to do now.
func onward(a *app.App, w *app.Work) error {
	a.Aside(0, "\nyour answer beside the reference: pipelab solve --diff")
	all, err := a.Standings()
	if err != nil {
		return err
	}
	next, why, ok := study.Next(all, w.Lab.ID)
	if !ok {
		a.Aside(0, "every lab is begun; what is left: pipelab list")
		return nil
	}
	a.Aside(0, "next: pipelab start "+next.Lab.ID)
	a.Aside(2, fmt.Sprintf("%s (%s, about %d minutes); %s", next.Lab.Title, next.Lab.Level, next.Lab.Minutes, why))
	return nil
}

// proves is what a lab with all points shows that one can: tasks of the exam, items of
// the self-assessment.
func proves(l *lab.Lab) (out []string) {
	for _, id := range l.ExamTasks {
		out = append(out, "task "+id+" of the exam: "+study.TaskTitle(id))
	}
	for _, id := range l.Checklist {
		if item, ok := lab.ChecklistItem(id); ok {
			out = append(out, item.ID+" of the self-assessment: "+item.Title)
		}
	}
	return out
}

// told are facts without their numbers in the study guide's list.
func told(facts []string) (out []string) {
	number := regexp.MustCompile(`^\d+: `)
	for _, f := range facts {
		out = append(out, strings.TrimSpace(number.ReplaceAllString(f, "")))
	}
	return out
}

// survived are the titles of the lab's wrong answers that must fail some of its checks,
// all of which have passed here. What cannot even be deployed is nothing that a
// pipeline survives, and what hidden checks know stays hidden.
func survived(l *lab.Folder, r *report.Result) (out []string) {
	passed := map[string]bool{}
	for _, c := range r.Checks {
		passed[c.ID] = c.Verdict == report.Pass && !l.Hidden[c.ID]
	}
	for _, m := range l.Mutants {
		if m.Deploy == "fails" || len(m.Fails) == 0 || l.Secrets[m.Mistake] || slices.Contains(out, m.Title) ||
			slices.ContainsFunc(m.Fails, func(id string) bool { return !passed[id] }) {
			continue
		}
		out = append(out, m.Title)
	}
	return out
}
