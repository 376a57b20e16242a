package report

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"
)

// writeCSV writes one row for each learner and lab. A grade that is open has no
// points in it, not 0.
func writeCSV(w io.Writer, b *Gradebook, _ Options) error {
	c := csv.NewWriter(w)
	_ = c.Write([]string{"learner", "name", "email", "section", "lab", "status", "points", "possible", "earned", "penalty",
		"lab points", "lab possible", "hidden possible",
		"submitted", "time by", "claimed", "extension",
		"attempt", "source", "digest", "seed", "passed", "failed", "skipped", "not judged", "flags", "remark"}) // Error tells
	for _, g := range b.Grades {
		if err := c.Write(g.csvRow()); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

func (g Grade) csvRow() []string {
	s := g.Submission
	out := []string{cell(g.Learner.ID), cell(g.Learner.Name), cell(g.Learner.Email), cell(g.Learner.Section), cell(g.Lab),
		string(g.Status)}
	if g.Final() {
		out = append(out, Points(g.Points), Points(g.Possible), Points(g.Earned), Points(g.Penalty))
	} else {
		out = append(out, "", Points(g.Possible), "", "")
	}
	inLab := []string{"", "", ""}
	if points, possible, hidden := g.lab(); possible > 0 {
		inLab[1], inLab[2] = Points(possible), Points(hidden)
		if g.Final() {
			inLab[0] = Points(points)
		}
	}
	out = append(out, inLab...)
	submitted, claimed, attempt, seed := "", "", "", ""
	if !s.Submitted.IsZero() {
		submitted = s.Submitted.UTC().Format(time.RFC3339)
	}
	if !s.Claimed.IsZero() {
		claimed = s.Claimed.UTC().Format(time.RFC3339)
	}
	if s.Attempt > 0 {
		attempt = strconv.Itoa(s.Attempt)
	}
	counts := map[string]int{}
	if g.Result != nil {
		seed = strconv.FormatUint(g.Result.Seed, 10)
		for _, c := range g.Result.Checks {
			counts[c.Verdict.kind()]++
		}
	}
	out = append(out, submitted, string(s.Basis), claimed, g.Extension.Words(), attempt, cell(s.Source), cell(s.Digest),
		seed)
	for _, kind := range []string{"passed", "failed", "skipped", "not judged"} {
		n := ""
		if g.Result != nil {
			n = strconv.Itoa(counts[kind])
		}
		out = append(out, n)
	}
	remark := g.why()
	if s.Note != "" {
		remark = strings.TrimPrefix(remark+"; "+s.Note, "; ")
	}
	return append(out, cell(strings.Join(g.Flags, "; ")), cell(remark))
}

// kind is the verdict in the four groups that people count.
func (v Verdict) kind() string {
	switch v {
	case Pass:
		return "passed"
	case Skipped:
		return "skipped"
	case Error, Unsupported:
		return "not judged"
	}
	return "failed" // fail, timeout, partial: not all points
}

// cell keeps a spreadsheet from running what a learner wrote: a cell that would
// begin as a formula begins with an apostrophe instead. Programs whose lists are
// separated by something else begin another cell within one of ours, and some take
// letters of full width as well.
// Source: https://owasp.org/www-community/attacks/CSV_Injection
func cell(s string) string {
	s = plain(s)
	if s != "" && strings.ContainsAny(s[:1], "\t\n") {
		s = "'" + s
	}
	var b strings.Builder
	begins := true
	for _, r := range s {
		if begins && strings.ContainsRune("=+-@＝＋－＠", r) {
			b.WriteByte('\'')
		}
		begins = strings.ContainsRune(";|\t\n", r) || begins && strings.ContainsRune("\" ", r)
		b.WriteRune(r)
	}
	return b.String()
}
