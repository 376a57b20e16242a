package grade

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/pipelab/pipelab/internal/digest"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/workspace"
)

// identical tells of submissions that hold exactly the files of somebody else's. Those who
// handed in together, and those who handed in what the lab itself gives, have copied from
// nobody.
func (p *Plan) identical() {
	type work struct {
		lab    *lab.Folder
		digest string
	}
	same := map[work][]*unit{}
	given := map[*lab.Folder]map[string][]string{}
	for _, u := range p.units {
		if u.handed.Digest == "" || len(u.files) == 0 || u.aside {
			continue
		}
		if given[u.lab] == nil {
			given[u.lab] = sums(u.lab)
		}
		if !isGiven(u.files, given[u.lab]) {
			w := work{u.lab, u.handed.Digest}
			same[w] = append(same[w], u)
		}
	}
	for _, units := range same {
		for _, u := range units {
			var others []string
			for _, o := range units {
				name := fmt.Sprintf("%s (%s)", o.learner.ID, o.handed.Source)
				if o.learner.ID != u.learner.ID && o.handed.Source != u.handed.Source && !slices.Contains(others, name) {
					others = append(others, name)
				}
			}
			if slices.Sort(others); len(others) > 0 {
				u.flags = append(u.flags, "exactly the files of "+few(others))
			}
		}
	}
}

// sums are the files that a lab gives, its solutions among them: the digests that a file
// of that name has there.
func sums(l *lab.Folder) map[string][]string {
	out := map[string][]string{}
	trees := []string{"starter", "solution"}
	for _, s := range l.Solutions {
		trees = append(trees, s.Name)
	}
	for _, tree := range trees {
		sub, err := fs.Sub(l.FS, tree)
		if err != nil {
			continue
		}
		files, err := digest.Files(sub, func(string) bool { return false })
		if err != nil {
			continue // a lab without one gives nothing
		}
		for _, f := range files {
			name := workspace.Target(f.Name)
			out[name] = append(out[name], f.Sum)
		}
	}
	return out
}

// isGiven tells whether all files are as the lab has them; texts say nothing.
func isGiven(files []digest.File, given map[string][]string) bool {
	for _, f := range files {
		known := slices.ContainsFunc(given[f.Name], func(sum string) bool { return strings.EqualFold(sum, f.Sum) })
		if !known && !strings.HasSuffix(strings.ToLower(f.Name), ".md") {
			return false
		}
	}
	return true
}
