package assignment

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/deploy"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/embedded"
	"github.com/pipelab/pipelab/internal/grade"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/provision"
	"github.com/pipelab/pipelab/internal/trial"
)

func newSubmit(a *app.App) *cobra.Command {
	var learner, output string
	var unchecked bool
	c := &cobra.Command{
		Use: "submit", Short: "Pack your work to hand it in", GroupID: "grading", Args: cobra.NoArgs,
		Long: `Packs the workspace into a zip with a list of its files, your id, and the lab. It
is deployed into a fresh emulated AWS first, so that you do not hand in what cannot
be deployed.`,
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
				return app.Usagef("who are you? %q is no id",
					learner).Hint("as in your instructor's roster: --learner ID, or PIPELAB_LEARNER")
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
			m, err := grade.NewManifest(w.Root)
			if err != nil {
				return err
			}
			if m.LabDigest, err = grade.LabDigest(l); err != nil {
				return err
			}
			for name := range m.Files { // what was packed before is no work
				if old, _ := filepath.Match("*-"+l.ID+".zip", name); old {
					delete(m.Files, name)
				}
			}
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
			if err := replace(path, b); err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(map[string]any{"file": path, "manifest": m})
			}
			a.Printf("%s  %s\n", path, plural(len(m.Files), "file"))
			return nil
		},
	}
	c.Flags().StringVar(&learner, "learner", "", "your id, as in the instructor's roster (default: $PIPELAB_LEARNER)")
	c.Flags().StringVar(&output, "output", "", "file to write; an older one is replaced (default: ID-LAB.zip)")
	c.Flags().BoolVar(&unchecked, "as-it-is", false, "do not look whether it can be deployed")
	return c
}

// replace writes a file whole or not at all.
func replace(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".pipelab-submit-*")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Close()); err == nil {
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
