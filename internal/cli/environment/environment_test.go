package environment_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/cli/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m) }

func TestEnv_isWhatAShellReads(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	_, e := c.Work(t)
	a := c.Run("env")
	require.Equal(t, app.ExitOK, a.Code, a.Err)
	require.Contains(t, a.Out, "export AWS_ENDPOINT_URL='"+e.Endpoint().URL+"'\n")
	var vars map[string]string
	require.NoError(t, json.Unmarshal([]byte(c.Run("env", "--json").Out), &vars))
	require.Equal(t, e.Endpoint().URL, vars["AWS_ENDPOINT_URL"])
	require.Len(t, vars, strings.Count(a.Out, "\n"))
	require.Equal(t, app.ExitOK, c.Run("run", "--", "sh", "-c", "eval \""+a.Out+"\"; test $AWS_ENDPOINT_URL = "+
		e.Endpoint().URL).Code)
}

func TestRun_passesOnWhatItRuns(t *testing.T) {
	t.Parallel()
	c := clitest.New(t, "AWS_PROFILE=work", "AWS_SESSION_TOKEN=secret", "PIPELAB_TOKEN=secret", "MINE=kept")
	_, e := c.Work(t)
	c.In = strings.NewReader("typed")
	require.Equal(t, clitest.Answer{Code: 7, Out: "typed", Err: "said\n"}, c.Run("run", "--", "sh", "-c",
		"cat; echo said >&2; exit 7"))
	vars := strings.Split(c.Run("run", "env").Out, "\n")
	require.Contains(t, vars, "MINE=kept")
	require.Contains(t, vars, "AWS_ENDPOINT_URL="+e.Endpoint().URL)
	for _, v := range vars {
		require.NotContains(t, v, "secret")
		require.NotContains(t, v, "AWS_PROFILE")
	}
	require.Equal(t, 128+15, c.Run("run", "--", "sh", "-c", "kill -TERM $$").Code, "ended by a signal, as shells say it")

	c.Says(t, app.ExitEnvironment, "there is no program no-such-program on this machine", "", "run", "no-such-program")
	c.Says(t, app.ExitEnvironment, "there is no program ./nowhere on this machine", "", "run", "./nowhere")
	plain := c.Write(t, "plain.py", "print()")
	c.Says(t, app.ExitEnvironment, plain+" is no program that may be run", "pipelab run -- python3 FILE", "run", plain)
}

// The AWS CLI is told its endpoint as an option too, unless somebody does.
func TestRun_pointsTheAWSCLIAtTheEmulator(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	_, e := c.Work(t)
	cli := c.Write(t, "bin/aws", "#!/bin/sh\necho \"$@\"\n")
	require.NoError(t, os.Chmod(cli, 0o755))
	require.Equal(t, "--endpoint-url "+e.Endpoint().URL+" s3 ls\n", c.Run("run", "--", cli, "s3", "ls").Out)
	require.Equal(t, "s3 ls --endpoint-url=http://127.0.0.1:1\n",
		c.Run("run", "--", cli, "s3", "ls", "--endpoint-url=http://127.0.0.1:1").Out)
}

// Interrupted, a program may put away what it has; how it ends then is told.
func TestRun_letsAnInterruptedProgramEndByItself(t *testing.T) {
	t.Parallel()
	for script, code := range map[string]int{
		`trap "echo put away; exit 7" INT; echo ready; read x`: 7,
		`echo ready; exec cat`:                                 128 + 2,
	} {
		c := clitest.New(t)
		c.Work(t)
		in, w, err := os.Pipe()
		require.NoError(t, err)
		defer w.Close()
		c.In = in
		ctx, cancel := context.WithCancel(t.Context())
		var out string
		c.Out = &clitest.Seen{Do: func(all string) {
			if out = all; all == "ready\n" {
				cancel()
			}
		}}
		a := c.RunContext(ctx, "run", "--", "sh", "-c", script)
		require.Equal(t, code, a.Code, a.Err)
		require.Equal(t, code == 7, strings.HasSuffix(out, "put away\n"), out)
		require.NoError(t, in.Close())
	}
}

func TestDoctor_saysWhatIsThere(t *testing.T) {
	t.Setenv("PATH", t.TempDir()) // a machine with nothing on it; the scripts show one that has all
	c := clitest.New(t)
	c.Few()
	a := c.Run("doctor", "--json")
	require.Equal(t, app.ExitEnvironment, a.Code, "most labs need what is missing")
	require.Regexp(t, `^error: missing: Python 3, boto3\nhint: most labs need it: .+\n$`, a.Err)
	var found []struct {
		What, Seen, Hint string
		OK               *bool
	}
	require.NoError(t, json.Unmarshal([]byte(a.Out), &found))
	seen := map[string]bool{}
	for _, f := range found {
		require.NotNil(t, f.OK, f.What)
		require.True(t, *f.OK || f.Hint != "", "%s: what is missing comes with what to do", f.What)
		seen[f.What] = *f.OK
	}
	require.True(t, seen["system"] && seen["embedded"] && seen["cache folder"], a.Out)
	for _, what := range []string{"Python 3", "boto3", "Node.js", "AWS CLI"} {
		require.False(t, seen[what], what)
	}
	for _, what := range []string{"localstack", "ministack", "confinement"} { // the machine's
		require.Contains(t, seen, what)
	}
	c.Says(t, app.ExitEnvironment, "there is no Python 3 on this machine", "apt-get install python3 python3-venv",
		"doctor",
		"--setup")
	file := c.Write(t, "file", "")
	c.Environ = append(c.Environ, "PIPELAB_CACHE="+filepath.Join(file, "cache"))
	out := c.FitsWith(t, app.ExitEnvironment, 40, "doctor", file)
	require.Contains(t, out, "missing  cache folder\n")
	require.Contains(t, out, "         set PIPELAB_CACHE to a folder\n         that can be written\n")
}

func TestDoctor_ofOneEmulator(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	c.Few()
	for _, columns := range []int{40, 80} {
		require.Contains(t, c.Fits(t, columns, "doctor --emulator localstack", "which: "), "localstack judges ")
	}
	c.Says(t, app.ExitUsage, `there is no emulator "localstak"`, "did you mean localstack?", "doctor", "--emulator",
		"localstak")
	a := c.Run("doctor", "--emulator", "embedded", "--json")
	var rows []struct{ Capability, Meaning, Has string }
	require.NoError(t, json.Unmarshal([]byte(a.Out), &rows))
	require.NotEmpty(t, rows)
	for _, r := range rows {
		require.NotEmpty(t, r.Meaning, r.Capability)
		require.NotEmpty(t, r.Has, r.Capability)
	}
}

// The private Python environment is made whole or not at all.
func TestDoctor_setUpInterruptedIsDoneAnew(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("there is no python3 on this machine")
	}
	c := clitest.New(t)
	c.Few()
	cache := filepath.Join(c.Dir, "cache")
	c.Environ = append(c.Environ, "PIPELAB_CACHE="+cache)
	ctx, cancel := context.WithCancel(t.Context())
	c.Err = &clitest.Seen{Do: func(string) { cancel() }} // it tells where, then begins
	a := c.RunContext(ctx, "doctor", "--setup")
	require.Equal(t, app.ExitInterrupted, a.Code, a.Err)
	require.NotContains(t, a.Err, "error:")
	require.NoDirExists(t, filepath.Join(cache, "python"))

	t.Setenv("PATH", "")
	require.NoError(t, os.MkdirAll(filepath.Join(cache, "python"), 0o700))
	a = c.Run("doctor", "--setup", "--json")
	require.True(t, strings.HasPrefix(a.Err, "the Python environment is in "+filepath.Join(cache, "python")+"\n"), a.Err)
}
