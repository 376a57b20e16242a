package runtime

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strings"

	"github.com/pipelab/pipelab/internal/confine"
)

//go:embed bootstrap/bootstrap.py
var pythonBootstrap []byte

//go:embed bootstrap/bootstrap.mjs
var nodeBootstrap []byte

// ErrUnsupported is wrapped by Check for runtimes that cannot run here.
var ErrUnsupported = errors.New("runtime cannot run here")

// family is what the versions of a runtime have in common.
type family struct {
	interpreters []string // tried in turn; none for a bootstrap in the code
	file         string   // of our bootstrap
	bootstrap    []byte
	install      string
	layerPath    func(layers string) []string // environment that makes layers visible
}

func families() map[string]family {
	return map[string]family{
		"python": {interpreters: []string{"python3", "python"}, file: "bootstrap.py", bootstrap: pythonBootstrap,
			install: "install Python 3 (apt-get install python3, brew install python)",
			layerPath: func(l string) []string {
				paths := []string{filepath.Join(l, "python")}
				// the pattern is well formed
				nested, _ := filepath.Glob(filepath.Join(l, "python", "lib", "python3*", "site-packages"))
				return []string{"PYTHONPATH=" + strings.Join(append(paths, nested...), string(os.PathListSeparator))}
			}},
		"nodejs": {interpreters: []string{"node"}, file: "bootstrap.mjs", bootstrap: nodeBootstrap,
			install: "install Node.js (apt-get install nodejs, brew install node)",
			layerPath: func(l string) []string {
				return []string{"NODE_PATH=" + filepath.Join(l, "nodejs", "node_modules")}
			}},
		"provided": {layerPath: func(string) []string { return nil }},
	}
}

// familyOf finds the family of a runtime such as "python3.12".
func familyOf(runtime string) (family, error) {
	name := strings.TrimRight(strings.TrimSuffix(runtime, ".x"), "0123456789.")
	if strings.HasPrefix(runtime, "provided") {
		name = "provided"
	}
	f, ok := families()[name]
	if !ok {
		return family{}, fmt.Errorf("%w: %s; Python, Node.js and provided runtimes can", ErrUnsupported, runtime)
	}
	if name == "provided" && goruntime.GOOS == "windows" {
		return family{}, fmt.Errorf("%w: %s needs Linux or macOS", ErrUnsupported, runtime)
	}
	return f, nil
}

// Check tells whether functions of a runtime can run on this machine; the
// error says what to install.
func Check(runtime string) error {
	f, err := familyOf(runtime)
	if err != nil {
		return err
	}
	_, err = f.find(runtime, nil)
	return err
}

// find finds the interpreter where a policy lets programs be found.
func (f family) find(runtime string, policy *confine.Policy) (string, error) {
	for _, name := range f.interpreters {
		if path, err := policy.LookPath(name); err == nil {
			return path, nil
		}
	}
	if len(f.interpreters) == 0 {
		return "", nil
	}
	return "", fmt.Errorf("%w: %s runs with %s, which is not on PATH; %s", ErrUnsupported, runtime, f.interpreters[0],
		f.install)
}

// command is what starts a function's process. dir is a folder of ours, where
// bootstraps are kept.
func (s Spec) command(dir string, policy *confine.Policy) (*exec.Cmd, error) {
	f, err := familyOf(s.Runtime)
	if err != nil {
		return nil, err
	}
	if len(f.interpreters) == 0 {
		for _, root := range []string{s.Code, s.Layers} {
			path := filepath.Join(root, "bootstrap")
			if info, err := os.Stat(path); root != "" && err == nil && info.Mode().IsRegular() {
				return exec.Command(path), nil // running it is the point
			}
		}
		return nil, errNoBootstrap
	}
	interpreter, err := f.find(s.Runtime, policy)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, f.file)
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		if err := os.WriteFile(file, f.bootstrap, 0o600); err != nil {
			return nil, err
		}
	}
	return exec.Command(interpreter, file), nil // running it is the point
}

var errNoBootstrap = errors.New("Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]")
