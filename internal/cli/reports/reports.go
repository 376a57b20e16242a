// Package reports holds the commands that read a gradebook: in another format,
// or into the gradebook of a learning platform. They grade nothing.
package reports

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/grade"
	"github.com/pipelab/pipelab/internal/report"
)

// written is where pipelab grade puts the gradebook unless told otherwise.
func written() string { return filepath.Join("grades", grade.GradebookFile) }

// Commands returns the commands of this package.
func Commands(a *app.App) []*cobra.Command { return []*cobra.Command{newReport(a), newFill(a)} }

func newReport(a *app.App) *cobra.Command {
	var format, output, learner string
	var hidden bool
	c := &cobra.Command{
		Use: "report [GRADEBOOK]", Short: "Write a gradebook in another format", GroupID: "grading",
		Args: cobra.MaximumNArgs(1),
		Long: `Reads the gradebook.json that pipelab grade has written (grades/gradebook.json)
and writes it in another format; nothing is graded again. The class's page and
its text say what the class's results show: which mistakes to teach again, how
hard each check was and how well it tells learners apart.`,
		Example: `  pipelab report formats
  pipelab report --format html -o class.html
  pipelab report --format gradescope --learner ada
  pipelab report --format markdown -o mails/        a file for each learner
  pipelab report schema > gradebook.schema.json`,
		RunE: func(_ *cobra.Command, args []string) error {
			b, err := read(a, slices.Concat(args, []string{written()})[0])
			if err != nil {
				return err
			}
			if learner != "" {
				if b.Grades = slices.DeleteFunc(b.Grades, func(g report.Grade) bool {
					return g.Learner.ID != learner
				}); len(b.Grades) == 0 {
					return app.Usagef("the gradebook has no learner %q", learner)
				}
			}
			if a.JSON {
				format = "json"
			}
			if _, err := report.ByName(format); err != nil {
				return app.Usagef("%w", err).Hint("see them all: pipelab report formats")
			}
			o, done, err := a.ReportOptions(format)
			if err != nil {
				return err
			}
			defer done()
			o.Hidden = hidden
			return writeReport(a, format, output, b, o)
		},
	}
	c.Flags().StringVar(&format, "format", "text", "one of: "+strings.Join(report.Names(), ", "))
	c.Flags().StringVarP(&output, "output", "o", "",
		"write into this file, or into a folder (FOLDER/) a file for each learner (default: standard output)")
	c.Flags().BoolVar(&hidden, "show-hidden", false, "show what hidden checks are about: for you alone")
	c.Flags().StringVar(&learner, "learner", "", "only this learner, by id")
	// the flag exists
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(report.Names(), cobra.ShellCompDirectiveNoFileComp))
	c.AddCommand(newFormats(a), newSchema(a))
	return c
}

// writeReport writes one file, or into a folder one for each learner.
func writeReport(a *app.App, format, output string, b *report.Gradebook, o report.Options) error {
	if app.Folder(a.Path(output), output) {
		n, err := a.WriteEach(a.Path(output), format, b, o)
		if err == nil {
			a.Statusf("%s, one for each learner: %s", report.Count(n, "file"), output)
		}
		return err
	}
	var out bytes.Buffer
	if err := report.Write(format, &out, b, o); err != nil {
		return app.Usagef("%w", err).Hint("choose one: --learner ID, or write a file for each: -o FOLDER/")
	}
	return put(a, output, out.Bytes())
}

func newFormats(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use: "formats", Short: "List the formats", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if a.JSON {
				type row struct {
					Name        string       `json:"name"`
					Description string       `json:"description"`
					Scope       report.Scope `json:"scope"`
					Extension   string       `json:"extension"`
				}
				var rows []row
				for _, f := range report.Formats() {
					rows = append(rows, row{f.Name, f.Description, f.Scope, f.Extension})
				}
				return a.PrintJSON(rows)
			}
			for _, f := range report.Formats() {
				a.Beside(fmt.Sprintf("%-17s ", f.Name), fmt.Sprintf("%s (%s)", f.Description, f.Scope))
			}
			return nil
		},
	}
}

func newSchema(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of the format json", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			b, err := report.Schema()
			if err != nil {
				return err
			}
			a.Printf("%s", b)
			return nil
		},
	}
}

// read opens a gradebook, or that of the folder that grades were written to.
func read(a *app.App, file string) (*report.Gradebook, error) {
	file = a.Path(file)
	if info, err := os.Stat(file); err == nil && info.IsDir() {
		file = filepath.Join(file, grade.GradebookFile)
	}
	b, err := grade.ReadGradebook(file)
	if err != nil {
		return nil, app.Usagef("the gradebook cannot be read: %w", err).Hint("make one: pipelab grade PATH…")
	}
	return b, nil
}

// put writes to a file, or to standard output when none is named.
func put(a *app.App, file string, b []byte) error {
	if file == "" {
		_, err := a.Out.Write(b)
		return err
	}
	if err := os.WriteFile(a.Path(file), b, 0o644); err != nil { // a report is for others to read
		return app.Environmentf("the file could not be written: %w", err)
	}
	return nil
}

func newFill(a *app.App) *cobra.Command {
	var o report.FillOptions
	var output, book string
	c := &cobra.Command{
		Use: "fill canvas|moodle EXPORT", Short: "Put grades into an export of Canvas or Moodle", GroupID: "grading",
		Args: cobra.ExactArgs(2),
		Long: `Puts the grades of a gradebook into the CSV file that Canvas or Moodle has exported,
so that it can be imported there: the gradebook's export of either, or the
grading worksheet of a Moodle assignment. Only cells of the grade column change;
every other byte stays. Without --output nothing is written: you see what would
change, who has no row, and which rows have no learner.

A higher score is never replaced by a lower one, nor what is no number (EX, N/A),
nor is a name that fits two people filled. What is open is no score. A rejected
submission fills no cell without --rejected; nor does one that matches nobody.`,
		Example: `  pipelab fill canvas export.csv
  pipelab fill canvas export.csv --column 70021 -o import.csv
  pipelab fill moodle worksheet.csv --missing -o filled.csv`,
		ValidArgs: []string{"canvas", "moodle"},
		RunE: func(_ *cobra.Command, args []string) error {
			fill, ok := map[string]func([]byte, *report.Gradebook, report.FillOptions) (report.Filled,
				error){"canvas": report.FillCanvas, "moodle": report.FillMoodle}[args[0]]
			if !ok {
				return app.Usagef("%q is no platform that can be filled: choose canvas or moodle", args[0])
			}
			if err := CheckFill(o); err != nil {
				return err
			}
			b, err := read(a, book)
			if err != nil {
				return err
			}
			export, err := os.ReadFile(a.Path(args[1]))
			if err != nil {
				return app.Usagef("the export cannot be read: %w", err)
			}
			o.Now = a.Now()
			f, err := fill(export, b, o)
			if err != nil {
				return app.Invalidf("%s: %w", args[1], err)
			}
			if output != "" {
				if err := put(a, output, f.Bytes); err != nil {
					return err
				}
			}
			return tell(a, f, output)
		},
	}
	fs := c.Flags()
	fs.StringVar(&book, "gradebook", written(), "the gradebook.json to take grades from")
	fs.StringVarP(&output, "output", "o", "",
		"write the filled export into this file (default: only show what would change)")
	FillFlags(fs, &o, "lab")
	return c
}

// FillFlags are the flags that say what goes where in an export, and returns their names;
// lab is what the one is called that chooses a lab.
func FillFlags(to *pflag.FlagSet, o *report.FillOptions, lab string) (names []string) {
	fs := pflag.NewFlagSet("fill", pflag.ContinueOnError)
	fs.StringVar(&o.Column, "column", "",
		"the grade column: its id on the platform, its title, or its whole header (default: the assignment's title)")
	fs.StringVar(&o.Lab, lab, "", "fill the points of this lab instead of the sum")
	fs.BoolVar(&o.Lower, "lower", false, "let a lower score replace a higher one")
	fs.BoolVar(&o.Missing, "missing", false, "write 0 for who handed nothing in")
	fs.BoolVar(&o.Rejected, "rejected", false, "also fill whose submission was rejected, which counts 0 points")
	fs.BoolVar(&o.Scale, "scale", false, "convert points where the platform has another maximum")
	fs.StringVar(&o.Decimal, "decimal", "", "the decimal mark, . or , (default: as the export has it)")
	fs.VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	to.AddFlagSet(fs)
	return names
}

// CheckFill looks at what can be wrong with these flags alone.
func CheckFill(o report.FillOptions) error {
	if o.Decimal != "" && o.Decimal != "." && o.Decimal != "," {
		return app.Usagef("--decimal is . or ,")
	}
	return nil
}

func tell(a *app.App, f report.Filled, output string) error {
	if a.JSON {
		return a.PrintJSON(f)
	}
	if err := f.Text(a.Out); err != nil {
		return err
	}
	if output == "" {
		a.Statusf("nothing was written; to write it: --output FILE")
	} else {
		a.Statusf("written: %s", output)
	}
	return nil
}
