package serve

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/emulator"
)

// look is how often is looked whether there is still a reason to go on.
const look = 2 * time.Second

// folder is what --bound names, nil for none.
func (o options) folder() (*bound, error) {
	if o.bound == "" {
		return nil, nil
	}
	info, err := os.Stat(o.bound)
	if err != nil {
		return nil, app.Usagef("--bound: %w", err)
	}
	return &bound{o.bound, info}, nil
}

// bound is a folder that an emulator serves: without it nobody would find it to stop
// it, and what it writes would be lost.
type bound struct {
	path string
	was  fs.FileInfo
}

// gone reports whether another folder is in its place, or none.
func (b *bound) gone() bool {
	if b == nil {
		return false
	}
	is, err := os.Stat(b.path)
	return err != nil || !os.SameFile(is, b.was)
}

// stay returns when ctx ends, or with the reason why the emulator should end.
func stay(ctx context.Context, a *app.App, e emulator.Emulator, idle time.Duration, folder *bound) (why string) {
	resting, rests := e.(emulator.Resting)
	rests = rests && idle > 0 && slices.Contains(e.Capabilities(), emulator.Durable)
	if !rests && folder == nil {
		<-ctx.Done()
		return ""
	}
	every := look
	if rests {
		every = max(min(look, idle/4), time.Millisecond)
	}
	for a.Wall().Sleep(ctx, every) == nil {
		if folder.gone() {
			return fmt.Sprintf("the folder %s is gone", folder.path)
		}
		if rests && resting.Idle() >= idle {
			return fmt.Sprintf("nothing has used it for %s", idle)
		}
	}
	return ""
}
