// Package author holds the commands for authors of labs: lab new, derive, lint,
// test and schema.
package author

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/pipelab/pipelab/internal/check"
	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/report"
)

// Commands returns the group "lab".
func Commands(a *app.App) []*cobra.Command {
	group := &cobra.Command{
		Use: "lab", Short: "For authors of labs", GroupID: "labs", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	group.AddCommand(newNew(a), newDerive(a), &cobra.Command{
		Use: "lint [FOLDER…]", Short: "Report every problem of labs, with its place",
		Long: `Checks labs: those whose folders are named, all those in a folder of labs, or without
a name those that pipelab comes with. What a finished lab needs beside being well is
noted.`,
		Example: "  pipelab lab lint labs/my-lab\n  pipelab lab lint labs",
		RunE:    func(_ *cobra.Command, args []string) error { return lint(a, args) },
	}, newTest(a), &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of lab.yaml, for editors", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := a.Out.Write(lab.Schema())
			return err
		},
	})
	return []*cobra.Command{group}
}

// unknownCapabilities are problems: a check that needs one would be unsupported
// everywhere. A declared one that the steps show anyway is only told.
func unknownCapabilities(a *app.App, id string, l *lab.Lab) (out lab.Problems) {
	see := func(place string, names []string) {
		for _, name := range names {
			if !slices.Contains(emulator.KnownCapabilities(), emulator.Capability(name)) {
				out = append(out, lab.Problem{File: path.Join(id, "lab.yaml"), Line: 1, Column: 1, Place: place,
					Message: fmt.Sprintf("there is no capability %q", name)})
			} else if slices.Contains(lab.Derived(), name) {
				a.Statusf("note: %s: %s: %s need not be declared, the steps and probes show it", id, place, name)
			}
		}
	}
	see("capabilities", l.Capabilities)
	for i, c := range l.Checks {
		see(fmt.Sprintf("checks[%d].capabilities", i), c.Capabilities)
	}
	return out
}

// target is a lab to look at: a folder of a tree.
type target struct {
	tree fs.FS
	id   string
}

// lint checks folders, or the built-in catalogue.
func lint(a *app.App, folders []string) error {
	targets, err := targetsOf(a, folders)
	if err != nil {
		return err
	}
	var all lab.Problems
	for _, t := range targets {
		var f *lab.Folder
		tree, err := lab.Extended(t.tree, t.id, a.Labs)
		if err == nil {
			f, err = lab.Open(tree, t.id, check.NewExpressions().Check)
		}
		if f != nil && f.Lab != nil {
			all = append(all, unknownCapabilities(a, t.id, f.Lab)...)
		}
		if err == nil {
			for _, n := range unfinished(f) {
				a.Statusf("note: %s: %s", t.id, n)
			}
		}
		var ps lab.Problems
		if errors.As(err, &ps) {
			all = append(all, ps...)
		} else if err != nil {
			return app.Invalidf("%w", err)
		}
	}
	if a.JSON {
		if err := a.PrintJSON(append(lab.Problems{}, all...)); err != nil {
			return err
		}
	} else {
		for _, p := range all {
			a.Printf("%s\n", p)
		}
	}
	if len(all) > 0 {
		return app.Invalidf("%s in %s", report.Count(len(all), "problem"), report.Count(len(targets), "lab"))
	}
	a.Statusf("%s, no problems", report.Count(len(targets), "lab"))
	return nil
}

// targetsOf are the labs of folders, each a lab's or one of labs; without any those of the
// catalogue.
func targetsOf(a *app.App, folders []string) (targets []target, err error) {
	for _, f := range folders {
		if dir, ok := a.LabDir(f); ok {
			targets = append(targets, target{os.DirFS(filepath.Dir(dir)), filepath.Base(dir)})
			continue
		}
		tree := os.DirFS(a.Path(f)) // a folder of labs
		ids, err := lab.IDs(tree)
		if err != nil || len(ids) == 0 {
			return nil, app.Usagef("%s holds no lab.yaml, and no folder in it does",
				f).Hint("make a lab: pipelab lab new my-lab")
		}
		for _, id := range ids {
			targets = append(targets, target{tree, id})
		}
	}
	if len(folders) > 0 {
		return targets, nil
	}
	ids, err := lab.IDs(a.Labs)
	for _, id := range ids {
		targets = append(targets, target{a.Labs, id})
	}
	return targets, err
}
