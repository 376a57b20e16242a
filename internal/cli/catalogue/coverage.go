package catalogue

import (
	"slices"
	"strings"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/report"
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

// coverage shows which labs practise which task of the exam.
func coverage(a *app.App) error {
	ids, err := lab.IDs(a.Labs)
	if err != nil {
		return err
	}
	domains, labs := exam(), map[string][]string{}
	for _, id := range ids {
		l, err := a.Lab(id)
		if err != nil {
			return err
		}
		for _, t := range l.ExamTasks {
			labs[t] = append(labs[t], id)
		}
	}
	share := 0.0
	for d := range domains {
		tasks, covered := domains[d].Tasks, 0
		for t := range tasks {
			tasks[t].Labs = slices.Clip(append([]string{}, labs[tasks[t].ID]...))
			if len(tasks[t].Labs) > 0 {
				covered++
			}
		}
		share += float64(domains[d].Weight) * float64(covered) / float64(len(tasks))
	}
	if a.JSON {
		return a.PrintJSON(domains)
	}
	for _, d := range domains {
		a.Printf("Domain %d: %s, %d %% of the exam\n", d.Number, d.Title, d.Weight)
		for _, t := range d.Tasks {
			a.Printf("  %s  %s\n", t.ID, t.Title)
			named := "no lab yet"
			if len(t.Labs) > 0 {
				named = strings.Join(t.Labs, ", ")
			}
			for _, line := range report.Wrap(named, a.Width()-7) {
				a.Printf("       %s\n", line)
			}
		}
	}
	a.Printf("%d labs; at least one for %.0f %% of the exam, by the weight of its domains\n", len(ids), share)
	return nil
}
