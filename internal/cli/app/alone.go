package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/pipelab/pipelab/internal/filelock"
	"github.com/pipelab/pipelab/internal/workspace"
)

// WaitVariable is how long a command waits for another that is at work in the same
// workspace, such as 30s; 0 does not wait.
const WaitVariable = "PIPELAB_WAIT"

// defaultWait is longer than most labs take to be judged.
const defaultWait = 2 * time.Minute

// signTime is more than it takes to write down who one is, having the lock.
const signTime = 200 * time.Millisecond

// lockLook is how often is looked whether the other one is done.
const lockLook = 20 * time.Millisecond

// holder is who is at work in a workspace, as it wrote itself down.
type holder struct {
	PID     int       `json:"pid"`
	Command string    `json:"command"`
	Since   time.Time `json:"since"`
}

// Alone makes this command the only one that changes the workspace or its emulated
// AWS, until release: two that empty and fill it at once would judge each other's
// remains. One that comes second says who is at work, and waits.
func (a *App) Alone(ctx context.Context, w *workspace.Workspace) (release func(), err error) {
	rest, err := a.duration(WaitVariable, defaultWait)
	if err != nil {
		return nil, err
	}
	f, err := a.exclusive(ctx, w, "lock", "is at work in "+w.Root, rest)
	if err != nil {
		return nil, err
	}
	if err := w.Reload(); err != nil {
		f.Close()
		return nil, err
	}
	return func() {
		_ = f.Truncate(0) // who comes next writes over it in any case
		f.Close()
	}, nil
}

// WorkAlone is Work for a command that changes the workspace or what is in it.
func (a *App) WorkAlone(ctx context.Context) (w *Work, release func(), err error) {
	space, err := a.Workspace()
	if err != nil {
		return nil, nil, err
	}
	if release, err = a.Alone(ctx, space); err != nil {
		return nil, nil, err
	}
	if w, err = a.WorkIn(ctx, space); err != nil {
		release()
		return nil, nil, err
	}
	return w, release, nil
}

// exclusive locks a file of the workspace and writes down who holds it; whoever holds
// it is told to be doing something, and has so long to end. The kernel lets go of the
// lock when this process ends, however it ends. A file system without locks locks
// nothing.
func (a *App) exclusive(ctx context.Context, w *workspace.Workspace, name, doing string, rest time.Duration) (*os.File,
	error) {
	signing := rest - signTime
	for told := false; ; rest -= lockLook {
		f, err := filelock.Try(w.Path(name))
		switch {
		case err == nil:
			return f, a.sign(f)
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
			return nil, err
		case !errors.Is(err, filelock.ErrHeld):
			return os.Open(w.Path())
		}
		who, signed := occupant(w.Path(name))
		if rest <= 0 {
			return nil, Environmentf("%s %s", who, doing).
				Hint("wait for it to end, then do the same again; how long to wait for others: " + WaitVariable + "=10m")
		}
		if !told && (signed || rest <= signing) {
			a.Statusf("%s %s; waiting for it to end", who, doing)
			told = true
		}
		if err := a.Wall().Sleep(ctx, lockLook); err != nil {
			return nil, err
		}
	}
}

// duration reads a variable that holds one.
func (a *App) duration(variable string, otherwise time.Duration) (time.Duration, error) {
	text := a.Getenv(variable)
	if text == "" {
		return otherwise, nil
	}
	d, err := time.ParseDuration(text)
	if text == "0" {
		d, err = 0, nil
	}
	if err != nil || d < 0 {
		return 0, Usagef("%s is %q, which is no duration", variable, text).Hint("write it as 90s, 15m or 25h; or 0")
	}
	return d, nil
}

// sign writes down who holds a lock, for those who come second.
func (a *App) sign(f *os.File) error {
	b, err := json.Marshal(holder{PID: os.Getpid(), Command: a.typed(), Since: a.Now()})
	if err != nil {
		return err
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err = f.WriteAt(b, 0)
	return err
}

// mostTyped is how much of a command line is told.
const mostTyped = 60

// typed is the command line that this program was given, as far as it is told to
// others of this user.
func (a *App) typed() string {
	line := strings.Join(append([]string{"pipelab"}, a.Args...), " ")
	if r := []rune(line); len(r) > mostTyped {
		line = string(r[:mostTyped-1]) + "…"
	}
	return line
}

// occupant words who holds a lock, if that has been written down yet.
func occupant(path string) (who string, signed bool) {
	var h holder
	b, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(b, &h) != nil || h.PID == 0 {
		return "another command", false
	}
	return fmt.Sprintf("%q (process %d, since %s)", h.Command, h.PID, h.Since.Local().Format(time.TimeOnly)), true
}

// tracked reports whether version control holds files of the workspace's state.
// Without git there is none.
func tracked(ctx context.Context, w *workspace.Workspace) bool {
	if !inRepository(w.Root) {
		return false
	}
	out, err := exec.CommandContext(ctx, "git", "-C", w.Root, "ls-files", "--", workspace.StateDir).Output()
	return err == nil && len(out) > 0
}

// inRepository reports whether a folder lies in one of git's, without asking it.
func inRepository(dir string) bool {
	for {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return true
		}
		up := filepath.Dir(dir)
		if up == dir {
			return false
		}
		dir = up
	}
}
