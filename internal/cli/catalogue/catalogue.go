// Package catalogue holds the commands about labs as such: list, show.
package catalogue

import (
	"github.com/spf13/cobra"

	"github.com/pipelab/pipelab/internal/cli/app"
)

// Commands returns this package's commands.
func Commands(a *app.App) []*cobra.Command {
	return []*cobra.Command{newList(a), newShow(a)}
}
