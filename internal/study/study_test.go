package study_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/study"
	"github.com/pipelab/pipelab/internal/workspace"
)

func labs() []*lab.Lab {
	checks := []lab.Check{{ID: "one", Points: 60}, {ID: "two", Points: 40}}
	return []*lab.Lab{
		{ID: "deep", Level: "beginner", Minutes: 5, Prerequisites: []string{"wide"}, ExamTasks: []string{"1.1"},
			Checks: checks},
		{ID: "wide", Level: "intermediate", Minutes: 20, Prerequisites: []string{"first"}, Checks: checks},
		{ID: "other", Level: "beginner", Minutes: 45, Checklist: []string{"D1a"}, Checks: checks},
		{ID: "first", Level: "beginner", Minutes: 30, ExamTasks: []string{"1.1", "2.1"}, Checks: checks},
		{ID: "hard", Level: "advanced", Minutes: 1, Prerequisites: []string{"elsewhere"}, Checks: checks},
	}
}

func ids(all []*lab.Lab) (out []string) {
	for _, l := range all {
		out = append(out, l.ID)
	}
	return out
}

func TestOrder_isThatOfLearning(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"first", "other", "wide", "deep", "hard"}, ids(study.Order(labs())),
		"what a lab builds on comes first, whatever its level; what is nowhere is not waited for")
	circle := []*lab.Lab{{ID: "b", Prerequisites: []string{"a"}}, {ID: "a", Prerequisites: []string{"b"}}}
	require.Equal(t, []string{"a", "b"}, ids(study.Order(circle)))
}

func attempt(id string, points float64, solved bool) workspace.Attempt {
	checks := map[string]any{"one": "pass", "two": "fail", "gone": "pass"}
	if points == 100 {
		checks["two"] = "pass"
	}
	return workspace.Attempt{Lab: id, Points: points, Max: 100, Solved: solved, Checks: checks,
		Time: time.Date(2026, 3, 1, int(points)%24, 0, 0, 0, time.UTC)}
}

func TestStandings_tellHowFarSomebodyHasCome(t *testing.T) {
	t.Parallel()
	all := study.Standings(labs(), []workspace.Attempt{attempt("first", 60, false), attempt("first", 100, true),
		attempt("other", 60, false), attempt("other", 0, false), attempt("nowhere", 100, false)},
		map[string]bool{"wide": true})
	got := map[string]study.Standing{}
	for _, s := range all {
		got[s.Lab.ID] = s
	}
	require.Equal(t, study.Done, got["first"].State)
	require.True(t, got["first"].Solved, "all points came after the solution")
	require.Equal(t, 2, got["first"].Passed(), "checks that the lab no longer has do not count")
	require.Equal(t, 2, got["first"].Attempts)
	require.Equal(t, study.Begun, got["other"].State)
	require.InDelta(t, 60, got["other"].Best.Points, 0)
	require.Equal(t, 1, got["other"].Passed())
	require.Equal(t, 12, got["other"].Last.Hour())
	require.Equal(t, study.Begun, got["wide"].State, "started, and not judged yet")
	require.Equal(t, study.New, got["deep"].State)
	own := study.Standings(labs(), []workspace.Attempt{attempt("first", 100, true), attempt("first", 100, false)}, nil)
	require.False(t, own[0].Solved, "all points were reached without the solution as well")
}

func TestNext_isALabThatOneIsReadyFor(t *testing.T) {
	t.Parallel()
	next := func(but string, attempts ...workspace.Attempt) (string, string) {
		s, why, ok := study.Next(study.Standings(labs(), attempts, nil), but)
		require.True(t, ok)
		return s.Lab.ID, why
	}
	id, why := next("")
	require.Equal(t, "first", id)
	require.Contains(t, why, "the shortest way in")
	id, why = next("", attempt("first", 100, false))
	require.Equal(t, "other", id)
	require.Contains(t, why, "nothing has to come before it")
	id, why = next("first", attempt("first", 100, false))
	require.Equal(t, "wide", id, "what builds on the lab at hand")
	require.Contains(t, why, "just done")
	id, why = next("", attempt("first", 100, false), attempt("other", 60, false))
	require.Equal(t, "wide", id)
	require.Equal(t, "it builds on first, which you have done", why)
	id, why = next("", attempt("first", 60, false), attempt("other", 60, false))
	require.Equal(t, "wide", id)
	require.Equal(t, "finish first first: it builds on that", why)
	var done []workspace.Attempt
	for _, l := range labs() {
		done = append(done, attempt(l.ID, 100, false))
	}
	_, _, ok := study.Next(study.Standings(labs(), done, nil), "")
	require.False(t, ok, "everything is done")
}

func TestProofs_countLabsAndChecks(t *testing.T) {
	t.Parallel()
	all := study.Standings(labs(), []workspace.Attempt{attempt("first", 100, false), attempt("deep", 60, false)}, nil)
	require.Equal(t, study.Proof{ID: "1.1", Title: "Perform data ingestion", Labs: []string{"first", "deep"},
		Done: []string{"first"}, Checks: 4, Passed: 3}, study.ByTask(all)[0])
	require.Len(t, study.ByTask(all), 17)
	require.Len(t, study.ByItem(all), len(lab.Checklist()))
	for _, p := range study.ByItem(all) {
		require.Equal(t, p.ID == "D1a", len(p.Labs) > 0, p.ID)
	}
	require.Equal(t, "Perform data ingestion", study.TaskTitle("1.1"))
	require.Empty(t, study.TaskTitle("9.9"))
}
