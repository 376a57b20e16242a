//go:build amd64 || arm64

package confine_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pipelab/pipelab/internal/confine"
)

// do names what the test's own program does as a confined one.
const do = "PIPELAB_TEST_DO"

func TestMain(m *testing.M) {
	switch os.Getenv(do) {
	case "":
		os.Exit(m.Run())
	case "fly":
		fly()
	case "wait":
		time.Sleep(time.Minute)
	}
}

// fly fills sockets and keeps them in others, on their way to nobody: no process has
// them open, so only the kernel counts what they hold.
func fly() {
	var to [2]int
	full := make([]byte, 64<<10)
	for n := range 900 {
		if n%100 == 0 { // one keeps some hundred messages
			to, _ = unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		}
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			os.Exit(4)
		}
		for err == nil {
			_, err = unix.Write(pair[0], full)
		}
		if unix.Sendmsg(to[0], []byte("x"), unix.UnixRights(pair[1]), nil, 0) != nil {
			break
		}
		_, _ = unix.Close(pair[0]), unix.Close(pair[1])
	}
	time.Sleep(time.Minute)
}

// grouped is a policy with control groups.
func grouped(t *testing.T) *confine.Policy {
	t.Helper()
	if mode, reason := confine.Available(); mode != confine.Landlock {
		t.Skip(reason)
	}
	folder, err := confine.Groups()
	if err != nil {
		t.Skip(err)
	}
	return &confine.Policy{Groups: folder, Read: []string{os.Args[0]}, Memory: 32 << 20, Processes: 8}
}

func start(t *testing.T, p *confine.Policy, what string) (*exec.Cmd, *confine.Cage) {
	t.Helper()
	cage, err := p.Cage()
	require.NoError(t, err)
	t.Cleanup(cage.End)
	cmd := exec.Command(os.Args[0])
	cmd.Env = []string{do + "=" + what}
	require.NoError(t, cage.Start(cmd))
	return cmd, cage
}

func groupsOf(t *testing.T, p *confine.Policy) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(p.Groups, "pipelab-cage-*"))
	require.NoError(t, err)
	return found
}

func TestGroups_boundWhatNoProcessHas(t *testing.T) {
	p := grouped(t)
	cmd, cage := start(t, p, "fly")
	require.ErrorContains(t, cmd.Wait(), "killed")
	cage.Look()
	require.Equal(t, "it took more than 32 MiB of memory", cage.Breach())
	cage.End()
	require.Empty(t, groupsOf(t, p))
}

func TestGroups_haveTheLimitsOfThePolicyAndGoWithTheCage(t *testing.T) {
	p := grouped(t)
	cmd, cage := start(t, p, "wait")
	groups := groupsOf(t, p)
	require.Len(t, groups, 1)
	for file, want := range map[string]string{"memory.max": "100663296", "pids.max": "200"} {
		b, err := os.ReadFile(filepath.Join(groups[0], file))
		require.NoError(t, err)
		require.Equal(t, want, strings.TrimSpace(string(b)), file)
	}
	members, err := os.ReadFile(filepath.Join(groups[0], "cgroup.procs"))
	require.NoError(t, err)
	require.Contains(t, strings.Fields(string(members)), pid(cmd))
	cage.End()
	require.ErrorContains(t, cmd.Wait(), "killed")
	require.Empty(t, cage.Breach())
	require.Empty(t, groupsOf(t, p))
}

// A judge that is killed leaves its groups; the next one ends what is in them.
func TestGroups_ofAJudgeThatWasKilledAreEnded(t *testing.T) {
	p := grouped(t)
	dead := exec.Command(os.Args[0], "-test.run=^$")
	require.NoError(t, dead.Run())
	left := filepath.Join(p.Groups, "pipelab-cage-"+pid(dead)+"-left")
	require.NoError(t, os.Mkdir(left, 0o755))
	orphan := exec.Command(os.Args[0])
	orphan.Env = []string{do + "=wait"}
	require.NoError(t, orphan.Start())
	require.NoError(t, os.WriteFile(filepath.Join(left, "cgroup.procs"), []byte(pid(orphan)), 0))
	_, err := confine.Groups()
	require.NoError(t, err)
	require.NoDirExists(t, left)
	require.ErrorContains(t, orphan.Wait(), syscall.SIGKILL.String())
}

func pid(cmd *exec.Cmd) string { return strconv.Itoa(cmd.Process.Pid) }
