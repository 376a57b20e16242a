package grade

import (
	"fmt"
	"strings"
	"time"

	"github.com/pipelab/pipelab/internal/report"
)

// Terms are the rules of an assignment for who works on it, a line each, in a time zone.
func (a *Assignment) Terms(zone *time.Location) (lines [][2]string) {
	add := func(what, text string) { lines = append(lines, [2]string{what, text}) }
	show := func(t time.Time) string { return t.In(zone).Format("Mon 2006-01-02 15:04 MST") }
	if !a.Opens.IsZero() {
		add("opens", show(a.Opens))
	}
	if !a.Due.IsZero() {
		add("due", show(a.Due))
		add("late", a.lateTerms(show))
	}
	if a.Attempts > 0 || a.Counts == Last {
		text := "any number"
		if a.Attempts > 0 {
			text = fmt.Sprintf("%d count, the first ones", a.Attempts)
		}
		which := "the best of them is the grade"
		if a.Counts == Last {
			which = "the last of them is the grade"
		}
		add("attempts", text+"; "+which)
	}
	if a.HandIn != "" {
		add("hand in", strings.TrimSpace(a.HandIn))
	}
	return lines
}

func (a *Assignment) lateTerms(show func(time.Time) string) string {
	var parts []string
	if a.Late.Grace > 0 {
		parts = append(parts, fmt.Sprintf("%s of grace", short(a.Late.Grace)))
	}
	switch {
	case a.Late.PerDay == 0:
		parts = append(parts, "nothing is taken off")
	case a.Late.Most > 0:
		parts = append(parts, fmt.Sprintf("each day begun takes off %s %% of the points possible, %s %% at most",
			report.Points(a.Late.PerDay*100), report.Points(a.Late.Most*100)))
	default:
		parts = append(parts, fmt.Sprintf("each day begun takes off %s %% of the points possible",
			report.Points(a.Late.PerDay*100)))
	}
	if !a.Late.Until.IsZero() {
		parts = append(parts, "nothing is taken any more after "+show(a.Late.Until))
	}
	return strings.Join(parts, "; ")
}

// short is a duration without zeros: 15m, 2h, 1h30m.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

// Now says what handing in at a time means by the rules: in time, late and what that
// costs, or too late; "" where nothing is due. Who has an extension has more time than it
// knows.
func (a *Assignment) Now(at time.Time) string {
	if a.Due.IsZero() {
		return ""
	}
	share, taken := a.Penalty(at)
	days := a.late(at)
	switch {
	case !taken:
		return "too late: nothing is taken any more since " + stamp(a.Late.Until)
	case days > 0 && share > 0:
		return fmt.Sprintf("late by %s begun: %s %% of the points possible are taken off", report.Count(days, "day"),
			report.Points(share*100))
	case days > 0:
		return fmt.Sprintf("late by %s begun; nothing is taken off", report.Count(days, "day"))
	case at.After(a.Due):
		return "after it was due, within the time of grace"
	}
	return "in time: it is due at " + stamp(a.Due)
}
