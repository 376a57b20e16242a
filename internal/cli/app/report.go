package app

import (
	"io"
	"os"

	"github.com/pipelab/pipelab/internal/report"
)

// ReportOptions are what a format needs of the place where the program runs:
// the time, and the files that GitHub wants appended to. done closes them.
func (a *App) ReportOptions(format string) (o report.Options, done func(), err error) {
	o.Now = a.Now()
	done = func() {}
	if format != "github" {
		return o, done, nil
	}
	var opened []io.Closer
	done = func() {
		for _, c := range opened {
			c.Close()
		}
	}
	for name, w := range map[string]*io.Writer{"GITHUB_STEP_SUMMARY": &o.Summary, "GITHUB_OUTPUT": &o.Outputs} {
		file := a.Getenv(name)
		if file == "" {
			continue
		}
		f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644) // GitHub names it
		if err != nil {
			done()
			return o, func() {}, err
		}
		opened = append(opened, f)
		*w = f
	}
	return o, done, nil
}
