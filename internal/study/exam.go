// Package study is the way through the labs: in which order one learns from them, how
// far somebody has come, what comes next, and what of the exam that proves. It reads
// labs and attempts; it starts nothing, judges nothing and prints nothing.
package study

import "strings"

// ExamName is the exam whose tasks labs name by their numbers.
const ExamName = "AWS Certified Data Engineer - Associate (DEA-C01)"

// Domain is a content domain of the exam.
type Domain struct {
	Number int
	Title  string
	Weight int // its share of the questions, in percent
	Tasks  []Task
}

// Task is one of a domain's task statements.
type Task struct {
	ID    string // "1.1": the domain and the task's number in it
	Title string
}

// Exam lists the domains of the exam.
// Source: the exam guide,
// https://docs.aws.amazon.com/aws-certification/latest/data-engineer-associate-01/data-engineer-associate-01.html
func Exam() []Domain {
	return []Domain{
		{1, "Data Ingestion and Transformation", 34, []Task{
			{"1.1", "Perform data ingestion"}, {"1.2", "Transform and process data"},
			{"1.3", "Orchestrate data pipelines"}, {"1.4", "Apply programming concepts"}}},
		{2, "Data Store Management", 26, []Task{
			{"2.1", "Choose a data store"}, {"2.2", "Understand data cataloging systems"},
			{"2.3", "Manage the lifecycle of data"}, {"2.4", "Design data models and schema evolution"}}},
		{3, "Data Operations and Support", 22, []Task{
			{"3.1", "Automate data processing by using AWS services"}, {"3.2", "Analyze data by using AWS services"},
			{"3.3", "Maintain and monitor data pipelines"}, {"3.4", "Ensure data quality"}}},
		{4, "Data Security and Governance", 18, []Task{
			{"4.1", "Apply authentication mechanisms"}, {"4.2", "Apply authorization mechanisms"},
			{"4.3", "Ensure data encryption and masking"}, {"4.4", "Prepare logs for audit"},
			{"4.5", "Understand data privacy and governance"}}},
	}
}

// TaskTitle is the title of a task by its number; empty for a number that the exam
// does not have.
func TaskTitle(id string) string {
	for _, d := range Exam() {
		for _, t := range d.Tasks {
			if t.ID == id {
				return t.Title
			}
		}
	}
	return ""
}

// ExamLine says in a sentence for which tasks of the exam something is.
func ExamLine(tasks []string) string {
	named := make([]string, len(tasks))
	for i, id := range tasks {
		named[i] = id + " (" + TaskTitle(id) + ")"
	}
	word := "task"
	if len(tasks) > 1 {
		word = "tasks"
	}
	return "Exam: " + ExamName + ", " + word + " " + strings.Join(named, " and ") + "."
}
