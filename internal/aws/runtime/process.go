package runtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/confine"
	"github.com/pipelab/pipelab/internal/loopback"
	"github.com/pipelab/pipelab/internal/prefork"
	"github.com/pipelab/pipelab/internal/tempdir"
)

// start runs a process. scratch is a folder for its files.
func (m Machine) start(clk *clock.Clock, scratch string, s Spec) (e *Environment, err error) {
	cmd, err := s.command(scratch, m.Confine)
	if errors.Is(err, errNoBootstrap) {
		return m.refuse(clk, s, "Runtime.InvalidEntrypoint", err.Error()), nil
	}
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(s.Env, func(v string) bool { return strings.ContainsRune(v, 0) }) {
		return m.refuse(clk, s, "Runtime.InvalidEntrypoint", "no process can be given a variable that holds a NUL"), nil
	}
	e = m.environment(clk, s)
	tmp, err := tempdir.Within(scratch, "tmp-")
	if err != nil {
		return nil, err
	}
	e.tmp = tmp
	defer func() {
		if err != nil { // and e is nil
			err = errors.Join(err, os.RemoveAll(tmp))
		}
	}()
	listener, err := loopback.Listen(context.Background(), "")
	if err != nil {
		return nil, err
	}
	server := loopback.Server(e.routes(), slog.New(slog.DiscardHandler))
	e.server = server
	go func() { _ = server.Serve(listener) }() // ends with Close, with an error that says just that
	cmd.Dir = s.Code
	cmd.Env = e.environ(listener.Addr().String(), m.Confine.SearchPath())
	cage, err := m.cage(e, scratch, listener.Addr().(*net.TCPAddr).Port) // of a TCP listener
	if err == nil {
		err = e.run(m.Interpreters, cmd, cage)
	}
	if err != nil {
		return nil, errors.Join(err, server.Close())
	}
	return e, nil
}

// environment has no process yet.
func (m Machine) environment(clk *clock.Clock, s Spec) *Environment {
	common := m.logs
	if m.Confine == nil {
		common = nil
	}
	return &Environment{
		spec: s, clock: clk, since: clk.Stopwatch(), out: newOutput(s.Sink, common, s.shown), confined: m.Confine != nil,
		ready: make(chan struct{}), initFailed: make(chan struct{}), exited: make(chan struct{}), gone: make(chan struct{}),
		work: make(chan *Invocation), replies: make(chan reply, 1),
	}
}

// refuse makes an environment that never has a process, and says why.
func (m Machine) refuse(clk *clock.Clock, s Spec, kind, why string) *Environment {
	e := m.environment(clk, s)
	e.initFault = fault(kind, "", why)
	close(e.initFailed)
	close(e.exited)
	return e
}

// cage is where a function's process runs: it reads its code, layers and
// bootstrap, writes its temporary files and calls its Runtime API and the cloud.
func (m Machine) cage(e *Environment, scratch string, api int) (*confine.Cage, error) {
	if m.Confine == nil {
		return nil, nil // a nil cage does not confine
	}
	read := []string{e.spec.Code}
	if e.spec.Layers != "" {
		read = append(read, e.spec.Layers)
	}
	if f, err := familyOf(e.spec.Runtime); err == nil && f.file != "" {
		read = append(read, filepath.Join(scratch, f.file))
	}
	ports := []int{api}
	endpoint, err := url.Parse(m.Endpoint())
	if err != nil {
		return nil, err
	}
	if port, err := strconv.Atoi(endpoint.Port()); err == nil {
		ports = append(ports, port)
	}
	return m.Confine.With(read, []string{e.tmp}, ports...).Cage()
}

// run starts the process with one pipe for both of its outputs, so that their
// order is kept.
func (e *Environment) run(interpreters *prefork.Interpreters, cmd *exec.Cmd, cage *confine.Cage) error {
	outRead, outWrite, err := os.Pipe()
	if err != nil {
		cage.End()
		return err
	}
	inRead, inWrite, err := os.Pipe()
	if err != nil {
		cage.End()
		return errors.Join(err, outRead.Close(), outWrite.Close())
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = inRead, outWrite, outWrite
	e.proc, err = interpreters.Start(cmd, cage)
	_, _ = inRead.Close(), outWrite.Close() // the process has them now
	if err != nil {
		return errors.Join(fmt.Errorf("start function: %w", err), outRead.Close(), inWrite.Close())
	}
	e.stdin = inWrite
	go func() {
		e.out.read(outRead)
		_ = outRead.Close() // was read to its end
	}()
	go func() {
		e.proc.Wait()
		e.proc.End() // children left behind
		close(e.exited)
	}()
	return nil
}

// environ is the whole environment of the process: nothing of ours but PATH.
// Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
func (e *Environment) environ(api, path string) []string {
	s := e.spec
	env := []string{
		"PATH=" + path, "HOME=" + e.tmp, "TMPDIR=" + e.tmp, "TZ=:UTC", "LANG=en_US.UTF-8", "PYTHONIOENCODING=utf-8",
		"AWS_LAMBDA_RUNTIME_API=" + api, "LAMBDA_TASK_ROOT=" + s.Code, "_HANDLER=" + s.Handler,
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand", "AWS_EXECUTION_ENV=AWS_Lambda_" + s.Runtime,
		// Without these a client that finds no credentials asks the network.
		"AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=" + os.DevNull, "AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull,
	}
	if s.Layers != "" {
		f, err := familyOf(s.Runtime)
		if err == nil {
			env = append(env, f.layerPath(s.Layers)...)
		}
		env = append(env, "PATH="+s.Layers+"/bin"+string(os.PathListSeparator)+path,
			"LD_LIBRARY_PATH="+s.Layers+"/lib")
	}
	if root := os.Getenv("SystemRoot"); root != "" { // Windows starts no socket without it
		env = append(env, "SystemRoot="+root)
	}
	return append(env, s.Env...)
}
