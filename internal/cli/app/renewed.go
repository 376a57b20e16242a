package app

import (
	"errors"
	"io/fs"
	"strings"

	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/workspace"
)

// Renewed tells a person, once, that the lab of a workspace has become another since
// the workspace was begun, and what to do. It reports whether the emulated AWS still has
// what the lab provided then.
func (a *App) Renewed(w *workspace.Workspace, l *lab.Folder) (outdated bool, err error) {
	r, err := w.Renew(l)
	if errors.Is(err, fs.ErrPermission) {
		return r.Resources, nil // whoever may only read may look
	}
	if err != nil {
		return false, err
	}
	if len(r.Parts) > 0 {
		a.Statusf("note: this lab was updated since you started it: %s", strings.Join(r.Parts, "; "))
	}
	switch {
	case r.Rewritten:
		a.Statusf("  README.md is the new text; you had not changed it")
	case strings.Contains(strings.Join(r.Parts, " "), "its text"):
		a.Statusf("  you have changed README.md, so it stays; the new text: pipelab show %s --text", l.ID)
	}
	if r.Resources && len(r.Parts) > 0 {
		a.Statusf("  to have what it provides now: pipelab reset")
	}
	return r.Resources, nil
}
