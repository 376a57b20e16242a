package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/workspace"
)

// row is one workspace of status --all.
type row struct {
	Lab     string `json:"lab"`
	Dir     string `json:"dir"`
	Running bool   `json:"running"`
	// The rest is known of running ones.
	Endpoint    string  `json:"endpoint,omitempty"`
	PID         int     `json:"pid,omitempty"`
	MemoryBytes int64   `json:"memoryBytes,omitempty"`
	IdleSeconds float64 `json:"idleSeconds"`
	// EndsAfter is the time without use after which it ends by itself; empty for never.
	EndsAfter string `json:"endsAfter,omitempty"`
}

func statusOfAll(ctx context.Context, a *app.App) error {
	spaces, err := a.Workspaces()
	if err != nil {
		return err
	}
	rows := []row{}
	for _, w := range spaces {
		rows = append(rows, look(ctx, a, w))
	}
	if a.JSON {
		return a.PrintJSON(rows)
	}
	if len(rows) == 0 {
		a.Statusf("no workspace of yours has had an emulator on this machine; begin one: pipelab start LAB")
		return nil
	}
	running, bytes := 0, int64(0)
	for _, r := range rows {
		a.Printf("%s\n", r.Lab)
		a.Beside("  folder    ", r.Dir)
		if !r.Running {
			a.Printf("  emulator  not running\n")
			continue
		}
		running, bytes = running+1, bytes+r.MemoryBytes
		a.Beside("  emulator  ", fmt.Sprintf("%s, process %d, %s, %s", r.Endpoint, r.PID, megabytes(r.MemoryBytes), r.use()))
	}
	a.Printf("\n%d of %d running, %s\n", running, len(rows), megabytes(bytes))
	if running > 0 {
		a.Statusf("stop them all: pipelab stop --all")
	}
	return nil
}

// look asks what is known of one workspace, and starts nothing.
func look(ctx context.Context, a *app.App, w *workspace.Workspace) row {
	r := row{Lab: w.Meta.Lab, Dir: w.Root}
	d, known, err := w.Daemon()
	if err != nil || !known {
		return r
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	use, err := emulator.NewControl(emulator.NewEndpoint(d.URL, d.Token)).Use(ctx)
	if err != nil {
		return r
	}
	r.Running, r.Endpoint, r.PID = true, d.URL, d.PID
	r.MemoryBytes, r.IdleSeconds = use.Memory, use.Idle.Seconds()
	// What keeps nothing does not end by itself.
	if has, err := a.Capabilities(w); err == nil && slices.Contains(has, emulator.Durable) && d.Idle != "0s" {
		r.EndsAfter = d.Idle
	}
	return r
}

// use says in words when it was last used.
func (r row) use() string {
	idle := time.Duration(r.IdleSeconds * float64(time.Second)).Round(time.Second)
	text := "in use"
	if idle >= time.Second {
		text = fmt.Sprintf("unused for %s", idle)
	}
	if r.EndsAfter != "" {
		text += fmt.Sprintf(" (ends after %s)", r.EndsAfter)
	}
	return text
}

func megabytes(n int64) string { return fmt.Sprintf("%d MB", (n+500_000)/1_000_000) }

// outcome is one workspace of stop --all.
type outcome struct {
	Lab string `json:"lab"`
	Dir string `json:"dir"`
	stopped
	Error string `json:"error,omitempty"`
}

func stopAll(ctx context.Context, a *app.App) error {
	spaces, err := a.Workspaces()
	if err != nil {
		return err
	}
	out, failed := []outcome{}, 0
	for _, w := range spaces {
		if _, known, err := w.Daemon(); err != nil || !known {
			continue
		}
		e := outcome{Lab: w.Meta.Lab, Dir: w.Root}
		e.stopped, err = end(ctx, a, w)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			failed++
			e.Error = err.Error()
			a.Statusf("%s is not stopped: %v", w.Root, err)
		} else if !e.Stopped {
			continue
		} else if !a.JSON {
			a.Printf("stopped %s in %s\n", w.Meta.Lab, w.Root)
			if !e.Kept {
				a.Printf("  what was in its emulated AWS is gone; its files are not\n")
			}
		}
		out = append(out, e)
	}
	if a.JSON {
		err = a.PrintJSON(out)
	} else if len(out) == 0 {
		a.Statusf("nothing is running")
	}
	if failed > 0 {
		return errors.Join(err, app.Environmentf("%d could not be stopped", failed).Hint("see: pipelab status --all"))
	}
	return err
}

// end stops one workspace's emulator, while nothing else is at work there.
func end(ctx context.Context, a *app.App, w *workspace.Workspace) (stopped, error) {
	release, err := a.Alone(ctx, w)
	if err != nil {
		return stopped{}, err
	}
	defer release()
	has, err := a.Capabilities(w)
	if err != nil {
		return stopped{}, err
	}
	was, err := a.StopEmulator(ctx, w)
	return stopped{Stopped: was, Kept: slices.Contains(has, emulator.Durable)}, err
}
