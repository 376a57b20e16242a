// Package serve holds "pipelab emulator serve": the emulated AWS as a process
// of its own.
package serve

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/embedded"
	"github.com/pipelab/pipelab/internal/loopback"
	"github.com/pipelab/pipelab/internal/provision"
)

// Commands returns the group "emulator".
func Commands(a *app.App) []*cobra.Command {
	group := &cobra.Command{
		Use: "emulator", Short: "Run the emulated AWS by itself", GroupID: "emulator",
		Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	group.AddCommand(newServe(a), newApart(a))
	return []*cobra.Command{group}
}

// ApartCommand is the word after "emulator" for the processes of grading.
const ApartCommand = "apart"

type options struct {
	addr, dir, emulator, iam string
	orFree                   bool
	maxBytes                 int64
	idle                     time.Duration
	bound                    string
}

func newServe(a *app.App) *cobra.Command {
	var o options
	c := &cobra.Command{
		Use:   "serve",
		Short: "Serve the emulated AWS until it is interrupted",
		Long: `Serves the emulated AWS on a loopback address and prints one line of JSON with
its URL and process id as soon as it answers. Point any AWS tool at the URL
with AWS_ENDPOINT_URL; the credentials test/test do.

With --emulator it serves PipeLab's proxy in front of another emulator instead,
which records the calls and can make them fail.

PIPELAB_TOKEN sets the token of the control endpoints; without it they can
only be reached by nobody.`,
		Example: `  pipelab emulator serve
  pipelab emulator serve --addr 127.0.0.1:5000 --dir ./state
  pipelab emulator serve --iam enforced
  pipelab emulator serve --addr 127.0.0.1:0 --emulator http://127.0.0.1:4566`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return run(c, a, o) },
	}
	c.Flags().StringVar(&o.addr, "addr", app.DefaultAddr, "loopback address to listen on")
	c.Flags().StringVar(&o.dir, "dir", "", "keep the state in this folder (default: in memory)")
	c.Flags().BoolVar(&o.orFree, "or-free-port", false, "take any free port if that one is taken")
	c.Flags().DurationVar(&o.idle, "idle", 0,
		"end when nothing has used it for so long, such as 30m; one that keeps no state never ends so (default: never)")
	c.Flags().StringVar(&o.bound, "bound", "", "end when this folder is gone or has become another")
	_ = c.Flags().MarkHidden("bound") // the flag exists; start gives it
	c.Flags().Int64Var(&o.maxBytes, "max-bytes", 0,
		"what may be stored in the embedded emulator, in bytes; more is refused as by a service in trouble (default: no "+
			"bound)")
	c.Flags().StringVar(&o.iam, "iam", string(emulator.IAMOff),
		"what becomes of calls that IAM policies do not allow in the embedded emulator: off (they are answered), soft "+
			"(answered, and recorded) or enforced (refused, and signatures are verified)")
	_ = c.RegisterFlagCompletionFunc("iam", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return []string{
			"off\tpolicies of callers do not matter", "soft\tthe trace tells what would be refused",
			"enforced\tcalls are refused, signatures verified"}, cobra.ShellCompDirectiveNoFileComp
	}) // a flag has one completion, and this is it
	a.EmulatorFlags(c, &o.emulator, "which emulated AWS to serve, or to serve a proxy of")
	return c
}

// newApart is what grading starts: emulators one after the other, for a process
// that tells it when.
func newApart(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use: ApartCommand, Hidden: true, Args: cobra.NoArgs,
		Short: "Serve emulators one after the other, as told on standard input",
		RunE: func(c *cobra.Command, _ []string) error {
			return embedded.ServeApart(c.Context(), a.In, a.Out, embedded.Driver{Provision: provision.At,
				Interpreters: a.Interpreters})
		},
	}
}

func run(c *cobra.Command, a *app.App, o options) error {
	if o.dir != "" && o.emulator != string(emulator.Embedded) {
		return app.Usagef("--dir is for the embedded emulator; %s keeps its state itself, or not at all", o.emulator)
	}
	if o.maxBytes < 0 || o.maxBytes > 0 && o.emulator != string(emulator.Embedded) {
		return app.Usagef("--max-bytes is a positive number, and for the embedded emulator")
	}
	if !slices.Contains(emulator.IAMModes(), emulator.IAMMode(o.iam)) {
		return app.Usagef("--iam %s: want off, soft or enforced", o.iam)
	}
	if o.iam != string(emulator.IAMOff) && o.emulator != string(emulator.Embedded) {
		return app.Usagef("--iam is for the embedded emulator")
	}
	if o.idle < 0 {
		return app.Usagef("--idle %s is no time", o.idle)
	}
	folder, err := o.folder()
	if err != nil {
		return err
	}
	// Whoever started this may be killed before it is ready. Writing that it is
	// must then not end it with a container running.
	signal.Ignore(syscall.SIGPIPE)
	a.Log = slog.New(slog.NewTextHandler(a.Err, nil))
	d, err := a.Driver(o.emulator)
	if err != nil {
		return err
	}
	if own, ok := d.(embedded.Driver); ok {
		own.MaxBytes, own.IAM = o.maxBytes, emulator.IAMMode(o.iam)
		d = own
	}
	e, err := d.Start(c.Context(), emulator.Options{Dir: o.dir, Addr: o.addr})
	if errors.Is(err, syscall.EADDRINUSE) && o.orFree {
		e, err = d.Start(c.Context(), emulator.Options{Dir: o.dir})
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		return app.Environmentf("%s is taken by another program",
			o.addr).Hint("take another: pipelab emulator serve --addr 127.0.0.1:0")
	}
	var notHostPort *net.AddrError
	var unknown *net.DNSError // a host or a port
	if errors.Is(err, loopback.ErrAddress) || errors.As(err, &notHostPort) || errors.As(err, &unknown) {
		return app.Usagef("%w", err).Hint("for example: pipelab emulator serve --addr 127.0.0.1:0")
	}
	if err != nil {
		return app.StartProblem(err)
	}
	if err := json.NewEncoder(a.Out).Encode(app.Ready{URL: e.Endpoint().URL, PID: os.Getpid(), Emulator: o.emulator,
		Capabilities: e.Capabilities()}); err != nil {
		return errors.Join(err, e.Close())
	}
	releaseText()
	if why := stay(c.Context(), a, e, o.idle, folder); why != "" {
		a.Statusf("%s; the emulator ends", why)
	}
	return e.Close()
}
