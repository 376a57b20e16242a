// Package explain holds the command that explains words: those of the glossary, the
// mistakes that checks name, and the facts that labs teach.
package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/glossary"
	"github.com/pipelab/pipelab/internal/study"
)

// Commands returns this package's commands.
func Commands(a *app.App) []*cobra.Command {
	return []*cobra.Command{newExplain(a)}
}

func newExplain(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use: "explain [WORD]", Short: "Explain a word, a mistake that a check has named, or a fact", GroupID: "labs",
		Long: `Explains a word of data engineering on AWS: what it means, why it matters, what is
often misunderstood, what the exam asks of it, which labs use it and where AWS
documents it. Singular or plural, short or long, with or without hyphens: the word
is found. Without a word it lists them all.

It also explains the mistakes that checks name ("looks like: ..."), by title or id,
and the facts that labs teach: by the number in the study guide's list, or all of them.`,
		Example: `  pipelab explain shard
  pipelab explain dead letter queue
  pipelab explain low-cardinality-key     a mistake that a check has named
  pipelab explain fact 47
  pipelab explain facts
  pipelab explain --json | jq -r '.[].words[].name'`,
		Args: cobra.ArbitraryArgs,
		ValidArgsFunction: func(_ *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
			return complete(a, args, begun), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error { return explain(a, strings.Join(args, " ")) },
	}
}

// complete offers words as the shell can take them: with hyphens for blanks.
func complete(a *app.App, args []string, begun string) []string {
	g, err := glossary.Load()
	if err != nil || len(args) > 0 { // no completion is the worst that can happen
		return nil
	}
	out := []string{"facts\tall facts that labs teach"}
	for _, e := range g.All() {
		for _, name := range e.Names() {
			typed := strings.ToLower(strings.ReplaceAll(name, " ", "-"))
			if strings.HasPrefix(typed, strings.ToLower(begun)) && !strings.ContainsAny(typed, "/()") {
				out = append(out, typed+"\t"+e.Means)
			}
		}
	}
	list, err := labs(a)
	if err != nil {
		return out
	}
	for _, m := range mistakes(list) {
		out = append(out, m.ID+"\t"+m.Title)
	}
	return out
}

func explain(a *app.App, word string) error {
	g, err := glossary.Load()
	if err != nil {
		return err
	}
	if strings.TrimSpace(word) == "" {
		return all(a, g)
	}
	if number, ok := factNumber(word); ok {
		return facts(a, number)
	}
	list, err := labs(a)
	if err != nil {
		return err
	}
	// An id is typed as a check has printed it: hot-key is a mistake, a hot key a word.
	found := mistakes(list)
	for _, m := range found {
		if m.ID == strings.ToLower(word) || strings.EqualFold(m.Title, word) {
			return mistake(a, m)
		}
	}
	if e, ok := g.Find(word); ok {
		return entry(a, g, e, list)
	}
	for _, l := range list {
		if l.ID == strings.ToLower(word) {
			return app.Usagef("%s is a lab, not a word", l.ID).Hint("what it is about: pipelab show " + l.ID)
		}
	}
	return unknown(word, g, found)
}

// unknown says which words somebody may have meant.
func unknown(word string, g *glossary.Glossary, found []explained) error {
	e := app.Usagef("there is no word %q in the glossary", word)
	for _, near := range g.Near(word) {
		e = e.Hint("did you mean " + near.Name + "?")
	}
	if len(e.Hints) == 0 {
		for _, m := range found {
			if strings.Contains(m.ID, word) && len(word) > 2 && len(e.Hints) < 3 {
				e = e.Hint("did you mean " + m.ID + "?")
			}
		}
	}
	return e.Hint("see them all: pipelab explain")
}

// all lists the words by group.
func all(a *app.App, g *glossary.Glossary) error {
	if a.JSON {
		return a.PrintJSON(g.Groups)
	}
	for _, group := range g.Groups {
		names := make([]string, len(group.Words))
		for i, e := range group.Words {
			names[i] = e.Name
		}
		a.Printf("%s\n", group.Title)
		a.List(2, names)
		a.Printf("\n")
	}
	a.Indented(0, fmt.Sprintf("%d words; what one means: pipelab explain WORD", len(g.All())))
	return nil
}

// shown is an entry with what is computed.
type shown struct {
	*glossary.Entry
	Labs []used `json:"labs"`
}

// used is a lab that uses a word.
type used struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

func entry(a *app.App, g *glossary.Glossary, e *glossary.Entry, list []text) error {
	s := shown{Entry: e, Labs: uses(g, e, list)}
	if a.JSON {
		return a.PrintJSON(s)
	}
	return print(a, s)
}

// print writes an entry as a text.
func print(a *app.App, s shown) error {
	r, err := a.Reading()
	if err != nil {
		return err
	}
	r.Known(s.Name)
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n", s.Name)
	if others := s.Others(); len(others) > 0 {
		fmt.Fprintf(&b, "also: %s\n\n", strings.Join(others, ", "))
	}
	fmt.Fprintf(&b, "%s\n\n%s\n\n**Often misunderstood:** %s\n\n**In the exam:** %s\n\n", s.Means, s.Matters, s.Mistaken,
		s.Exam)
	for _, id := range s.Tasks {
		fmt.Fprintf(&b, "- task %s: %s\n", id, study.TaskTitle(id))
	}
	fmt.Fprintf(&b, "\n**See also:** %s\n\n", strings.Join(s.Related, ", "))
	if len(s.Labs) > 0 {
		b.WriteString("**Labs that use it:**\n\n")
	}
	for _, l := range s.Labs {
		fmt.Fprintf(&b, "- `%s`: %s\n", l.ID, l.Title)
	}
	r.Text(0, b.String())
	a.Printf("\nAWS's page: %s\n", s.Page)
	return nil
}

// mistake explains a mistake that checks name.
func mistake(a *app.App, m explained) error {
	if a.JSON {
		return a.PrintJSON(m)
	}
	r, err := a.Reading()
	if err != nil {
		return err
	}
	r.Text(0, "# "+m.Title+"\n\n"+m.Explanation)
	a.Printf("\nNamed by these checks:\n")
	for _, at := range m.Checks {
		a.Beside(fmt.Sprintf("  %s, %s  ", at.Lab, at.Check), at.Title)
	}
	r.Words()
	return nil
}

// facts explains one fact by its number, or all for 0.
func facts(a *app.App, number int) error {
	list, err := labs(a)
	if err != nil {
		return err
	}
	found := []fact{}
	for _, f := range factsOf(list) {
		if number == 0 || f.Number == number {
			found = append(found, f)
		}
	}
	if len(found) == 0 {
		return app.Usagef("no lab teaches a fact with the number %d", number).Hint("see them all: pipelab explain facts")
	}
	if a.JSON {
		return a.PrintJSON(found)
	}
	at := ""
	for _, f := range found {
		if f.Lab != at {
			at = f.Lab
			a.Printf("%s\n", at)
		}
		lead := "       "
		if f.Number > 0 {
			lead = fmt.Sprintf("  %3d  ", f.Number)
		}
		a.Beside(lead, f.Text)
	}
	if slices.ContainsFunc(found, func(f fact) bool { return f.Number > 0 }) && number == 0 {
		a.Printf("\n")
		a.Indented(0, "the numbers are those of the study guide's list of statements")
	}
	return nil
}
