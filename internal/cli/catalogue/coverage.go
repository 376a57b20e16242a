package catalogue

import (
	"fmt"
	"strings"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/internal/study"
)

// domain is a content domain of the exam with the labs for its tasks.
type domain struct {
	Number int             `json:"number"`
	Title  string          `json:"title"`
	Weight int             `json:"weight"` // percent
	Tasks  []taskStatement `json:"tasks"`
}

// taskStatement is one of a domain's task statements.
type taskStatement struct {
	ID    string   `json:"id"` // "1.1"
	Title string   `json:"title"`
	Labs  []string `json:"labs"`
}

// covered is what coverage finds.
type covered struct {
	Domains   []domain `json:"domains"`
	Share     float64  `json:"share"` // of the exam, in percent
	Checklist []proof  `json:"checklist"`
}

// proof says which labs prove an item of the self-assessment.
type proof struct {
	lab.Item
	Labs []string `json:"labs"`
}

// coverage shows which labs practise which task of the exam, and which prove
// what the study guide's self-assessment asks.
func coverage(a *app.App) error {
	ids, err := lab.IDs(a.Labs)
	if err != nil {
		return err
	}
	labs, proofs := map[string][]string{}, map[string][]string{}
	for _, id := range ids {
		l, err := a.Lab(id)
		if err != nil {
			return err
		}
		for _, t := range l.ExamTasks {
			labs[t] = append(labs[t], id)
		}
		for _, item := range l.Checklist {
			proofs[item] = append(proofs[item], id)
		}
	}
	domains, share := []domain{}, 0.0
	for _, d := range study.Exam() {
		with, practised := domain{Number: d.Number, Title: d.Title, Weight: d.Weight}, 0
		for _, t := range d.Tasks {
			with.Tasks = append(with.Tasks, taskStatement{t.ID, t.Title, append([]string{}, labs[t.ID]...)})
			if len(labs[t.ID]) > 0 {
				practised++
			}
		}
		domains = append(domains, with)
		share += float64(d.Weight) * float64(practised) / float64(len(d.Tasks))
	}
	checklist, proven := []proof{}, 0
	for _, i := range lab.Checklist() {
		checklist = append(checklist, proof{i, append([]string{}, proofs[i.ID]...)})
		if len(proofs[i.ID]) > 0 {
			proven++
		}
	}
	if a.JSON {
		return a.PrintJSON(covered{domains, share, checklist})
	}
	for _, d := range domains {
		a.Indented(0, fmt.Sprintf("Domain %d: %s, %d %% of the exam", d.Number, d.Title, d.Weight))
		for _, t := range d.Tasks {
			a.Beside("  "+t.ID+"  ", t.Title)
			named(a, t.Labs)
		}
	}
	a.Printf("Self-assessment of the study guide\n")
	for _, p := range checklist {
		if len(p.Labs) == 0 {
			a.Beside(fmt.Sprintf("  %-3s  ", p.ID), p.Title+": no lab yet")
			continue
		}
		a.Beside(fmt.Sprintf("  %-3s  ", p.ID), p.Title)
		named(a, p.Labs)
	}
	a.Indented(0,
		fmt.Sprintf("%s; at least one for %.0f %% of the exam, by the weight of its domains, and for %d of %d "+
			"items of the self-assessment", report.Count(len(ids), "lab"), share, proven, len(checklist)))
	return nil
}

// named prints the labs below what they are for.
func named(a *app.App, labs []string) {
	text := "no lab yet"
	if len(labs) > 0 {
		text = strings.Join(labs, ", ")
	}
	a.Indented(7, text)
}
