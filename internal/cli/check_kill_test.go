package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What a check that is killed leaves among the temporary files, the next one removes.
func TestCheck_sweepsWhatAKilledOneHasLeft(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the program is a shell script")
	}
	dir := killClass(t)
	temp := t.TempDir()
	pipelab := func(args ...string) *exec.Cmd {
		cmd := exec.Command("pipelab", args...)
		cmd.Dir = filepath.Join(dir, "work")
		cmd.Env = append(os.Environ(), "TMPDIR="+temp, "PIPELAB_STATE="+filepath.Join(dir, "state"))
		return cmd
	}
	start := pipelab("start", "tiny", "--dir", "work")
	start.Dir = dir
	output, err := start.CombinedOutput()
	require.NoError(t, err, string(output))
	defer func() { _ = pipelab("stop").Run() }() // the test has failed if there is nothing to stop
	path := func(name string) string { return filepath.Join(dir, "work", name) }
	exists := func(name string) bool { _, err := os.Stat(name); return err == nil }
	require.NoError(t, os.WriteFile(path("app.sh"),
		[]byte("touch here; while [ ! -e go ]; do sleep 0.05; done; echo $1\n"), 0o600))

	check := pipelab("check")
	require.NoError(t, check.Start())
	require.Eventually(t, func() bool { return exists(path("here")) }, time.Minute, time.Millisecond)
	require.NoError(t, check.Process.Kill())
	require.Error(t, check.Wait())
	require.NoError(t, os.WriteFile(path("go"), nil, 0o600)) // so that the program ends
	left, err := filepath.Glob(filepath.Join(temp, "pipelab-run-*"))
	require.NoError(t, err)
	require.NotEmpty(t, left)

	output, err = pipelab("check").CombinedOutput()
	require.NoError(t, err, string(output))
	for _, name := range left {
		require.False(t, exists(name), name)
	}
}
