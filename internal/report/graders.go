package report

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// This file holds the formats of the systems that grade one submission at a
// time and read one JSON document of it.

func encode(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

type classroomTest struct {
	Name     string `json:"name"`
	Status   string `json:"status"`
	Score    int    `json:"score"`
	Message  string `json:"message"`
	Code     string `json:"test_code"`
	Filename string `json:"filename"`
	Line     int    `json:"line_no"` // 0 hides it
	Millis   int64  `json:"duration"`
}

// writeClassroom writes the result that a grader step hands to GitHub
// Classroom's reporter, in base64. The reporter adds up the tests' scores and
// Classroom keeps whole numbers, so whole points are dealt out over the checks
// until they make the whole grade: here alone they are on the assignment's scale.
// max_score 0 is how a result says that it is no score: the reporter then reports
// nothing, and the status fails the step.
// Source: https://github.com/classroom-resources/autograding-grading-reporter src/notify-classroom.js
func writeClassroom(w io.Writer, b *Gradebook, _ Options) error {
	r, err := b.single("github-classroom")
	if err != nil {
		return err
	}
	doc := struct {
		Version int             `json:"version"`
		Status  string          `json:"status"`
		Max     int             `json:"max_score"`
		Tests   []classroomTest `json:"tests"`
	}{Version: 1, Status: "fail", Tests: []classroomTest{}}
	var earned, penalty float64
	var exact []float64
	for _, g := range r.Grades {
		for _, c := range g.with(g.weighed()) {
			exact = append(exact, c.Points)
		}
		for _, c := range g.items() {
			doc.Tests = append(doc.Tests, classroomTest{Name: oneLine(c.Title), Status: threeWay(c.Verdict),
				Message: classroomMessage(b, g, c), Millis: c.Millis})
		}
		earned, penalty = earned+g.Earned, penalty+g.Penalty
	}
	switch {
	case !r.Final:
		doc.Status = "error"
	case r.passed():
		doc.Status = "pass"
	}
	if r.Final {
		doc.Max = whole(r.possible())
		for i, n := range deal(whole(earned), exact) {
			doc.Tests[i].Score = n
		}
		if late := whole(r.Points) - whole(earned); late != 0 {
			doc.Tests = append(doc.Tests, classroomTest{Name: "Handed in late", Status: "fail", Score: late,
				Message: Points(penalty) + " points less for lateness"})
		}
	}
	src, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, base64.StdEncoding.EncodeToString(src)+"\n")
	return err
}

func classroomMessage(b *Gradebook, g Grade, c valued) string {
	if c.Verdict == Pass {
		return ""
	}
	return clip(c.score()+"\n"+c.detail(b.lab(g.Lab)), 4000)
}

// deal splits a whole number in proportion to shares, each part rounded down or
// up, so that the parts make the whole (the largest remainders are rounded up).
func deal(total int, shares []float64) []int {
	var sum float64
	for _, s := range shares {
		sum += s
	}
	out, left := make([]int, len(shares)), total
	if sum <= 0 {
		return out
	}
	rest := make([]float64, len(shares))
	for i, s := range shares {
		exact := float64(total) * s / sum
		out[i] = int(exact + 1e-9)
		rest[i], left = exact-float64(out[i]), left-out[i]
	}
	for ; left > 0; left-- {
		best := 0
		for i := range rest {
			if rest[i] > rest[best] {
				best = i
			}
		}
		out[best]++
		rest[best] = -1
	}
	return out
}

// threeWay is a verdict where there are only three.
func threeWay(v Verdict) string {
	switch v.kind() {
	case "passed":
		return "pass"
	case "not judged":
		return "error"
	}
	return "fail"
}

type gradescopeTest struct {
	Score  *float64 `json:"score,omitempty"`
	Max    *float64 `json:"max_score,omitempty"`
	Status string   `json:"status,omitempty"`
	Name   string   `json:"name"`
	Number string   `json:"number"`
	Output string   `json:"output,omitempty"`
	Tags   []string `json:"tags"`
}

// writeGradescope writes results.json. An open grade has no score anywhere, so
// Gradescope, which requires one, reports that the autograder failed: what is
// then true, and the learner keeps the former score.
// Source: https://github.com/gradescope/autograder_samples docs/specs.md
func writeGradescope(w io.Writer, b *Gradebook, _ Options) error {
	r, err := b.single("gradescope")
	if err != nil {
		return err
	}
	doc := struct {
		Score  *float64         `json:"score,omitempty"`
		Time   int64            `json:"execution_time"` // seconds
		Output string           `json:"output"`
		Format string           `json:"output_format"`
		Tests  string           `json:"test_output_format"`
		Names  string           `json:"test_name_format"`
		Extra  map[string]any   `json:"extra_data"`
		List   []gradescopeTest `json:"tests"`
	}{Output: r.summary(), Format: "text", Tests: "text", Names: "text", Extra: map[string]any{"tool": b.Tool,
		"assignment": b.Assignment}, List: []gradescopeTest{}}
	if r.Final {
		doc.Score = &r.Points
	}
	seeds := map[string]uint64{}
	for i, g := range r.Grades {
		if g.Result != nil {
			seeds[g.Lab] = g.Result.Seed
		}
		for k, c := range g.items() {
			t := gradescopeTest{Name: oneLine(c.Title), Number: fmt.Sprintf("%d.%d", i+1, k+1),
				Tags:   []string{g.Lab, string(c.Verdict)},
				Output: clip(strings.TrimSpace(c.score()+"\n"+c.detail(b.lab(g.Lab))), 16000)}
			if !c.Verdict.unjudged() {
				t.Status = "failed"
				if c.Verdict == Pass {
					t.Status = "passed"
				}
				if r.Final {
					t.Score, t.Max = &c.Points, &c.Possible
				}
			}
			doc.Time += c.Millis
			doc.List = append(doc.List, t)
		}
	}
	doc.Time = (doc.Time + 999) / 1000
	doc.Extra["seeds"] = seeds
	return encode(w, doc)
}

type exercismTest struct {
	Name    string `json:"name"`
	Status  string `json:"status"`
	Message string `json:"message,omitempty"`
	Output  string `json:"output,omitempty"`
}

// writeExercism writes results.json, version 3. A result that is no score has
// the status error and no tests.
// Source: https://github.com/exercism/docs building/tooling/test-runners/interface.md
func writeExercism(w io.Writer, b *Gradebook, _ Options) error {
	const messageLimit, outputLimit = 65535, 500 // characters; bytes are never fewer
	r, err := b.single("exercism")
	if err != nil {
		return err
	}
	doc := struct {
		Version int            `json:"version"`
		Status  string         `json:"status"`
		Message *string        `json:"message"`
		Tests   []exercismTest `json:"tests,omitempty"`
	}{Version: 3, Status: "fail"}
	if !r.Final {
		message := clip(strings.Join(r.open(), "\n"), messageLimit)
		doc.Status, doc.Message = "error", &message
		return encode(w, doc)
	}
	if r.passed() {
		doc.Status = "pass"
	}
	for _, g := range r.Grades {
		for _, c := range g.items() {
			t := exercismTest{Name: oneLine(c.Title), Status: threeWay(c.Verdict)}
			if c.Verdict != Pass {
				t.Message = clip(or(c.detail(b.lab(g.Lab)), c.headline()), messageLimit)
				t.Output = clip(plain(c.Seen), outputLimit)
			}
			doc.Tests = append(doc.Tests, t)
		}
	}
	return encode(w, doc)
}

type prairieTest struct {
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Points      *float64 `json:"points,omitempty"`
	Max         *float64 `json:"max_points,omitempty"`
	Message     string   `json:"message"`
	Output      string   `json:"output"`
}

// writePrairieLearn writes results.json for external grading. What is no score
// is not gradable: the attempt does not count.
// Source: https://github.com/PrairieLearn/PrairieLearn docs/externalGrading.md
func writePrairieLearn(w io.Writer, b *Gradebook, _ Options) error {
	const limit = 1_000_000 // bytes, of the whole document
	r, err := b.single("prairielearn")
	if err != nil {
		return err
	}
	for each := 32_000; ; each /= 2 {
		var out strings.Builder
		if err := encode(&out, b.prairie(r, each)); err != nil {
			return err
		}
		if out.Len() < limit || each < 100 {
			_, err := io.WriteString(w, out.String())
			return err
		}
	}
}

func (b *Gradebook) prairie(r row, limit int) any {
	doc := struct {
		Gradable bool          `json:"gradable"`
		Score    *float64      `json:"score,omitempty"` // a share of 1
		Message  string        `json:"message"`
		Output   string        `json:"output"`
		Tests    []prairieTest `json:"tests"`
	}{Gradable: r.Final, Message: clip(r.summary(), limit), Tests: []prairieTest{}}
	if r.Final {
		var share float64
		if r.possible() > 0 {
			share = min(r.Points/r.possible(), 1)
		}
		doc.Score = &share
	}
	for _, g := range r.Grades {
		for _, c := range g.items() {
			t := prairieTest{Name: oneLine(c.Title), Description: oneLine(c.ID), Message: clip(c.headline(), limit),
				Output: clip(c.detail(b.lab(g.Lab)), limit)}
			if r.Final {
				t.Points, t.Max = &c.Points, &c.Possible
			}
			doc.Tests = append(doc.Tests, t)
		}
	}
	return doc
}
