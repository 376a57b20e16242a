// Package environment holds the commands about the machine and the
// surroundings of programs: env, run, doctor.
package environment

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

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
		Long: `Prints shell commands that export endpoint, region and credentials.

The emulator ends when nothing has used it for an hour (PIPELAB_IDLE=3h for longer,
0 for never), and keeps its state; any command of pipelab's brings it back, at the
same address unless somebody has taken that.`,
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
			defer a.Stay(c.Context(), e)()
			return runCommand(c.Context(), a, e, args)
		},
	}
}

func runCommand(ctx context.Context, a *app.App, e emulator.Endpoint, args []string) error {
	args = withEndpoint(args, e.URL)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	// A terminal interrupts both; the program may have something to put away.
	cmd.Cancel, cmd.WaitDelay = func() error { return cmd.Process.Signal(os.Interrupt) }, endTime
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Dir = a.In, app.Beneath(a.Out), a.Err, a.Dir
	// A profile or session token of a real account must not get in.
	cmd.Env = append(a.CleanEnviron(), e.Env()...)
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return app.Silent(128 + int(status.Signal())) // as shells say it
		}
		return app.Silent(max(exit.ExitCode(), 1))
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return app.Environmentf("there is no program %s on this machine", args[0])
	case errors.Is(err, fs.ErrPermission):
		return app.Environmentf("%s is no program that may be run: %w", args[0],
			err).Hint("chmod +x it, or name what runs it: " +
			"pipelab run -- python3 FILE")
	}
	return err
}

// endTime is how long a program that was interrupted may take.
const endTime = 10 * time.Second

// withEndpoint tells the AWS CLI its endpoint as an option too: version 1 has
// addresses of its own for SQS and some others, which win over the
// environment, and a lab's calls must never reach the real AWS.
func withEndpoint(args []string, url string) []string {
	name := strings.TrimSuffix(filepath.Base(args[0]), ".exe")
	if name != "aws" || slices.ContainsFunc(args, func(a string) bool { return strings.HasPrefix(a, "--endpoint-url") }) {
		return args
	}
	return slices.Concat(args[:1], []string{"--endpoint-url", url}, args[1:])
}
