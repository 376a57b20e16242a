package study

import (
	"slices"
	"strings"
	"time"

	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/workspace"
)

// State is how far somebody has come with a lab.
type State string

// The three states of a lab.
const (
	New   State = "new"   // not begun
	Begun State = "begun" // tried or started, and not all points
	Done  State = "done"  // all points at least once
)

// Levels are those of labs, the easiest first.
func Levels() []string { return []string{"beginner", "intermediate", "advanced"} }

// Standing is a lab with what somebody has made of it.
type Standing struct {
	Lab   *lab.Lab
	State State
	// Best is the attempt with the most points, the first of several; nil before one.
	Best     *workspace.Attempt
	Attempts int
	Last     time.Time // of the latest attempt; zero before one
	// Solved says that all points came only after the reference solution was seen.
	Solved bool
}

// Possible is the sum of the points of a lab's checks.
func Possible(l *lab.Lab) (points int) {
	for _, c := range l.Checks {
		points += c.Points
	}
	return points
}

// Passed is how many of the lab's checks passed in the best attempt. A check that the
// lab no longer has does not count.
func (s Standing) Passed() (n int) {
	if s.Best == nil {
		return 0
	}
	for _, c := range s.Lab.Checks {
		if s.Best.Checks[c.ID] == "pass" {
			n++
		}
	}
	return n
}

// Order returns the labs in the order in which one learns from them: a lab after
// those that it builds on, easier ones first, then short ones, then by id. Of labs
// that build on each other in a circle the first by the same order begins.
func Order(labs []*lab.Lab) []*lab.Lab {
	rest := slices.Clone(labs)
	slices.SortFunc(rest, func(a, b *lab.Lab) int {
		if d := level(a) - level(b); d != 0 {
			return d
		}
		if a.Minutes != b.Minutes {
			return a.Minutes - b.Minutes
		}
		return strings.Compare(a.ID, b.ID)
	})
	waits := map[string]bool{}
	for _, l := range rest {
		waits[l.ID] = true
	}
	var out []*lab.Lab
	for len(rest) > 0 {
		next := max(slices.IndexFunc(rest, func(l *lab.Lab) bool {
			return !slices.ContainsFunc(l.Prerequisites, func(id string) bool { return waits[id] })
		}), 0)
		waits[rest[next].ID] = false
		out = append(out, rest[next])
		rest = slices.Delete(rest, next, next+1)
	}
	return out
}

func level(l *lab.Lab) int {
	if i := slices.Index(Levels(), l.Level); i >= 0 {
		return i
	}
	return len(Levels())
}

// Standings are the labs in the order of learning, each with what the attempts, and
// the labs that were started without one, say of it.
func Standings(labs []*lab.Lab, attempts []workspace.Attempt, started map[string]bool) []Standing {
	out := make([]Standing, len(labs))
	for i, l := range Order(labs) {
		s := Standing{Lab: l, State: New}
		if started[l.ID] {
			s.State = Begun
		}
		honest := false
		for _, a := range attempts {
			if a.Lab != l.ID {
				continue
			}
			s.Attempts++
			if a.Time.After(s.Last) {
				s.Last = a.Time
			}
			if s.Best == nil || a.Points > s.Best.Points {
				s.Best = &a
			}
			full := a.Max > 0 && a.Points >= a.Max
			honest = honest || full && !a.Solved
			if full {
				s.State = Done
			} else if s.State == New {
				s.State = Begun
			}
		}
		s.Solved = s.State == Done && !honest
		out[i] = s
	}
	return out
}

// Next is the lab to begin: the first in the order of learning that is new and builds
// only on labs that are done, else the first that is new, else none. Why says, in a
// clause for people, what speaks for it. A lab of this id is passed over; "" for none.
func Next(all []Standing, but string) (next Standing, why string, ok bool) {
	done := map[string]bool{}
	for _, s := range all {
		done[s.Lab.ID] = s.State == Done || s.Lab.ID == but
	}
	ready := func(s Standing) bool {
		return !slices.ContainsFunc(s.Lab.Prerequisites, func(id string) bool { return !done[id] })
	}
	fresh := slices.DeleteFunc(slices.Clone(all), func(s Standing) bool { return s.State != New || s.Lab.ID == but })
	if len(fresh) == 0 {
		return Standing{}, "", false
	}
	// What builds on the lab at hand goes on with it while it is fresh in mind.
	if i := slices.IndexFunc(fresh, func(s Standing) bool {
		return ready(s) && slices.Contains(s.Lab.Prerequisites, but)
	}); but != "" && i >= 0 {
		return fresh[i], "it builds on what you have just done", true
	}
	i := slices.IndexFunc(fresh, ready)
	if i < 0 {
		open := slices.DeleteFunc(slices.Clone(fresh[0].Lab.Prerequisites), func(id string) bool { return done[id] })
		return fresh[0], "finish " + strings.Join(open, " and ") + " first: it builds on that", true
	}
	return fresh[i], reason(fresh[i], all), true
}

// reason is what speaks for a lab whose prerequisites are done.
func reason(s Standing, all []Standing) string {
	if n := len(s.Lab.Prerequisites); n > 0 {
		return "it builds on " + strings.Join(s.Lab.Prerequisites, " and ") + ", which you have done"
	}
	if !slices.ContainsFunc(all, func(o Standing) bool { return o.State != New }) {
		return "the shortest way in, and nothing has to come before it"
	}
	return "the next by level, and nothing has to come before it"
}
