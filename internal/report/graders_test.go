package report_test

import (
	"encoding/base64"
	"math"
	"regexp"
	"strings"

	"github.com/pipelab/pipelab/internal/report"
)

func gradescopeRules(_ *report.Gradebook, out []byte, points float64, final bool) error {
	var w want
	var doc struct {
		Score          *float64       `json:"score"`
		ExecutionTime  int            `json:"execution_time"`
		Output         string         `json:"output"`
		Format         string         `json:"output_format"`
		TestFormat     string         `json:"test_output_format"`
		TestNameFormat string         `json:"test_name_format"`
		Extra          map[string]any `json:"extra_data"`
		Tests          []struct {
			Score  *float64 `json:"score"`
			Max    *float64 `json:"max_score"`
			Status string   `json:"status"`
			Name   string   `json:"name"`
			Number string   `json:"number"`
			Output string   `json:"output"`
			Tags   []string `json:"tags"`
		} `json:"tests"`
	}
	if err := decode(out, &doc); err != nil {
		return err
	}
	w.that(final == (doc.Score != nil), "a score exactly when it is one")
	w.that(doc.Score == nil || *doc.Score == points, "score")
	for _, f := range []string{doc.Format, doc.TestFormat, doc.TestNameFormat} {
		w.that(f == "text", "what learners write must not be markup: %s", f)
	}
	for _, t := range doc.Tests {
		w.that(t.Status == "" || t.Status == "passed" || t.Status == "failed", "status %s", t.Status)
		w.that(final == (t.Score != nil) && final == (t.Max != nil), "scores of tests")
		w.that(t.Score == nil || t.Max == nil || *t.Score <= *t.Max, "a test with more than its maximum")
		w.that(!strings.Contains(t.Output, "\r"), "line ends")
	}
	return w.err()
}

func exercismRules(_ *report.Gradebook, out []byte, _ float64, final bool) error {
	var w want
	var doc struct {
		Version float64 `json:"version"`
		Status  string  `json:"status"`
		Message *string `json:"message"`
		Tests   []struct {
			Name    string `json:"name"`
			Status  string `json:"status"`
			Message string `json:"message"`
			Output  string `json:"output"`
		} `json:"tests"`
	}
	if err := decode(out, &doc); err != nil {
		return err
	}
	w.that(doc.Version == 3, "version")
	w.that(final == (doc.Status != "error"), "status %s", doc.Status)
	passed := true
	for _, t := range doc.Tests {
		w.that(t.Status == "pass" || t.Message != "", "a message is required")
		w.that(len([]rune(t.Output)) <= 500 && len([]rune(t.Message)) <= 65535, "too long")
		passed = passed && t.Status == "pass"
	}
	if final {
		w.that(len(doc.Tests) > 0 && doc.Message == nil, "tests are required")
		w.that(passed == (doc.Status == "pass"), "status %s", doc.Status)
	} else {
		w.that(doc.Message != nil && *doc.Message != "" && len(*doc.Message) <= 65535, "message")
	}
	return w.err()
}

func prairieRules(b *report.Gradebook, out []byte, points float64, final bool) error {
	var w want
	var doc struct {
		Gradable bool     `json:"gradable"`
		Score    *float64 `json:"score"`
		Message  string   `json:"message"`
		Output   string   `json:"output"`
		Tests    []struct {
			Name        string   `json:"name"`
			Description string   `json:"description"`
			Points      *float64 `json:"points"`
			Max         *float64 `json:"max_points"`
			Message     string   `json:"message"`
			Output      string   `json:"output"`
		} `json:"tests"`
	}
	if err := decode(out, &doc); err != nil {
		return err
	}
	w.that(len(out) <= 1_000_000, "more than 1 MB")
	w.that(doc.Gradable == final, "gradable")
	w.that(final == (doc.Score != nil), "a score exactly when it is one")
	if final {
		w.that(*doc.Score >= 0 && *doc.Score <= 1, "score %v", *doc.Score)
		w.that(math.Abs(*doc.Score*b.Possible()-points) < 1e-9, "score %v of %v", *doc.Score, points)
	}
	for _, t := range doc.Tests {
		w.that((t.Points != nil) == final && (t.Max != nil) == final, "points on all tests or on none")
	}
	return w.err()
}

func classroomRules(b *report.Gradebook, out []byte, points float64, final bool) error {
	var w want
	src, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(out)))
	if err != nil {
		return err
	}
	var doc struct {
		Version int    `json:"version"`
		Status  string `json:"status"`
		Max     int    `json:"max_score"`
		Tests   []struct {
			Name     string `json:"name"`
			Status   string `json:"status"`
			Score    int    `json:"score"` // whole points only
			Message  string `json:"message"`
			Code     string `json:"test_code"`
			Filename string `json:"filename"`
			Line     int    `json:"line_no"`
			Duration int64  `json:"duration"`
		} `json:"tests"`
	}
	if err := decode(src, &doc); err != nil {
		return err
	}
	sum := 0
	for _, t := range doc.Tests {
		sum += t.Score
		w.that(t.Status == "pass" || t.Status == "fail" || t.Status == "error", "status")
	}
	if !final { // the reporter leaves out results without a maximum
		w.that(doc.Max == 0 && doc.Status == "error" && sum == 0, "no score")
		return w.err()
	}
	w.that(sum == int(math.Round(points)), "the sum is %d, the points are %v", sum, points)
	w.that(doc.Max == int(math.Round(b.Possible())) && sum <= doc.Max, "max_score %d", doc.Max)
	return w.err()
}

// githubRules reads the log as the runner does: lines that begin with :: are
// commands, but for those between stop-commands and its token.
func githubRules(_ *report.Gradebook, out []byte, _ float64, _ bool) error {
	var w want
	counts, stopped := map[string]int{}, ""
	for _, l := range strings.Split(strings.TrimSuffix(string(out), "\n"), "\n") {
		w.that(!strings.Contains(l, "\r"), "a line break within a line")
		m := regexp.MustCompile(`^::([a-z-]+)(?: ([^:]*))?::(.*)$`).FindStringSubmatch(l)
		switch {
		case stopped != "":
			if l == "::"+stopped+"::" {
				stopped = ""
			}
		case m == nil:
			w.that(false, "text outside of the fence: %.80q", l)
		case m[1] == "stop-commands":
			stopped = m[3]
			counts[m[1]]++
		default:
			counts[m[1]]++
			w.that(strings.HasPrefix(m[2], "title=") || m[2] == "", "properties %q", m[2])
			w.that(!strings.Contains(m[2], ","), "a property was added: %q", m[2])
			w.that(strings.Contains(" error warning notice group endgroup ", " "+m[1]+" "), "command %s", m[1])
		}
	}
	w.that(stopped == "", "commands stay stopped")
	w.that(counts["stop-commands"] == 1 && counts["endgroup"] == 1 && counts["notice"] == 1, "%v", counts)
	w.that(counts["error"] <= 10 && counts["warning"] <= 10, "more annotations than are shown: %v", counts)
	return w.err()
}

func ltiRules(b *report.Gradebook, out []byte, points float64, final bool) error {
	var w want
	var doc struct {
		User       string            `json:"userId"`
		Given      *float64          `json:"scoreGiven"`
		Maximum    *float64          `json:"scoreMaximum"`
		Comment    string            `json:"comment"`
		Timestamp  string            `json:"timestamp"`
		Activity   string            `json:"activityProgress"`
		Grading    string            `json:"gradingProgress"`
		Submission map[string]string `json:"submission"`
	}
	if err := decode(out, &doc); err != nil {
		return err
	}
	w.that(doc.User != "", "user")
	w.that((doc.Given != nil) == final && (doc.Maximum != nil) == final,
		"a score exactly when it is one, with its maximum")
	if final && doc.Given != nil && doc.Maximum != nil {
		w.that(*doc.Given == points && *doc.Maximum == report.Round(b.Possible()), "score")
	}
	w.that(regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3,}Z$`).MatchString(doc.Timestamp), "timestamp %s",
		doc.Timestamp)
	w.that(strings.Contains(" Initialized Started InProgress Submitted Completed ", " "+doc.Activity+" "), "activity")
	w.that(final == (doc.Grading == "FullyGraded") && (final || doc.Grading == "Failed"), "grading %s", doc.Grading)
	return w.err()
}
