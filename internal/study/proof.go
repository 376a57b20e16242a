package study

import (
	"slices"

	"github.com/pipelab/pipelab/internal/lab"
)

// Proof is how much of something that several labs practise has been proved: of a task
// of the exam, or of an item of the self-assessment.
type Proof struct {
	ID    string   `json:"id"`
	Title string   `json:"title"`
	Labs  []string `json:"labs"` // that practise it, in the order of learning
	Done  []string `json:"done"` // those of them with all points
	// Checks of these labs, and how many of them passed in each one's best attempt.
	Checks int `json:"checks"`
	Passed int `json:"passed"`
}

// ByTask is what is proved of each task of the exam, in its order, also of those that
// no lab practises.
func ByTask(all []Standing) (out []Proof) {
	for _, d := range Exam() {
		for _, t := range d.Tasks {
			out = append(out, proof(t.ID, t.Title, all, func(l *lab.Lab) []string { return l.ExamTasks }))
		}
	}
	return out
}

// ByItem is what is proved of each item of the self-assessment, in its order, also of
// those that no lab asks for.
func ByItem(all []Standing) (out []Proof) {
	for _, i := range lab.Checklist() {
		out = append(out, proof(i.ID, i.Title, all, func(l *lab.Lab) []string { return l.Checklist }))
	}
	return out
}

func proof(id, title string, all []Standing, names func(*lab.Lab) []string) Proof {
	p := Proof{ID: id, Title: title, Labs: []string{}, Done: []string{}}
	for _, s := range all {
		if !slices.Contains(names(s.Lab), id) {
			continue
		}
		p.Labs = append(p.Labs, s.Lab.ID)
		if s.State == Done {
			p.Done = append(p.Done, s.Lab.ID)
		}
		p.Checks += len(s.Lab.Checks)
		p.Passed += s.Passed()
	}
	return p
}
