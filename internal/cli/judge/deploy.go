// Package judge holds the commands between writing and passing: deploy, check,
// hint, logs, solve.
package judge

import (
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pipelab/pipelab/internal/cfn"
	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/deploy"
	"github.com/pipelab/pipelab/internal/report"
)

// Commands returns this package's commands.
func Commands(a *app.App) []*cobra.Command {
	return []*cobra.Command{newDeploy(a), newCheck(a), newHint(a), newLogs(a), newSolve(a)}
}

func newDeploy(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use: "deploy", Short: "Deploy your template.yaml or deploy.sh to the lab's AWS", GroupID: "labs",
		Long: `Applies template.yaml (CloudFormation, with the SAM function shorthands), packing
local code on the way. Parameters of the template that are named like an output
of the lab get that output's value. A second deploy changes only what changed;
a failed one is rolled back.

Without a template.yaml, deploy.sh is run with the environment of "pipelab env".
It finds the lab's outputs in variables (StreamName is STREAM_NAME) and in the
JSON file $PIPELAB_OUTPUTS, and adds its own outputs to that file.`,
		Example: "  pipelab deploy\n  pipelab deploy --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			w, release, err := a.WorkAlone(c.Context())
			if err != nil {
				return err
			}
			defer release()
			res, err := w.Deploy(c.Context(), progress(a))
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(map[string]any{"changes": append([]cfn.Change{}, res.Changes...), "outputs": res.Outputs})
			}
			show(a, res)
			return nil
		},
	}
}

// progress prints each resource as it is done.
func progress(a *app.App) func(cfn.Event) {
	return func(e cfn.Event) {
		if e.Type == cfn.StackType || strings.HasSuffix(e.Status, "_IN_PROGRESS") {
			return
		}
		line := strings.ToLower(strings.ReplaceAll(e.Status, "_", " "))
		if e.Reason != "" {
			reason, _ := app.Briefly(e.Reason)
			line += ": " + reason
		}
		a.Statusf("  %-24s %-30s %s", e.LogicalID, e.Type, line)
	}
}

func show(a *app.App, res *deploy.Changes) {
	if len(res.Changes) == 0 {
		a.Printf("deployed; nothing had to change\n")
	} else {
		a.Printf("deployed; %s changed\n", report.Count(len(res.Changes), "resource"))
	}
	width := 0
	for name := range res.Outputs {
		width = max(width, len(name))
	}
	for _, name := range slices.Sorted(maps.Keys(res.Outputs)) {
		a.Printf("  %-*s  %s\n", width, name, res.Outputs[name])
	}
}
