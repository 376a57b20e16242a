package judge

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/workspace"
)

func newSolve(a *app.App) *cobra.Command {
	var yes, compared bool
	c := &cobra.Command{
		Use: "solve", Short: "Compare with the reference solution, or copy it into your folder", GroupID: "labs",
		Long: `Copies the reference solution over your files. What it replaces is kept in
.pipelab/before-solve. Attempts after it are marked as solved in your progress.

With --diff it shows what differs between your files and the reference and changes
none of them. That is meant for the time when all checks have passed; before, it asks,
and then it counts as having seen the solution.`,
		Example: "  pipelab solve --diff\n  pipelab solve --diff | less -R\n  pipelab solve --yes && pipelab check",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			w, err := a.Workspace()
			if err != nil {
				return err
			}
			if compared {
				return compare(a, w, yes)
			}
			if !yes {
				goOn, err := confirm(a, "Replace your files with the reference solution?", "this replaces your files")
				if err != nil || !goOn {
					return err
				}
			}
			release, err := a.Alone(c.Context(), w)
			if err != nil {
				return err
			}
			defer release()
			return solve(a, w)
		},
	}
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	c.Flags().BoolVar(&compared, "diff", false, "show how your files differ from the reference, and change nothing")
	return c
}

// confirm asks a person; where nobody can answer, the flag must say it.
func confirm(a *app.App, question, what string) (bool, error) {
	in, ok := a.In.(*os.File)
	if !ok || !app.Terminal(in) {
		return false, app.Usagef("%s and nobody is here to ask", what).Hint("say yes beforehand: --yes")
	}
	fmt.Fprintf(a.Err, "%s [y/N] ", question)
	answer, _ := bufio.NewReader(in).ReadString('\n') // no answer is a no
	if s := strings.ToLower(strings.TrimSpace(answer)); s != "y" && s != "yes" {
		a.Statusf("nothing was changed")
		return false, nil
	}
	return true, nil
}

// source is the lab of a workspace, with its solution.
func source(a *app.App, w *workspace.Workspace) (*lab.Folder, error) {
	name := w.Meta.Lab
	if w.Meta.Source != "" {
		name = w.Meta.Source
	}
	l, err := a.Folder(name)
	if err != nil {
		return nil, err
	}
	if _, err := fs.Stat(l.FS, "solution"); err != nil {
		return nil, app.Usagef("the lab %s came without its solution", l.ID).Hint("get a hint instead: pipelab hint")
	}
	return l, nil
}

func solve(a *app.App, w *workspace.Workspace) error {
	l, err := source(a, w)
	if err != nil {
		return err
	}
	solution, err := fs.Sub(l.FS, "solution")
	if err != nil {
		return err
	}
	kept, err := backUp(w, solution)
	if err != nil {
		return err
	}
	if err := workspace.CopyTree(w.Root, solution, true); err != nil {
		return err
	}
	if err := w.Update(func(m *workspace.Meta) { m.Solved = true }); err != nil {
		return err
	}
	if a.JSON {
		return a.PrintJSON(map[string]any{"kept": kept})
	}
	a.Printf("the reference solution is in %s\n", w.Root)
	if kept != "" {
		a.Printf("your files are in %s\n", kept)
	}
	return nil
}

// backUp copies the files that would be replaced into a new folder and returns
// it, "" if there are none.
func backUp(w *workspace.Workspace, tree fs.FS) (string, error) {
	var files []string
	err := fs.WalkDir(tree, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if _, err := os.Lstat(filepath.Join(w.Root, filepath.FromSlash(workspace.Target(p)))); err == nil {
			files = append(files, workspace.Target(p))
		}
		return nil
	})
	if err != nil || len(files) == 0 {
		return "", err
	}
	dir := ""
	for n := 1; ; n++ { // earlier copies stay
		dir = w.Path("before-solve", fmt.Sprint(n))
		if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
			return "", err
		}
		err := os.Mkdir(dir, 0o700)
		if err == nil {
			break
		}
		if !os.IsExist(err) {
			return "", err
		}
	}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(w.Root, filepath.FromSlash(f)))
		if err != nil {
			return "", err
		}
		to := filepath.Join(dir, filepath.FromSlash(f))
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return "", err
		}
		if err := os.WriteFile(to, b, 0o600); err != nil {
			return "", err
		}
	}
	return dir, nil
}
