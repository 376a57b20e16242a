package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/workspace"
)

// knownFolder is where is remembered which folders are workspaces: a file for each, so
// that commands in several do not meet.
func (a *App) knownFolder() string {
	dir := a.StateDir()
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, "workspaces")
}

// knownWorkspace is such a file.
type knownWorkspace struct {
	Dir string `json:"dir"`
}

// remember makes Workspaces find a workspace. Where nothing can be written it is as
// good as it was.
func (a *App) remember(w *workspace.Workspace) {
	dir := a.knownFolder()
	if dir == "" {
		return
	}
	sum := sha256.Sum256([]byte(w.Root))
	file := filepath.Join(dir, hex.EncodeToString(sum[:8])+".json")
	if err := workspace.WriteJSON(file, knownWorkspace{w.Root}); err != nil {
		a.Statusf("note: pipelab status --all will not know of this folder: %v", err)
	}
}

// Workspaces are those of this user's in which an emulator was started, in the order
// of their folders. Folders that are gone are forgotten.
func (a *App) Workspaces() ([]*workspace.Workspace, error) {
	dir := a.knownFolder()
	if dir == "" {
		return nil, nil
	}
	files, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var out []*workspace.Workspace
	for _, f := range files {
		if filepath.Ext(f.Name()) != ".json" {
			continue
		}
		file := filepath.Join(dir, f.Name())
		var k knownWorkspace
		if _, err := ReadJSON(file, &k); err != nil || k.Dir == "" {
			continue
		}
		w, err := workspace.Find(k.Dir)
		if errors.Is(err, workspace.ErrNone) || err == nil && w.Root != k.Dir {
			_ = os.Remove(file) // the next time then
			continue
		}
		if err != nil {
			a.Statusf("note: %s: %v", k.Dir, err)
			continue
		}
		out = append(out, w)
	}
	slices.SortFunc(out, func(v, w *workspace.Workspace) int { return strings.Compare(v.Root, w.Root) })
	return out, nil
}

// Stay keeps an emulator from ending for want of use until done is called.
func (*App) Stay(ctx context.Context, e emulator.Endpoint) (done func()) {
	ctx, cancel := context.WithCancel(ctx)
	go func() { _ = emulator.NewControl(e).Stay(ctx) }() // when it goes away others will say so
	return cancel
}
