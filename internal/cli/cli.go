// Package cli is the command line: it builds the tree of commands, runs one,
// and is the only place that prints errors and decides the exit code.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/cli/assignment"
	"github.com/pipelab/pipelab/internal/cli/author"
	"github.com/pipelab/pipelab/internal/cli/catalogue"
	"github.com/pipelab/pipelab/internal/cli/control"
	"github.com/pipelab/pipelab/internal/cli/environment"
	"github.com/pipelab/pipelab/internal/cli/explain"
	"github.com/pipelab/pipelab/internal/cli/grading"
	"github.com/pipelab/pipelab/internal/cli/judge"
	"github.com/pipelab/pipelab/internal/cli/reports"
	"github.com/pipelab/pipelab/internal/cli/serve"
	"github.com/pipelab/pipelab/internal/cli/session"
	"github.com/pipelab/pipelab/internal/cli/way"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/prefork"
	text "github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/internal/version"
	"github.com/pipelab/pipelab/internal/workspace"
	"github.com/pipelab/pipelab/labs"
)

// Main runs one command and returns the exit code of the process.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer, environ []string, now func() time.Time) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir, err := os.Getwd()
	if err != nil {
		fmt.Fprintln(stderr, "error:", text.Console(err.Error()))
		return app.ExitEnvironment
	}
	a := &app.App{In: stdin, Out: stdout, Err: stderr, Environ: environ, Now: now, Dir: dir, Labs: labs.FS(),
		Version: version.Of(buildInfo())}
	if a.Program, err = os.Executable(); err != nil {
		a.Program = "" // then nothing is said of it
	}
	if err := a.PreferPython(os.Setenv); err != nil {
		fmt.Fprintln(stderr, "error:", text.Console(err.Error()))
		return app.ExitEnvironment
	}
	a.Interpreters = prefork.New()
	defer a.Interpreters.Close()
	return Execute(ctx, a, args)
}

// Execute runs one command in a surrounding that is given, and returns the exit
// code. It changes a: its output is watched, and flags set its fields.
func Execute(ctx context.Context, a *app.App, args []string) int {
	out := app.NewOutput(a.Out)
	a.Out, a.Args = out, args
	root := newRoot(a)
	root.SetArgs(args)
	begun := false
	mark(root, &begun)
	c, err := root.ExecuteContextC(ctx)
	if err != nil && !begun && out.Err() == nil { // help and versions are printed before, too
		err = usage(c, err)
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return app.ExitInterrupted
	}
	err = unwritten(err, out.Err())
	if (a.JSON || asksForJSON(args)) && !out.Written() {
		tell(out, err)
	}
	return report(a.Err, err)
}

// asksForJSON reports whether --json stands on a command line, also on one that is
// wrong before it.
func asksForJSON(args []string) bool {
	if i := slices.Index(args, "--"); i >= 0 {
		args = args[:i]
	}
	return slices.Contains(args, "--json") || slices.Contains(args, "--json=true")
}

// tell prints an error for programs. Nothing has been printed yet, so that this is the
// one value that they read.
func tell(w io.Writer, err error) {
	e := told(err)
	if e == nil || e.Message == "" {
		return
	}
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	_ = out.Encode(struct { // standard error has it too
		Error    string   `json:"error"`
		Hints    []string `json:"hints"`
		ExitCode int      `json:"exitCode"`
	}{e.Message, append([]string{}, e.Hints...), e.Code})
}

// unwritten is the error of a command of whose output something was lost. What
// it says itself wins, unless that is nothing, or nothing that could be read.
func unwritten(err, lost error) error {
	var e *app.Error
	if lost == nil || errors.Is(err, lost) || err != nil && (!errors.As(err, &e) || e.Message != "") {
		return err
	}
	return fmt.Errorf("the output could not be written: %w", lost)
}

func newRoot(a *app.App) *cobra.Command {
	root := &cobra.Command{
		Use:   "pipelab",
		Short: "Practise AWS data engineering on your own machine",
		Long: `PipeLab brings up an emulated AWS on your machine, sets up a lab in it, and
judges the pipeline that you build by pushing data through it. It needs no
AWS account, no container engine and no network.`,
		Example: `  pipelab                        where you stand and what comes next
  pipelab list                   what there is to learn
  pipelab start s3-landing-zone  a folder to work in, an AWS to work with
  pipelab check --watch          judge whenever you save a file`,
		SilenceErrors: true, // printed once, by report
		SilenceUsage:  true,
		Version:       a.Version,
	}
	root.SetIn(a.In)
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	root.PersistentFlags().BoolVar(&a.JSON, "json", false, "print data as JSON")
	root.SetVersionTemplate("pipelab {{.Version}}\n")
	root.SetFlagErrorFunc(flagProblem)
	root.SetGlobalNormalizationFunc(oneName)
	root.SetHelpCommand(newHelp())
	root.RunE = func(*cobra.Command, []string) error {
		if err := way.Next(a); err != nil || a.JSON {
			return err
		}
		a.Printf("all commands: %s --help\n", a.Self())
		return nil
	}
	for _, add := range []func(*app.App) []*cobra.Command{
		way.Commands, catalogue.Commands, explain.Commands, session.Commands, judge.Commands, grading.Commands,
		reports.Commands, assignment.Commands, control.Commands, environment.Commands, author.Commands, serve.Commands,
	} {
		root.AddCommand(add(a)...)
	}
	root.AddCommand(newVersion(a), newExitCodes())
	arrange(a, root)
	return root
}

// mark makes every command set begun when it begins, and every group of commands
// name the one that was meant. Arguments, flags and their combinations are checked
// before a command begins, so whatever fails until then is the command line, however
// it is said.
func mark(c *cobra.Command, begun *bool) {
	if c.HasSubCommands() && !strings.Contains(c.Use, " ") { // none that takes arguments besides
		c.Args = known
	} else if c.Args != nil {
		c.Args = named(c.Args)
	}
	if run := c.RunE; run != nil {
		c.RunE = func(c *cobra.Command, args []string) error {
			*begun = true
			return run(c, args)
		}
	}
	for _, sub := range c.Commands() {
		mark(sub, begun)
	}
}

// known are the arguments of a group of commands: none, since what is given is the
// name of a command that is not there.
func known(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, sub := range c.Commands() {
		names = append(names, sub.Name())
	}
	name := strings.TrimPrefix(c.CommandPath()+" "+args[0], c.Root().Name()+" ")
	e := app.Usagef("there is no command %q", name)
	if near := lab.Nearest(args[0], names); near != "" {
		return e.Hint("did you mean " + c.CommandPath() + " " + near + "?")
	}
	return e.Hint("see the commands: " + c.CommandPath() + " --help")
}

// usage is an error of the command line, with where to read how it goes.
func usage(c *cobra.Command, err error) error {
	var e *app.Error
	if errors.As(err, &e) {
		return err
	}
	return app.Usagef("%w", err).Hint("see: " + c.CommandPath() + " --help")
}

// report prints an error the way every command does: one line that says what
// is wrong, then what to do.
func report(stderr io.Writer, err error) int {
	e := told(err)
	if e == nil {
		return app.ExitOK
	}
	if e.Message != "" {
		fmt.Fprintln(stderr, "error:", text.Console(e.Message))
	}
	for _, h := range e.Hints {
		fmt.Fprintln(stderr, "hint:", text.Console(h))
	}
	return e.Code
}

// told is what a person is told of an error, nil of none.
func told(err error) *app.Error {
	if err == nil {
		return nil
	}
	var e *app.Error
	if !errors.As(err, &e) {
		e = &app.Error{Code: app.ExitEnvironment, Message: err.Error()}
	}
	if errors.Is(err, syscall.ENOSPC) && len(e.Hints) == 0 {
		e.Hints = []string{"make room there and do the same again; what is full: df -h"}
	}
	var damaged *workspace.DamagedError
	if errors.As(err, &damaged) && len(e.Hints) == 0 {
		e.Hints = []string{"put it back from a copy, or remove it: it is made anew, and your own files stay"}
		if filepath.Base(damaged.File) == "workspace.json" {
			e.Hints = []string{"start the lab in another folder and copy your files there: pipelab start LAB --dir FOLDER"}
		}
	}
	return e
}
