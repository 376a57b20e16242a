package session_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/cli/clitest"
	"github.com/pipelab/pipelab/internal/filelock"
)

// known is a row of status --all.
type known struct {
	Lab, Dir, Endpoint, EndsAfter string
	Running                       bool
	PID                           int
	MemoryBytes                   int64
}

// all asks about every workspace, which is no use of their emulators.
func all(t *testing.T, c *clitest.Terminal) (rows []known) {
	t.Helper()
	a := c.Run("status", "--all", "--json")
	require.Equal(t, app.ExitOK, a.Code, a.Err)
	require.NoError(t, json.Unmarshal([]byte(a.Out), &rows))
	return rows
}

// A copy has an emulated AWS of its own: what is done in it the original does not
// notice. A folder that is moved takes its own along.
func TestWorkspace_isBoundToItsFolder(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	c.Lab(t)
	top := c.Dir
	require.Equal(t, app.ExitOK, c.Run("start", "small", "--dir", "mine").Code)
	require.NoError(t, os.CopyFS(filepath.Join(top, "copy"), os.DirFS(filepath.Join(top, "mine"))))
	b, err := os.ReadFile(filepath.Join(top, "mine", ".pipelab", ".gitignore"))
	require.NoError(t, err)
	require.Equal(t, "*\n", string(b))

	c.Dir = filepath.Join(top, "copy")
	a := c.Run("status")
	require.Equal(t, "note: this folder is a copy of "+filepath.Join(top, "mine")+
		"; it gets an emulated AWS of its own, which is empty at first\n", a.Err)
	require.Contains(t, a.Out, "emulator  not running;")
	require.Equal(t, "nothing is running\n", c.Run("stop").Err)
	a = c.Run("deploy")
	require.Equal(t, app.ExitOK, a.Code, a.Err)
	require.Contains(t, a.Out, "/given", "what the lab provides is set up again")
	rows := all(t, c)
	require.Len(t, rows, 2)
	require.True(t, rows[0].Running && rows[1].Running, "%+v", rows)
	require.NotEqual(t, rows[0].Endpoint, rows[1].Endpoint)
	require.Positive(t, rows[0].MemoryBytes)
	require.Equal(t, "1h0m0s", rows[0].EndsAfter)
	require.Equal(t, app.ExitOK, c.Run("stop").Code)
	rows = all(t, c)
	require.Equal(t, []string{filepath.Join(top, "copy"), filepath.Join(top, "mine")}, []string{rows[0].Dir, rows[1].Dir})
	require.False(t, rows[0].Running)
	require.True(t, rows[1].Running, "stop in the copy left it alone")

	require.NoError(t, os.Rename(filepath.Join(top, "mine"), filepath.Join(top, "moved")))
	c.Dir = filepath.Join(top, "moved")
	a = c.Run("fault", "list", "--json")
	require.Equal(t, clitest.Answer{Out: "[]\n",
		Err: "the folder was moved; starting the emulator again with its state\n"}, a)
	require.Equal(t, filepath.Join(top, "moved"), all(t, c)[1].Dir)

	c.Dir = top
	a = c.Run("status", "--all")
	require.Regexp(t, `(?m)^small\n  folder    .*copy\n  emulator  not running\nsmall\n  folder    .*moved\n`+
		`  emulator  http://\S+, process \d+, \d+ MB, (in use|unused for \S+) \(ends after\s+1h0m0s\)\n\n`+
		`1 of 2 running, \d+ MB\n$`, a.Out)
	for _, columns := range []int{40, 80, 120} {
		c.Fits(t, columns, "status --all", "  folder  ") // a path is one word
	}
	var stopped []struct {
		Dir           string
		Stopped, Kept bool
	}
	require.NoError(t, json.Unmarshal([]byte(c.Run("stop", "--all", "--json").Out), &stopped))
	require.Len(t, stopped, 1)
	require.True(t, stopped[0].Stopped && stopped[0].Kept)
	require.Equal(t, clitest.Answer{Err: "nothing is running\n"}, c.Run("stop", "--all"))
	require.NoError(t, os.RemoveAll(filepath.Join(top, "copy")))
	require.NoError(t, os.RemoveAll(filepath.Join(top, "moved")))
	require.Empty(t, all(t, c))
}

// An emulator that nothing uses ends, and the next command brings it back as it was.
func TestEmulator_endsUnusedAndComesBack(t *testing.T) {
	t.Parallel()
	c := clitest.New(t, "PIPELAB_IDLE=2s")
	c.Lab(t)
	top := c.Dir
	a := c.Run("start", "small", "--dir", "mine")
	require.Equal(t, app.ExitOK, a.Code, a.Err)
	require.Eventually(t, func() bool { return !all(t, c)[0].Running }, time.Minute, 10*time.Millisecond)
	c.Dir = filepath.Join(top, "mine")
	log, err := os.ReadFile(filepath.Join(c.Dir, ".pipelab", "emulator.log"))
	require.NoError(t, err)
	require.Contains(t, string(log), "nothing has used it for 2s; the emulator ends")
	c.Environ = append(c.Environ, "PIPELAB_IDLE=0")
	a = c.Run("deploy")
	require.Equal(t, app.ExitOK, a.Code, a.Err)
	require.Contains(t, a.Err, "the emulator is not running; starting it again with its state\n")
	require.Contains(t, a.Out, "/given", "what was provided is there still")
	rows := all(t, c)
	require.True(t, rows[0].Running)
	require.Empty(t, rows[0].EndsAfter)
	require.NoError(t, os.RemoveAll(c.Dir))
	c.Dir = top
	process, err := os.FindProcess(rows[0].PID)
	require.NoError(t, err)
	state, err := process.Wait() // the test's binary has started it
	require.NoError(t, err, "without its folder nobody would find it")
	require.True(t, state.Success(), state)
	c.Environ = append(c.Environ, "PIPELAB_IDLE=soon")
	c.Says(t, app.ExitUsage, `PIPELAB_IDLE is "soon", which is no duration`, "write it as", "start", "small", "--dir",
		"new")
}

// Two commands that change the same thing go one after the other, and the second says
// for whom it waits.
func TestCommands_thatChangeAWorkspaceWaitForEachOther(t *testing.T) {
	t.Parallel()
	c := clitest.New(t, "PIPELAB_WAIT=0")
	w, _ := c.Work(t)
	lock, err := filelock.Try(w.Path("lock"))
	require.NoError(t, err)
	_, err = fmt.Fprintf(lock, `{"pid": 4711, "command": "pipelab check --keep", "since": %q}`,
		time.Date(2026, 3, 6, 12, 3, 4, 0, time.Local).Format(time.RFC3339))
	require.NoError(t, err)
	for _, line := range []string{"deploy", "reset", "stop", "solve --yes", "check --keep", "check --no-deploy",
		"time advance 1h", "time hold", "fault add error", "fault clear", "start ../small --dir ."} {
		c.Says(t, app.ExitEnvironment, `"pipelab check --keep" (process 4711, since 12:03:04) is at work in `+w.Root,
			"wait for it to end, then do the same again", strings.Fields(line)...)
	}
	for line, code := range map[string]int{"check": app.ExitFailed, "status": app.ExitOK, "trace": app.ExitOK,
		"hint": app.ExitOK, "env": app.ExitOK, "time show": app.ExitOK, "fault list": app.ExitOK} {
		a := c.Run(strings.Fields(line)...)
		require.Contains(t, []int{code, app.ExitUsage}, a.Code, "%s disturbs nobody: %s", line, a.Err)
	}
	c.Environ = append(c.Environ, "PIPELAB_WAIT=1h")
	var free sync.Once
	c.Err = &clitest.Seen{Do: func(said string) {
		if strings.Contains(said, "waiting for it to end") {
			free.Do(func() { require.NoError(t, lock.Close()) })
		}
	}}
	a := c.Run("deploy")
	require.Equal(t, app.ExitOK, a.Code, a.Err)
	require.Contains(t, a.Err, "since 12:03:04) is at work in "+w.Root+"; waiting for it to end\n")
	c.Err = nil

	var group sync.WaitGroup
	answers := make([]clitest.Answer, 2)
	for i := range answers {
		own := *c
		group.Go(func() { answers[i] = own.Run("check", "--keep") })
	}
	group.Wait()
	for _, a := range answers {
		require.Equal(t, app.ExitFailed, a.Code, a.Err)
		require.Contains(t, a.Out, "There is a queue named answer")
	}
}

func TestStart_takesUpOnesOwnFiles(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	c.Lab(t)
	top := c.Dir
	c.Write(t, "clone/template.yaml", "Resources: {}\n# mine\n")
	c.Says(t, app.ExitEnvironment, "holds template.yaml already; nothing was written",
		"cd "+filepath.Join(top, "clone")+" && pipelab start small --here", "start", "small", "--dir", "clone")
	c.Dir = filepath.Join(top, "clone")
	c.Environ = append(c.Environ, "HOME="+top)
	a := c.Run("start", "../small", "--here")
	require.Equal(t, app.ExitOK, a.Code, a.Err)
	require.Contains(t, a.Out,
		"\nkept as they are:  template.yaml\nwritten:           README.md\n\nnext: read README.md, then")
	b, err := os.ReadFile(filepath.Join(c.Dir, "template.yaml"))
	require.NoError(t, err)
	require.Equal(t, "Resources: {}\n# mine\n", string(b))
	a = c.Run("start", "../small", "--here", "--json")
	require.Equal(t, app.ExitOK, a.Code, "it goes on: %s", a.Err)
	require.NotContains(t, a.Out, `"kept"`)
	require.Equal(t, app.ExitOK, c.Run("stop").Code)
	c.Dir = top
	c.Says(t, app.ExitUsage, top+" holds more than one lab's work", "make a folder for the lab", "start", "small",
		"--here")
	c.Says(t, app.ExitUsage, "here", "see: pipelab start --help", "start", "small", "--here", "--dir", "x")
}

// A lab that was updated says so once; its text follows unless it was changed, and what
// it provides comes with reset.
func TestWorkspace_isToldThatItsLabWasUpdated(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	w, _ := c.Work(t)
	lab := w.Meta.Source
	c.Write(t, "README.md", "# Small\n\nMake a queue.\n")
	require.Equal(t, app.ExitOK, c.Run("reset").Code)
	replace := func(name, old, with string) {
		b, err := os.ReadFile(filepath.Join(lab, name))
		require.NoError(t, err)
		require.Contains(t, string(b), old)
		require.NoError(t, os.WriteFile(filepath.Join(lab, name), []byte(strings.Replace(string(b), old, with, 1)), 0o600))
	}
	require.Empty(t, c.Run("status").Err)
	replace("README.md", "Make a queue.", "Make a queue with a name.")
	replace("lab.yaml", "id: given", "id: provided")
	replace("lab.yaml", "There is a queue named answer", "There is a queue with the name answer")
	replace("resources.yaml", "given", "handed")
	a := c.Run("status")
	require.Equal(t, "note: this lab was updated since you started it: its text; what it provides; new checks: provided; "+
		"changed checks: named; dropped checks: given\n  README.md is the new text; you had not changed it\n"+
		"  to have what it provides now: pipelab reset\n", a.Err)
	require.Contains(t, a.Out, "provided  not what the lab provides now; to have that: pipelab reset\n")
	b, err := os.ReadFile(filepath.Join(c.Dir, "README.md"))
	require.NoError(t, err)
	require.Contains(t, string(b), "with a name")

	a = c.Run("status")
	require.Empty(t, a.Err, "told once")
	require.Contains(t, a.Out, "provided  not what the lab provides now", "until it is done")
	require.Contains(t, c.Run("status", "--json").Out, `"outdated": true`)
	require.Equal(t, app.ExitOK, c.Run("reset").Code)
	require.NotContains(t, c.Run("status").Out, "provided")
	require.Contains(t, c.Run("deploy").Out, "/handed\n")

	c.Write(t, "README.md", "# My notes\n")
	replace("README.md", "with a name", "named answer")
	a = c.Run("hint")
	require.Equal(t, app.ExitUsage, a.Code)
	a = c.Run("deploy")
	require.Contains(t, a.Err, "you have changed README.md, so it stays; the new text: pipelab show small --text\n")
	b, err = os.ReadFile(filepath.Join(c.Dir, "README.md"))
	require.NoError(t, err)
	require.Equal(t, "# My notes\n", string(b))
}
