package judge

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/internal/workspace"
)

// difference is one file of a learner's answer beside the reference's.
type difference struct {
	File string `json:"file"`
	// Diff is a unified diff from the learner's file to the reference's; empty where the
	// two are equal or one is no text.
	Diff string `json:"diff,omitempty"`
	Only string `json:"only,omitempty"` // "yours" or "reference" where one of them lacks the file
	Same bool   `json:"same,omitempty"`
}

// compare shows the learner's answer beside the reference and writes none of the
// learner's files. Before all points were reached it asks, and counts as having seen
// the solution, as copying it does.
func compare(a *app.App, w *workspace.Workspace, yes bool) error {
	l, err := source(a, w)
	if err != nil {
		return err
	}
	reached, err := reached(a, w, l)
	if err != nil {
		return err
	}
	if !reached && !w.Meta.Solved {
		if !yes {
			goOn, err := confirm(a, "Not all checks have passed yet. Look at the reference all the same? Later attempts are "+
				"then marked as made with the solution.", "this shows the reference before all checks have passed")
			if err != nil || !goOn {
				return err
			}
		}
		if err := w.Update(func(m *workspace.Meta) { m.Solved = true }); err != nil {
			return err
		}
	}
	name, tree, err := reference(l, w.Root)
	if err != nil {
		return err
	}
	all, err := differences(w.Root, tree)
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintJSON(map[string]any{"reference": name, "files": all})
	}
	return showDifferences(a, all)
}

// reached reports whether all points were got, in this folder or another one, before
// the solution was seen.
func reached(a *app.App, w *workspace.Workspace, l *lab.Folder) (bool, error) {
	judged, err := app.ReadJudged(w)
	if err != nil {
		return false, err
	}
	if judged.Full != nil && judged.Full.Result.Passed() && len(judged.Full.Result.Checks) >= len(l.Checks) {
		return true, nil
	}
	attempts, err := a.Progress().All()
	return slices.ContainsFunc(attempts, func(t workspace.Attempt) bool {
		return t.Lab == l.ID && !t.Solved && t.Max > 0 && t.Points >= t.Max
	}), err
}

// reference is the lab's answer in the learner's language: the one of which most files
// are in the learner's folder.
func reference(l *lab.Folder, root string) (name string, tree fs.FS, err error) {
	names, most := []string{"solution"}, -1
	for _, s := range l.Solutions {
		names = append(names, s.Name)
	}
	for _, n := range names {
		sub, err := fs.Sub(l.FS, n)
		if err != nil {
			return "", nil, err
		}
		files, err := textFiles(sub)
		if err != nil {
			return "", nil, err
		}
		shared := 0
		for file := range files {
			if _, err := os.Lstat(filepath.Join(root, filepath.FromSlash(file))); err == nil {
				shared++
			}
		}
		if shared > most {
			name, tree, most = n, sub, shared
		}
	}
	return name, tree, nil
}

// textFiles are the files of a tree by the names that they have in a workspace.
func textFiles(tree fs.FS) (map[string][]byte, error) {
	out := map[string][]byte{}
	return out, fs.WalkDir(tree, ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && p != "." && workspace.Ignored(d.Name()):
			return fs.SkipDir
		case d.IsDir() || !d.Type().IsRegular():
			return nil
		}
		b, err := fs.ReadFile(tree, p)
		out[workspace.Target(p)] = b
		return err
	})
}

// differences go through the files of both by name. The lab's text is in every
// workspace and no part of an answer.
func differences(root string, tree fs.FS) ([]difference, error) {
	mine, err := textFiles(os.DirFS(root))
	if err != nil {
		return nil, err
	}
	theirs, err := textFiles(tree)
	if err != nil {
		return nil, err
	}
	if _, ok := theirs["README.md"]; !ok {
		delete(mine, "README.md")
	}
	var names []string
	for n := range mine {
		names = append(names, n)
	}
	for n := range theirs {
		if _, both := mine[n]; !both {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	out := []difference{}
	for _, n := range names {
		a, yours := mine[n]
		b, ours := theirs[n]
		d := difference{File: n, Same: yours && ours && bytes.Equal(a, b)}
		switch {
		case !ours:
			d.Only = "yours"
		case !yours:
			d.Only = "reference"
		}
		if ours && !d.Same && utf8.Valid(a) && utf8.Valid(b) {
			text := string(diff.Diff("yours/"+n, a, "reference/"+n, b))
			_, d.Diff, _ = strings.Cut(text, "\n") // the first line repeats the next two
		}
		out = append(out, d)
	}
	return out, nil
}

// showDifferences prints what differs, in colour on a terminal, and what does not in a
// line each.
func showDifferences(a *app.App, all []difference) error {
	style := a.Style(a.Out)
	same := true
	for _, d := range all {
		switch {
		case d.Diff != "":
			if d.Only != "" {
				a.Printf("%s is in the reference only:\n", d.File)
			}
			for _, l := range strings.SplitAfter(report.Console(d.Diff), "\n") {
				if err := a.Raw(painted(style, l)); err != nil {
					return err
				}
			}
		case d.Same:
			a.Printf("%s is the same as the reference's\n", d.File)
		case d.Only == "yours":
			a.Printf("%s is yours only\n", d.File)
		default:
			a.Printf("%s differs, and is no text\n", d.File)
		}
		same = same && d.Same
	}
	if same {
		a.Printf("your answer is the reference, letter by letter\n")
	}
	return nil
}

// painted is a line of a unified diff in its colour.
func painted(s report.Style, line string) string {
	text, end := strings.CutSuffix(line, "\n")
	switch {
	case strings.HasPrefix(text, "+++"), strings.HasPrefix(text, "---"):
		text = s.Strong(text)
	case strings.HasPrefix(text, "@@"):
		text = s.Faint(text)
	case strings.HasPrefix(text, "+"):
		text = s.Good(text)
	case strings.HasPrefix(text, "-"):
		text = s.Bad(text)
	}
	if end {
		text += "\n"
	}
	return text
}
