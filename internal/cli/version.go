package cli

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/version"
)

// buildInfo is what Go recorded of this program; nil if nothing.
func buildInfo() *debug.BuildInfo {
	info, _ := debug.ReadBuildInfo()
	return info
}

func newVersion(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the versions of pipelab and of the formats that it writes",
		Example: "  pipelab version\n  pipelab version --json", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			platform := runtime.GOOS + "/" + runtime.GOARCH
			if a.JSON {
				return a.PrintJSON(struct {
					Version  string           `json:"version"`
					Go       string           `json:"go"`
					Platform string           `json:"platform"`
					Formats  []version.Format `json:"formats"`
				}{a.Version, runtime.Version(), platform, version.Formats()})
			}
			a.Printf("pipelab %s\n%s, %s\nformats:", a.Version, runtime.Version(), platform)
			for _, f := range version.Formats() {
				a.Printf(" %s %d", f.Name, f.Version)
			}
			a.Printf("\n")
			return nil
		},
	}
}
