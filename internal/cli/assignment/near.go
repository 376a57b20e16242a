package assignment

import (
	"archive/zip"
	"os"
	"path/filepath"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/grade"
)

// Near are the assignments in the folder that a command runs in and in those below it:
// folders with an assignment.yaml, and packed ones.
func Near(a *app.App) (names []string) {
	if isFile(filepath.Join(a.Dir, grade.AssignmentFile)) {
		names = append(names, grade.AssignmentFile)
	}
	entries, err := os.ReadDir(a.Dir)
	if err != nil {
		return names
	}
	for _, e := range entries {
		switch path := filepath.Join(a.Dir, e.Name()); {
		case e.IsDir() && isFile(filepath.Join(path, grade.AssignmentFile)):
			names = append(names, e.Name())
		case filepath.Ext(path) == ".zip" && isPacked(path):
			names = append(names, e.Name())
		}
	}
	return names
}

func isFile(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular()
}

// isPacked reports whether a zip holds an assignment.
func isPacked(path string) bool {
	z, err := zip.OpenReader(path)
	if err != nil {
		return false
	}
	defer func() { _ = z.Close() }() // it is only read
	for _, f := range z.File {
		if f.Name == grade.AssignmentFile {
			return true
		}
	}
	return false
}
