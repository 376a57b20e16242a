package report_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/pipelab/pipelab/internal/report"
)

func TestInsights_ofAClass(t *testing.T) {
	in := report.Insights(class())
	require.Equal(t, 4, in.Learners)
	require.Equal(t, []string{"cyd"}, in.Open)
	// ada 87.73, bob 16, dan 0 of 140
	require.Equal(t, 3, in.Scored)
	require.Equal(t, 34.58, in.Mean)
	require.Equal(t, 16.0, in.Median)
	require.Equal(t,
		[]report.Flagged{{Learner: "ada", Lab: "kinesis-partition-keys", Flag: "its output carries the seed of bob"}},
		in.Flags)
	require.Empty(t,
		cmp.Diff([]report.MistakeInsight{{Lab: "kinesis-partition-keys", ID: "low-cardinality-key",
			Title:       "A key with few values",
			Explanation: "All records of a value go to one shard.", Learners: []string{"ada", "bob"}, Of: 3,
			Checks: []string{"even-shards"}, Lost: 32}}, in.Mistakes))
	require.Equal(t, "2 of 3: A key with few values (kinesis-partition-keys), 32 points lost", in.Mistakes[0].String())

	few := "fewer than 10 learners"
	require.Empty(t, cmp.Diff([]report.CheckInsight{
		{ID: "order-per-customer", Title: "Events of a customer stay in order", Judged: 3, Passed: 3, PassRate: 1,
			Difficulty: 1, Undecided: few},
		{ID: "even-shards", Title: "The shards share the load", Judged: 3, Passed: 1, Failed: 2, PassRate: 1.0 / 3,
			Difficulty: 1.0 / 3, Undecided: few, Lost: 32},
		{ID: "failed-entries", Title: "Failed entries are sent again", Judged: 1, Passed: 1, Skipped: 2, PassRate: 1,
			Difficulty: 1, Undecided: few, Lost: 16},
	}, in.Labs[0].Checks))
	carts := in.Labs[1].Checks[1] // ada a third of 40, dan none, cyd not judged
	require.Equal(t, [6]int{2, 0, 1, 1, 1, 2}, [6]int{carts.Judged, carts.Passed, carts.Partial, carts.Failed,
		carts.Unjudged, carts.Unexplained})
	require.InDelta(t, 1.0/6, carts.Difficulty, 0.001)
	require.Equal(t, 66.67, carts.Lost)
}

// checks makes a class whose learners have the given points, 0 to 10, in three
// checks.
func checks(points ...[3]float64) *report.Gradebook {
	b := &report.Gradebook{Labs: []report.LabRef{{ID: "lab", Points: 30}}}
	for i, p := range points {
		g := report.Grade{Learner: report.Learner{ID: fmt.Sprint(i)}, Lab: "lab", Status: report.Final, Possible: 30,
			Result: &report.Result{Lab: "lab"}}
		for k, v := range p {
			c := report.Check{ID: fmt.Sprint(k), Possible: 10, Points: v, Verdict: report.Fail}
			switch {
			case v == 10:
				c.Verdict = report.Pass
			case v > 0:
				c.Verdict = report.Partial
			}
			g.Points += v
			g.Result.Checks = append(g.Result.Checks, c)
		}
		b.Grades = append(b.Grades, g)
	}
	return b
}

// The expected figures are of the formula by hand: six pass the first check,
// with 10, 10, 10, 10, 0, 0 in the rest of 20, and six fail it with 10, 0, 0,
// 0, 0, 0.
func TestInsights_discrimination(t *testing.T) {
	var rows [][3]float64
	for i := range 6 {
		rows = append(rows, [3]float64{10, map[bool]float64{true: 10}[i < 4], 0},
			[3]float64{0, 0, map[bool]float64{true: 10}[i < 1]})
	}
	c := report.Insights(checks(rows...)).Labs[0].Checks
	// Means 0.5 and 5/12 of the rest; covariance 1/3 - 5/24 = 1/8; deviations 1/2 and sqrt(35)/12.
	require.InDelta(t, (1.0/8)/(0.5*0.493006649), *c[0].Discrimination, 1e-6)

	same := make([][3]float64, 12)
	for i := range same {
		same[i] = [3]float64{10, 5, float64(i % 2 * 10)}
	}
	c = report.Insights(checks(same...)).Labs[0].Checks
	require.Nil(t, c[0].Discrimination)
	require.Equal(t, "all learners did equally well here", c[0].Undecided)
	require.Nil(t, c[2].Discrimination)
	require.Equal(t, "all learners did equally well in the other checks, or there are none", c[2].Undecided)
}

// A check that the best fail and the weakest pass is told by its sign.
func TestInsights_findTheCheckThatIsAtFault(t *testing.T) {
	var rows [][3]float64
	for i := range 20 {
		good := i%2 == 0
		rows = append(rows, [3]float64{map[bool]float64{false: 10}[good], map[bool]float64{true: 10}[good],
			map[bool]float64{true: 10}[good]})
	}
	c := report.Insights(checks(rows...)).Labs[0].Checks
	require.InDelta(t, -1, *c[0].Discrimination, 1e-9)
}

func TestInsights_holdForAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := &report.Gradebook{}
		for i := range rapid.IntRange(0, 25).Draw(t, "learners") {
			one := someone(t)
			for _, g := range one.Grades {
				g.Learner.ID = fmt.Sprint(i)
				b.Grades = append(b.Grades, g)
			}
			if len(one.Labs) > len(b.Labs) {
				b.Labs = one.Labs
			}
		}
		in := report.Insights(b)
		binned := 0
		for _, bin := range in.Scores {
			binned += bin.Learners
		}
		require.Equal(t, in.Scored, binned)
		require.Equal(t, in.Learners, in.Scored+len(in.Open))
		for _, l := range in.Labs {
			for _, c := range l.Checks {
				require.Equal(t, c.Judged, c.Passed+c.Partial+c.Failed)
				require.LessOrEqual(t, c.Judged+c.Skipped+c.Unjudged, l.Judged)
				require.GreaterOrEqual(t, c.Lost, 0.0)
				require.True(t, c.PassRate >= 0 && c.PassRate <= 1 && c.Difficulty >= 0 && c.Difficulty <= 1, "%+v", c)
				require.Equal(t, c.Discrimination == nil, c.Undecided != "", "%+v", c)
				if c.Discrimination != nil {
					require.True(t, *c.Discrimination >= -1 && *c.Discrimination <= 1)
				}
			}
		}
		for i := 1; i < len(in.Mistakes); i++ {
			require.GreaterOrEqual(t, in.Mistakes[i-1].Lost, in.Mistakes[i].Lost)
		}
	})
}
