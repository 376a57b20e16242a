package workspace_test

import (
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/workspace"
)

func starter() fstest.MapFS {
	return fstest.MapFS{
		"template.yaml":     {Data: []byte("Resources: {}\n")},
		"src/app.py":        {Data: []byte("print(1)\n")},
		"tool/go.mod.txt":   {Data: []byte("module tool\n")},
		"scripts/deploy.sh": {Data: []byte("#!/bin/sh\n")},
	}
}

func TestCreate_copiesFilesAndIsFoundFromBelow(t *testing.T) {
	root := t.TempDir()
	_, err := workspace.Create(root, workspace.Meta{Lab: "a-lab", Stack: "a-lab"}, starter())
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(root, "tool", "go.mod"))
	info, err := os.Stat(filepath.Join(root, "scripts", "deploy.sh"))
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&0o100, "scripts are executable")
	w, err := workspace.Find(filepath.Join(root, "src"))
	require.NoError(t, err)
	require.Equal(t, "a-lab", w.Meta.Lab)
}

func TestCreate_refusesToOverwriteAndWritesNothing(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, "template.yaml"), []byte("mine"), 0o600))
	_, err := workspace.Create(root, workspace.Meta{Lab: "a-lab"}, starter())
	require.ErrorContains(t, err, "template.yaml")
	require.NoDirExists(t, filepath.Join(root, "src"))
	require.NoDirExists(t, filepath.Join(root, workspace.StateDir))
}

func TestFind_saysWhenThereIsNone(t *testing.T) {
	_, err := workspace.Find(t.TempDir())
	require.ErrorIs(t, err, workspace.ErrNone)
}

func TestProgress_survivesALineCutShort(t *testing.T) {
	p := workspace.Progress{Path: filepath.Join(t.TempDir(), "deep", "progress.jsonl")}
	require.NoError(t, p.Append(workspace.Attempt{Lab: "x", Points: 40, Max: 100}))
	require.NoError(t, p.Append(workspace.Attempt{Lab: "x", Points: 20, Max: 100}))
	f, err := os.OpenFile(p.Path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString(`{"lab":"x","poi`)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	all, err := p.All()
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.InDelta(t, 40, workspace.Best(all)["x"].Points, 0)
}

// A start that is cut short, say by a full disk, leaves the place as it was, so
// that the same command can be given again.
func TestCreate_takesBackWhatItCouldNotFinish(t *testing.T) {
	unwritable := workspace.File{Name: "no/such/folder/README.md"}
	there := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(there, "src"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(there, "src", "mine.py"), []byte("mine"), 0o600))
	for _, root := range []string{there, filepath.Join(t.TempDir(), "new")} {
		_, err := workspace.Create(root, workspace.Meta{Lab: "a-lab", Stack: "a-lab"}, starter(), unwritable)
		require.Error(t, err)
		_, err = workspace.Create(root, workspace.Meta{Lab: "a-lab", Stack: "a-lab"}, starter(),
			workspace.File{Name: "README.md"})
		require.NoError(t, err)
	}
	require.FileExists(t, filepath.Join(there, "src", "mine.py"))
	fresh := filepath.Join(t.TempDir(), "fresh")
	_, err := workspace.Create(fresh, workspace.Meta{Lab: "a-lab", Stack: "a-lab"}, starter(), unwritable)
	require.Error(t, err)
	require.NoDirExists(t, fresh)
}
