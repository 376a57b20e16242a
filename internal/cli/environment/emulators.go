package environment

import (
	"context"
	"fmt"
	"slices"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/probe"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/report"
)

// emulators says which emulators can be used here and how much each can judge.
func emulators(ctx context.Context, a *app.App) ([]finding, error) {
	labs, err := catalogue(a)
	if err != nil {
		return nil, err
	}
	var out []finding
	for _, kind := range app.Kinds() {
		judged, checks := judges(labs, emulator.CapabilitiesOf(kind))
		f := finding{What: string(kind), OK: true,
			Seen: fmt.Sprintf("judges %d of %s", judged, report.Count(checks, "check"))}
		if kind == emulator.Embedded {
			f.Seen = "part of this program, " + f.Seen
		} else if err := a.Reach(ctx, string(kind)); err != nil {
			f.OK, f.Seen, f.Hint = false, "would judge"+f.Seen[len("judges"):], "not needed; "+err.Error()
		}
		out = append(out, f)
	}
	return out, nil
}

// catalogue reads all labs.
func catalogue(a *app.App) (out []*lab.Lab, err error) {
	ids, err := lab.IDs(a.Labs)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		l, err := lab.Load(a.Labs, id)
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}

// judges counts the checks that can be judged.
func judges(labs []*lab.Lab, has []emulator.Capability) (judged, checks int) {
	names := make([]string, len(has))
	for i, c := range has {
		names[i] = string(c)
	}
	for _, l := range labs {
		judged, checks = judged+len(l.Judgeable(names)), checks+len(l.Checks)
	}
	return judged, checks
}

// ability is one line of what an emulator has.
type ability struct {
	Capability emulator.Capability `json:"capability"`
	Meaning    string              `json:"meaning"`
	// Has is yes, no, proxy, or try for what is found out at the start.
	Has emulator.Support `json:"has"`
	// Tried says that a trial has shown it, now.
	Tried  bool   `json:"tried,omitempty"`
	Source string `json:"source,omitempty"`
}

// abilities shows the table of capabilities for one emulator; one at a URL is
// tried out.
func abilities(ctx context.Context, a *app.App, name string) error {
	has, err := a.CapabilitiesNamed(ctx, name)
	if err != nil {
		return err
	}
	list := []ability{}
	for _, r := range emulator.Table() {
		b := ability{Capability: r.Capability, Meaning: r.Meaning, Has: r.Has(emulator.Kind(name)), Source: r.Source}
		if app.AtURL(name) {
			there := slices.Contains(has, r.Capability)
			b.Tried = there && probe.Can(r.Capability)
			switch {
			case !there:
				b.Has = emulator.No
			case r.Endpoint != emulator.Proxy:
				b.Has = emulator.Yes
			}
		}
		list = append(list, b)
	}
	if a.JSON {
		return a.PrintJSON(list)
	}
	for _, b := range list {
		meaning := b.Meaning
		if b.Tried {
			meaning += " (tried)"
		}
		a.Beside(fmt.Sprintf("%-6s %-27s ", b.Has, b.Capability), meaning)
	}
	labs, err := catalogue(a)
	if err != nil {
		return err
	}
	judged, checks := judges(labs, has)
	a.Printf("%s judges %d of %s\nwhich: pipelab list --emulator %s\n", name, judged, report.Count(checks, "check"),
		name)
	return nil
}
