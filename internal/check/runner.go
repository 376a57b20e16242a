package check

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/prefork"
	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/internal/sandbox"
	"github.com/pipelab/pipelab/internal/sdkhttp"
	"github.com/pipelab/pipelab/internal/version"
)

// Clock is the little of time that a runner needs; wall time, since a
// learner's programs live in it.
type Clock interface {
	Now() time.Time
	// Sleep returns early with ctx's error.
	Sleep(ctx context.Context, d time.Duration) error
}

// Options are what a run of checks needs.
type Options struct {
	Lab      *lab.Folder
	Emulator emulator.Emulator
	Driver   string // name of the emulator, for the report
	Seed     uint64
	Outputs  map[string]string // of the lab's and the learner's stacks
	// Workspace is the learner's folder, where programs run.
	Workspace string
	Env       map[string]string
	Only      []string // check ids; all when empty. What they need runs too.
	Clock     Clock
	// Expressions remembers what was compiled, for further runs of the same lab;
	// nil makes one for this run.
	Expressions *Expressions
	// Builds keeps programs that were compiled, for further runs; nil compiles
	// for this run.
	Builds *Builds
	// Interpreters run Python programs; nil starts one for each.
	Interpreters *prefork.Interpreters
	// Renew takes an emulator without snapshots back to where it was after
	// deploying and returns the outputs; nil if nobody can.
	Renew func(context.Context) (map[string]string, error)
	// Confine says what programs may do beside working in the workspace and
	// calling the emulator; nil leaves them unconfined.
	Confine *sandbox.Policy
	// Redeploy applies the learner's template again; nil if nobody can.
	Redeploy func(context.Context) (map[string]string, error)
	// Building is called with each program that is compiled before the first check,
	// which may take minutes once, and what it returns is called when that is
	// done. May be nil.
	Building func(program string) (done func())
	// Done is called with each outcome as it comes; may be nil.
	Done func(report.Check)
	// Saw is called with every value that a probe of a check sees, and of what its
	// programs and invocations gave; may be nil.
	Saw func(check string, value any)

	late *lateness
}

// ErrGone is in the chain of a run's error when the emulator went away: what
// the check saw then says nothing about the learner's work.
var ErrGone = errors.New("the emulator went away")

// errUnsupported marks what this emulator or machine cannot do.
var errUnsupported = errors.New("not supported here")

// Run judges. The error means that nothing could be judged at all; whatever
// goes wrong within a check is that check's verdict.
func Run(ctx context.Context, o Options) (*report.Result, error) {
	if o.Clock == nil || o.Emulator == nil || o.Lab == nil {
		return nil, errors.New("a run of checks needs a lab, an emulator and a clock")
	}
	if o.Builds == nil {
		o.Builds = NewBuilds(o.Clock)
		defer o.Builds.Close()
	}
	if o.Expressions == nil {
		o.Expressions = NewExpressions()
	}
	o.late = &lateness{}
	result := &report.Result{Version: version.Result, Lab: o.Lab.ID, Seed: o.Seed, Emulator: o.Driver,
		Checks: []report.Check{}}
	have := o.Emulator.Capabilities()
	policies, err := o.policies(ctx)
	if err != nil {
		return nil, err
	}
	defer policies.leave(context.WithoutCancel(ctx))
	snapshot, drop, err := o.begin(ctx, have)
	if err != nil {
		return nil, err
	}
	defer drop()
	verdicts, wanted := map[string]report.Verdict{}, o.wanted()
	o.buildAhead(ctx, wanted)
	var last *session
	for _, c := range o.Lab.Order() {
		if len(wanted) > 0 && !wanted[c.ID] {
			continue
		}
		if err := ctx.Err(); err != nil {
			return result, err
		}
		out := report.Check{ID: c.ID, Title: c.Title, Possible: c.Points, Hidden: o.Lab.Hidden[c.ID]}
		began := o.Clock.Now()
		if v, why := o.blocked(c, have, verdicts); v != "" {
			out.Verdict, out.Message = v, why
		} else if last.serves(c) {
			last = last.also(c)
			last.judge(ctx, &out)
		} else if err := o.fresh(ctx, snapshot, last != nil); err != nil {
			out.Verdict, out.Message = report.Error, err.Error()
		} else if err := policies.prepare(ctx, o.Lab.Lab, c); err != nil {
			out.Verdict, out.Message = report.Error, err.Error()
		} else {
			last = newSession(o, c)
			last.judge(ctx, &out)
		}
		if err := o.gone(ctx, out.Verdict); err != nil {
			return result, err
		}
		out.Millis = o.Clock.Now().Sub(began).Milliseconds()
		verdicts[c.ID] = out.Verdict
		result.Checks = append(result.Checks, out)
		if o.Done != nil {
			o.Done(out)
		}
	}
	return result, nil
}

// wanted are the selected checks with all that they need.
func (o *Options) wanted() map[string]bool {
	out := map[string]bool{}
	order := o.Lab.Order()
	for _, c := range slices.Backward(order) {
		if slices.Contains(o.Only, c.ID) || out[c.ID] {
			out[c.ID] = true
			for _, n := range c.Needs {
				out[n] = true
			}
		}
	}
	return out
}

// begin lets the clock go on and keeps the state after deploying, where the
// emulator can; drop lets go of that.
func (o *Options) begin(ctx context.Context, have []emulator.Capability) (snapshot string, drop func(), err error) {
	control := o.Emulator.Control()
	if slices.Contains(have, emulator.ClockHold) { // whoever has stopped it wanted to look at something
		if err := control.Release(ctx); err != nil {
			return "", nil, fmt.Errorf("let the clock go on: %w", err)
		}
	}
	if !slices.Contains(have, emulator.Snapshots) {
		return "", func() {}, nil
	}
	if snapshot, err = control.Snapshot(ctx); err != nil {
		return "", nil, fmt.Errorf("keep the state after deploying: %w", err)
	}
	return snapshot, func() { _ = control.DropSnapshot(context.WithoutCancel(ctx), snapshot) }, nil
}

// fresh takes the emulator back to where it was after deploying.
func (o *Options) fresh(ctx context.Context, snapshot string, used bool) error {
	control := o.Emulator.Control()
	if slices.Contains(o.Emulator.Capabilities(), emulator.FaultInjection) {
		if err := control.ClearFaults(ctx, ""); err != nil {
			return fmt.Errorf("clear faults: %w", err)
		}
	}
	if !used {
		return nil
	}
	if snapshot == "" {
		if o.Renew == nil {
			return nil
		}
		outputs, err := o.Renew(ctx)
		if err != nil {
			return fmt.Errorf("deploy anew for the next check: %w", err)
		}
		o.Outputs = outputs
		return nil
	}
	if err := control.Restore(ctx, snapshot); err != nil {
		return fmt.Errorf("go back to the state after deploying: %w", err)
	}
	return nil
}

// gone asks, after a check that did not pass, whether the emulator is there.
func (o *Options) gone(ctx context.Context, v report.Verdict) error {
	switch v {
	case report.Pass, report.Skipped, report.Unsupported:
		return nil
	}
	return Gone(ctx, o.Emulator)
}

// Gone asks whether an emulator is there; the error has ErrGone in its chain.
func Gone(ctx context.Context, e emulator.Emulator) error {
	if ctx.Err() != nil || !slices.Contains(e.Capabilities(), emulator.CallTrace) {
		return nil
	}
	if _, err := e.Control().LastCall(ctx); err != nil {
		return fmt.Errorf("%w while it was needed: %w", ErrGone, err)
	}
	return nil
}

// blocked says why a check is not to be run: the emulator lacks something, or
// a check that it needs has not passed.
func (o *Options) blocked(c *lab.Check, have []emulator.Capability, verdicts map[string]report.Verdict) (report.Verdict,
	string) {
	if missing := emulator.Lacking(o.Lab.Required(c), have); len(missing) > 0 {
		name := "this emulator"
		if o.Driver != "" {
			name = "the emulator " + o.Driver
		}
		for i, m := range missing {
			if meaning := emulator.Meaning(m); meaning != "" {
				missing[i] = m + " (" + meaning + ")"
			}
		}
		return report.Unsupported, name + " lacks " + strings.Join(missing, ", ")
	}
	for _, n := range c.Needs {
		switch verdicts[n] {
		case report.Pass:
		case report.Unsupported, report.Error:
			return verdicts[n], fmt.Sprintf("it needs %s, which was not judged", n)
		default:
			return report.Skipped, fmt.Sprintf("it needs %s, which did not pass", n)
		}
	}
	return "", ""
}

// session is one check at work.
type session struct {
	o       Options
	check   *lab.Check
	config  aws.Config
	looks   aws.Config // of probes
	own     *ownCalls
	after   uint64 // newest call before the check began
	full    int64  // calls that found no room before the check began
	done    bool   // all steps were taken
	held    bool   // the emulator's clock stands still
	data    map[string]any
	sets    map[string]*dataset
	runs    map[string]any
	spans   map[string]span // of the runs
	started map[string]started
	tree    *sources // of the workspace, once it was looked at
	probes  map[string]lab.Probe
	names   []string
	outputs map[string]string
	theirs  atomic.Bool // an output or an answer went into what the check does
	sent    []string
	ways    []func() []sending   // of what was sent, by call; asked only when a check fails
	logged  map[string][]*oneRun // of the learner's functions, once their logs were read
	groups  map[string][]string  // that functions log to; asked again after each step
	suspect []any                // what the first expectation that failed found wrong
	seen    map[string]any       // latest values of probes
	looking string               // the probe that looks
	room    int                  // bytes that it may still find
}

func newSession(o Options, c *lab.Check) *session {
	s := &session{o: o, check: c, own: &ownCalls{under: sdkhttp.New(), token: o.Emulator.Endpoint().Token,
		ids: map[string]bool{}}, sets: map[string]*dataset{}, data: map[string]any{},
		runs: map[string]any{}, spans: map[string]span{}, started: map[string]started{},
		probes: map[string]lab.Probe{}, outputs: o.Outputs,
		seen: map[string]any{}, logged: map[string][]*oneRun{}}
	s.config = o.Emulator.Endpoint().AWSConfig()
	s.config.HTTPClient = s.own
	s.looks = s.config.Copy()
	s.looks.HTTPClient = looker{s.own}
	for _, probes := range []map[string]lab.Probe{o.Lab.Probes, c.Probes} {
		for name, p := range probes {
			s.probes[name] = p
		}
	}
	for name := range s.probes {
		s.names = append(s.names, name)
	}
	slices.Sort(s.names)
	return s
}

// serves reports whether what was done for s is what c is to judge.
func (s *session) serves(c *lab.Check) bool {
	return s != nil && s.done && c.Observes != "" && (s.check.ID == c.Observes || s.check.Observes == c.Observes)
}

// also is a session for another check of what was done for s.
func (s *session) also(c *lab.Check) *session {
	n := newSession(s.o, c)
	n.own, n.config, n.looks, n.sets, n.data, n.runs = s.own, s.config, s.looks, s.sets, s.data, s.runs
	n.spans, n.started, n.outputs = s.spans, s.started, s.outputs
	n.after, n.full, n.sent, n.ways, n.done = s.after, s.full, s.sent, s.ways, true
	return n
}

// ownCalls marks what the check itself calls, so that injected faults strike
// the learner's pipeline only, and remembers the request ids, so that a probe
// of the trace can leave them out.
type ownCalls struct {
	under aws.HTTPClient
	token string
	mu    sync.Mutex
	ids   map[string]bool
}

// Do implements the SDK's HTTP client.
func (c *ownCalls) Do(r *http.Request) (*http.Response, error) {
	r.Header.Set(emulator.TokenHeader, c.token)
	resp, err := c.under.Do(r)
	if err == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, h := range []string{"X-Amzn-Requestid", "X-Amz-Request-Id"} {
			if id := resp.Header.Get(h); id != "" {
				c.ids[id] = true
			}
		}
	}
	return resp, err
}

// looker is the client of probes.
type looker struct{ *ownCalls }

// Do implements the SDK's HTTP client.
func (l looker) Do(r *http.Request) (*http.Response, error) {
	r.Header.Set(emulator.LookHeader, "1")
	return l.ownCalls.Do(r)
}

func (c *ownCalls) has(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ids[id]
}
