// Package app holds what every command needs: the streams it talks to, the
// environment, and dependencies that are built when first asked for. Commands
// return errors; only cli.Main prints them and picks the exit code.
package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
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
	Args         []string     // what was typed after the program's name
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
// moves it. It is empty for who has no home.
func (a *App) CacheDir() string {
	if d := a.Getenv("PIPELAB_CACHE"); d != "" {
		return d
	}
	return a.home("XDG_CACHE_HOME", xdg.CacheHome)
}

// Progress is the file of all attempts on this machine; PIPELAB_STATE moves it. It has
// no path for who has no home.
func (a *App) Progress() workspace.Progress {
	dir := a.StateDir()
	if dir == "" {
		return workspace.Progress{}
	}
	return workspace.Progress{Path: filepath.Join(dir, "progress.jsonl")}
}

// StateDir is where is remembered what outlives a workspace; PIPELAB_STATE moves it.
// It is empty for who has no home.
func (a *App) StateDir() string {
	if d := a.Getenv("PIPELAB_STATE"); d != "" {
		return d
	}
	return a.home("XDG_STATE_HOME", xdg.StateHome)
}

// ConfigDir is where an instructor's keys are. It is empty for who has no home.
func (a *App) ConfigDir() string { return a.home("XDG_CONFIG_HOME", xdg.ConfigHome) }

// home is our folder in one of the user's; empty where the environment says of none:
// the root of the disk is no home.
func (a *App) home(variable, folder string) string {
	if runtime.GOOS != "windows" && a.Getenv("HOME") == "" && a.Getenv(variable) == "" {
		return ""
	}
	return filepath.Join(folder, "pipelab")
}

// Workspace finds the workspace the command runs in.
func (a *App) Workspace() (*workspace.Workspace, error) {
	w, err := workspace.Find(a.Dir)
	if err == workspace.ErrNone { //nolint:errorlint // Find returns the value itself
		return nil, Usagef("%s is not a lab workspace", a.Dir).
			Hint("start a lab: pipelab list, then pipelab start LAB").
			Hint("or go to the folder that an earlier start made").
			Hint("or take up work of yours that lies here: pipelab start LAB --here")
	}
	if err != nil {
		return nil, err
	}
	return w, a.Settle(w)
}

// Settle lets a workspace be known in its folder, and tells a person what that has
// changed.
func (a *App) Settle(w *workspace.Workspace) error {
	s, err := w.Settle()
	if err != nil {
		return err
	}
	if s.Original != "" {
		a.Statusf("note: this folder is a copy of %s; it gets an emulated AWS of its own, which is empty at first",
			s.Original)
	}
	if s.Unhidden && tracked(context.Background(), w) {
		a.Statusf("note: git has taken up %s, which holds a secret of this machine; to take it out again:\n"+
			"  git rm -r --cached --quiet %[1]s && git commit -m 'Leave %[1]s out'", workspace.StateDir)
	}
	return nil
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
		tree, base, err := a.labTree(dir)
		if err != nil {
			return nil, labProblem(id, err)
		}
		l, err := lab.Load(tree, base)
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
	if near := candidates(id, ids); len(near) > 0 {
		e = e.Hint("did you mean " + strings.Join(near, ", or ") + "?")
	}
	return nil, e.Hint("see them all: pipelab list")
}

// mostCandidates is how many names are put before a person who has typed another.
const mostCandidates = 5

// candidates are those names that somebody may have meant: the one that is nearly the
// same, else those that hold what was typed.
func candidates(typed string, names []string) (out []string) {
	if near := lab.Nearest(typed, names); near != "" {
		return []string{near}
	}
	for _, n := range names {
		if len(typed) > 1 && strings.Contains(n, strings.ToLower(typed)) && len(out) < mostCandidates {
			out = append(out, n)
		}
	}
	return out
}

// labProblem words what is wrong with a lab that could not be read; name is what it
// was called.
func labProblem(name string, err error) error {
	if ps := (lab.Problems)(nil); errors.As(err, &ps) {
		return Invalidf("the lab %s has problems:\n%w", name, err).Hint("see: pipelab lab lint " + name)
	}
	return err
}

// PythonDir is the Python environment that "pipelab doctor --setup" makes; empty
// without a place for it.
func (a *App) PythonDir() string {
	dir := a.CacheDir()
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, "python")
}

// PreferPython puts the private Python environment first on the PATH, of this
// process and of those it starts, if there is one. Programs, functions and
// the emulator's own process then agree on what python3 is.
func (a *App) PreferPython(setenv func(key, value string) error) error {
	dir := a.PythonDir()
	if dir == "" {
		return nil
	}
	bin := filepath.Join(dir, VenvBin)
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
