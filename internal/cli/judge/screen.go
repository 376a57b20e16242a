package judge

import (
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/internal/workspace"
)

// What the judging tells the screen.
type (
	begun   struct{}     // a run has begun
	saying  string       // a line of what is being done
	checked report.Check // an outcome has come
	ended   struct {     // a run is over
		at      time.Time
		result  *report.Result // nil with a problem
		problem *app.Error
		first   evidence // of the first check that did not pass
		finish  string   // when all have passed
	}
)

// The views of the screen, by the keys that show them.
const (
	viewFailure = ""
	viewHints   = "h"
	viewLogs    = "l"
	viewTrace   = "t"
	viewChecks  = "a"
)

// screen shows the first check that did not pass, and beside it what helps: the model
// of a Bubble Tea program. Only Update changes it.
type screen struct {
	a     *app.App
	w     *app.Work
	whole bool // all checks are run
	again chan<- struct{}
	style report.Style

	width, height int
	running       bool
	doing         string // what is being done
	came          int    // outcomes of the run at hand
	last          ended  // the run before
	view          string
	top           int // first line of the body that is seen
	hints         int // shown of the first open check
	interrupted   bool
}

func newScreen(a *app.App, w *app.Work, whole bool, again chan<- struct{}) *screen {
	return &screen{a: a, w: w, whole: whole, again: again, style: a.Style(a.Out), width: a.Columns(), height: 24}
}

// Init implements tea.Model.
func (*screen) Init() tea.Cmd { return nil }

// Update implements tea.Model.
func (s *screen) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch m := msg.(type) {
	case tea.WindowSizeMsg:
		s.width, s.height = max(m.Width, 20), max(m.Height, 6)
	case tea.KeyPressMsg:
		return s, s.key(m.String())
	case begun:
		s.running, s.came, s.doing = true, 0, "deploying"
	case saying:
		s.doing = string(m)
	case checked:
		s.came++
		s.doing = fmt.Sprintf("%s %s", m.ID, m.Verdict)
	case ended:
		before, _ := s.first()
		s.running, s.last, s.top = false, m, 0
		if now, _ := s.first(); now.ID != before.ID || s.view != viewChecks {
			s.view = viewFailure
		}
	}
	return s, nil
}

// key does what a key asks for.
func (s *screen) key(k string) tea.Cmd {
	page := max(s.room()-2, 1)
	switch k {
	case "q":
		return tea.Quit
	case "ctrl+c":
		s.interrupted = true
		return tea.Quit
	case "r":
		select {
		case s.again <- struct{}{}:
		default: // it is judging
		}
	case "h":
		s.hint()
		s.show(viewHints)
	case "l", "t", "a":
		if s.view == k {
			k = viewFailure
		}
		s.show(k)
	case "esc":
		s.show(viewFailure)
	case "j", "down":
		s.top++
	case "k", "up":
		s.top--
	case "space", "pgdown":
		s.top += page
	case "b", "pgup":
		s.top -= page
	case "g", "home":
		s.top = 0
	case "G", "end":
		s.top = len(s.body())
	}
	s.top = max(0, min(s.top, len(s.body())-s.room()))
	return nil
}

func (s *screen) show(view string) { s.view, s.top = view, 0 }

// hint shows one more hint of the first open check, as the command does, and remembers
// that.
func (s *screen) hint() {
	c, ok := s.first()
	if !ok {
		return
	}
	w, err := workspace.Find(s.w.Root) // what the judging goroutine holds is its own
	if err != nil {
		return // hints are shown from the first on then
	}
	all := s.check(c.ID).Hints
	s.hints = min(w.Meta.Hints[c.ID]+1, len(all))
	_ = remember(w, map[string]int{c.ID: s.hints}) // else it is shown again the next time
}

func (s *screen) check(id string) lab.Check {
	if i := slices.IndexFunc(s.w.Lab.Checks, func(c lab.Check) bool { return c.ID == id }); i >= 0 {
		return s.w.Lab.Checks[i]
	}
	return lab.Check{}
}

// first is the first check of the last run that is to be worked on.
func (s *screen) first() (report.Check, bool) {
	if s.last.result == nil {
		return report.Check{}, false
	}
	if i := slices.IndexFunc(s.last.result.Checks, open); i >= 0 {
		return s.last.result.Checks[i], true
	}
	return report.Check{}, false
}

// View implements tea.Model.
func (s *screen) View() tea.View {
	body, room := s.body(), s.room()
	top := max(0, min(s.top, len(body)-room))
	seen := slices.Clone(body[top:min(top+room, len(body))])
	if rest := len(body) - top - room; rest > 0 {
		seen[len(seen)-1] = s.style.Faint("… " + report.Count(rest+1, "more line") + ": j and k, or space")
	}
	for len(seen) < room {
		seen = append(seen, "")
	}
	lines := append([]string{s.header(), ""}, seen...)
	lines = append(lines, s.style.Strong(s.summary()))
	lines = append(lines, s.keys()...)
	for i, l := range lines {
		lines[i] = ansi.Truncate(l, s.width, "…")
	}
	v := tea.NewView(strings.Join(lines, "\n"))
	v.AltScreen = true
	v.WindowTitle = "pipelab: " + report.Console(s.w.Lab.Title)
	return v
}

// room is how many lines there are for the body.
func (s *screen) room() int { return max(s.height-3-len(s.keys()), 1) }

// header says whose checks these are and when they were run.
func (s *screen) header() string {
	right := "waiting for a file to change"
	switch {
	case s.running:
		right = fmt.Sprintf("judging %d of %d", min(s.came+1, len(s.w.Lab.Checks)), len(s.w.Lab.Checks))
		if !s.whole {
			right = "judging"
		}
		if s.width >= 100 {
			right = report.Console(s.doing) + "  " + right
		}
	case !s.last.at.IsZero():
		right = s.last.at.Local().Format(time.TimeOnly)
	}
	left := ansi.Truncate(report.Console(s.w.Lab.Title), max(s.width-len(right)-2, 0), "…")
	return s.style.Strong(left) + strings.Repeat(" ", max(s.width-ansi.StringWidth(left)-len(right), 1)) +
		s.style.Faint(right)
}

// summary is the outcome of the last run in a line.
func (s *screen) summary() string {
	switch {
	case s.last.problem != nil:
		return "nothing was judged"
	case s.last.result == nil:
		return "the first run is at work"
	}
	counts := map[report.Verdict]int{}
	for _, c := range s.last.result.Checks {
		counts[c.Verdict]++
	}
	var parts []string
	for _, v := range []report.Verdict{report.Pass, report.Partial, report.Fail, report.Timeout, report.Skipped,
		report.Unsupported, report.Error} {
		if counts[v] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[v], v))
		}
	}
	points, possible, final := s.last.result.Score()
	score := report.Points(points) + " of " + report.Count(possible, "point")
	if !final {
		score = "no score"
	}
	return score + ": " + strings.Join(parts, ", ")
}

// keys are what can be typed, as lines.
func (s *screen) keys() []string {
	var lines []string
	for _, key := range []string{"h hint", "l logs", "t trace", "a all checks", "r run again", "q quit"} {
		if last := len(lines) - 1; last >= 0 && len(lines[last])+2+len(key) <= s.width {
			lines[last] += "  " + key
			continue
		}
		lines = append(lines, key)
	}
	return lines
}
