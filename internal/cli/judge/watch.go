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

// watch judges now and whenever a file of the workspace changes.
func watch(ctx context.Context, a *app.App, w *app.Work, only []string, f checkFlags) error {
	changes, err := fsnotify.NewWatcher()
	if err != nil {
		return err
	}
	defer changes.Close() //nolint:errcheck // watched files are not written
	if err := addFolders(changes, w.Root); err != nil {
		return err
	}
	for {
		err := run(ctx, a, w, only, f)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var told *app.Error
		if err != nil && !errors.As(err, &told) {
			return err
		}
		if told != nil && told.Message != "" {
			a.Statusf("error: %s", told.Message) // a template with a mistake is work in progress
		}
		before, err := w.Digest()
		if err != nil {
			return err
		}
		a.Statusf("\nwaiting for a file to change; Ctrl-C ends")
		for digest := before; digest == before; {
			if err := change(ctx, changes); err != nil {
				return err
			}
			if err := addFolders(changes, w.Root); err != nil {
				return err
			}
			// A file that an editor moves may be missing for a moment: then
			// there is a next change.
			if d, err := w.Digest(); err == nil {
				digest = d
			}
		}
	}
}

// change returns when something changed and has been still for a moment.
func change(ctx context.Context, changes *fsnotify.Watcher) error {
	var still <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-changes.Errors:
			return err
		case <-changes.Events:
			still = time.After(quiet)
		case <-still:
			return nil
		}
	}
}

func addFolders(changes *fsnotify.Watcher, root string) error {
	return filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !d.IsDir() {
			return err
		}
		if p != root && workspace.Ignored(d.Name()) {
			return filepath.SkipDir
		}
		return changes.Add(p)
	})
}
