package grade_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/grade"
)

const week = `
id: week-3
title: Streams
labs: [{ id: kinesis-partition-keys, points: 40 }, { id: ddb-cart-concurrency }]
opens: 2026-03-02T08:00:00Z
due: 2026-03-06T18:00:00Z
late: { grace: 15m, perDay: 0.1, most: 0.25, until: 2026-03-20T18:00:00Z }
seed: 7
variants: true
`

func TestParseAssignment(t *testing.T) {
	a, err := grade.ParseAssignment("assignment.yaml", []byte(week))
	require.NoError(t, err)
	require.Equal(t, []grade.AssignmentLab{{ID: "kinesis-partition-keys", Points: 40},
		{ID: "ddb-cart-concurrency", Points: 100}}, a.Labs)
	for text, want := range map[string]string{
		"":                  "empty",
		"id: a\nttle: b\n":  `unknown field "ttle"`,
		"id: a\ntitle: b\n": "labs is empty",
		"id: a\ntitle: b\nlabs: [{id: x}, {id: x}]\n":                                       "named twice",
		"id: a\ntitle: b\nlabs: [{id: x}]\nlate: {perDay: 0.1}\n":                           "due is missing",
		"id: a\ntitle: b\nlabs: [{id: x}]\ndue: 2026-03-06T18:00:00Z\nlate: {perDay: 10}\n": "share of 0 to 1",
		"id: a\ntitle: b\nlabs: [{id: x}]\ndue: 2026-03-06T18:00:00Z\nopens: 2026-04-01T00:00:00Z\n": "due is not after " +
			"opens",
	} {
		_, err := grade.ParseAssignment("assignment.yaml", []byte(text))
		require.ErrorContains(t, err, want, text)
	}
}

func TestPenalty(t *testing.T) {
	a, err := grade.ParseAssignment("assignment.yaml", []byte(week))
	require.NoError(t, err)
	for _, c := range []struct {
		after time.Duration
		share float64
		taken bool
	}{{-time.Hour, 0, true}, {15 * time.Minute, 0, true}, {16 * time.Minute, 0.1, true}, {24*time.Hour + 15*time.Minute,
		0.1, true},
		{25 * time.Hour, 0.2, true}, {240 * time.Hour, 0.25, true}, {14*24*time.Hour + time.Second, 0, false}} {
		share, taken := a.Penalty(a.Due.Add(c.after))
		require.InDelta(t, c.share, share, 1e-9, c.after)
		require.Equal(t, c.taken, taken, c.after)
	}
	share, taken := a.Penalty(time.Time{})
	require.Zero(t, share)
	require.True(t, taken)
}
