//go:build unix

package prefork_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/prefork"
)

// server is the process that has forked a program.
func parent(t *testing.T, i *prefork.Interpreters, dir string) string {
	t.Helper()
	o := run(t, i, dir, "", nil, []string{"python3", "parent.py"})
	require.Equal(t, 0, o.Exit.Code, o.Err)
	return strings.TrimSpace(o.Out)
}

func TestInterpreters_lendToAnother(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "parent.py"), []byte("import os\nprint(os.getppid())\n"), 0o600))
	own := prefork.New()
	t.Cleanup(own.Close)
	borrow := func() *prefork.Interpreters {
		f, err := own.Lend()
		require.NoError(t, err)
		i, err := prefork.Borrow(f)
		require.NoError(t, err)
		t.Cleanup(i.Close)
		return i
	}
	one, two := borrow(), borrow()
	first := parent(t, one, dir) // who lends has none yet, and starts it for this
	require.Equal(t, first, parent(t, two, dir))
	require.Equal(t, first, parent(t, own, dir))

	// Programs end with who asked for them, and with nobody else.
	long := func(i *prefork.Interpreters) *prefork.Process {
		found, err := exec.Command("python3", "-c", "import sys; print(sys.executable)").Output()
		require.NoError(t, err)
		cmd := exec.Command(strings.TrimSpace(string(found)), filepath.Join(dir, "long.py"))
		r, w, err := os.Pipe()
		require.NoError(t, err)
		cmd.Stdout = w
		p, err := i.Start(cmd, nil)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		_, err = r.Read(make([]byte, 1)) // it runs
		require.NoError(t, err)
		require.NoError(t, r.Close())
		return p
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "long.py"),
		[]byte("import signal\nprint(1, flush=True)\nsignal.pause()\n"), 0o600))
	ofOne, ofTwo, ofOwn := long(one), long(two), long(own)
	one.Close()
	require.Equal(t, -1, ofOne.Wait().Code)
	require.Equal(t, first, parent(t, two, dir))
	for _, p := range []*prefork.Process{ofTwo, ofOwn} {
		require.DirExists(t, filepath.Join("/proc", strconv.Itoa(p.Pid)), "it goes on")
	}
	own.Close()
	require.Equal(t, -1, ofTwo.Wait().Code)
	require.Equal(t, -1, ofOwn.Wait().Code)

	// What is not lent any more, one starts oneself.
	require.NotEqual(t, first, parent(t, two, dir))
}

func TestInterpreters_noneLendNothing(t *testing.T) {
	f, err := (*prefork.Interpreters)(nil).Lend()
	require.NoError(t, err)
	require.Nil(t, f)
	r, w, err := os.Pipe()
	require.NoError(t, err)
	_, err = prefork.Borrow(r)
	require.ErrorContains(t, err, "non-socket")
	require.NoError(t, w.Close())
}
