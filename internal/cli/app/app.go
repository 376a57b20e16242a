// Package app holds what every command needs: the streams it talks to, the
// environment, and dependencies that are built when first asked for. Commands
// return errors; only cli.Main prints them and picks the exit code.
package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/adrg/xdg"
	"golang.org/x/term"

	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/prefork"
	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/internal/workspace"
)

// App is passed to every command.
type App struct {
	In       io.Reader
	Out, Err io.Writer
	Environ  []string
	Now      func() time.Time
	Labs     fs.FS  // the built-in catalogue
	JSON     bool   // --json: data on Out is JSON
	Dir      string // where the command runs
	Version  string // of this program
	Program  string // its file, an absolute path; empty if nobody knows
	// Interpreters run Python programs and functions; nil starts one for each.
	Interpreters *prefork.Interpreters
	RealAWS      bool         // --i-know-this-is-real-aws
	Log          *slog.Logger // what goes wrong inside emulators; nil discards it
}

// Getenv returns a variable of the environment the program was started with.
func (a *App) Getenv(name string) string {
	for i := len(a.Environ) - 1; i >= 0; i-- {
		if v, ok := strings.CutPrefix(a.Environ[i], name+"="); ok {
			return v
		}
	}
	return ""
}

// Printf writes data for people or programs to standard output. Whatever is in
// it, it neither steers a terminal nor a CI system.
func (a *App) Printf(format string, args ...any) {
	fmt.Fprint(a.Out, report.Console(fmt.Sprintf(format, args...)))
}

// Statusf tells a person what is going on, on standard error; as Printf.
func (a *App) Statusf(format string, args ...any) {
	fmt.Fprintln(a.Err, report.Console(fmt.Sprintf(format, args...)))
}

// PrintJSON writes v to standard output as one indented document.
func (a *App) PrintJSON(v any) error {
	e := json.NewEncoder(a.Out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// Terminal reports whether w is a terminal.
func Terminal(w io.Writer) bool {
	f, ok := file(w)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Width is the number of columns to set text in: the terminal's, at least 40
// and at most 100, or 80 in a pipe.
func (a *App) Width() int { return min(a.Columns(), 100) } // longer lines read badly

// Columns is the number of columns that there are for a table: the terminal's, at
// least 40, or 80 in a pipe.
func (a *App) Columns() int {
	if f, ok := file(a.Out); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			return max(w, 40)
		}
	}
	return 80
}

// CacheDir is where downloads and prepared interpreters live; PIPELAB_CACHE
// moves it.
func (a *App) CacheDir() string {
	if d := a.Getenv("PIPELAB_CACHE"); d != "" {
		return d
	}
	return filepath.Join(xdg.CacheHome, "pipelab")
}

// Progress is the file of all attempts on this machine; PIPELAB_STATE moves it.
func (a *App) Progress() workspace.Progress {
	return workspace.Progress{Path: filepath.Join(a.StateDir(), "progress.jsonl")}
}

// StateDir is where is remembered what outlives a workspace; PIPELAB_STATE moves it.
func (a *App) StateDir() string {
	if d := a.Getenv("PIPELAB_STATE"); d != "" {
		return d
	}
	return filepath.Join(xdg.StateHome, "pipelab")
}

// Workspace finds the workspace the command runs in.
func (a *App) Workspace() (*workspace.Workspace, error) {
	w, err := workspace.Find(a.Dir)
	if err == workspace.ErrNone { //nolint:errorlint // Find returns the value itself
		return nil, Usagef("%s is not a lab workspace", a.Dir).
			Hint("start a lab: pipelab list, then pipelab start LAB").
			Hint("or go to the folder that an earlier start made")
	}
	return w, err
}

// Path is a file or folder that a person has named: what is relative begins
// where the command runs.
func (a *App) Path(name string) string {
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(a.Dir, name)
}

// Lab loads a lab of the catalogue by id, or a folder that holds a lab.yaml.
func (a *App) Lab(id string) (*lab.Lab, error) {
	if dir, ok := a.LabDir(id); ok {
		l, err := lab.Load(os.DirFS(filepath.Dir(dir)), filepath.Base(dir))
		return l, labProblem(id, err)
	}
	ids, err := lab.IDs(a.Labs)
	if err != nil {
		return nil, err
	}
	for _, known := range ids {
		if known == id {
			l, err := lab.Load(a.Labs, id)
			return l, labProblem(id, err)
		}
	}
	e := Usagef("there is no lab %q", id)
	if near := lab.Nearest(id, ids); near != "" {
		e = e.Hint("did you mean " + near + "?")
	}
	return nil, e.Hint("see them all: pipelab list")
}

// labProblem words what is wrong with a lab that could not be read; name is what it
// was called.
func labProblem(name string, err error) error {
	if ps := (lab.Problems)(nil); errors.As(err, &ps) {
		return Invalidf("the lab %s has problems:\n%w", name, err).Hint("see: pipelab lab lint " + name)
	}
	return err
}

// PythonDir is the Python environment that "pipelab doctor --setup" makes.
func (a *App) PythonDir() string { return filepath.Join(a.CacheDir(), "python") }

// PreferPython puts the private Python environment first on the PATH, of this
// process and of those it starts, if there is one. Programs, functions and
// the emulator's own process then agree on what python3 is.
func (a *App) PreferPython(setenv func(key, value string) error) error {
	bin := filepath.Join(a.PythonDir(), VenvBin)
	if st, err := os.Stat(bin); err != nil || !st.IsDir() {
		return nil
	}
	path := a.Getenv("PATH")
	if strings.HasPrefix(path, bin+string(os.PathListSeparator)) {
		return nil
	}
	path = bin + string(os.PathListSeparator) + path
	a.Environ = append(a.Environ, "PATH="+path)
	return setenv("PATH", path)
}
