package report

import (
	"fmt"
	"math"
)

// Alike are two submissions for one lab that have much in common, whatever the names
// in them are, and in whatever order; or one that has much of the lab's solution.
type Alike struct {
	Lab      string  `json:"lab"`
	Learner  string  `json:"learner"`
	Other    string  `json:"other,omitempty"` // a learner; empty: the solution
	Share    float64 `json:"share"`           // of the smaller one that the other has too, 0 to 1
	Same     bool    `json:"same,omitempty"`  // in everything but names, numbers, texts and comments
	Passages []Twice `json:"passages,omitempty"`
}

// Twice is a passage that stands in both.
type Twice struct {
	Words int     `json:"words"`
	Here  Passage `json:"here"`  // in the learner's
	There Passage `json:"there"` // in the other's
}

// Passage are lines of a file, from 1, both ends included. Text holds the first of
// them.
type Passage struct {
	File string   `json:"file"`
	From int      `json:"from"`
	To   int      `json:"to"`
	Text []string `json:"text"`
}

// String says what is alike in one line.
func (a Alike) String() string {
	what := fmt.Sprintf("%d %% of the shorter one is in both", int(math.Round(a.Share*100)))
	if a.Other == "" {
		what = fmt.Sprintf("%d %% of it is in the solution", int(math.Round(a.Share*100)))
	}
	if a.Same {
		what = "the same but for names, numbers, texts and comments"
	}
	who := a.Learner + " and " + a.Other
	if a.Other == "" {
		who = a.Learner + " and the lab's solution"
	}
	for _, t := range a.Passages[:min(1, len(a.Passages))] {
		what += fmt.Sprintf("; the longest passage: %s and %s", t.Here, t.There)
	}
	return oneLine(fmt.Sprintf("%s: %s: %s", a.Lab, who, what))
}

// String is where the passage stands.
func (p Passage) String() string {
	if p.From == p.To {
		return fmt.Sprintf("%s:%d", p.File, p.From)
	}
	return fmt.Sprintf("%s:%d-%d", p.File, p.From, p.To)
}

// alikeMeans says how to read what is alike.
const alikeMeans = "Alike is no verdict: there may be few ways to say it, and two who worked together may have been " +
	"allowed to. Look at both."
