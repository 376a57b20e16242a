package author

import (
	"embed"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pipelab/pipelab/internal/cli/app"
)

// skeleton is a small lab that passes its own test: the best place to begin.
//
//go:embed all:skeleton
var skeleton embed.FS

// skeletonID is the id that the skeleton's files use.
const skeletonID = "skeleton-lab"

var labID = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

func newNew(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use: "new ID", Short: "Make the folder of a new lab that passes lab test as it is",
		Long: `Writes a small, complete lab into a folder named ID: lab.yaml, text, resources,
starter, solution and a mutant. It passes "pipelab lab test" as it is; change it
step by step and keep it so.`,
		Example: "  pipelab lab new labs/my-lab && pipelab lab test labs/my-lab",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := a.Path(args[0])
			id := filepath.Base(dir)
			if err := newFolder(dir); err != nil {
				return err
			}
			if err := writeSkeleton(dir, id); err != nil {
				return err
			}
			a.Printf("%s\n\nnext: pipelab lab test %s\n", dir, args[0])
			return nil
		},
	}
}

func writeSkeleton(dir, id string) error {
	return fs.WalkDir(skeleton, "skeleton", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(dir, filepath.FromSlash(strings.TrimPrefix(p, "skeleton")))
		if d.IsDir() {
			return os.MkdirAll(to, 0o755) // an author's folder
		}
		b, err := skeleton.ReadFile(p)
		if err != nil {
			return err
		}
		return os.WriteFile(to, []byte(strings.ReplaceAll(string(b), skeletonID, id)), 0o644)
	})
}
