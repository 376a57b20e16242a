package assignment

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/grade"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/seal"
)

func newPack(a *app.App) *cobra.Command {
	var keys, output string
	c := &cobra.Command{
		Use: "pack [FILE]", Short: "Make the zip that learners get", Args: cobra.MaximumNArgs(1),
		Long: `Makes a zip of an assignment for learners: each lab's text, starter and visible
checks; hidden checks and the seed encrypted to your keys; everything signed. The
same assignment and keys hold the same files. It is looked over for leaks first.`,
		Example: "  pipelab assignment pack\n  pipelab assignment pack week3/assignment.yaml --output week3.zip",
		RunE: func(_ *cobra.Command, args []string) error {
			as, labs, err := source(a, args)
			if err != nil {
				return err
			}
			k, err := Keys(a, keys)
			if err != nil {
				return err
			}
			for i, l := range labs {
				as.Labs[i].ID = l.ID // what was a folder here is an id there
			}
			files, err := grade.Pack(as, labs, k, a.Now())
			if err != nil {
				return err
			}
			b, err := zipOf(files)
			if err != nil {
				return err
			}
			path := output
			if path == "" {
				path = as.ID + ".zip"
			}
			path = a.Path(path)
			if err := writeNew(path, b); err != nil {
				return err
			}
			if err := leaks(a, path, as.Seed, labs); err != nil {
				return errors.Join(err, os.Remove(path))
			}
			if a.JSON {
				return a.PrintJSON(map[string]any{"file": path, "signer": k.Signer(), "files": len(files), "bytes": len(b)})
			}
			a.Printf("%s  %s, %d KB\n\n  signer  %s\n\nlearners: pipelab assignment open %s --signer %s\n"+
				"you:      pipelab assignment verify %s\n", path, plural(len(files), "file"), (len(b)+1023)/1024, k.Signer(),
				filepath.Base(path), k.Signer(), filepath.Base(path))
			return nil
		},
	}
	KeysFlag(c, &keys)
	c.Flags().StringVarP(&output, "output", "o", "", "file to write (default: ID.zip)")
	return c
}

// source reads an assignment.yaml and opens its labs, hidden checks included.
func source(a *app.App, args []string) (*grade.Assignment, []*lab.Folder, error) {
	path := grade.AssignmentFile
	if len(args) > 0 {
		path = args[0]
	}
	path = a.Path(path)
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		path = filepath.Join(path, grade.AssignmentFile)
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, app.Usagef("there is no %s", path).Hint("write one: pipelab assignment new LAB…")
	}
	if err != nil {
		return nil, nil, err
	}
	as, err := grade.ParseAssignment(path, b)
	if err != nil {
		return nil, nil, app.Invalidf("%w", err)
	}
	names := make([]string, len(as.Labs))
	for i, l := range as.Labs {
		names[i] = l.ID
		if beside := filepath.Join(filepath.Dir(path), l.ID); isLab(beside) {
			names[i] = beside
		}
	}
	labs, err := folders(a, names)
	return as, labs, err
}

func isLab(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "lab.yaml"))
	return err == nil
}

// leaks fails when a packed assignment gives away what it must not.
func leaks(a *app.App, path string, seed uint64, labs []*lab.Folder) error {
	tree, release, err := openTree(a, path)
	if err != nil {
		return err
	}
	defer release()
	found, err := grade.Leaks(tree, seed, labs)
	if err != nil {
		return err
	}
	for _, l := range found {
		a.Statusf("leak: %s", l)
	}
	if len(found) > 0 {
		return app.Invalidf("%s what must stay hidden in what learners get",
			pluralVerb(len(found))).Hint("change the text, or the hidden check")
	}
	return nil
}

func pluralVerb(n int) string {
	if n == 1 {
		return "1 place shows"
	}
	return plural(n, "place") + " show"
}

func newOpen(a *app.App) *cobra.Command {
	var dir, signer string
	var older bool
	c := &cobra.Command{
		Use: "open FILE", Short: "For learners: check a packed assignment and unpack it", Args: cobra.ExactArgs(1),
		Long: `Checks that an assignment is as it was signed, by somebody whom you know, and unpacks
it into a folder. Nothing is written when something was changed.

Whoever passes on an assignment could sign it anew, or pass on an older one. So the
first time you say who must have signed: your instructor tells you, not the file. From
then on that signer is known, and a package that is older than one you have had is
refused.`,
		Example: "  pipelab assignment open week3.zip --signer pipelab-signer-…\n  pipelab assignment open week4.zip",
		RunE: func(_ *cobra.Command, args []string) error {
			tree, release, err := openTree(a, args[0])
			if err != nil {
				return err
			}
			defer release()
			h, err := handout(tree, args[0], nil, signer)
			if err != nil {
				return err
			}
			t, err := loadTrust(a)
			if err != nil {
				return err
			}
			if err := t.check(args[0], h, signer != "", older); err != nil {
				return err
			}
			to := dir
			if to == "" {
				to = h.Assignment.ID
			}
			to = a.Path(to)
			if _, err := os.Lstat(to); err == nil {
				return app.Usagef("%s is there already", to).Hint("another folder: --dir DIR")
			}
			if err := os.CopyFS(to, tree); err != nil {
				return errors.Join(err, os.RemoveAll(to))
			}
			t.remember(a, h)
			return show(a, h, to)
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "folder to make (default: the assignment's id)")
	c.Flags().StringVar(&signer, "signer", "", "who must have signed it; needed once for each signer")
	c.Flags().BoolVar(&older, "older", false, "also one that is older than another you have had")
	return c
}

// handout opens a packed assignment; signer may be empty.
func handout(tree fs.FS, name string, keys *seal.Keys, signer string) (*grade.Handout, error) {
	h, err := grade.OpenHandout(tree, keys)
	if errors.Is(err, seal.ErrOtherKey) {
		return nil, app.Invalidf("%s is sealed to other keys than yours",
			name).Hint("name the keys that packed it: --keys FILE")
	}
	if err != nil {
		return nil, app.Invalidf("%s: %w", name, err)
	}
	if signer != "" && h.Signer != signer {
		return nil, app.Invalidf("%s was signed by %s, not by %s", name, h.Signer, signer).
			Hint("ask whoever hands it out; somebody else may have changed it")
	}
	return h, nil
}

func show(a *app.App, h *grade.Handout, dir string) error {
	if a.JSON {
		return a.PrintJSON(map[string]any{"folder": dir, "assignment": h.Assignment, "signer": h.Signer})
	}
	a.Printf("%s\n\n  folder   %s\n  signer   %s\n", h.Assignment.Title, dir, h.Signer)
	for _, l := range h.Assignment.Labs {
		a.Printf("  lab      %s, %g points\n", l.ID, l.Points)
	}
	for _, t := range h.Assignment.Terms(a.Now().Location()) {
		a.Beside(fmt.Sprintf("  %-8s ", t[0]), t[1])
	}
	a.Printf("\nnext: pipelab start %s\nat the end, in its folder: pipelab submit --learner YOUR-ID\n",
		filepath.Join(dir, "labs", h.Assignment.Labs[0].ID))
	return nil
}
