package grade

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/pipelab/pipelab/internal/digest"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/internal/similar"
	"github.com/pipelab/pipelab/internal/workspace"
)

// mostCompared bounds the size of a file that is compared with others.
const mostCompared = 256 << 10

// alike compares the latest submission of each learner with all others for the same
// lab and with its solutions. What a submission was copied from shows whatever it was
// graded with, and also when its points are known from before.
func (p *Plan) alike() (out []report.Alike) {
	for _, l := range p.labs {
		latest := map[string]*unit{}
		for _, u := range p.units { // in the order of their attempts
			if u.lab == l && u.dir != "" && !u.aside && len(u.files) > 0 {
				latest[u.learner.ID] = u
			}
		}
		units := make([]*unit, 0, len(latest))
		sources := map[string]bool{}
		for _, learner := range p.people {
			u := latest[learner.ID]
			if u == nil || sources[u.handed.Source+"\x00"+u.dir] { // those who handed in together have one
				continue
			}
			sources[u.handed.Source+"\x00"+u.dir] = true
			units = append(units, u)
		}
		works := make([]similar.Work, len(units))
		for i, u := range units {
			works[i] = similar.Work{ID: strconv.Itoa(i), Files: u.texts()}
		}
		given, solution := handedOut(l)
		for _, pair := range similar.Of(works, given, solution) {
			out = append(out, pairOf(pair, l, units))
		}
	}
	return out
}

// pairOf names the two of a pair, which are numbered.
func pairOf(pair similar.Pair, l *lab.Folder, units []*unit) report.Alike {
	who := func(id string) string {
		n, err := strconv.Atoi(id)
		if err != nil {
			return "" // the solution
		}
		return units[n].learner.ID
	}
	a := report.Alike{Lab: l.ID, Learner: who(pair.A), Other: who(pair.B), Share: report.Round(pair.Share),
		Same: pair.Same}
	for _, t := range pair.Passages {
		a.Passages = append(a.Passages, report.Twice{Words: t.Words, Here: report.Passage(t.A), There: report.Passage(t.B)})
	}
	return a
}

// texts are the files of a submission that can be compared.
func (u *unit) texts() []similar.File { return comparable(os.DirFS(u.dir), u.files) }

// comparable reads files of a folder, those of a size that programs have.
func comparable(folder fs.FS, files []digest.File) (out []similar.File) {
	for _, f := range files {
		info, err := fs.Stat(folder, filepath.ToSlash(f.Name))
		if err != nil || info.Size() > mostCompared || !similar.Reads(f.Name) {
			continue
		}
		if text, err := fs.ReadFile(folder, filepath.ToSlash(f.Name)); err == nil { // else it is compared without
			out = append(out, similar.File{Name: f.Name, Text: text})
		}
	}
	return out
}

// handedOut are what a lab gives everybody to begin with, and its answers.
func handedOut(l *lab.Folder) (given, solution similar.Work) {
	trees := []string{"starter", "solution"}
	for _, s := range l.Solutions {
		trees = append(trees, s.Name)
	}
	for _, tree := range slices.Compact(trees) {
		sub, err := fs.Sub(l.FS, tree)
		if err != nil {
			continue
		}
		files, err := digest.Files(sub, func(string) bool { return false })
		if err != nil {
			continue // a lab without one gives nothing
		}
		texts := comparable(sub, files)
		for i := range texts {
			texts[i].Name = workspace.Target(texts[i].Name)
		}
		if strings.HasPrefix(tree, "starter") {
			given.Files = append(given.Files, texts...)
		} else {
			solution.Files = append(solution.Files, texts...)
		}
	}
	return given, solution
}
