package judge

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/workspace"
)

// quiet is how long files must be still before they are looked at: editors
// write in several steps.
const quiet = 200 * time.Millisecond

// watch judges now and whenever a file of the workspace changes: on a screen of its own
// where there is a person to look at one, else line by line.
func watch(ctx context.Context, a *app.App, w *app.Work, only []string, f checkFlags) error {
	changes, err := newWatcher(w.Workspace)
	if err != nil {
		return err
	}
	defer changes.close()
	if a.Interactive() && f.format == "" {
		return watchScreen(ctx, a, w.Workspace, changes, only, f)
	}
	for {
		err := run(ctx, a, w, only, f)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		told, ok := workInProgress(err)
		if !ok {
			return err
		}
		if told != "" {
			a.Statusf("error: %s", told)
		}
		judged, err := w.Digest()
		if err != nil {
			return err
		}
		a.Statusf("\n%s: waiting for a file to change; Ctrl-C ends", a.Now().Local().Format(time.TimeOnly))
		if err := changes.wait(ctx, judged, nil); err != nil {
			return err
		}
	}
}

// workInProgress reports whether one may go on after an error of a run: a template with
// a mistake is work in progress. It returns what to say of it.
func workInProgress(err error) (string, bool) {
	var told *app.Error
	if err != nil && !errors.As(err, &told) {
		return "", false
	}
	if told == nil {
		return "", true
	}
	return told.Message, true
}

// watcher waits for files of a workspace to change.
type watcher struct {
	changes *fsnotify.Watcher
	w       *workspace.Workspace
}

func newWatcher(w *workspace.Workspace) (*watcher, error) {
	changes, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	x := &watcher{changes, w}
	if err := x.addFolders(); err != nil {
		x.close()
		return nil, err
	}
	return x, nil
}

func (x *watcher) close() { _ = x.changes.Close() } // watched files are not written

// wait returns when the files have another digest than they had when they were judged,
// or when it is asked to.
func (x *watcher) wait(ctx context.Context, judged string, again <-chan struct{}) error {
	for digest := judged; digest == judged; {
		asked, err := x.change(ctx, again)
		if err != nil || asked {
			return err
		}
		if err := x.addFolders(); err != nil {
			return err
		}
		// A file that an editor moves may be missing for a moment: then
		// there is a next change.
		if d, err := x.w.Digest(); err == nil {
			digest = d
		}
	}
	return nil
}

// change returns when something changed and has been still for a moment, or when it was
// asked to.
func (x *watcher) change(ctx context.Context, again <-chan struct{}) (asked bool, err error) {
	var still <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-again:
			return true, nil
		case err := <-x.changes.Errors:
			return false, err
		case <-x.changes.Events:
			still = time.After(quiet)
		case <-still:
			return false, nil
		}
	}
}

func (x *watcher) addFolders() error {
	return filepath.WalkDir(x.w.Root, func(p string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !d.IsDir() {
			return err
		}
		if p != x.w.Root && workspace.Ignored(d.Name()) {
			return filepath.SkipDir
		}
		return x.changes.Add(p)
	})
}
