package workspace_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/workspace"
)

// running is a workspace of which an emulator is known, with state.
func running(t *testing.T, root string) *workspace.Workspace {
	t.Helper()
	w, err := workspace.Create(root, workspace.Meta{Lab: "a-lab", Stack: "a-lab", Deployed: "d"}, starter())
	require.NoError(t, err)
	require.NoError(t, w.SaveDaemon(workspace.Daemon{PID: 1, URL: "http://127.0.0.1:1", Token: "secret", Dir: w.Root}))
	require.NoError(t, w.SaveOutputs(workspace.Outputs{Provided: map[string]string{"A": "http://127.0.0.1:1/q"}}))
	require.NoError(t, os.MkdirAll(w.Path("state"), 0o700))
	require.NoError(t, os.WriteFile(w.Path("state", "journal-1"), []byte("rows"), 0o600))
	return w
}

func settled(t *testing.T, root string) (*workspace.Workspace, workspace.Settled) {
	t.Helper()
	w, err := workspace.Find(root)
	require.NoError(t, err)
	s, err := w.Settle()
	require.NoError(t, err)
	again, err := workspace.Find(root)
	require.NoError(t, err)
	require.Equal(t, again.Meta, w.Meta, "what is known is what is written")
	return w, s
}

// A copy that used the original's emulator would stop, empty and fill that of somebody
// who knows nothing of it.
func TestSettle_givesACopyAnIdentityOfItsOwn(t *testing.T) {
	t.Parallel()
	root := filepath.Join(t.TempDir(), "mine")
	original := running(t, root)
	copied := filepath.Join(t.TempDir(), "copy")
	require.NoError(t, os.CopyFS(copied, os.DirFS(root)))

	w, s := settled(t, copied)
	require.Equal(t, root, s.Original)
	require.NotEqual(t, original.Meta.ID, w.Meta.ID)
	require.Empty(t, w.Meta.Deployed)
	_, known, err := w.Daemon()
	require.NoError(t, err)
	require.False(t, known)
	require.NoDirExists(t, w.Path("state"))
	o, err := w.Outputs()
	require.NoError(t, err)
	require.Nil(t, o.Provided)
	require.FileExists(t, filepath.Join(copied, "src", "app.py"))
	_, s = settled(t, copied)
	require.Empty(t, s.Original, "it is a copy once")

	w, s = settled(t, root)
	require.Empty(t, s.Original)
	require.Equal(t, original.Meta, w.Meta)
	_, known, err = w.Daemon()
	require.NoError(t, err)
	require.True(t, known)
	require.FileExists(t, w.Path("state", "journal-1"))
}

func TestSettle_knowsAFolderThatWasMoved(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	root := filepath.Join(parent, "mine")
	original := running(t, root)
	moved := filepath.Join(parent, "moved")
	require.NoError(t, os.Rename(root, moved))
	w, s := settled(t, moved)
	require.Empty(t, s.Original)
	require.Equal(t, original.Meta.ID, w.Meta.ID)
	require.Equal(t, moved, w.Meta.Path)
	require.Equal(t, "d", w.Meta.Deployed)
	require.FileExists(t, w.Path("state", "journal-1"))
	d, known, err := w.Daemon()
	require.NoError(t, err)
	require.True(t, known)
	require.False(t, w.StartedHere(d), "its emulator has the old path open")

	// Another lab in the old place makes it no copy.
	_, err = workspace.Create(root, workspace.Meta{Lab: "b-lab"}, starter())
	require.NoError(t, err)
	again := filepath.Join(parent, "again")
	require.NoError(t, os.Rename(moved, again))
	_, s = settled(t, again)
	require.Empty(t, s.Original)
}

func TestSettle_knowsAFolderByAnotherName(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	original := running(t, filepath.Join(parent, "mine"))
	link := filepath.Join(parent, "link")
	require.NoError(t, os.Symlink(original.Root, link))
	w, s := settled(t, link)
	require.Empty(t, s.Original)
	require.Equal(t, original.Meta, w.Meta)
	d, _, err := w.Daemon()
	require.NoError(t, err)
	require.True(t, w.StartedHere(d))
}

// Workspaces of releases that knew nothing of it are made as new ones are.
func TestSettle_mendsWhatOlderReleasesMade(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, workspace.StateDir), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(root, workspace.StateDir, "workspace.json"),
		[]byte(`{"version": 1, "lab": "a-lab"}`), 0o600))
	w, s := settled(t, root)
	require.True(t, s.Unhidden)
	require.Empty(t, s.Original)
	require.NotEmpty(t, w.Meta.ID)
	require.Equal(t, root, w.Meta.Path)
	b, err := os.ReadFile(w.Path(".gitignore"))
	require.NoError(t, err)
	require.Equal(t, "*\n", string(b))
	_, s = settled(t, root)
	require.False(t, s.Unhidden)
}

// Two commands that each change something else lose nothing of each other's.
func TestUpdate_keepsWhatOthersHaveWritten(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	_, err := workspace.Create(root, workspace.Meta{Lab: "a-lab"}, starter())
	require.NoError(t, err)
	var group sync.WaitGroup
	for range 10 {
		w, err := workspace.Find(root)
		require.NoError(t, err)
		group.Go(func() {
			for range 5 {
				if err := w.Update(func(m *workspace.Meta) { m.Seed++ }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	w, err := workspace.Find(root)
	require.NoError(t, err)
	require.EqualValues(t, 50, w.Meta.Seed)
}

func TestAdopt_writesWhatIsMissingOnly(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "src"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(root, "src", "app.py"), []byte("mine"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(root, "notes.txt"), []byte("mine"), 0o600))
	w, a, err := workspace.Adopt(root, workspace.Meta{Lab: "a-lab"}, starter(),
		workspace.File{Name: "README.md", Content: []byte("text")})
	require.NoError(t, err)
	require.Equal(t, []string{"src/app.py"}, a.Kept)
	require.Equal(t, []string{"scripts/deploy.sh", "template.yaml", "tool/go.mod", "README.md"}, a.Written)
	b, err := os.ReadFile(filepath.Join(root, "src", "app.py"))
	require.NoError(t, err)
	require.Equal(t, "mine", string(b))
	info, err := os.Stat(filepath.Join(root, "scripts", "deploy.sh"))
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&0o100)
	require.FileExists(t, w.Path(".gitignore"))
	_, s := settled(t, root)
	require.Equal(t, workspace.Settled{}, s)
	_, _, err = workspace.Adopt(root, workspace.Meta{Lab: "a-lab"}, starter())
	require.ErrorContains(t, err, "is a workspace already")
}

func TestAdopt_takesBackWhatItCouldNotFinish(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, "tool"), []byte("a file where a folder must be"), 0o600))
	_, _, err := workspace.Adopt(root, workspace.Meta{Lab: "a-lab"}, starter())
	require.Error(t, err)
	left, err := os.ReadDir(root)
	require.NoError(t, err)
	require.Len(t, left, 1)
	_, _, err = workspace.Adopt(root, workspace.Meta{Lab: "a-lab"}, fstest.MapFS{"a.txt": {Data: []byte("a")}})
	require.NoError(t, err, "what is in the way of no file does not matter")
}
