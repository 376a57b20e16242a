package control

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/workspace"
)

// kinds completes the kinds of faults.
func kinds(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return []string{
		"error\tanswer an error before the call takes effect",
		"after\tlet the call take effect, then answer an error",
		"throttle\tanswer that the service is called too often",
		"latency\twait before the call",
		"gather\thold calls until --count of them have come",
		"drop\tcut the connection",
		"entries\tfail a share of the entries of a batch call",
		"crash\tend a function's process before its work",
		"crashLate\tend a function's process after its work",
		"duplicate\tdeliver an event or a batch twice",
		"reorder\tdeliver events in another order",
	}, cobra.ShellCompDirectiveNoFileComp
}

// inForce completes the ids of the faults in an emulator that runs. No completion is
// the worst that can happen.
func inForce(ctx context.Context, a *app.App) (ids []string) {
	w, err := workspace.Find(a.Dir)
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	e, _, running := a.Running(ctx, w)
	if !running {
		return nil
	}
	faults, err := emulator.NewControl(e).Faults(ctx)
	if err != nil {
		return nil
	}
	for _, f := range faults {
		ids = append(ids, f.Rule.ID)
	}
	return ids
}
