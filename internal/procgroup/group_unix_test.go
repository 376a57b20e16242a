//go:build unix

package procgroup_test

import (
	"bufio"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/procgroup"
)

// A shell, and a child of it that ignores polite requests, hold the ends of two
// pipes: who reads the one sees an end of file when both are gone.
func TestEnd_killsAProgramAndItsChildren(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("sh", "-c",
		`trap "" TERM INT HUP; exec 3<&0; sh -c 'trap "" TERM INT HUP; echo $$; read x <&3' & wait`)
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	defer in.Close()
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	procgroup.Own(cmd)
	require.NoError(t, cmd.Start())
	lines := bufio.NewReader(out)
	child, err := lines.ReadString('\n')
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(child))
	require.NoError(t, err)
	group, err := syscall.Getpgid(pid)
	require.NoError(t, err)
	require.Equal(t, cmd.Process.Pid, group)
	require.NotEqual(t, syscall.Getpgrp(), group, "not the group of this test")

	procgroup.End(cmd.Process.Pid)
	_, err = lines.ReadString('\n')
	require.Error(t, err, "nobody holds the other end any more")
	require.Error(t, cmd.Wait())
	require.Equal(t, syscall.SIGKILL, cmd.ProcessState.Sys().(syscall.WaitStatus).Signal())
	procgroup.End(cmd.Process.Pid) // once more does nothing
}

// Numbers that mean "my group" and "everybody" to the kernel kill nobody.
func TestEnd_ofNoProgramKillsNobody(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("cat") // in this test's own group
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	procgroup.End(0)
	require.NoError(t, in.Close())
	require.NoError(t, cmd.Wait(), "it ended by itself")
}
