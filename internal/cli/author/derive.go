package author

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/lab"
)

// derived is what --json prints.
type derived struct {
	ID      string   `json:"id"`
	Extends string   `json:"extends"`
	Folder  string   `json:"folder"`
	Files   []string `json:"files"` // below it
}

func newDerive(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use: "derive LAB FOLDER", Short: "Add sealed checks of your own to a lab of the catalogue",
		Long: `Makes a folder that builds on a lab of the catalogue, without a copy of it:
lab.yaml says which lab it extends, and sealed/own.yaml has a first check that
learners do not see. It passes "pipelab lab test" as it is: change it, and add
others. The folder's name is the new lab's id.

Whatever else you put into the folder takes the place of what has the same name
in the lab: README.md, starter/, a mutant. All other files are the lab's, as
this release of pipelab has them.

"check" runs what learners can see, "grade" the sealed checks too. "assignment
pack" makes a whole lab of it, with the sealed checks encrypted to your keys.`,
		Example: `  pipelab lab derive ddb-leaderboard leaderboard-autumn
  pipelab lab test leaderboard-autumn
  pipelab assignment new leaderboard-autumn --due 2026-11-06
  pipelab grade submissions/ --lab leaderboard-autumn`,
		Args: cobra.ExactArgs(2),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveFilterDirs
			}
			ids, _ := lab.IDs(a.Labs) // no completion is the worst that can happen
			return ids, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error { return derive(a, args[0], args[1]) },
	}
}

func derive(a *app.App, from, folder string) error {
	if _, err := fs.Stat(a.Labs, path.Join(from, "lab.yaml")); err != nil {
		if _, ok := a.LabDir(from); ok {
			return app.Usagef("%s is a folder; a lab is derived from one of the catalogue",
				from).Hint("add checks to the folder itself: sealed/checks.yaml in it")
		}
		if _, err := a.Lab(from); err != nil {
			return err
		}
	}
	dir := a.Path(folder)
	d := derived{ID: filepath.Base(dir), Extends: from, Folder: dir}
	if err := newFolder(dir); err != nil {
		return err
	}
	files, err := lab.Derive(a.Labs, from, d.ID)
	if err != nil {
		return err
	}
	d.Files = slices.Sorted(maps.Keys(files))
	for _, name := range d.Files {
		to := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil { // an author's folder
			return err
		}
		if err := os.WriteFile(to, files[name], 0o644); err != nil {
			return err
		}
	}
	if a.JSON {
		return a.PrintJSON(d)
	}
	a.Printf("%s\n\n  lab.yaml         extends %s\n", dir, from)
	a.Printf("  %s  a sealed check to change\n\nnext: pipelab lab test %s\n", lab.OwnFile, folder)
	return nil
}

// newFolder makes the folder of a lab, whose name is its id.
func newFolder(dir string) error {
	if id := filepath.Base(dir); !labID.MatchString(id) {
		return app.Usagef("%q cannot be a lab's id", id).Hint("use small letters, digits and single hyphens: my-lab")
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil { // an author's folder
		return err
	}
	err := os.Mkdir(dir, 0o755)
	if errors.Is(err, fs.ErrExist) {
		return app.Usagef("%s is there already", dir)
	}
	return err
}
