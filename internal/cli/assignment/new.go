package assignment

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/grade"
)

type newFlags struct {
	id, title, opens, due, until, output string
	handIn, counts                       string
	perDay, most                         float64
	grace                                time.Duration
	points, attempts                     int
	seed                                 uint64
	variants                             bool
}

func newNew(a *app.App) *cobra.Command {
	var f newFlags
	c := &cobra.Command{
		Use: "new LAB…", Short: "Write the assignment.yaml of one or more labs", Args: cobra.MinimumNArgs(1),
		Long: `Writes assignment.yaml: the labs with their points, the dates and the rules. It
is a text file that names every field there is; change it as you like. LAB is an id
of the catalogue, or the folder of a lab of yours.

Times are RFC 3339 (2026-03-06T18:00:00Z) or a date, which means the end of that
day here.`,
		Example: `  pipelab assignment new kinesis-partition-keys s3-upload-function --due 2026-03-06
  pipelab assignment new ./my-lab --title "Week 3" --due 2026-03-06T18:00:00Z \
      --late-per-day 0.1 --late-until 2026-03-20 --attempts 3 --variants`,
		RunE: func(c *cobra.Command, args []string) error { return f.run(a, args, c.Flags().Changed("seed")) },
	}
	fl := c.Flags()
	fl.StringVar(&f.id, "id", "", "short name (default: made from the title)")
	fl.StringVar(&f.title, "title", "", "what learners read (default: the first lab's title)")
	fl.StringVar(&f.opens, "opens", "", "when work may begin")
	fl.StringVar(&f.due, "due", "", "when work is due")
	fl.DurationVar(&f.grace, "grace", 0, "time after due that does not count as late, such as 15m")
	fl.Float64Var(&f.perDay, "late-per-day", 0,
		"share of the points possible, not of those earned, taken off for each day begun, such as 0.1")
	fl.Float64Var(&f.most, "late-most", 0, "most that lateness takes off, a share of the points possible (default: all)")
	fl.StringVar(&f.until, "late-until", "", "when submissions are no longer taken")
	fl.StringVar(&f.handIn, "hand-in", "", "where submissions go, in words or as an address")
	fl.StringVar(&f.counts, "counts", "", "which of the attempts is the grade: best or last (default best)")
	fl.IntVar(&f.points, "points", 100, "points of each lab")
	fl.IntVar(&f.attempts, "attempts", 0, "how many submissions count (default: any number)")
	fl.Uint64Var(&f.seed, "seed", 0, "what learners' data are made from (default: drawn)")
	fl.BoolVar(&f.variants, "variants", false, "data of their own for each learner")
	fl.StringVarP(&f.output, "output", "o", grade.AssignmentFile, "file to write")
	return c
}

func (f *newFlags) run(a *app.App, names []string, seeded bool) error {
	labs, err := folders(a, names)
	if err != nil {
		return err
	}
	as := grade.Assignment{ID: f.id, Title: f.title, Attempts: f.attempts, Seed: f.seed, Variants: f.variants,
		HandIn: f.handIn, Counts: f.counts,
		Late: grade.Late{Grace: f.grace, PerDay: f.perDay, Most: f.most}}
	if as.Title == "" {
		as.Title = labs[0].Title
	}
	if as.ID == "" {
		as.ID = strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(as.Title), "-"), "-")
	}
	for i, l := range labs {
		id := l.ID
		if _, own := a.LabDir(names[i]); own {
			id = names[i] // pack and grade find it there again
		}
		as.Labs = append(as.Labs, grade.AssignmentLab{ID: id, Points: float64(f.points)})
	}
	for _, t := range []struct {
		flag, text string
		to         *time.Time
	}{{"opens", f.opens, &as.Opens}, {"due", f.due, &as.Due}, {"late-until", f.until, &as.Late.Until}} {
		if *t.to, err = moment(t.text, a.Now().Location()); err != nil {
			return app.Usagef("--%s %q is no time", t.flag, t.text).Hint("such as 2026-03-06 or 2026-03-06T18:00:00Z")
		}
	}
	if !seeded {
		if as.Seed, err = drawSeed(); err != nil {
			return err
		}
	}
	text, err := written(as)
	if err != nil {
		return err
	}
	if _, err := grade.ParseAssignment(f.output, text); err != nil {
		return app.Usagef("%w", err)
	}
	if err := writeNew(a.Path(f.output), text); err != nil {
		return err
	}
	if a.JSON {
		return a.PrintJSON(as)
	}
	a.Printf("%s\n\nnext: pipelab assignment pack\n", f.output)
	return nil
}

// moment reads a time, or a date as the end of that day.
func moment(text string, where *time.Location) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	day, err := time.ParseInLocation(time.DateOnly, text, where)
	if err != nil {
		return time.Time{}, err
	}
	return day.AddDate(0, 0, 1).Add(-time.Second), nil
}

// drawSeed draws fifteen digits: no learner hits on it, every program that
// reads JSON holds it exactly.
func drawSeed() (uint64, error) {
	var b [8]byte
	if _, err := rand.Read(b[:]); err != nil {
		return 0, fmt.Errorf("draw a seed: %w", err)
	}
	return 100_000_000_000_000 + binary.BigEndian.Uint64(b[:])%899_999_999_999_999, nil
}
