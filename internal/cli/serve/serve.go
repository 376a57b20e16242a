// Package serve holds "pipelab emulator serve": the emulated AWS as a process
// of its own.
package serve

import (
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/embedded"
	"github.com/pipelab/pipelab/internal/provision"
)

// Commands returns the group "emulator".
func Commands(a *app.App) []*cobra.Command {
	group := &cobra.Command{
		Use: "emulator", Short: "Run the emulated AWS by itself", GroupID: "emulator",
		Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	group.AddCommand(newServe(a))
	return []*cobra.Command{group}
}

type options struct {
	addr, dir string
	orFree    bool
}

func newServe(a *app.App) *cobra.Command {
	var o options
	c := &cobra.Command{
		Use:   "serve",
		Short: "Serve the emulated AWS until it is interrupted",
		Long: `Serves the emulated AWS on a loopback address and prints one line of JSON with
its URL and process id as soon as it answers. Point any AWS tool at the URL
with AWS_ENDPOINT_URL; the credentials test/test do.

PIPELAB_TOKEN sets the token of the control endpoints; without it they can
only be reached by nobody.`,
		Example: `  pipelab emulator serve
  pipelab emulator serve --addr 127.0.0.1:5000 --dir ./state`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return run(c, a, o) },
	}
	c.Flags().StringVar(&o.addr, "addr", app.DefaultAddr, "loopback address to listen on")
	c.Flags().StringVar(&o.dir, "dir", "", "keep the state in this folder (default: in memory)")
	c.Flags().BoolVar(&o.orFree, "or-free-port", false, "take any free port if that one is taken")
	return c
}

func run(c *cobra.Command, a *app.App, o options) error {
	d := embedded.Driver{Provision: provision.At, Interpreters: a.Interpreters, Log: slog.New(slog.NewTextHandler(a.Err, nil)), Token: a.Getenv(app.TokenVariable)}
	e, err := d.Start(c.Context(), emulator.Options{Dir: o.dir, Addr: o.addr})
	if errors.Is(err, syscall.EADDRINUSE) && o.orFree {
		e, err = d.Start(c.Context(), emulator.Options{Dir: o.dir})
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		return app.Environmentf("%s is taken by another program", o.addr).Hint("take another: pipelab emulator serve --addr 127.0.0.1:0")
	}
	if err != nil {
		return app.Environmentf("%v", err)
	}
	if err := json.NewEncoder(a.Out).Encode(app.Ready{URL: e.Endpoint().URL, PID: os.Getpid()}); err != nil {
		return errors.Join(err, e.Close())
	}
	releaseText()
	<-c.Context().Done()
	return e.Close()
}
