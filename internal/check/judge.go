package check

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/report"
)

const (
	defaultTimeout = time.Minute
	defaultWithin  = 30 * time.Second
	defaultSettle  = time.Second
	defaultStall   = 10 * time.Second
	// Polling starts quickly and slows down: most pipelines answer at once.
	firstPoll, slowestPoll = 20 * time.Millisecond, 250 * time.Millisecond
	// Where time is skipped while nothing works, a look is all that waiting costs.
	slowestSkip = 2 * time.Second
)

// judge runs the check and fills in its outcome.
func (s *session) judge(ctx context.Context, out *report.Check) {
	limit := s.o.late.limit(s.check.Timeout.Or(defaultTimeout), leastForCheck)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := safely(func() error { return s.evaluate(ctx, out) })
	out.Sent = s.sent
	if s.o.Saw != nil && len(s.runs) > 0 {
		s.o.Saw(s.check.ID, s.runs)
	}
	calls, e := s.trace(context.WithoutCancel(ctx))
	if e == nil {
		out.Calls = len(calls)
	}
	if s.crowded(context.WithoutCancel(ctx), out, err) {
		return
	}
	s.outcome(out, err, ctx.Err() != nil, limit)
	switch out.Verdict {
	case report.Fail, report.Partial, report.Timeout, report.Error:
		if why := broke(calls); why != "" {
			s.excuse(out, why)
			return
		}
	}
	if out.Verdict == report.Fail || out.Verdict == report.Partial || out.Verdict == report.Timeout {
		var lacks *missingOutput // then nothing was sent, and nothing can be said of what did not come
		decisive := !errors.As(err, &lacks) && s.causes(context.WithoutCancel(ctx), out)
		s.explain(context.WithoutCancel(ctx), out, decisive)
		if !decisive || slices.ContainsFunc(out.Causes, raisedAtWork) {
			out.Way = s.way(context.WithoutCancel(ctx))
		}
	}
}

// outcome is the verdict of a check that could not be evaluated; err is nil for one
// that was. late says that its time, the limit, is over.
func (s *session) outcome(out *report.Check, err error, late bool, limit time.Duration) {
	var missing *missingOutput
	var lacking *missingAnswer
	var much *tooMuch
	var gap *forgotten
	var word *unusable
	switch {
	case err == nil:
	case errors.As(err, &missing):
		out.Verdict, out.Message = report.Fail, missing.Error()
		out.Expected, out.Seen = "an output "+missing.name, "outputs: "+brief(s.outputs)
	case errors.As(err, &lacking):
		out.Verdict, out.Message = report.Fail, lacking.Error()
		out.Expected, out.Seen = "the answer has "+lacking.name, "run: "+brief(s.runs)
	case errors.As(err, &much):
		out.Verdict, out.Points, out.Message = report.Fail, 0, much.Error()
	case errors.As(err, &word):
		out.Verdict, out.Message = report.Fail, word.Error()
	case s.theirs.Load() && unmade(err) != "":
		out.Verdict, out.Points, out.Message = report.Fail, 0, brief(unmade(err))
		out.Seen = "outputs: " + brief(s.outputs)
	case errors.As(err, &gap):
		out.Verdict, out.Points, out.Message = report.Fail, 0, gap.Error()
	case errors.Is(err, errUnsupported):
		out.Verdict, out.Points, out.Message = report.Unsupported, 0, err.Error()
	case errors.Is(err, context.DeadlineExceeded) || late:
		out.Verdict, out.Points = report.Timeout, 0
		out.Message = fmt.Sprintf("the check did not end within %s: %v", limit, err)
		s.o.late.again()
	case refusal(err) != nil:
		r := refusal(err)
		out.Verdict, out.Points, out.Message = report.Fail, 0, r.Error()
		out.Expected, out.Seen = r.operation+" succeeds", brief(r.code+": "+r.message)
	default:
		out.Verdict, out.Points, out.Message = report.Error, 0, err.Error()
	}
	out.Message = atMost(out.Message, mostMessage)
}

// mostMessage bounds a message, in bytes: answers repeat what they were asked.
const mostMessage = 2000

// safely makes an error of a panic: what is wrong with us in one check ends no other,
// and no other submission's.
func safely(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("pipelab itself failed: %v\n%s", p, debug.Stack())
		}
	}()
	return fn()
}

// excuse takes the blame from the learner: the emulator itself failed while the
// check was at work, and what it saw may come from that alone.
func (s *session) excuse(out *report.Check, why string) {
	name := "the emulator"
	if s.o.Driver != "" {
		name += " " + s.o.Driver
	}
	if out.Seen = brief(out.Message); out.Verdict != report.Error && out.Expected != "" {
		out.Seen = brief(out.Message + "; expected: " + out.Expected)
	}
	out.Verdict, out.Points, out.Expected = report.Error, 0, ""
	out.Message = fmt.Sprintf("%s failed by itself during this check, %s; so it says nothing about your work", name, why)
	out.Hint = "judge it again: pipelab check " + s.check.ID +
		"; where that comes back, the embedded AWS judges without: pipelab start LAB --dir FOLDER"
}

func (s *session) evaluate(ctx context.Context, out *report.Check) error {
	if s.done {
		return s.expect(ctx, out)
	}
	last, err := s.lastCall(ctx)
	if err != nil {
		return err
	}
	s.after, s.full = last, s.refused(ctx)
	if err := s.generate(); err != nil {
		return err
	}
	if err := s.stimulate(ctx); err != nil {
		return err
	}
	if err := s.wait(ctx, s.check.Eventually); err != nil {
		return err
	}
	if s.check.Program != nil {
		return s.program(ctx, out)
	}
	s.done = true
	return s.expect(ctx, out)
}

// stimulate takes the steps, and lets a clock go on that they have stopped:
// probes may be limited in their rate as everybody is.
func (s *session) stimulate(ctx context.Context) (err error) {
	defer func() {
		if s.held {
			err = errors.Join(err, s.o.Emulator.Control().Release(context.WithoutCancel(ctx)))
		}
	}()
	for i, step := range s.check.Steps {
		s.groups = nil
		if err := s.step(ctx, step); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	return nil
}

// look reads the probes that an expression mentions and evaluates it. The
// second error is the expression's own: what it needs is not there (yet).
func (s *session) look(ctx context.Context, source string, again bool) (value any, failed error, err error) {
	x, err := s.o.Expressions.compile(source, s.names)
	if err != nil {
		return nil, nil, fmt.Errorf("expression %q: %w", source, err)
	}
	for _, name := range x.names {
		if _, known := s.seen[name]; known && !again {
			continue
		}
		s.looking, s.room = name, probeBytes
		v, err := s.probe(ctx, s.probes[name])
		if err != nil {
			return nil, nil, fmt.Errorf("probe %s: %w", name, err)
		}
		s.seen[name] = v
		if s.o.Saw != nil {
			s.o.Saw(s.check.ID, v)
		}
	}
	vars := map[string]any{"data": s.data, "run": s.runs, "outputs": s.outputs,
		"seed": int64(s.o.Seed)} // shown only
	for _, n := range x.names {
		vars[n] = s.seen[n]
	}
	v, _, failed := x.program.ContextEval(ctx, vars)
	if failed != nil {
		return nil, failed, ctx.Err()
	}
	return plain(v), nil, nil
}

// moment is a time of a wait.
type moment struct {
	now time.Time
	// lasted is how long nothing has happened that could have, since the wait began: time
	// in which the emulator was at work counts a part of it only. On a machine that others
	// use as well a function may wait long for its turn, and what it was to do would seem
	// to be left undone.
	lasted time.Duration
	ahead  time.Duration // of the machine's time, where time is skipped
}

// atWork is how much longer things may take that are under way.
const atWork = 4

// present is the time that waits are measured in: the emulator's where it can
// be moved, else the machine's.
func (s *session) present(ctx context.Context) (m moment, err error) {
	if !s.skips() {
		return moment{now: s.o.Clock.Now()}, nil
	}
	m.now, m.ahead, err = s.o.Emulator.Control().Now(ctx)
	return m, err
}

func (s *session) skips() bool {
	return slices.Contains(s.o.Emulator.Capabilities(), emulator.ClockAdvance)
}

// pass lets time pass and returns the present. An emulator whose clock can be
// moved skips what is left once nothing works in the background any more.
func (s *session) pass(ctx context.Context, m moment, d time.Duration) (moment, error) {
	if !s.skips() {
		err := s.o.Clock.Sleep(ctx, d)
		now := s.o.Clock.Now()
		return moment{now: now, lasted: m.lasted + now.Sub(m.now)}, err
	}
	now, ahead, err := s.o.Emulator.Control().Pass(ctx, d)
	return m.later(now, ahead), err
}

// later is the moment at another time of an emulator that skips what nobody works in.
func (m moment) later(now time.Time, ahead time.Duration) moment {
	skipped := ahead - m.ahead
	return moment{now: now, ahead: ahead, lasted: m.lasted + skipped + (now.Sub(m.now)-skipped)/atWork}
}

// longer is the next pause of a poll.
func (s *session) longer(pause time.Duration) time.Duration {
	if s.skips() {
		return min(pause*2, slowestSkip)
	}
	return min(pause*2, slowestPoll)
}

// wait polls until the condition holds and the watched value has settled, or
// the deadline has passed.
func (s *session) wait(ctx context.Context, e *lab.Eventually) error {
	if e == nil {
		return nil
	}
	now, err := s.present(ctx)
	if err != nil {
		return err
	}
	deadline := now.now.Add(e.Within.Or(defaultWithin))
	stall := stillness{watch: e.Stall}
	if e.Stall != nil {
		stall.of = e.Stall.For.Or(defaultStall)
	}
	for pause := firstPoll; ; pause = s.longer(pause) {
		v, _, err := s.look(ctx, e.Until, true)
		if err != nil {
			return err
		}
		if v == true {
			return s.settle(ctx, e.Settle, now, deadline)
		}
		if stalled, err := s.quiet(ctx, &stall, now); err != nil || stalled {
			return err
		}
		if now.now.After(deadline) {
			return nil
		}
		if now, err = s.pass(ctx, now, pause); err != nil {
			return err
		}
	}
}

// settle waits until a value stays the same.
func (s *session) settle(ctx context.Context, w *lab.Settle, now moment, deadline time.Time) error {
	if w == nil {
		return nil
	}
	still := stillness{watch: w, of: w.For.Or(defaultSettle)}
	for pause := firstPoll; ; pause = s.longer(pause) {
		quiet, err := s.quiet(ctx, &still, now)
		if err != nil || quiet || now.now.After(deadline) {
			return err
		}
		if now, err = s.pass(ctx, now, min(pause, still.of)); err != nil {
			return err
		}
	}
}

// stillness remembers since when a value has not changed, and how long it has
// to stay so.
type stillness struct {
	watch *lab.Settle
	of    time.Duration
	last  string
	since time.Duration
}

// quiet looks at the value and reports whether it has been the same for as
// long as the lab says.
func (s *session) quiet(ctx context.Context, w *stillness, now moment) (bool, error) {
	if w.watch == nil {
		return false, nil
	}
	v, failed, err := s.look(ctx, w.watch.Watch, true)
	if err != nil {
		return false, err
	}
	if seen := canonical(v) + fmt.Sprint(failed); seen != w.last {
		w.last, w.since = seen, now.lasted
	}
	return now.lasted-w.since >= w.of, nil
}

// expect compares; the first expectation that does not hold is the one told.
func (s *session) expect(ctx context.Context, out *report.Check) error {
	clear(s.seen)
	held, total := 0.0, 0.0
	for _, e := range s.check.Expect {
		weight := e.Weight
		if weight == 0 {
			weight = 1
		}
		total += weight
		if e.SQL != nil {
			ok, err := s.oracle(ctx, e, out)
			if err != nil {
				return err
			}
			if ok {
				held += weight
			}
			continue
		}
		v, failed, err := s.look(ctx, e.That, false)
		if err != nil {
			return err
		}
		if v == true {
			held += weight
			continue
		}
		if out.Message == "" {
			if err := s.tell(ctx, e, failed, out); err != nil {
				return err
			}
		}
	}
	switch {
	case held == total:
		out.Verdict, out.Points = report.Pass, float64(s.check.Points)
	case s.check.Partial && held > 0:
		out.Verdict, out.Points = report.Partial, float64(s.check.Points)*held/total
	default:
		out.Verdict = report.Fail
	}
	return nil
}

// tell fills in what was expected and seen.
func (s *session) tell(ctx context.Context, e lab.Expect, failed error, out *report.Check) error {
	out.Message, out.Expected = e.Message, e.Message
	var want any
	if e.Expected != "" {
		v, bad, err := s.look(ctx, e.Expected, false)
		if err != nil {
			return err
		}
		if bad == nil {
			out.Expected, want = brief(v), v
		}
	}
	source := e.Seen
	if source != "" {
		v, bad, err := s.look(ctx, source, false)
		if err != nil {
			return err
		}
		if bad == nil {
			want, have := parseJSON([]byte(canonical(want))), parseJSON([]byte(canonical(v)))
			out.Seen, out.Difference, s.suspect = brief(v), difference(want, have), differing(want, have)
			return nil
		}
	}
	shown := map[string]any{}
	for name, v := range s.seen {
		shown[name] = v
	}
	for name, v := range s.runs {
		shown["run."+name] = v
	}
	out.Seen = brief(shown)
	if failed != nil {
		out.Seen = brief(failed.Error() + "; " + out.Seen)
	}
	return nil
}

// explain names the mistake that a failure looks like, and gives a hint, unless
// what went wrong is explained already. Out of time, only what was seen before is
// looked at.
func (s *session) explain(ctx context.Context, out *report.Check, explained bool) {
	if explained {
		return // of a wrong idea nothing can be seen
	}
	if len(s.check.Hints) > 0 {
		out.Hint = s.check.Hints[0]
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for _, m := range s.check.Mistakes {
		if s.shows(ctx, m) {
			out.Mistake = m.Mistake
			return
		}
	}
}

// shows reports whether what was seen is what a mistake leaves behind. What cannot be
// evaluated is no evidence.
func (s *session) shows(ctx context.Context, m lab.Matcher) bool {
	if m.When != "" {
		if v, failed, err := s.look(ctx, m.When, false); err != nil || failed != nil || v != true {
			return false
		}
	}
	if m.SQL == nil {
		return m.When != ""
	}
	same, err := s.sameRows(ctx, m.SQL, func(string, string, []string) {})
	return err == nil && same
}
