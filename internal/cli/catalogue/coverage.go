package catalogue

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/lab"
)

// domain is a content domain of the exam with its share of the questions.
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

// exam lists the domains of the exam.
// Source: the exam guide of AWS Certified Data Engineer - Associate (DEA-C01),
// https://docs.aws.amazon.com/aws-certification/latest/data-engineer-associate-01/data-engineer-associate-01.html
func exam() []domain {
	return []domain{
		{1, "Data Ingestion and Transformation", 34, []taskStatement{
			{"1.1", "Perform data ingestion", nil}, {"1.2", "Transform and process data", nil},
			{"1.3", "Orchestrate data pipelines", nil}, {"1.4", "Apply programming concepts", nil}}},
		{2, "Data Store Management", 26, []taskStatement{
			{"2.1", "Choose a data store", nil}, {"2.2", "Understand data cataloging systems", nil},
			{"2.3", "Manage the lifecycle of data", nil}, {"2.4", "Design data models and schema evolution", nil}}},
		{3, "Data Operations and Support", 22, []taskStatement{
			{"3.1", "Automate data processing by using AWS services", nil}, {"3.2", "Analyze data by using AWS services", nil},
			{"3.3", "Maintain and monitor data pipelines", nil}, {"3.4", "Ensure data quality", nil}}},
		{4, "Data Security and Governance", 18, []taskStatement{
			{"4.1", "Apply authentication mechanisms", nil}, {"4.2", "Apply authorization mechanisms", nil},
			{"4.3", "Ensure data encryption and masking", nil}, {"4.4", "Prepare logs for audit", nil},
			{"4.5", "Understand data privacy and governance", nil}}},
	}
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
	domains, labs, proofs := exam(), map[string][]string{}, map[string][]string{}
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
	share := 0.0
	for d := range domains {
		tasks, practised := domains[d].Tasks, 0
		for t := range tasks {
			tasks[t].Labs = slices.Clip(append([]string{}, labs[tasks[t].ID]...))
			if len(tasks[t].Labs) > 0 {
				practised++
			}
		}
		share += float64(domains[d].Weight) * float64(practised) / float64(len(tasks))
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
		fmt.Sprintf("%d labs; at least one for %.0f %% of the exam, by the weight of its domains, and for %d of %d "+
			"items of the self-assessment", len(ids), share, proven, len(checklist)))
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
