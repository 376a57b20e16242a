package app

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/filelock"
	"github.com/pipelab/pipelab/internal/workspace"
)

// DefaultAddr is where an emulator listens if it can: the port that tools for
// emulated AWS expect.
const DefaultAddr = "127.0.0.1:4566"

// TokenVariable hands the token to the emulator's process; a command line
// could be read by others.
const TokenVariable = "PIPELAB_TOKEN"

// Ready is what "pipelab emulator serve" prints when it answers.
type Ready struct {
	URL          string                `json:"url"`
	PID          int                   `json:"pid"`
	Emulator     string                `json:"emulator"`
	Capabilities []emulator.Capability `json:"capabilities"`
}

// Emulator returns the endpoint of the workspace's emulator. If its process
// has died it is started again on the same state and, if possible, port.
func (a *App) Emulator(ctx context.Context, w *workspace.Workspace) (emulator.Endpoint, error) {
	d, known, err := w.Daemon()
	if err != nil {
		return emulator.Endpoint{}, err
	}
	if known && w.StartedHere(d) {
		e := emulator.NewEndpoint(d.URL, d.Token)
		if err := a.Answers(ctx, e); err == nil || ctx.Err() != nil {
			return e, err // interrupted, it is as it was
		}
	}
	// Of several commands that find none, one starts it.
	starting, err := a.exclusive(ctx, w, "starting.lock", "is starting the emulator", containerStart)
	if err != nil {
		return emulator.Endpoint{}, err
	}
	defer starting.Close()
	before := d
	if d, known, err = w.Daemon(); err != nil {
		return emulator.Endpoint{}, err
	}
	if known && d.PID != before.PID && w.StartedHere(d) {
		e := emulator.NewEndpoint(d.URL, d.Token)
		if err := a.Answers(ctx, e); err == nil || ctx.Err() != nil {
			return e, err
		}
	}
	if known {
		if err := a.revive(ctx, w, d); err != nil {
			return emulator.Endpoint{}, err
		}
	}
	e, err := a.startEmulator(ctx, w, d)
	if err != nil || !known {
		return e, err
	}
	if has, err := a.Capabilities(w); err != nil || slices.Contains(has, emulator.Durable) {
		return e, err
	}
	a.Statusf("the emulator %s began empty; what was in it is gone, your files are not", w.Meta.Emulator)
	return e, forget(w)
}

// revive ends what is left of an emulator that does not answer, or that was started
// before the folder was moved, and says that there will be another.
func (a *App) revive(ctx context.Context, w *workspace.Workspace, d workspace.Daemon) error {
	moved := !w.StartedHere(d)
	// A proxy may live while what is behind it is gone.
	if _, err := a.StopEmulator(ctx, w); err != nil {
		return err
	}
	switch {
	case w.Embedded() && moved:
		a.Statusf("the folder was moved; starting the emulator again with its state")
	case w.Embedded():
		a.Statusf("the emulator is not running; starting it again with its state")
	default:
		a.Statusf("the emulator %s is not there; trying again", w.Meta.Emulator)
	}
	return a.stateFree(ctx, w)
}

// stateFree waits for an emulator that has stopped answering and still closes its
// state.
func (a *App) stateFree(ctx context.Context, w *workspace.Workspace) error {
	for rest := endTime; rest > 0; rest -= lockLook {
		f, err := filelock.Try(w.Path("state", "lock"))
		if !errors.Is(err, filelock.ErrHeld) {
			if err == nil {
				f.Close()
			}
			return nil // free, or for the start to tell what is wrong
		}
		if err := a.Wall().Sleep(ctx, lockLook); err != nil {
			return err
		}
	}
	return nil
}

// Running is Emulator without starting anything.
func (a *App) Running(ctx context.Context, w *workspace.Workspace) (emulator.Endpoint, workspace.Daemon, bool) {
	d, known, err := w.Daemon()
	if err != nil || !known {
		return emulator.Endpoint{}, d, false
	}
	e := emulator.NewEndpoint(d.URL, d.Token)
	return e, d, a.alive(ctx, e)
}

// Gone words that the emulator went away under a command, and ends what may be
// left in front of it.
func (a *App) Gone(ctx context.Context, w *workspace.Workspace, err error) error {
	if _, stopErr := a.StopEmulator(ctx, w); stopErr != nil {
		err = errors.Join(err, stopErr)
	}
	return &Error{Code: ExitEnvironment, Message: err.Error(), Cause: err,
		Hints: []string{"nothing was judged after that; when it is back, check again: pipelab check"}}
}

// alive asks for something that only this workspace's process answers: another
// one on the same port does not know the token.
func (a *App) alive(ctx context.Context, e emulator.Endpoint) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	_, err := emulator.NewControl(e).Faults(ctx)
	return err == nil
}

// Answers says why a workspace's emulator does not answer although its process
// may: what is behind a proxy can be gone. It is nil for one that does.
func (*App) Answers(ctx context.Context, e emulator.Endpoint) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	_, err := emulator.NewControl(e).LastCall(ctx)
	return err
}

// A start is bounded: a container's image may have to be fetched.
const embeddedStart, containerStart = 20 * time.Second, 15 * time.Minute

func (a *App) startEmulator(ctx context.Context, w *workspace.Workspace, old workspace.Daemon) (emulator.Endpoint,
	error) {
	self, err := os.Executable()
	if err != nil {
		return emulator.Endpoint{}, err
	}
	addr, token := DefaultAddr, emulator.NewToken()
	if u, err := url.Parse(old.URL); err == nil && u.Host != "" {
		addr = u.Host // what learners have exported stays true
	}
	log, err := os.OpenFile(w.Path("emulator.log"), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return emulator.Endpoint{}, err
	}
	defer log.Close()
	begins, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return emulator.Endpoint{}, err
	}
	idle, err := a.IdleEnd()
	if err != nil {
		return emulator.Endpoint{}, err
	}
	args, limit := serve(w, addr, idle)
	cmd := exec.Command(self, args...) //nolint:noctx // it outlives this command
	cmd.Env = append(append([]string{}, a.Environ...), TokenVariable+"="+token)
	cmd.Dir, cmd.Stderr = w.Root, log
	detach(cmd)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return emulator.Endpoint{}, err
	}
	if err := cmd.Start(); err != nil {
		return emulator.Endpoint{}, err
	}
	ready, err := waitReady(ctx, out, limit)
	if err != nil {
		_ = interrupt(cmd.Process) // it has not become ready, and may have a container to remove
		return emulator.Endpoint{}, unready(cmd, err, log, begins, w)
	}
	d := workspace.Daemon{PID: ready.PID, URL: ready.URL, Token: token, Dir: w.Root, Idle: idle.String()}
	for _, c := range ready.Capabilities {
		d.Capabilities = append(d.Capabilities, string(c))
	}
	if err := w.SaveDaemon(d); err != nil {
		// Nobody would find it to stop it, say because the disk is full.
		_ = interrupt(cmd.Process) // it may have ended
		finish(cmd)
		return emulator.Endpoint{}, err
	}
	if err := cmd.Process.Release(); err != nil {
		return emulator.Endpoint{}, err
	}
	a.notes(log, begins)
	a.remember(w)
	return emulator.NewEndpoint(d.URL, d.Token), nil
}

// endTime is how long a process that was told to end may take.
const endTime = 20 * time.Second

// serve is the command line of a workspace's emulator, and the time for its start.
func serve(w *workspace.Workspace, addr string, idle time.Duration) (args []string, limit time.Duration) {
	args = []string{"emulator", "serve", "--addr", addr, "--or-free-port", "--idle", idle.String(), "--bound", w.Path()}
	switch {
	case w.Embedded():
		return append(args, "--dir", w.Path("state")), embeddedStart
	case w.Meta.RealAWS:
		args = append(args, "--"+RealAWSFlag)
	}
	return append(args, "--emulator", w.Meta.Emulator), containerStart
}

// IdleVariable is how long an emulator goes on when nothing uses it, such as 30m; with
// 0 it goes on until it is stopped.
const IdleVariable = "PIPELAB_IDLE"

// defaultIdle is longer than reading a lab's text and AWS's pages beside it takes:
// programs that are pointed at the emulator do not bring it back.
const defaultIdle = time.Hour

// IdleEnd is how long the emulators that this command starts go on unused.
func (a *App) IdleEnd() (time.Duration, error) { return a.duration(IdleVariable, defaultIdle) }

// unready waits for a process that did not become ready and words why: in its own
// words if it left any.
func unready(cmd *exec.Cmd, err error, log io.ReaderAt, begins int64, w *workspace.Workspace) error {
	finish(cmd)
	message, hints := said(log, begins)
	if message == "" {
		message = fmt.Sprintf("the emulator did not start: %v", err)
		hints = []string{"what it said: " + w.Path("emulator.log")}
	}
	return &Error{Code: ExitEnvironment, Message: message, Hints: hints, Cause: err}
}

// finish waits for a process that was told to end, and kills it in the end.
func finish(cmd *exec.Cmd) {
	kill := time.AfterFunc(endTime, func() { _ = cmd.Process.Kill() }) // it may be gone by then
	_ = cmd.Wait()                                                     // how it ended does not matter
	kill.Stop()
}

// said finds the error that a process of ours printed, as every command does.
func said(log io.ReaderAt, begins int64) (message string, hints []string) {
	lines := bufio.NewScanner(io.NewSectionReader(log, begins, 1<<20))
	for lines.Scan() {
		if m, ok := strings.CutPrefix(lines.Text(), "error: "); ok {
			message, hints = m, nil
		} else if h, ok := strings.CutPrefix(lines.Text(), "hint: "); ok {
			hints = append(hints, h)
		}
	}
	return message, hints
}

// notes passes on what a process that has started wants people to know.
func (a *App) notes(log io.ReaderAt, begins int64) {
	lines := bufio.NewScanner(io.NewSectionReader(log, begins, 1<<20))
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "note: ") {
			a.Statusf("%s", lines.Text())
		}
	}
}

// waitReady reads the line that an emulator prints when it answers.
func waitReady(ctx context.Context, out io.Reader, limit time.Duration) (Ready, error) {
	type answer struct {
		ready Ready
		err   error
	}
	got := make(chan answer, 1)
	go func() {
		line, err := bufio.NewReader(out).ReadBytes('\n')
		var a answer
		if a.err = err; err == nil {
			a.err = json.Unmarshal(line, &a.ready)
		} else if errors.Is(err, io.EOF) {
			a.err = errors.New("its process ended")
		}
		got <- a
	}()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	select {
	case a := <-got:
		return a.ready, a.err
	case <-ctx.Done():
		return Ready{}, fmt.Errorf("no answer: %w", ctx.Err())
	}
}

// StopEmulator ends the workspace's emulator; its state stays on disk. It
// reports whether one was running.
func (a *App) StopEmulator(ctx context.Context, w *workspace.Workspace) (bool, error) {
	e, d, running := a.Running(ctx, w)
	if !running {
		return false, nil
	}
	p, err := os.FindProcess(d.PID)
	if err != nil {
		return false, err
	}
	if err := interrupt(p); err != nil {
		return false, err
	}
	for a.alive(ctx, e) {
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
	return true, a.ended(ctx, d.PID)
}

// ended waits until a process that no longer answers is gone: it may have a
// container to remove.
func (*App) ended(ctx context.Context, pid int) error {
	if p, err := os.FindProcess(pid); err == nil {
		if _, err := p.Wait(); err == nil {
			return nil // this very command had started it
		}
	}
	ctx, cancel := context.WithTimeout(ctx, endTime)
	defer cancel()
	for {
		p, err := os.FindProcess(pid)
		if err != nil || p.Signal(syscall.Signal(0)) != nil {
			return nil // it is gone
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("process %d does not end: %w", pid, ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}
