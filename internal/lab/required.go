package lab

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// Capabilities that the steps and expressions of a check show; all others are
// declared. They are names of internal/emulator.
const (
	needClock       = "clock.advance"
	needHold        = "clock.hold"
	needFaults      = "faults"
	needFaultInside = "faults.inside"
	needTrace       = "trace"
	needTraceInside = "trace.inside"
	needEntries     = "kinesis.entries.partial"
	needFunctions   = "lambda.functions"
)

// Derived are the capabilities that nobody needs to declare: Required finds
// them.
func Derived() []string {
	return []string{needClock, needHold, needFaults, needFaultInside, needTrace, needTraceInside}
}

// Required lists what a check needs of the emulator: what the lab and the check
// declare, and what its steps and the probes in its expressions show.
//
// In a lab with functions a fault or a trace may be about the functions' own
// calls, which only an emulator sees from inside; whether it is cannot be read
// from the lab, so it counts as such.
func (l *Lab) Required(c *Check) []string {
	need := slices.Concat(l.Capabilities, c.Capabilities)
	add := func(names ...string) { need = append(need, names...) }
	for _, s := range c.Steps {
		switch {
		case s.Advance != "":
			add(needClock)
		case s.Hold:
			add(needHold)
		case s.Fault != nil:
			add(faultNeeds(s.Fault)...)
		case s.ClearFaults:
			add(needFaults)
		case s.Invoke != nil, s.Deliver != nil:
			add(needFunctions)
		}
	}
	for name, p := range l.probesOf(c) {
		if !mentions(c, name) {
			continue
		}
		if p.Calls != nil {
			add(needTrace)
		}
		if p.Logs != nil && p.Logs.Function != "" {
			add(needFunctions)
		}
	}
	if slices.Contains(need, needFunctions) {
		if slices.Contains(need, needFaults) {
			add(needFaultInside)
		}
		if slices.Contains(need, needTrace) {
			add(needTraceInside)
		}
	}
	slices.Sort(need)
	return slices.Compact(need)
}

func faultNeeds(f *Fault) []string {
	out := []string{needFaults}
	switch f.Kind {
	case "crash", "crashLate", "duplicate", "reorder":
		out = append(out, needFaultInside)
	case "entries":
		if f.Service == "kinesis" || f.Service == "" {
			out = append(out, needEntries)
		}
	case "throttle":
		if strings.Contains(f.Resource, "/shardId-") {
			out = append(out, needFaultInside)
		}
	}
	return out
}

// probesOf are the probes that a check sees: its own hide the lab's.
func (l *Lab) probesOf(c *Check) map[string]Probe {
	out := map[string]Probe{}
	for _, probes := range []map[string]Probe{l.Probes, c.Probes} {
		for name, p := range probes {
			out[name] = p
		}
	}
	return out
}

// mentions reports whether an expression of the check has the word in it. A
// text that holds it counts too: better once too often than never.
func mentions(c *Check, name string) bool {
	word := regexp.MustCompile(`\b` + regexp.QuoteMeta(name) + `\b`)
	return slices.ContainsFunc(expressions(c), word.MatchString)
}

// DatasetsOf are the data sets that a check may use, and those that observe it:
// its own, and the lab's whose names turn up anywhere in them or in what all
// checks share.
func (l *Lab) DatasetsOf(c *Check) map[string]Dataset {
	parts := []any{c, l.Programs, l.Probes, l.Queries}
	for i := range l.Checks {
		if o := l.Checks[i].Observes; o != "" && (o == c.ID || o == c.Observes) {
			parts = append(parts, &l.Checks[i])
		}
	}
	text, err := json.Marshal(parts)
	out := map[string]Dataset{}
	for name, set := range l.Data {
		if err != nil || regexp.MustCompile(`\b`+regexp.QuoteMeta(name)+`\b`).Match(text) {
			out[name] = set
		}
	}
	for name, set := range c.Data {
		out[name] = set
	}
	return out
}

func expressions(c *Check) (out []string) {
	waits := []*Eventually{c.Eventually}
	for _, s := range c.Steps {
		waits = append(waits, s.Await)
		if s.Run != nil {
			out = append(out, s.Run.KillWhen)
		}
	}
	for _, w := range waits {
		if w == nil {
			continue
		}
		out = append(out, w.Until)
		for _, watch := range []*Settle{w.Settle, w.Stall} {
			if watch != nil {
				out = append(out, watch.Watch)
			}
		}
	}
	for _, e := range c.Expect {
		out = append(out, e.That, e.Expected, e.Seen)
		if e.SQL != nil {
			for _, table := range e.SQL.Tables {
				out = append(out, table)
			}
		}
	}
	// What a mistake is recognised by decides nothing: where it cannot be looked at, none
	// is named, and the check is judged all the same.
	return out
}

// Judgeable lists the checks, in the lab's order, that an emulator with these
// capabilities can judge: nothing is lacking for them, nor for those that must
// pass before.
func (l *Lab) Judgeable(have []string) []string {
	ok := map[string]bool{}
	var out []string
	for _, c := range l.Order() {
		ok[c.ID] = !slices.ContainsFunc(l.Required(c), func(name string) bool { return !slices.Contains(have, name) }) &&
			!slices.ContainsFunc(c.Needs, func(id string) bool { return !ok[id] })
		if ok[c.ID] {
			out = append(out, c.ID)
		}
	}
	return out
}
