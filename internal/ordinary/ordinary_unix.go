//go:build unix

// Package ordinary runs tests of root again as an ordinary user. Most people are no
// root: what root may look at is closed to them, and a program is of the same user as
// its judge.
package ordinary

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// again is in the environment of the second run.
const again = "PIPELAB_TEST_ORDINARY"

// nobody is a user who owns nothing.
const nobody = 65534

// Rerun runs the tests of the calling package whose names match the pattern as
// somebody who is not root, in a folder of his own. It skips where the tests are not
// root's, and where an ordinary user has none of the tools that they need.
func Rerun(t *testing.T, pattern string, tools ...string) {
	t.Helper()
	if os.Getuid() != 0 || os.Getenv(again) != "" {
		t.Skip("the tests are run by an ordinary user already")
	}
	parent, err := os.MkdirTemp("", "ordinary-") //nolint:usetesting // nobody may enter the folder of a test of root
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(parent)) })
	self, err := os.ReadFile(os.Args[0])
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), filepath.Join(parent, "test"), "-test.run="+pattern, "-test.count=1")
	require.NoError(t, os.WriteFile(cmd.Path, self, 0o755))
	require.NoError(t, os.Chown(parent, nobody, nobody))
	cmd.Dir = parent
	cmd.Env = append(os.Environ(), again+"=1", "TMPDIR="+parent, "HOME="+parent, "GOCACHE="+parent)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	for _, tool := range tools {
		probe := exec.CommandContext(t.Context(), "/bin/sh", "-c", "command -v "+tool)
		probe.Dir, probe.Env, probe.SysProcAttr = cmd.Dir, cmd.Env, cmd.SysProcAttr
		if err := probe.Run(); err != nil {
			t.Skipf("an ordinary user has no %s here: %v", tool, err)
		}
	}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "PASS")
	require.NotContains(t, string(out), "no tests to run")
}
