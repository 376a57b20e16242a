package author

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/report"
)

// fewMutants is what a finished lab has more than: labs/README.md asks for five.
const fewMutants = 5

// unfinished are what a lab that is well still needs to be finished.
func unfinished(f *lab.Folder) (notes []string) {
	if n := len(f.Mutants); n < fewMutants {
		notes = append(notes, fmt.Sprintf("it has %s; a finished lab has at least %d", report.Count(n, "mutant"), fewMutants))
	}
	text, err := fs.ReadFile(f.FS, "README.md")
	if err != nil {
		return notes // that is a problem, and told as one
	}
	given, err := skeleton.ReadFile("skeleton/README.md")
	if err == nil {
		for _, line := range prose(string(given)) {
			if strings.Contains(string(text), line) {
				notes = append(notes, fmt.Sprintf("README.md still says what pipelab lab new has written: %q", line))
			}
		}
	}
	told := map[string]bool{}
	for _, m := range regexp.MustCompile("`([A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)+\\.[a-z]{1,5})`").FindAllStringSubmatch(
		string(text), -1) {
		if name := m[1]; !told[name] && !has(f, name) {
			told[name] = true
			notes = append(notes, fmt.Sprintf("README.md names %s, which neither the starter nor the solution has", name))
		}
	}
	return notes
}

// prose are the lines of the scaffold that say nothing yet.
func prose(text string) (lines []string) {
	for _, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "What the learner should") || strings.HasPrefix(line, "How AWS behaves here") {
			lines = append(lines, line)
		}
	}
	return lines
}

// has tells whether learners get or make a file.
func has(f *lab.Folder, name string) bool {
	trees := []string{"starter", "solution", "data"}
	for _, s := range f.Solutions {
		trees = append(trees, s.Name)
	}
	for _, tree := range append(trees, ".") {
		for _, file := range []string{name, name + ".txt"} { // go.mod.txt
			if _, err := fs.Stat(f.FS, path.Join(tree, file)); err == nil {
				return true
			}
		}
	}
	return false
}
