package session_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/cli/clitest"
	"github.com/pipelab/pipelab/internal/workspace"
)

func TestMain(m *testing.M) { clitest.Main(m) }

// A lab from start to stop, with an emulator that is a process of its own.
func TestSession_fromStartToStop(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	c.Lab(t)
	var started struct {
		Lab, Dir, Endpoint string
		Outputs            map[string]string
	}
	a := c.Run("start", "small", "--dir", "mine", "--json")
	require.Equal(t, app.ExitOK, a.Code, a.Err)
	require.NoError(t, json.Unmarshal([]byte(a.Out), &started))
	require.Equal(t, "small", started.Lab)
	require.Equal(t, filepath.Join(c.Dir, "mine"), started.Dir)
	require.Contains(t, started.Outputs["ProvidedUrl"], "/given")
	again := c.Run("start", "./small", "--dir", "mine")
	require.Equal(t, app.ExitOK, again.Code, "one goes on with what is there: %s", again.Err)
	require.Contains(t, again.Out, "  endpoint     "+started.Endpoint+"\n")
	require.Contains(t, again.Out, "\nnext: cd "+started.Dir+", read README.md, then: pipelab check\n")
	c.Says(t, app.ExitUsage, "uses the emulator embedded", "choose another folder: --dir FOLDER", "start", "small",
		"--dir",
		"mine", "--emulator", started.Endpoint)

	c.Dir = filepath.Join(started.Dir, ".pipelab") // also from below
	var status struct {
		Running, Solved         *bool
		Deployed, Dir, Endpoint string
	}
	require.NoError(t, json.Unmarshal([]byte(c.Run("status", "--json").Out), &status))
	require.True(t, *status.Running)
	require.False(t, *status.Solved)
	require.Equal(t, "nothing yet", status.Deployed)
	require.Equal(t, started.Endpoint, status.Endpoint)
	require.Contains(t, c.Run("status").Out, "checks    none run yet\n")
	w, err := workspace.Find(started.Dir)
	require.NoError(t, err)
	d, _, err := w.Daemon()
	require.NoError(t, err)
	process, err := os.FindProcess(d.PID)
	require.NoError(t, err)
	require.NoError(t, process.Signal(syscall.Signal(0)))
	require.Equal(t, clitest.Answer{Err: "stopped; what is in the emulated AWS stays for the next time\n"}, c.Run("stop"))
	// Its address says nothing: the next emulator on this machine takes it.
	require.ErrorIs(t, process.Signal(syscall.Signal(0)), os.ErrProcessDone)
	require.Equal(t, clitest.Answer{Err: "nothing is running\n"}, c.Run("stop"))
	require.Contains(t, c.Run("status").Out, "emulator  not running; the next command that needs it starts it\n")
}

// Interrupted, start leaves no process, and can be done again.
func TestStart_interruptedLeavesNoEmulator(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	c.Lab(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Equal(t, clitest.Answer{Code: app.ExitInterrupted}, c.RunContext(ctx, "start", "small", "--dir", "mine"))
	w, err := workspace.Find(filepath.Join(c.Dir, "mine"))
	require.NoError(t, err)
	_, known, err := w.Daemon()
	require.NoError(t, err)
	require.False(t, known)
	c.Dir = w.Root
	require.Contains(t, c.Run("status").Out, "emulator  not running;")
}

func TestStart_refusesFoldersThatAreTaken(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	c.Lab(t)
	c.Write(t, "full/template.yaml", "mine")
	c.Says(t, app.ExitEnvironment, "full holds template.yaml already; nothing was written",
		"or choose another folder: --dir FOLDER",
		"start", "small", "--dir", "full")
	b, err := os.ReadFile(filepath.Join(c.Dir, "full", "template.yaml"))
	require.NoError(t, err)
	require.Equal(t, "mine", string(b))
	c.Write(t, "file", "")
	c.Says(t, app.ExitEnvironment, "file", "choose another folder: --dir FOLDER", "start", "small", "--dir", "file/below")
	_, err = workspace.Create(filepath.Join(c.Dir, "other"), workspace.Meta{Lab: "s3-landing-zone"}, os.DirFS(t.TempDir()))
	require.NoError(t, err)
	c.Says(t, app.ExitUsage, "is a workspace of the lab s3-landing-zone", "choose another folder: --dir FOLDER",
		"start", "small", "--dir", "other")
	c.Says(t, app.ExitUsage, `there is no emulator "embeded"`, "did you mean embedded?", "start", "small", "--dir", "new",
		"--emulator", "embeded")
	require.NoDirExists(t, filepath.Join(c.Dir, "new"), "what cannot be used is said before a folder is made")
	c.Says(t, app.ExitEnvironment, "127.0.0.1:1", "is it running?", "start", "small", "--dir", "new", "--emulator",
		"http://127.0.0.1:1")
	c.Says(t, app.ExitUsage, "amazonaws.com", "--i-know-this-is-real-aws", "start", "small", "--dir", "new", "--emulator",
		"https://sqs.us-east-1.amazonaws.com")
	require.NoDirExists(t, filepath.Join(c.Dir, "new"))
	require.NoError(t, os.RemoveAll(filepath.Join(c.Dir, "small", "starter")))
	require.Equal(t, app.ExitInvalid, c.Run("start", "small", "--dir", "new").Code)
}

func TestStatus_ofWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	w, _ := c.Work(t)
	c.Write(t, ".pipelab/result.json", "{")
	c.Says(t, app.ExitEnvironment, w.Path("result.json"), "", "status")
	require.NoError(t, os.Remove(w.Path("result.json")))
	c.Write(t, ".pipelab/workspace.json", `{"version": 99}`)
	c.Says(t, app.ExitEnvironment, "was made by a newer pipelab", "", "status")
	c.Write(t, ".pipelab/workspace.json", `{`)
	c.Says(t, app.ExitEnvironment, w.Path("workspace.json"), "", "status")
}
