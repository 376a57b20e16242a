package filelock_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/filelock"
)

// holder is the variable that makes this binary another process that holds a lock.
const holder = "FILELOCK_TEST_HOLDS"

func TestMain(m *testing.M) {
	path := os.Getenv(holder)
	if path == "" {
		os.Exit(m.Run())
	}
	if _, err := filelock.Try(path); err != nil {
		os.Exit(1)
	}
	_, _ = os.Stdout.WriteString("held\n")
	_, _ = os.Stdin.Read(make([]byte, 1)) // until it is killed
}

func TestTry_isOnesAloneUntilItIsClosed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	first, err := filelock.Try(path)
	require.NoError(t, err)
	require.FileExists(t, path)
	_, err = filelock.Try(path)
	require.ErrorIs(t, err, filelock.ErrHeld, "also within one process")
	require.NoError(t, first.Close())
	again, err := filelock.Try(path)
	require.NoError(t, err)
	require.NoError(t, again.Close())
}

// A process that is killed leaves nothing locked.
func TestTry_isFreeWhenItsProcessDies(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), holder+"="+path)
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	defer in.Close()
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "held\n", line)
	_, err = filelock.Try(path)
	require.ErrorIs(t, err, filelock.ErrHeld)
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	f, err := filelock.Try(path)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

func TestTry_saysWhichFileCannotBeOpened(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "no", "lock")
	_, err := filelock.Try(path)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NotErrorIs(t, err, filelock.ErrHeld)
	require.ErrorContains(t, err, path)
	_, err = filelock.Take(path)
	require.ErrorIs(t, err, os.ErrNotExist)
}

// What is in the file stays: others may write there who they are.
func TestTry_keepsWhatIsInTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	require.NoError(t, os.WriteFile(path, []byte("4711"), 0o600))
	f, err := filelock.Try(path)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "4711", string(b))
}

// Many who each add a line, reading and writing the whole file, lose none.
func TestTake_letsOneInAfterTheOther(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	lines := filepath.Join(dir, "lines")
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			f, err := filelock.Take(filepath.Join(dir, "lock"))
			if err != nil {
				t.Error(err)
				return
			}
			defer f.Close()
			b, err := os.ReadFile(lines)
			if err != nil && !os.IsNotExist(err) {
				t.Error(err)
			}
			if err := os.WriteFile(lines, append(b, "x\n"...), 0o600); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	b, err := os.ReadFile(lines)
	require.NoError(t, err)
	require.Len(t, b, 40)
}
