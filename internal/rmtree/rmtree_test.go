//go:build unix

package rmtree_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/rmtree"
)

const child = "PIPELAB_TEST_RMTREE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(child); dir != "" {
		if err := rmtree.RemoveAll(dir); err != nil {
			_, _ = os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// As an ordinary user, whom modes hold: the test calls itself as nobody where it is root.
func TestRemoveAll_removesFoldersThatAreClosed(t *testing.T) {
	parent, err := os.MkdirTemp("", "rmtree-") //nolint:usetesting // nobody may enter the folder of a test of root
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(parent) })
	dir, kept := filepath.Join(parent, "work"), filepath.Join(parent, "kept")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "a/b/c"), 0o755))
	require.NoError(t, os.Mkdir(kept, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a/b/c/file"), nil, 0o600))
	require.NoError(t, os.Symlink(kept, filepath.Join(dir, "a/link")))
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), child+"="+dir)
	if os.Getuid() == 0 {
		const nobody = 65534
		require.NoError(t, filepath.WalkDir(parent, func(path string, _ os.DirEntry, err error) error {
			return os.Lchown(path, nobody, nobody)
		}))
		self, err := os.ReadFile(os.Args[0])
		require.NoError(t, err)
		cmd.Path = filepath.Join(parent, "test") // the test's own folder is root's
		require.NoError(t, os.WriteFile(cmd.Path, self, 0o755))
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	require.NoError(t, os.Chmod(filepath.Join(dir, "a/b/c"), 0o100))
	require.NoError(t, os.Chmod(filepath.Join(dir, "a/b"), 0o300))
	require.NoError(t, os.Chmod(filepath.Join(dir, "a"), 0o000))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NoDirExists(t, dir)
	require.DirExists(t, kept, "a link's target is not touched")
}
