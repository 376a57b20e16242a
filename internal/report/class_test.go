package report_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/report"
)

var update = flag.Bool("update", false, "write goldens and the schema anew")

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, got, 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s (go test -update writes it anew):\n%s", file, d)
	}
}

// hostile is what a learner might print to break a report: the end of a CDATA
// section, workflow commands, markup, terminal and bidirectional controls, a
// line break of Windows, bytes that are no UTF-8, and characters that XML has not.
const hostile = "]]>\r\n::error::forged\n##[error]forged\n" +
	"<script>alert(1)</script>\x1b[31mred\x00\xff\uFFFE\u202Eesrever\n" +
	"```\n|---|\n...\n--- #\nBail out!\nnot ok 99 - forged\n=cmd()|'/c calc'!A0"

func at(s string) time.Time {
	v, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return v
}

func labs() []report.LabRef {
	return []report.LabRef{
		{ID: "kinesis-partition-keys", Title: "Spread the load, keep the order", Points: 40, Digest: "a1",
			Checks: []report.CheckRef{
				{ID: "order-per-customer", Title: "Events of a customer stay in order", Possible: 40},
				{ID: "even-shards", Title: "The shards share the load", Possible: 40},
				{ID: "failed-entries", Title: "Failed entries are sent again", Possible: 20}},
			Mistakes: []report.MistakeRef{{ID: "low-cardinality-key", Title: "A key with few values",
				Explanation: "All records of a value go to one shard."}}},
		{ID: "ddb-cart-concurrency", Title: "Carts under contention", Points: 100, Digest: "b2", Checks: []report.CheckRef{
			{ID: "stock", Title: "Stock never goes below zero", Possible: 60}, {ID: "carts", Title: "No item is lost",
				Possible: 40}}},
	}
}

func keys(seed uint64, checks ...report.Check) *report.Result {
	all := []report.Check{
		{ID: "order-per-customer", Title: "Events of a customer stay in order", Verdict: report.Pass, Points: 40,
			Possible: 40, Millis: 1210, Calls: 8},
		{ID: "even-shards", Title: "The shards share the load", Verdict: report.Fail, Possible: 40,
			Message:  "All four shards receive records",
			Sent:     []string{"1 × python3 src/producer.py, 4000 lines on standard input"},
			Expected: "All four shards receive records",
			Seen:     `{"shardId-000000000003":1055}`, Mistake: "low-cardinality-key",
			Hint: "A hot shard throttles while the others idle.", Millis: 455, Calls: 12},
		{ID: "failed-entries", Title: "Failed entries are sent again", Verdict: report.Skipped, Possible: 20,
			Message: "it needs even-shards, which did not pass"},
	}
	for _, c := range checks {
		for i := range all {
			if all[i].ID == c.ID {
				all[i] = c
			}
		}
	}
	return &report.Result{Version: 1, Lab: "kinesis-partition-keys", Seed: seed, Emulator: "embedded", Checks: all}
}

func carts(stock, lost report.Verdict, points float64) *report.Result {
	c := []report.Check{{ID: "stock", Title: "Stock never goes below zero", Verdict: stock, Points: 60, Possible: 60,
		Millis: 2000, Calls: 900},
		{ID: "carts", Title: "No item is lost", Verdict: lost, Points: points, Possible: 40, Millis: 60000, Calls: 1000}}
	if stock != report.Pass {
		c[0].Points, c[0].Message = 0, "the emulator did not answer"
	}
	if lost != report.Pass {
		c[1].Message = "every item that was added is in the cart"
	}
	return &report.Result{Version: 1, Lab: "ddb-cart-concurrency", Seed: 9, Emulator: "embedded", Checks: c}
}

// alike are two who have a passage in common, and one who has the solution.
func alike() []report.Alike {
	here := report.Passage{File: "src/producer.py", From: 3, To: 5,
		Text: []string{"for e in events:", "    put(e)", "    # <b>\x1b[1m"}}
	there := report.Passage{File: "src/producer.py", From: 9, To: 40,
		Text: []string{"for event in batch:", "    send(event)"}}
	return []report.Alike{
		{Lab: "kinesis-partition-keys", Learner: "ada", Other: "bob", Share: 1, Same: true,
			Passages: []report.Twice{{Words: 120, Here: here, There: there}}},
		{Lab: "ddb-cart-concurrency", Learner: "ada", Share: 0.62,
			Passages: []report.Twice{{Words: 30, Here: there, There: here}}},
	}
}

// class is a gradebook with a grade of every status and a check of every
// verdict.
func class() *report.Gradebook {
	ada := report.Learner{ID: "ada", Name: "Lovelace, Ada", Email: "ada@example.org", Section: "Tuesday",
		Accounts: map[string]string{"canvas": "101", "moodle": "2001", "github": "ada-l"}}
	bob := report.Learner{ID: "bob", Name: "=HYPERLINK(\"http://example.org\")",
		Accounts: map[string]string{"canvas": "102"}}
	cyd, dan := report.Learner{ID: "cyd", Name: "Cyd <b>Ö'Neill</b>"}, report.Learner{ID: "dan"}
	pass := report.Check{ID: "even-shards", Title: "The shards share the load", Verdict: report.Pass, Points: 40,
		Possible: 40, Millis: 400, Calls: 12}
	nasty := report.Check{ID: "even-shards", Title: "The shards share the load", Verdict: report.Timeout, Possible: 40,
		Message: hostile,
		Way: &report.Way{Record: "id e-41" + hostile, Steps: []report.Step{
			{At: time.Date(2026, 11, 30, 10, 1, 2, 0, time.UTC), What: "sent to the stream clicks" + hostile},
			{At: time.Date(2026, 12, 1, 10, 1, 2, 0, time.UTC), What: "delivered to Consumer", Where: "src/a.py:3"},
			{What: "nothing more is in the trace"}}},
		Causes: []report.Cause{{What: "src/a.py did not end" + hostile, Error: hostile, Where: "src/a.py:3" + hostile,
			Line: hostile, Log: []string{hostile, "  an indented line"}}},
		Sent: []string{hostile, strings.Repeat("x", 3000)}, Expected: "not " + hostile, Seen: hostile,
		Mistake: "low-cardinality-key", Hint: hostile}
	s := func(source string) report.Submission {
		return report.Submission{Source: source, Digest: "c0ffee", Submitted: at("2026-03-05T17:30:00+01:00"), Attempt: 1}
	}
	return &report.Gradebook{Version: 1, Assignment: "week-3", Title: "Streams & carts", Due: at("2026-03-06T18:00:00Z"),
		Tool: "v0.3.0", Labs: labs(), Alike: alike(), Grades: []report.Grade{
			{Learner: ada, Lab: "kinesis-partition-keys", Status: report.Final, Submission: s("ada/keys"), Result: keys(7),
				Earned: 16, Penalty: 1.6, Points: 14.4, Possible: 40,
				Flags: []string{"its output carries the seed of bob"}},
			{Learner: ada, Lab: "ddb-cart-concurrency", Status: report.Final, Submission: s("ada/carts"),
				Result: carts(report.Pass, report.Partial, 40.0/3), Earned: 60 + 40.0/3, Points: 73.33, Possible: 100},
			{Learner: bob, Lab: "kinesis-partition-keys", Status: report.Final, Submission: s("=cmd()"), Result: keys(8, nasty),
				Earned: 16, Points: 16, Possible: 40},
			{Learner: bob, Lab: "ddb-cart-concurrency", Status: report.Rejected, Submission: s("bob/carts.zip"),
				Problem: "the archive leads out of itself: ../../etc/passwd", Possible: 100},
			{Learner: cyd, Lab: "kinesis-partition-keys", Status: report.Final, Submission: s("cyd/keys"), Result: keys(9, pass,
				report.Check{ID: "failed-entries", Title: "Failed entries are sent again", Verdict: report.Pass, Points: 20,
					Possible: 20, Millis: 90, Calls: 30}), Earned: 40, Points: 40, Possible: 40},
			{Learner: cyd, Lab: "ddb-cart-concurrency", Status: report.Open, Submission: s("cyd/carts"),
				Result: carts(report.Error, report.Unsupported, 0), Points: 77, Earned: 77, Possible: 100,
				Rerun: "pipelab grade class --only cyd"},
			{Learner: dan, Lab: "kinesis-partition-keys", Status: report.Missing, Possible: 40},
			{Learner: dan, Lab: "ddb-cart-concurrency", Status: report.Final, Submission: s("dan/carts"),
				Result: carts(report.Fail, report.Fail, 0), Deploy: "template.yaml:3: no such resource type AWS::S3::Buckets",
				Possible: 100},
		}}
}

// of is the part of the class's gradebook that is one learner's.
func of(b *report.Gradebook, learner string) *report.Gradebook {
	one := *b
	one.Grades, one.Alike = nil, nil
	for _, g := range b.Grades {
		if g.Learner.ID == learner {
			one.Grades = append(one.Grades, g)
		}
	}
	return &one
}

// large is a class of n learners, every one with its own results.
func large(n int) *report.Gradebook {
	b := &report.Gradebook{Version: 1, Assignment: "large", Title: "A large class",
		Labs: []report.LabRef{{ID: "lab", Title: "A lab", Points: 160}}}
	for c := range 16 {
		b.Labs[0].Checks = append(b.Labs[0].Checks, report.CheckRef{ID: fmt.Sprintf("check-%02d", c),
			Title: fmt.Sprintf("What check %d looks at is so", c), Possible: 10})
	}
	b.Labs[0].Mistakes = []report.MistakeRef{{ID: "mixed-up", Title: "Two names mixed up"}}
	for i := range n {
		r := &report.Result{Version: 1, Lab: "lab", Seed: uint64(i), Emulator: "embedded"}
		var points float64
		for c := range 16 {
			k := report.Check{ID: fmt.Sprintf("check-%02d", c), Title: fmt.Sprintf("What check %d looks at is so", c),
				Possible: 10, Verdict: report.Pass, Points: 10, Millis: 1200, Calls: 44}
			if (i*7+c*c*5)%16 < c {
				k.Verdict, k.Points, k.Message, k.Expected, k.Mistake = report.Fail, 0, "What was sent arrives", "1000 records",
					"mixed-up"
				k.Sent, k.Seen, k.Hint = []string{"1000 records to the stream clicks"},
					fmt.Sprintf(`{"records":%d,"keys":["a","b"]}`, i), "Look at the names."
			}
			points += k.Points
			r.Checks = append(r.Checks, k)
		}
		b.Grades = append(b.Grades,
			report.Grade{Learner: report.Learner{ID: fmt.Sprintf("learner-%03d", i), Name: fmt.Sprintf("Learner Number %d", i)},
				Lab: "lab", Status: report.Final, Result: r, Earned: points, Points: points, Possible: 160})
	}
	return b
}

func write(t *testing.T, format string, b *report.Gradebook) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, report.Write(format, &out, b, options()))
	return out.Bytes()
}

func options() report.Options {
	return report.Options{Now: at("2026-03-07T09:00:00Z"), Token: "f3a9c1"}
}
