// Package environment holds the commands about the machine and the
// surroundings of programs: env, run, doctor.
package environment

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/emulator"
)

// Commands returns this package's commands.
func Commands(a *app.App) []*cobra.Command {
	return []*cobra.Command{newEnv(a), newRun(a), newDoctor(a)}
}

func endpoint(ctx context.Context, a *app.App) (emulator.Endpoint, error) {
	w, err := a.Workspace()
	if err != nil {
		return emulator.Endpoint{}, err
	}
	return a.Emulator(ctx, w)
}

func newEnv(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use: "env", Short: "Print the environment that points AWS tools at the lab", GroupID: "labs",
		Long:    "Prints shell commands that export endpoint, region and credentials.",
		Example: "  eval \"$(pipelab env)\"\n  pipelab env --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			e, err := endpoint(c.Context(), a)
			if err != nil {
				return err
			}
			if a.JSON {
				vars := map[string]string{}
				for _, v := range e.Env() {
					name, value, _ := strings.Cut(v, "=")
					vars[name] = value
				}
				return a.PrintJSON(vars)
			}
			for _, v := range e.Env() {
				name, value, _ := strings.Cut(v, "=")
				a.Printf("export %s='%s'\n", name, strings.ReplaceAll(value, "'", `'\''`))
			}
			return nil
		},
	}
}

func newRun(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use: "run -- COMMAND [ARG…]", Short: "Run a command in the lab's environment", GroupID: "labs",
		Long: `Runs a command with endpoint, region and credentials of the lab's emulated AWS.
Its exit code becomes pipelab's.`,
		Example: "  pipelab run -- aws kinesis list-streams\n  pipelab run -- python3 producer.py",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return app.Usagef("run needs a command").Hint("for example: pipelab run -- aws s3 ls")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			e, err := endpoint(c.Context(), a)
			if err != nil {
				return err
			}
			return runCommand(c.Context(), a, e, args)
		},
	}
}

func runCommand(ctx context.Context, a *app.App, e emulator.Endpoint, args []string) error {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Dir = a.In, a.Out, a.Err, a.Dir
	for _, v := range a.Environ {
		// A profile or session token of a real account must not get in.
		if name, _, _ := strings.Cut(v, "="); !strings.HasPrefix(name, "AWS_") && name != app.TokenVariable {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, e.Env()...)
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return app.Silent(max(exit.ExitCode(), 1))
	case errors.Is(err, exec.ErrNotFound):
		return app.Environmentf("there is no program %s on this machine", args[0])
	}
	return err
}

// finding is one line of doctor.
type finding struct {
	What string `json:"what"`
	OK   bool   `json:"ok"`
	Seen string `json:"seen"`
	Hint string `json:"hint,omitempty"`
}

func newDoctor(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "Say what this machine can do and how to get the rest", GroupID: "emulator",
		Example: "  pipelab doctor\n  pipelab doctor --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			found := examine(c.Context())
			if a.JSON {
				return a.PrintJSON(found)
			}
			for _, f := range found {
				mark := "ok     "
				if !f.OK {
					mark = "missing"
				}
				a.Printf("%s  %-18s %s\n", mark, f.What, f.Seen)
				if !f.OK {
					a.Printf("         %s\n", f.Hint)
				}
			}
			return nil
		},
	}
}

func examine(ctx context.Context) []finding {
	found := []finding{{What: "system", OK: true, Seen: fmt.Sprintf("%s/%s, %d processors", runtime.GOOS, runtime.GOARCH, runtime.NumCPU())}}
	found = append(found, finding{What: "embedded AWS", OK: true, Seen: "part of this program"})
	for _, p := range []struct {
		what, hint string
		args       []string
	}{
		{"Python 3", "programs and functions in Python need it: apt-get install python3 python3-venv, or https://www.python.org", []string{"python3", "--version"}},
		{"boto3", "the AWS SDK for Python: python3 -m pip install boto3", []string{"python3", "-c", "import boto3; print(boto3.__version__)"}},
		{"Node.js", "only functions in Node.js need it: https://nodejs.org", []string{"node", "--version"}},
		{"AWS CLI", "not needed, but good to look around with: python3 -m pip install awscli", []string{"aws", "--version"}},
	} {
		out, err := exec.CommandContext(ctx, p.args[0], p.args[1:]...).Output()
		f := finding{What: p.what, OK: err == nil, Seen: strings.TrimSpace(string(out)), Hint: p.hint}
		if !f.OK {
			f.Seen = "not found"
		}
		found = append(found, f)
	}
	cache, err := os.UserCacheDir()
	f := finding{What: "cache folder", OK: err == nil, Seen: cache, Hint: "set HOME or XDG_CACHE_HOME"}
	return append(found, f)
}
