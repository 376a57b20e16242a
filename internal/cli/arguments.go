package cli

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/lab"
)

// named makes what is wrong with a command's arguments say which argument that is, by
// the words of the line that the command's help begins with.
func named(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		err := check(c, args)
		var told *app.Error
		if err == nil || errors.As(err, &told) {
			return err
		}
		words := strings.Fields(c.Use)[1:]
		needed := slices.DeleteFunc(slices.Clone(words), func(w string) bool { return strings.HasPrefix(w, "[") })
		path, e := c.CommandPath(), (*app.Error)(nil)
		switch {
		case len(args) < len(needed):
			e = app.Usagef("%s is missing: %s %s", strings.TrimSuffix(needed[len(args)], "…"), path, strings.Join(words, " "))
			if first := example(c); first != "" {
				e = e.Hint("for example: " + first)
			}
		case len(words) == 0:
			e = app.Usagef("%s takes no arguments, and was given %q", path, args[0])
		case len(args) > len(words):
			e = app.Usagef("%q is one argument too many: %s %s", args[len(words)], path, strings.Join(words, " "))
		default: // not a matter of how many there are
			return err
		}
		return e.Hint("see: " + path + " --help")
	}
}

// example is the first that a command's help shows, without what is said about it.
func example(c *cobra.Command) string {
	line, _, _ := strings.Cut(strings.TrimSpace(c.Example), "\n")
	line, _, _ = strings.Cut(line, "   ")
	return strings.TrimSpace(line)
}

// flagProblem words what is wrong with a flag.
func flagProblem(c *cobra.Command, err error) error {
	var invalid *pflag.InvalidValueError
	var unknown *pflag.NotExistError
	e := app.Usagef("%w", err)
	switch {
	case errors.As(err, &invalid):
		f := invalid.GetFlag()
		what, write := kind(f.Value.Type())
		if errors.Is(err, strconv.ErrRange) {
			what = "is out of range"
		}
		e.Message = fmt.Sprintf("--%s %q %s", f.Name, invalid.GetValue(), what)
		if write != "" {
			e = e.Hint("write it as " + write)
		}
	case errors.As(err, &unknown):
		var names []string
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				names = append(names, f.Name)
			}
		})
		if near := lab.Nearest(unknown.GetSpecifiedName(), names); near != "" {
			e = e.Hint("did you mean --" + near + "?")
		}
	}
	return e.Hint("see: " + c.CommandPath() + " --help")
}

// kind says of a type of flag what a value is that does not fit, and how to write one.
func kind(of string) (isNone, write string) {
	switch {
	case strings.HasPrefix(of, "uint"):
		return "is no whole number from 0 up", "7"
	case strings.HasPrefix(of, "int"):
		return "is no whole number", "7"
	case strings.HasPrefix(of, "float"):
		return "is no number", "0.5"
	case of == "duration":
		return "is no duration", "90s, 15m or 25h"
	case of == "bool":
		return "is neither true nor false", ""
	}
	return "is no " + of, ""
}

// oneName makes the older name of a flag mean the newer one, which all commands have.
func oneName(_ *pflag.FlagSet, name string) pflag.NormalizedName {
	if name == "out" {
		name = "output"
	}
	return pflag.NormalizedName(name)
}

// newHelp is cobra's command for help, but for topics that there are not: those are an
// error as everywhere.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND…]", Short: "Show the help of a command",
		Example: "  pipelab help check\n  pipelab help fault add\n  pipelab help exit-codes",
		ValidArgsFunction: func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			about, rest, err := c.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			var names []string
			for _, sub := range about.Commands() {
				if sub.IsAvailableCommand() || sub.IsAdditionalHelpTopicCommand() {
					names = append(names, sub.Name()+"\t"+sub.Short)
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			about, rest, err := c.Root().Find(args)
			if err != nil {
				return err
			}
			if about.HasSubCommands() {
				if err := known(about, rest); err != nil {
					return err
				}
			}
			about.InitDefaultHelpFlag() // so that it is listed
			return about.Help()
		},
	}
}

// newExitCodes is a topic of help.
func newExitCodes() *cobra.Command {
	return &cobra.Command{
		Use: "exit-codes", Short: "What the exit codes mean",
		Long: `Every command ends with one of these:

    0  done
    1  it was judged, and not everything passed; or scores are lower than those of
       --baseline
    2  the command line is wrong: which argument, and how it is written, is said
    3  this machine or the emulator cannot do it now: a program is missing, a disk is
       full, nothing answers, another command is at work in the folder
    4  the lab, the template or the submission is invalid
    5  there is a result that cannot be trusted: something could not be judged
  130  interrupted, by Ctrl-C

"pipelab run" ends with the code of the command that it runs.

What is wrong is said on standard error: one line "error:", then lines "hint:". With
--json it is also printed on standard output, unless something is there already, so
that there is always something to read:

  {"error": "…", "hints": ["…"], "exitCode": 2}`,
	}
}
