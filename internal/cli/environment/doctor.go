package environment

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/confine"
	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/internal/sandbox"
)

// finding is one line of doctor.
type finding struct {
	What string `json:"what"`
	OK   bool   `json:"ok"`
	Seen string `json:"seen"`
	Hint string `json:"hint,omitempty"`
	// Needed says that most labs cannot be judged without it.
	Needed bool `json:"needed,omitempty"`
}

func newDoctor(a *app.App) *cobra.Command {
	var setup bool
	var which string
	c := &cobra.Command{
		Use: "doctor", Short: "Say what this machine can do and how to get the rest", GroupID: "emulator",
		Long: `Looks for what labs may need and says how to get what is missing. With --setup it
makes a Python environment of PipeLab's own with the AWS SDK (boto3) in it, once;
programs and functions in Python run in that from then on. It needs the network
the first time. With --emulator it shows what that emulator has, and how much of
the labs it can judge.

Exit codes: 0 the labs can be judged here; 3 something that most of them need is
missing.`,
		Example: "  pipelab doctor\n  pipelab doctor --emulator localstack\n  pipelab doctor --setup\n  pipelab doctor " +
			"--json",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if setup {
				if err := setUpPython(c.Context(), a); err != nil {
					return err
				}
				if err := a.PreferPython(os.Setenv); err != nil {
					return err
				}
			}
			if c.Flags().Changed("emulator") {
				return abilities(c.Context(), a, which)
			}
			found, err := examine(c.Context(), a)
			if err != nil {
				return err
			}
			if a.JSON {
				return errors.Join(a.PrintJSON(found), lacking(found))
			}
			for _, f := range found {
				mark := "ok     "
				if !f.OK {
					mark = "missing"
				}
				a.Beside(fmt.Sprintf("%s  %-18s ", mark, f.What), f.Seen)
				if !f.OK {
					a.Indented(9, f.Hint)
				}
			}
			return lacking(found)
		},
	}
	a.EmulatorFlags(c, &which, "show what this one has")
	c.Flags().BoolVar(&setup, "setup", false, "make the Python environment if it is not there yet")
	return c
}

// lacking is the error of a machine that most labs cannot be judged on, with the first
// thing to do about it.
func lacking(found []finding) error {
	var what []string
	var first string
	for _, f := range found {
		if f.Needed && !f.OK {
			if what = append(what, f.What); len(what) == 1 {
				first = f.Hint
			}
		}
	}
	if len(what) == 0 {
		return nil
	}
	return app.Environmentf("missing: %s", strings.Join(what, ", ")).Hint(first)
}

func examine(ctx context.Context, a *app.App) ([]finding, error) {
	found := []finding{
		{What: "system", OK: true, Seen: fmt.Sprintf("%s/%s, %s", runtime.GOOS, runtime.GOARCH,
			report.Count(runtime.NumCPU(), "processor"))},
	}
	usable, err := emulators(ctx, a)
	if err != nil {
		return nil, err
	}
	found = append(found, usable...)
	mode, reason := sandbox.Available()
	found = append(found, finding{What: "confinement", OK: mode != confine.None, Seen: reason,
		Hint: "only grading needs it: other people's programs run in containers then (pipelab grade --sandbox container), " +
			"or with your rights"})
	if mode == confine.Landlock {
		found = append(found, groups())
	}
	for _, p := range []struct {
		what, hint string
		args       []string
	}{
		{"Python 3", "most labs need it: " + getPython(), []string{"python3", "--version"}},
		{"boto3", "the AWS SDK for Python, which most labs need: pipelab doctor --setup",
			[]string{"python3", "-c", "import boto3; print(boto3.__version__)"}},
		{"Node.js", "only functions in Node.js need it: https://nodejs.org", []string{"node", "--version"}},
		{"AWS CLI", "not needed, but good to look around with: python3 -m pip install awscli", []string{"aws", "--version"}},
	} {
		out, err := confine.Tool(ctx, p.args[0], p.args[1:]...).Output()
		f := finding{What: p.what, OK: err == nil, Seen: strings.TrimSpace(string(out)), Hint: p.hint,
			Needed: p.what == "Python 3" || p.what == "boto3"}
		if !f.OK {
			f.Seen = "not found"
		}
		found = append(found, f)
	}
	return append(found, cacheFolder(a)), nil
}

// cacheFolder says whether there is a place for what is prepared once.
func cacheFolder(a *app.App) finding {
	f := finding{What: "cache folder", Seen: a.CacheDir(), Hint: "set PIPELAB_CACHE to a folder that can be written"}
	if f.Seen == "" {
		f.Seen = "HOME is not set"
		return f
	}
	f.OK = os.MkdirAll(f.Seen, 0o700) == nil
	return f
}

// getPython is how to get Python on this system.
func getPython() string {
	switch runtime.GOOS {
	case "darwin":
		return "xcode-select --install"
	case "windows":
		return "winget install Python.Python.3.13"
	}
	return "apt-get install python3 python3-venv, or as your system installs it"
}

// groups says whether the kernel counts for cages, or only we do.
func groups() finding {
	f := finding{What: "control groups", OK: true, Seen: "the kernel bounds memory and processes beside our watch"}
	if _, err := confine.Groups(); err != nil {
		why := strings.TrimPrefix(err.Error(), confine.ErrNoGroups.Error()+": ")
		f.OK, f.Seen = false, why+"; cages are watched every 20 ms instead"
		f.Hint = "to have the kernel bound them as well, where systemd runs: " +
			"systemd-run --user --scope -p Delegate=yes pipelab grade ..."
		if os.Getuid() == 0 {
			f.Hint = strings.Replace(f.Hint, "--user ", "", 1)
		}
	}
	return f
}

// boto3Version is what handlers and programs get; one version everywhere keeps
// a class's results alike.
const boto3Version = "boto3>=1.40,<2"

// setUpPython makes the private environment, in a folder beside it that is
// renamed when it is complete: cut short, it is made anew the next time.
func setUpPython(ctx context.Context, a *app.App) error {
	dir := a.PythonDir()
	if dir == "" {
		return app.Environmentf("HOME is not set, so there is no place for a Python environment").
			Hint("name a folder: PIPELAB_CACHE=FOLDER, or set HOME")
	}
	if _, err := os.Stat(dir); err == nil {
		a.Statusf("the Python environment is in %s", dir)
		return nil
	}
	if _, err := exec.LookPath("python3"); err != nil {
		return app.Environmentf("there is no Python 3 on this machine").Hint(getPython())
	}
	// Only its python is ever called, which finds its modules by its own place;
	// the scripts beside it, which have the path inside, are not used.
	building := dir + ".building"
	if err := os.RemoveAll(building); err != nil {
		return err
	}
	a.Statusf("making a Python environment in %s; this takes some seconds, once", dir)
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return err
	}
	if out, err := confine.Tool(ctx, "python3", "-m", "venv", building).CombinedOutput(); ctx.Err() != nil {
		return ctx.Err()
	} else if err != nil {
		return app.Environmentf("Python cannot make virtual environments: %s", last(out)).Hint("apt-get install python3-venv")
	}
	python := filepath.Join(building, app.VenvBin, "python3")
	if runtime.GOOS == "windows" {
		python = filepath.Join(building, app.VenvBin, "python.exe")
	}
	if out, err := confine.Tool(ctx, python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
		boto3Version).CombinedOutput(); ctx.Err() != nil {
		return ctx.Err()
	} else if err != nil {
		return app.Environmentf("the AWS SDK for Python could not be installed: %s", last(out)).
			Hint("it comes from the network the first time; connect, then: pipelab doctor --setup").
			Hint("a python3 that has boto3 already does as well: see pipelab doctor")
	}
	return os.Rename(building, dir)
}

// last is the last line of what a program printed.
func last(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}
