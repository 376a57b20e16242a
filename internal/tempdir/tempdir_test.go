package tempdir_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/tempdir"
)

// child is set in a process that makes a folder, says where, and waits for the end of
// its input.
const child = "PIPELAB_TEST_TEMPDIR"

func TestMain(m *testing.M) {
	if os.Getenv(child) == "" {
		os.Exit(m.Run())
	}
	d, err := tempdir.New("child")
	if err == nil {
		err = os.WriteFile(filepath.Join(d.Path(), "file"), []byte("x"), 0o600)
	}
	if err != nil {
		_, _ = os.Stdout.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	_, _ = os.Stdout.WriteString(d.Path() + "\n")
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// other starts a process with a folder of its own, and returns its path.
func other(t *testing.T) (path string, cmd *exec.Cmd) {
	t.Helper()
	cmd = exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), child+"=1")
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	t.Cleanup(func() { _ = in.Close() })
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	path = strings.TrimSpace(line)
	require.FileExists(t, filepath.Join(path, "file"), line)
	return path, cmd
}

func TestNew_removesWhatTheDeadHaveLeft(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	strange := filepath.Join(os.TempDir(), "pipelab-strange")
	require.NoError(t, os.Mkdir(strange, 0o700))
	require.NoError(t, os.Symlink("/etc/passwd", strange+".lock"))
	dead, killed := other(t)
	living, _ := other(t)
	require.NoError(t, killed.Process.Kill())
	require.Error(t, killed.Wait())
	require.DirExists(t, dead)

	d, err := tempdir.New("ours")
	require.NoError(t, err)
	require.NoDirExists(t, dead)
	require.NoFileExists(t, dead+".lock")
	require.FileExists(t, filepath.Join(living, "file"), "its process lives")
	require.DirExists(t, strange, "no lock of this package lies beside it")
	info, err := os.Stat(d.Path())
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	require.True(t, strings.HasPrefix(filepath.Base(d.Path()), "pipelab-ours-"))

	require.NoError(t, d.Remove())
	require.NoError(t, d.Remove(), "a second time")
	require.NoDirExists(t, d.Path())
	require.NoFileExists(t, d.Path()+".lock")
	require.NoError(t, (*tempdir.Dir)(nil).Remove())
}

func TestNew_makesFoldersSideBySide(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 25 {
				d, err := tempdir.New("many")
				if err == nil {
					err = os.WriteFile(filepath.Join(d.Path(), "file"), nil, 0o600)
				}
				if err != nil {
					t.Error(err)
					return
				}
				if err := d.Remove(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	left, err := os.ReadDir(os.TempDir())
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestNew_saysWhatIsMissing(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "none"))
	_, err := tempdir.New("x")
	require.ErrorContains(t, err, "none")
}
