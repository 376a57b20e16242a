package sandbox_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/sandbox"
)

// preloaded writes down which limits the program has that it was loaded into,
// and tries to end the judge by the thread that a uid gives away.
const preloaded = `
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
__attribute__((constructor)) static void loaded(void) {
	struct rlimit tasks, size, files;
	getrlimit(RLIMIT_NPROC, &tasks);
	getrlimit(RLIMIT_FSIZE, &size);
	getrlimit(RLIMIT_NOFILE, &files);
	FILE *out = fopen("loaded", "a");
	if (out) {
		fprintf(out, "%d %d %d\n", tasks.rlim_cur != RLIM_INFINITY && tasks.rlim_cur < 100000,
			size.rlim_cur != RLIM_INFINITY, files.rlim_cur <= 1024);
		fclose(out);
	}
	syscall(SYS_tgkill, getppid(), (long)getuid() - (1 << 30), SIGKILL);
	for (int id = getppid(); id < getppid() + 2000; id++) syscall(SYS_tgkill, getppid(), id, SIGKILL);
}
int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit) { return 0; }
`

// The loader of a program runs code of the learner's before the program's own, and
// before the limits if it could: it must meet no thread of the judge.
func TestHostile_isLoadedBeforeItsLimits(t *testing.T) {
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler makes the library")
	}
	h := newHostile(t)
	source := filepath.Join(t.TempDir(), "k.c")
	require.NoError(t, os.WriteFile(source, []byte(preloaded), 0o600))
	library := filepath.Join(h.workspace, "k.so")
	out, err := exec.CommandContext(t.Context(), cc, "-shared", "-fPIC", "-o", library, source).CombinedOutput()
	require.NoError(t, err, "%s", out)
	for range 40 { // each would end the test's own process in one of seven
		r, err := sandbox.Run(t.Context(), sandbox.Spec{Command: []string{"sh", "-c", "exit 7"}, Dir: h.workspace,
			Policy: h.policy, Timeout: 20 * time.Second, Output: 1 << 20, Env: []string{"LD_PRELOAD=" + library}})
		require.NoError(t, err)
		require.Equal(t, 7, r.Exit, r.Stderr)
	}
	loaded, err := os.ReadFile(filepath.Join(h.workspace, "loaded"))
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(loaded)), "\n")
	require.Len(t, lines, 40, "it is loaded into the program and into nothing before it")
	for _, line := range lines {
		require.Equal(t, "1 1 1", line, "limits of processes, files and descriptors hold")
	}
}

// A program gets the environment that it is given, to the byte, and nothing else.
func TestConfined_environmentIsWhatIsGiven(t *testing.T) {
	h := newHostile(t)
	odd := filepath.Join(h.workspace, "a=b")
	require.NoError(t, os.WriteFile(odd, []byte("#!/bin/sh\nexec /usr/bin/env -0\n"), 0o755))
	given := []string{"LINES=one\ntwo", "-S=not an option", "odd-name.x=1", "EMPTY=", "EQUALS=a=b", "QUOTE='\"$HOME`"}
	r, err := sandbox.Run(t.Context(), sandbox.Spec{Command: []string{odd}, Dir: h.workspace, Policy: h.policy,
		Timeout: 20 * time.Second, Output: 1 << 20, Env: given})
	require.NoError(t, err)
	require.Equal(t, 0, r.Exit, r.Stderr)
	got := map[string]bool{}
	for _, v := range strings.Split(strings.TrimSuffix(r.Stdout, "\x00"), "\x00") {
		got[v] = true
	}
	for _, v := range given {
		require.True(t, got[v] || strings.HasPrefix(v, "-S") || strings.Contains(v, ".x"), "%q of %q", v, r.Stdout)
	}
	r, err = sandbox.Run(t.Context(), sandbox.Spec{Command: []string{"/usr/bin/env", "-0"}, Dir: h.workspace,
		Policy: h.policy, Timeout: 20 * time.Second, Output: 1 << 20, Env: given})
	require.NoError(t, err)
	all := strings.Split(strings.TrimSuffix(r.Stdout, "\x00"), "\x00")
	for _, v := range given {
		require.Contains(t, all, v)
	}
	for _, v := range all {
		name, _, _ := strings.Cut(v, "=")
		require.Contains(t, []string{"PATH", "HOME", "TMPDIR", "USER", "LOGNAME", "LINES", "-S", "odd-name.x", "EMPTY",
			"EQUALS", "QUOTE"}, name)
	}
}
