// Package control holds the commands that look into a workspace's emulator and
// steer it: trace, time, fault, reset.
package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/report"
)

// Commands returns this package's commands.
func Commands(a *app.App) []*cobra.Command {
	return []*cobra.Command{newTrace(a), newTime(a), newFault(a), newReset(a)}
}

// control reaches the emulator of the workspace the command runs in.
func reach(ctx context.Context, a *app.App) (*emulator.Control, error) {
	w, err := a.Workspace()
	if err != nil {
		return nil, err
	}
	e, err := a.Emulator(ctx, w)
	if err != nil {
		return nil, err
	}
	return emulator.NewControl(e), nil
}

// steer is reach for a command that changes something in the emulator: another that
// judges or empties it must be done.
func steer(ctx context.Context, a *app.App) (ctl *emulator.Control, release func(), err error) {
	w, err := a.Workspace()
	if err != nil {
		return nil, nil, err
	}
	if release, err = a.Alone(ctx, w); err != nil {
		return nil, nil, err
	}
	e, err := a.Emulator(ctx, w)
	if err != nil {
		release()
		return nil, nil, err
	}
	return emulator.NewControl(e), release, nil
}

func newTrace(a *app.App) *cobra.Command {
	var follow bool
	var service string
	c := &cobra.Command{
		Use: "trace", Short: "Show the API calls that were really made", GroupID: "emulator",
		Long: `Shows every call that reached the emulated AWS, from your programs and from one
service to another, oldest first. With --json each is a line of JSON.`,
		Example: `  pipelab trace --follow
  pipelab trace --service kinesis --json | tail`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			ctl, err := reach(c.Context(), a)
			if err != nil {
				return err
			}
			show := func(call emulator.Call) error {
				if service != "" && call.Service != service {
					return nil
				}
				if a.JSON {
					return json.NewEncoder(a.Out).Encode(call)
				}
				_, err := io.WriteString(a.Out, Line(call))
				return err
			}
			if follow {
				return ctl.FollowTrace(c.Context(), 0, show)
			}
			calls, err := ctl.Trace(c.Context(), 0)
			if err == nil && len(calls) == 0 {
				a.Statusf("no calls were made yet")
			}
			for _, call := range calls {
				if err == nil {
					err = show(call)
				}
			}
			return err
		},
	}
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on as calls are made, until Ctrl-C")
	c.Flags().StringVar(&service, "service", "", "only calls of this service, such as kinesis")
	return c
}

// Line is a call as trace prints it, with the end of the line.
func Line(call emulator.Call) string {
	outcome := "ok"
	switch {
	case call.Error != "":
		outcome = call.Error
	case call.Failed > 0:
		outcome = fmt.Sprintf("%d of %d failed", call.Failed, call.Entries)
	case call.Entries > 0:
		outcome = report.Count(call.Entries, "entry")
	}
	from := " "
	if call.Internal {
		from = ">" // one service called another
	}
	// Names may be long: what has a fixed width comes first.
	what := call.Service + "." + call.Operation
	if call.Resource != "" {
		what += " " + call.Resource
	}
	return fmt.Sprintf("%s %7.1fms %s %s: %s\n", call.Time.Format("15:04:05.000"), call.Millis, from,
		strings.ReplaceAll(report.Console(what), "\n", " "), outcome)
}

func newTime(a *app.App) *cobra.Command {
	group := &cobra.Command{
		Use: "time", Short: "Show or move the emulator's clock", GroupID: "emulator", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	group.AddCommand(&cobra.Command{
		Use: "show", Short: "Show the emulator's time", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			ctl, err := reach(c.Context(), a)
			if err != nil {
				return err
			}
			now, offset, err := ctl.Now(c.Context())
			if err != nil {
				return err
			}
			return showTime(a, now, offset)
		},
	}, &cobra.Command{
		Use: "advance DURATION", Short: "Move the emulator's clock ahead",
		Long: `Moves the clock ahead and lets everything that falls due on the way happen, in
order: retries, expiry, retention. It cannot be moved back.`,
		Example: "  pipelab time advance 90s\n  pipelab time advance 25h",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			d, err := time.ParseDuration(args[0])
			if err != nil || d < 0 {
				return app.Usagef("%q is not a duration", args[0]).Hint("write it as 90s, 15m or 25h")
			}
			ctl, release, err := steer(c.Context(), a)
			if err != nil {
				return err
			}
			defer release()
			now, offset, err := ctl.Advance(c.Context(), d)
			if err != nil {
				return err
			}
			return showTime(a, now, offset)
		},
	}, &cobra.Command{
		Use: "hold", Short: "Make the emulator's clock stand still",
		Long: `Makes the clock stand still until "pipelab time release". Limits per second then
do not refill while a program runs: what gets through is exact. "pipelab time
advance" moves a held clock all the same. What waits for time to pass, such as a
table that is being created, waits too; a check lets the clock go on.`,
		Args: cobra.NoArgs, RunE: clockCommand(a, (*emulator.Control).Hold),
	}, &cobra.Command{
		Use: "release", Short: "Let a held clock go on",
		Args: cobra.NoArgs, RunE: clockCommand(a, (*emulator.Control).Release),
	})
	return group
}

func clockCommand(a *app.App, do func(*emulator.Control, context.Context) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, _ []string) error {
		ctl, release, err := steer(c.Context(), a)
		if err != nil {
			return err
		}
		defer release()
		if err := do(ctl, c.Context()); err != nil {
			return err
		}
		now, offset, err := ctl.Now(c.Context())
		if err != nil {
			return err
		}
		return showTime(a, now, offset)
	}
}

func showTime(a *app.App, now time.Time, offset time.Duration) error {
	if a.JSON {
		return a.PrintJSON(map[string]any{"now": now, "offsetSeconds": offset.Seconds()})
	}
	a.Printf("%s  (%s ahead of this machine)\n", now.Format(time.RFC3339), offset.Round(time.Second))
	return nil
}

func newFault(a *app.App) *cobra.Command {
	group := &cobra.Command{
		Use: "fault", Short: "Make calls fail, to see what your pipeline does", GroupID: "emulator", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	group.AddCommand(newFaultAdd(a), &cobra.Command{
		Use: "list", Short: "List the faults in force", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return listFaults(c.Context(), a) },
	}, &cobra.Command{
		Use: "clear [ID]", Short: "Remove one fault, or all", Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return inForce(c.Context(), a), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			ctl, release, err := steer(c.Context(), a)
			if err != nil {
				return err
			}
			defer release()
			id := strings.Join(args, "")
			if err := ctl.ClearFaults(c.Context(), id); err != nil || !a.JSON {
				return err
			}
			return a.PrintJSON(map[string]any{"cleared": id, "all": id == ""})
		},
	})
	return group
}

func newFaultAdd(a *app.App) *cobra.Command {
	var f emulator.Fault
	c := &cobra.Command{
		Use: "add KIND", Short: "Put a fault in force",
		Long: `Kinds:
  error      answer an error before the call takes effect
  after      let the call take effect, then answer an error
  throttle   answer that the service is called too often
  latency    wait before the call
  gather     hold calls until --count of them have come, then let them go on
  drop       cut the connection
  entries    fail a share of the entries of a batch call such as PutRecords
  crash      end a function's process before its work, or with --service and
             --operation at the call that it makes; crashLate after its work
  duplicate  deliver an event or a batch twice
  reorder    deliver events in another order

The same --seed always hits the same calls. --carrying chooses them by the record
that they are about, whatever was called before: any text that stands in the call,
such as an event's id. With --count 1 only the first of them fails.`,
		Example: `  pipelab fault add entries --service kinesis --share 0.03
  pipelab fault add throttle --service kinesis --resource 'clicks/shardId-000000000002'
  pipelab fault add latency --latency 2s --count 5
  pipelab fault add error --service dynamodb --carrying order-17 --count 1`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: kinds,
		RunE: func(c *cobra.Command, args []string) error {
			f.Kind = args[0]
			ctl, release, err := steer(c.Context(), a)
			if err != nil {
				return err
			}
			defer release()
			added, err := ctl.AddFault(c.Context(), f)
			if unsent := (*url.Error)(nil); errors.As(err, &unsent) { // nobody has looked at it
				return err
			}
			if err != nil {
				return app.Usagef("%w", err).Hint("see: pipelab fault add --help")
			}
			if a.JSON {
				return a.PrintJSON(added)
			}
			a.Printf("%s\n", added.ID)
			return nil
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.ID, "id", "", "name of the fault (default: a new one)")
	flags.StringVar(&f.Service, "service", "", "only this service, such as kinesis")
	flags.StringVar(&f.Operation, "operation", "", "only operations that match, such as Put*")
	flags.StringVar(&f.Resource, "resource", "", "only resources that match, such as 'clicks/shardId-*'")
	flags.StringArrayVar(&f.Carrying, "carrying", nil, "only calls that carry this text, such as an event's id")
	flags.Float64Var(&f.Share, "share", 0, "fraction of the calls or entries that are hit (default all)")
	flags.IntVar(&f.Skip, "skip", 0, "let so many calls pass first")
	flags.IntVar(&f.Count, "count", 0, "end after so many hits (default never)")
	flags.StringVar(&f.Error, "error", "", "AWS error code to answer (default the service's own)")
	flags.IntVar(&f.Status, "status", 0, "HTTP status to answer (default 500)")
	flags.DurationVar(&f.Latency, "latency", 0, "how long a latency fault waits")
	flags.Uint64Var(&f.Seed, "seed", 0, "which calls a share hits")
	return c
}

func listFaults(ctx context.Context, a *app.App) error {
	ctl, err := reach(ctx, a)
	if err != nil {
		return err
	}
	faults, err := ctl.Faults(ctx)
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintJSON(faults)
	}
	if len(faults) == 0 {
		a.Statusf("no faults are in force")
	}
	for _, f := range faults {
		where := strings.Trim(f.Rule.Service+" "+f.Rule.Operation+" "+f.Rule.Resource, " ")
		if where == "" {
			where = "every call"
		}
		if len(f.Rule.Carrying) > 0 {
			where += " that carries " + strings.Join(f.Rule.Carrying, " and ")
		}
		a.Beside(fmt.Sprintf("%-20s %-9s ", f.Rule.ID, f.Rule.Kind),
			fmt.Sprintf("%s, hit %s", where, report.Count(f.Hits, "time")))
	}
	return nil
}

func newReset(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use: "reset", Short: "Take the emulated AWS back to the lab's beginning; your files stay", GroupID: "emulator",
		Long: `Removes every resource, all data and all faults from the workspace's emulated
AWS and sets up again what the lab provides. Your files and the clock stay as
they are; the next check deploys your files again.`,
		Example: "  pipelab reset",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			w, release, err := a.WorkAlone(c.Context())
			if err != nil {
				return err
			}
			defer release()
			if err := w.Empty(c.Context()); err != nil {
				return err
			}
			a.Statusf("the emulated AWS holds what the lab provides, and nothing else")
			if !a.JSON {
				return nil
			}
			outputs, err := w.Outputs()
			if err != nil {
				return err
			}
			return a.PrintJSON(map[string]any{"reset": true, "outputs": outputs.Provided})
		},
	}
}
