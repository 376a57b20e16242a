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
	"time"

	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/embedded"
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
	URL string `json:"url"`
	PID int    `json:"pid"`
}

// Emulator returns the endpoint of the workspace's emulator. If its process
// has died it is started again on the same state and, if possible, port.
func (a *App) Emulator(ctx context.Context, w *workspace.Workspace) (emulator.Endpoint, error) {
	d, known, err := w.Daemon()
	if err != nil {
		return emulator.Endpoint{}, err
	}
	if known {
		e := emulator.NewEndpoint(d.URL, d.Token)
		if a.alive(ctx, e) {
			return e, nil
		}
		a.Statusf("the emulator is not running; starting it again with its state")
	}
	return a.startEmulator(ctx, w, d)
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

// alive asks for something that only this workspace's emulator answers:
// another one on the same port does not know the token.
func (a *App) alive(ctx context.Context, e emulator.Endpoint) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	_, _, err := emulator.NewControl(e).Now(ctx)
	return err == nil
}

func (a *App) startEmulator(ctx context.Context, w *workspace.Workspace, old workspace.Daemon) (emulator.Endpoint, error) {
	self, err := os.Executable()
	if err != nil {
		return emulator.Endpoint{}, err
	}
	addr, token := DefaultAddr, emulator.NewToken()
	if u, err := url.Parse(old.URL); err == nil && u.Host != "" {
		addr = u.Host // what learners have exported stays true
	}
	log, err := os.OpenFile(w.Path("emulator.log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return emulator.Endpoint{}, err
	}
	defer log.Close()
	cmd := exec.Command(self, "emulator", "serve", "--dir", w.Path("state"), "--addr", addr, "--or-free-port") //nolint:noctx // it outlives this command
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
	ready, err := waitReady(ctx, out)
	if err != nil {
		_ = cmd.Process.Kill() // it has not become ready; whether it still lives does not matter
		_ = cmd.Wait()
		return emulator.Endpoint{}, Environmentf("the emulator did not start: %v", err).
			Hint("what it said: " + w.Path("emulator.log"))
	}
	d := workspace.Daemon{PID: ready.PID, URL: ready.URL, Token: token}
	if err := errors.Join(w.SaveDaemon(d), cmd.Process.Release()); err != nil {
		return emulator.Endpoint{}, err
	}
	return emulator.NewEndpoint(d.URL, d.Token), nil
}

// waitReady reads the line that an emulator prints when it answers.
func waitReady(ctx context.Context, out io.Reader) (Ready, error) {
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
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
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
	return true, nil
}
