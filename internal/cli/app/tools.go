package app

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"strings"

	"github.com/pipelab/pipelab/internal/confine"
)

// Tools makes sure that the interpreters which labs name are on this machine, and
// that Python has AWS's SDK: without them every answer would fail, and nobody could
// tell why.
func (*App) Tools(ctx context.Context, names []string) error {
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			e := Environmentf("%s is needed and not on this machine", name)
			if name == "python3" {
				e = e.Hint("Debian, Ubuntu: apt-get install python3 python3-venv; macOS: xcode-select --install")
			}
			return e.Hint("what else is missing: pipelab doctor")
		}
		// Looking for the SDK takes a tenth of the time that importing it does.
		const has = "import importlib.util, sys; sys.exit(importlib.util.find_spec('boto3') is None)"
		if name == "python3" && confine.Tool(ctx, name, "-c", has).Run() != nil && ctx.Err() == nil {
			return Environmentf("boto3, the AWS SDK for Python, is needed and python3 does not have it").
				Hint("pipelab doctor --setup")
		}
	}
	return ctx.Err()
}

// Interpreters are those of a lab's that a learner's folder needs: an answer in
// another language needs no Python.
func Interpreters(names []string, folder string) (out []string) {
	for _, name := range names {
		if name != "python3" || hasPython(folder) {
			out = append(out, name)
		}
	}
	return out
}

// hasPython reports whether a folder holds Python, hidden folders and what package
// managers install aside.
func hasPython(folder string) (found bool) {
	_ = fs.WalkDir(os.DirFS(folder), ".", func(_ string, d fs.DirEntry, err error) error {
		switch name := ""; {
		case err != nil:
			return nil // what cannot be read is nobody's program
		case d.IsDir():
			if name = d.Name(); name == "node_modules" || strings.HasPrefix(name, ".") && name != "." {
				return fs.SkipDir
			}
		case strings.HasSuffix(d.Name(), ".py"):
			found = true
			return fs.SkipAll
		}
		return nil
	})
	return found
}
