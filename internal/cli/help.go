package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pipelab/pipelab/internal/cli/app"
	text "github.com/pipelab/pipelab/internal/report"
)

// group is a heading of the help with its commands, both in the order of work. A
// command that it does not name comes after these, in the group that it names itself.
type group struct {
	id, title string
	commands  []string
}

func groups() []group {
	return []group{
		{"way", "Find your way", []string{"next", "list", "show", "explain", "progress"}},
		{"labs", "Work on a lab", []string{"start", "status", "deploy", "check", "hint", "solve", "submit", "stop"}},
		{"emulator", "Look into the lab's AWS and steer it", []string{"run", "env", "logs", "trace", "time", "fault",
			"reset"}},
		{"grading", "Hand out and grade", []string{"assignment", "grade", "report", "fill"}},
		{"authors", "Write labs", []string{"lab"}},
		{"machine", "This machine and this program", []string{"doctor", "emulator", "version", "completion", "help"}},
	}
}

// arrange puts the commands under their headings and lets the front page of the help
// have them in the order of work; cobra knows none but the alphabet.
func arrange(a *app.App, root *cobra.Command) {
	heading := map[string]string{}
	for _, g := range groups() {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title + ":"})
		for _, name := range g.commands {
			heading[name] = g.id
		}
	}
	for _, c := range root.Commands() {
		if id, named := heading[c.Name()]; named {
			c.GroupID = id
		}
	}
	root.SetHelpCommandGroupID(heading["help"])
	root.SetCompletionCommandGroupID(heading["completion"])
	plain := root.UsageFunc()
	root.SetUsageFunc(func(c *cobra.Command) error {
		if c != root {
			return plain(c)
		}
		_, err := io.WriteString(c.OutOrStderr(), front(root, a.Width()))
		return err
	})
}

// front is the front page of the help below what it begins with.
func front(root *cobra.Command, width int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Usage:\n  %s [command]\n\nExamples:\n%s\n", root.CommandPath(), root.Example)
	for _, g := range groups() {
		fmt.Fprintf(&b, "\n%s:\n", g.title)
		for _, c := range g.of(root) {
			lead := fmt.Sprintf("  %-11s ", c.Name())
			for _, line := range text.Wrap(c.Short, width-len(lead)) {
				fmt.Fprintf(&b, "%s%s\n", lead, line)
				lead = strings.Repeat(" ", len(lead))
			}
		}
	}
	fmt.Fprintf(&b, "\nFlags:\n%s", root.LocalFlags().FlagUsagesWrapped(width))
	fmt.Fprintf(&b, "\nmore about a command: %s COMMAND --help\n", root.CommandPath())
	return b.String()
}

// of are the group's commands.
func (g group) of(root *cobra.Command) []*cobra.Command {
	var out []*cobra.Command
	for _, c := range root.Commands() {
		if c.GroupID == g.id && !c.Hidden {
			out = append(out, c)
		}
	}
	at := func(c *cobra.Command) int {
		if i := slices.Index(g.commands, c.Name()); i >= 0 {
			return i
		}
		return len(g.commands)
	}
	slices.SortStableFunc(out, func(a, b *cobra.Command) int { return at(a) - at(b) })
	return out
}
