package explain

import (
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/glossary"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/markdown"
)

// text is a lab with what a learner reads of it.
type text struct {
	*lab.Lab
	readme string
}

// labs reads the catalogue, and before it the lab of the workspace that the command
// runs in, which need not be in the catalogue.
func labs(a *app.App) ([]text, error) {
	ids, err := lab.IDs(a.Labs)
	if err != nil {
		return nil, err
	}
	var out []text
	if w, err := a.Workspace(); err == nil && w.Meta.Source != "" {
		if l, err := a.Folder(w.Meta.Source); err == nil {
			readme, _ := fs.ReadFile(l.FS, "README.md") // a lab without one explains its mistakes all the same
			out = append(out, text{l.Lab, string(readme)})
		} else { // words of the glossary are explained nevertheless
			a.Statusf("the lab of this workspace cannot be read, so nothing of it is explained: %s", err)
		}
	}
	for _, id := range ids {
		l, err := a.Lab(id)
		if err != nil {
			return nil, err
		}
		readme, err := fs.ReadFile(a.Labs, path.Join(id, "README.md"))
		if err != nil {
			return nil, err
		}
		out = append(out, text{l, string(readme)})
	}
	return out, nil
}

// uses lists the labs that name the word as a service or use it in what a learner
// reads.
func uses(g *glossary.Glossary, e *glossary.Entry, list []text) []used {
	out := []used{}
	for _, l := range list {
		r := g.Reader()
		r.Read(markdown.Prose(l.readme))
		for _, t := range l.Tasks {
			r.Read(t.Text)
		}
		if slices.Contains(r.Seen(), e) || e.Service != "" && slices.Contains(l.Services, e.Service) {
			out = append(out, used{l.ID, l.Title})
		}
	}
	return out
}

// explained is a mistake with the checks that name it.
type explained struct {
	ID          string  `json:"id"`
	Title       string  `json:"title"`
	Explanation string  `json:"explanation"`
	Checks      []named `json:"checks"`
}

// named is a check that names a mistake.
type named struct {
	Lab   string `json:"lab"`
	Check string `json:"check"`
	Title string `json:"title"`
}

// mistakes lists those of all labs. Several labs may have one of the same id; the
// first one's words count if they differ.
func mistakes(list []text) []explained {
	var out []explained
	at := map[string]int{}
	for _, l := range list {
		for _, m := range l.Mistakes {
			if _, ok := at[m.ID]; !ok {
				at[m.ID] = len(out)
				out = append(out, explained{ID: m.ID, Title: m.Title, Explanation: m.Explanation, Checks: []named{}})
			}
		}
		for _, c := range l.Checks {
			for _, m := range c.Mistakes {
				i, ok := at[m.Mistake]
				n := named{l.ID, c.ID, c.Title}
				if ok && !slices.Contains(out[i].Checks, n) {
					out[i].Checks = append(out[i].Checks, n)
				}
			}
		}
	}
	return out
}

// fact is something that a lab teaches.
type fact struct {
	Number int    `json:"number,omitempty"` // in the study guide's list of statements, 0 if it is not there
	Text   string `json:"text"`
	Lab    string `json:"lab"`
}

func factsOf(list []text) (out []fact) {
	for _, l := range list {
		for _, f := range l.Lab.Facts {
			number, words := lab.Fact(f)
			out = append(out, fact{number, words, l.ID})
		}
	}
	return out
}

// factNumber understands "fact 47", and "facts" as 0.
func factNumber(word string) (int, bool) {
	fields := strings.Fields(strings.ToLower(word))
	if len(fields) == 0 || fields[0] != "fact" && fields[0] != "facts" || len(fields) > 2 {
		return 0, false
	}
	if len(fields) == 1 {
		return 0, true
	}
	n, err := strconv.Atoi(fields[1])
	return n, err == nil && n > 0
}
