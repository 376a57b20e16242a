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
	var out []finding
	for _, kind := range app.Kinds() {
		judged, checks, err := judges(a, emulator.CapabilitiesOf(kind))
		if err != nil {
			return nil, err
		}
		f := finding{What: string(kind), OK: true, Seen: fmt.Sprintf("judges %d of %d checks", judged, checks)}
		if kind == emulator.Embedded {
			f.Seen = "part of this program, " + f.Seen
		} else if err := a.Reach(ctx, string(kind)); err != nil {
			f.OK, f.Seen, f.Hint = false, "would judge"+f.Seen[len("judges"):], "not needed; "+err.Error()
		}
		out = append(out, f)
	}
	return out, nil
}

// judges counts the checks of the catalogue that can be judged.
func judges(a *app.App, has []emulator.Capability) (judged, checks int, err error) {
	ids, err := lab.IDs(a.Labs)
	if err != nil {
		return 0, 0, err
	}
	names := make([]string, len(has))
	for i, c := range has {
		names[i] = string(c)
	}
	for _, id := range ids {
		l, err := lab.Load(a.Labs, id)
		if err != nil {
			return 0, 0, err
		}
		judged, checks = judged+len(l.Judgeable(names)), checks+len(l.Checks)
	}
	return judged, checks, nil
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
		lead := fmt.Sprintf("%-6s %-27s ", b.Has, b.Capability)
		for i, line := range report.Wrap(meaning, a.Width()-len(lead)) {
			if i > 0 {
				lead = fmt.Sprintf("%*s", len(lead), "")
			}
			a.Printf("%s%s\n", lead, line)
		}
	}
	judged, checks, err := judges(a, has)
	a.Printf("%s judges %d of %d checks; which: pipelab list --emulator %s\n", name, judged, checks, name)
	return err
}
