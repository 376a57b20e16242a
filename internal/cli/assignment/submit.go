package assignment

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/pipelab/pipelab/internal/archive"
	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/deploy"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/embedded"
	"github.com/pipelab/pipelab/internal/grade"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/provision"
	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/internal/trial"
)

func newSubmit(a *app.App) *cobra.Command {
	var learner, output string
	var unchecked bool
	c := &cobra.Command{
		Use: "submit", Short: "Pack your work to hand it in", GroupID: "grading", Args: cobra.NoArgs,
		Long: `Packs the workspace into a zip with a list of its files, your id, and the lab. It
is deployed into a fresh emulated AWS first, so that you do not hand in what cannot
be deployed. Files that grading would not take, for a name that some system cannot
have or since they are links, are left out and named.`,
		Example: "  pipelab submit --learner s1234567",
		RunE: func(c *cobra.Command, _ []string) error {
			w, err := a.Workspace()
			if err != nil {
				return err
			}
			if learner == "" {
				learner = a.Getenv("PIPELAB_LEARNER")
			}
			if !regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}$`).MatchString(learner) {
				e := app.Usagef("who are you?")
				if learner != "" {
					e = app.Usagef("who are you? %q cannot be an id: it has letters, digits and . _ @ + - only", learner)
				}
				return e.Hint("as in your instructor's roster: pipelab submit --learner ID, or PIPELAB_LEARNER")
			}
			name := w.Meta.Lab
			if w.Meta.Source != "" {
				name = w.Meta.Source
			}
			l, err := a.Folder(name)
			if err != nil {
				return err
			}
			if !unchecked {
				a.Statusf("deploying it into a fresh emulated AWS…")
				if err := deploys(c.Context(), a, l, w.Root); err != nil {
					return app.Invalidf("this cannot be deployed: %w",
						err).Hint("put it right, or hand it in all the same: --as-it-is")
				}
			}
			m, left, err := grade.NewManifest(w.Root, l)
			if err != nil {
				return err
			}
			if m.LabDigest, err = grade.LabDigest(l); err != nil {
				return err
			}
			old := func(name string) bool { // what was packed before is no work
				packed, _ := filepath.Match("*-"+l.ID+".zip", name)
				return packed
			}
			maps.DeleteFunc(m.Files, func(name, _ string) bool { return old(name) })
			left = slices.DeleteFunc(left, func(f grade.LeftOut) bool { return old(f.Name) })
			m.Learner, m.Lab, m.Tool, m.Submitted = learner, l.ID, c.Root().Version, a.Now().UTC().Truncate(time.Second)
			b, err := packed(m, w.Root)
			if err != nil {
				return err
			}
			path := output
			if path == "" {
				path = learner + "-" + l.ID + ".zip"
			}
			path = a.Path(path)
			if err := replace(path, b, func(file string) error { return grade.Packs(c.Context(), file, l) }); err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(map[string]any{"file": path, "manifest": m, "leftOut": left,
					"time": standing(w.Meta.Source, m.Submitted)})
			}
			for _, f := range left {
				a.Statusf("left out: %s: %s", report.Console(f.Name), report.Console(f.Why))
			}
			a.Printf("%s  %s and the list of them\n", path, plural(len(m.Files), "file"))
			tellTerms(a, w.Meta.Source, m.Submitted, path)
			return nil
		},
	}
	c.Flags().StringVar(&learner, "learner", "", "your id, as in the instructor's roster (default: $PIPELAB_LEARNER)")
	c.Flags().StringVarP(&output, "output", "o", "", "file to write; an older one is replaced (default: ID-LAB.zip)")
	c.Flags().BoolVar(&unchecked, "as-it-is", false, "do not look whether it can be deployed")
	return c
}

// assignmentOf is the assignment that a lab was started from; nil when it was from none.
func assignmentOf(source string) *grade.Assignment {
	if source == "" {
		return nil
	}
	for _, dir := range []string{filepath.Dir(filepath.Dir(source)), filepath.Dir(source)} { // ASSIGNMENT/labs/LAB
		b, err := os.ReadFile(filepath.Join(dir, grade.AssignmentFile))
		if err != nil {
			continue
		}
		if as, err := grade.ParseAssignment(grade.AssignmentFile, b); err == nil {
			return as
		}
	}
	return nil
}

// standing says what handing in now means; "" when nothing is due.
func standing(source string, now time.Time) string {
	if as := assignmentOf(source); as != nil {
		return as.Now(now)
	}
	return ""
}

// tellTerms says what comes after packing: in time or not, and where the file goes.
func tellTerms(a *app.App, source string, now time.Time, path string) {
	as := assignmentOf(source)
	if as == nil {
		a.Statusf("it is packed, not sent: hand in %s where your instructor collects", filepath.Base(path))
		return
	}
	if text := as.Now(now); text != "" {
		a.Statusf("%s; what counts is when it arrives, and an extension of yours if you have one", text)
	}
	where := "where your instructor collects"
	if as.HandIn != "" {
		where = report.Console(as.HandIn)
	}
	a.Statusf("it is packed, not sent: hand in %s: %s", filepath.Base(path), where)
}

// replace writes a file whole or not at all; good says whether it is what it should be.
func replace(path string, b []byte, good func(file string) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".pipelab-submit-*")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Close()); err == nil {
		err = good(f.Name())
	}
	if errors.Is(err, archive.ErrRefused) {
		err = app.Invalidf("grading would not take this: %s", archive.Reason(err)).Hint(
			"move what is no work of yours, such as data and downloads, out of the folder")
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// deploys reports why a workspace cannot be deployed, nil if it can.
func deploys(ctx context.Context, a *app.App, l *lab.Folder, dir string) error {
	e, err := embedded.Driver{Provision: provision.At, Interpreters: a.Interpreters}.Start(ctx, emulator.Options{})
	if err != nil {
		return err
	}
	defer func() { _ = e.Close() }() // it holds nothing that could be lost
	_, err = trial.Stacks(func(e emulator.Emulator) deploy.Target { return a.Target(e, nil, nil) })(ctx, e, l, dir)
	return err
}

// packed is the zip of a workspace's files with their manifest.
func packed(m *grade.Manifest, dir string) ([]byte, error) {
	files := map[string][]byte{}
	for name := range m.Files {
		b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			return nil, err
		}
		files[name] = b
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, err
	}
	files[grade.ManifestFile] = append(text, '\n')
	return zipOf(files)
}
