package judge

import (
	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/report"
)

// words tells, beside a report, which of the words in what it says of failed checks the
// glossary explains.
func words(a *app.App, r *report.Result) error {
	reading, err := a.Reading()
	if err != nil {
		return err
	}
	for _, c := range r.Checks {
		if c.Verdict == report.Pass || c.Verdict == report.Skipped {
			continue
		}
		for _, text := range []string{c.Title, c.Message, c.Hint} {
			reading.Known(text)
		}
	}
	reading.Aside()
	return nil
}
