package app

import (
	"io"
	"os"
	"runtime"

	"github.com/pipelab/pipelab/internal/report"
)

// Style is how text on w is set off: in colour on a terminal that shows colours, unless
// NO_COLOR is set to anything (https://no-color.org), and not at all elsewhere. This is
// the one place that decides.
func (a *App) Style(w io.Writer) report.Style {
	shows := a.Getenv("TERM") != "dumb"
	if runtime.GOOS == "windows" { // the old console prints the codes instead
		shows = a.Getenv("WT_SESSION") != "" || a.Getenv("TERM") != ""
	}
	return report.Style{Colour: shows && a.Getenv("NO_COLOR") == "" && Terminal(w)}
}

// Interactive reports whether a person sits at a terminal that a command may fill, and
// types there.
func (a *App) Interactive() bool {
	in, ok := a.In.(*os.File)
	return ok && Terminal(in) && Terminal(a.Out) && a.Getenv("TERM") != "dumb" && !a.JSON
}

// Raw writes text to standard output as it is: what came from elsewhere has been
// through report.Console, the rest is a report.Style's.
func (a *App) Raw(text string) error {
	_, err := io.WriteString(a.Out, text)
	return err
}
