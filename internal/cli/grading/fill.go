package grading

import (
	"os"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/cli/reports"
	"github.com/pipelab/pipelab/internal/grade"
	"github.com/pipelab/pipelab/internal/report"
)

// filledFile says, in the output folder, what of an export was filled.
const filledFile = "filled.json"

// readExport reads what --fill names.
func (g *command) readExport() (err error) {
	if g.fill == "" {
		return nil
	}
	g.filling.Now = g.Now()
	if g.export, err = os.ReadFile(g.Path(g.fill)); err != nil {
		return app.Usagef("the export cannot be read: %w", err)
	}
	if err := report.CanFill(g.export, g.filling); err != nil {
		return app.Invalidf("%s: %w", g.fill, err).Hint("nothing was graded")
	}
	return reports.CheckFill(g.filling)
}

// exported are the people of the export, where no roster names them; nil where it does
// not say who they are.
func (g *command) exported() (*grade.Roster, error) {
	if g.export == nil {
		return nil, nil
	}
	r, err := grade.ParseRoster(g.fill, g.export)
	if err != nil {
		g.Statusf("note: the class is whoever handed something in: %s is no roster: %v", g.fill, err)
		return nil, nil
	}
	return r, nil
}

// dates are a platform's times: those of --times, or of the export.
func (g *command) dates() (*grade.Times, error) {
	name, b := g.times, g.export
	switch {
	case name != "":
		var err error
		if b, err = os.ReadFile(g.Path(name)); err != nil {
			return nil, app.Usagef("the times cannot be read: %w", err)
		}
	case g.fill == "" || !grade.HasTimes(g.export):
		return nil, nil
	default:
		name = g.fill
	}
	t, err := grade.ParseTimes(name, b, g.Now().Location())
	if err != nil {
		return nil, app.Invalidf("%w", err)
	}
	if n := len(t.Unread); n > 0 && g.times != "" {
		return nil, app.Invalidf("%s in no form that is known, the first is %s", report.Count(n, "time"), t.Unread[0]).Hint(
			"write them as 2026-03-06T18:00:00Z")
	} else if n > 0 {
		g.Statusf("note: %s of the export in no form that is known, not used; the first is %s", report.Count(n, "time"),
			t.Unread[0])
	}
	return t, nil
}

// tryFill fills the export with nobody's points, so that what stands in the way is found
// before a class is graded. It is nil without --fill.
func (g *command) tryFill(p *grade.Plan) (*report.Filled, error) {
	if g.fill == "" {
		return nil, nil
	}
	f, err := report.Fill(g.export, p.Blank(), g.filling)
	if err != nil {
		return nil, app.Invalidf("%s: %w", g.fill, err).Hint("nothing was graded")
	}
	f.Changes, f.Kept, f.Same = []report.FillChange{}, []report.FillChange{}, 0
	return &f, nil
}

// fillIn fills the export with the grades; it is written only when that is asked for.
func (g *command) fillIn(out *grade.Output, b *report.Gradebook, toOut bool) error {
	if g.fill == "" {
		return nil
	}
	f, err := report.Fill(g.export, b, g.filling)
	if err != nil {
		return app.Invalidf("%s: %w", g.fill, err)
	}
	if err := out.Write(filledFile, jsonOf(f)); err != nil {
		return err
	}
	if g.filled != "" {
		if err := out.Write(g.Path(g.filled), writes(f.Bytes)); err != nil {
			return app.Environmentf("the filled export could not be written: %w", err)
		}
	}
	w := g.Out
	if g.JSON || toOut {
		w = g.Err
	} else {
		g.Printf("\n")
	}
	if err := f.Text(w); err != nil {
		return err
	}
	if g.filled == "" {
		g.Statusf("nothing was written into %s; to write it: --write FILE", g.fill)
	} else {
		g.Statusf("written: %s", g.filled)
	}
	return nil
}
