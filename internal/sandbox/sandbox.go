// Package sandbox runs learners' programs: own process group, private folder
// for temporary files, nothing of our environment, bounded time and output,
// and nothing of it left afterwards. It does not yet keep a program from
// reading the machine's files or the network.
package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/pipelab/pipelab/internal/prefork"
)

// DefaultOutput bounds what is kept of each output stream, in bytes.
const DefaultOutput = 8 << 20

// Spec is one program.
type Spec struct {
	Command []string
	Dir     string
	// Env is the whole environment but for PATH, HOME and TMPDIR, which are
	// added where they are missing.
	Env     []string
	Stdin   io.Reader
	Timeout time.Duration // 60 s when 0
	Output  int           // DefaultOutput when 0
	// Kill, when closed, ends the program as the timeout does.
	Kill <-chan struct{}
	// Interpreters run Python programs; nil starts one for each.
	Interpreters *prefork.Interpreters
}

// Result is how it ended.
type Result struct {
	Exit           int // -1 when killed
	Stdout, Stderr string
	Truncated      bool // output beyond the bound was thrown away
	TimedOut       bool
	Killed         bool // by Spec.Kill
}

// Run starts the program and waits for its end. An error means that it could
// not be started or that ctx ended; whatever the program does is a Result.
func Run(ctx context.Context, s Spec) (Result, error) {
	if len(s.Command) == 0 {
		return Result{}, errors.New("no command to run")
	}
	tmp, err := os.MkdirTemp("", "pipelab-run-")
	if err != nil {
		return Result{}, fmt.Errorf("make a folder for temporary files: %w", err)
	}
	defer os.RemoveAll(tmp)
	if s.Timeout == 0 {
		s.Timeout = time.Minute
	}
	if s.Output == 0 {
		s.Output = DefaultOutput
	}
	// Not CommandContext: it kills the process alone, and its children would
	// hold the pipes open.
	cmd := exec.Command(s.Command[0], s.Command[1:]...) //nolint:gosec // running it is the point
	cmd.Dir = s.Dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + tmp, "TMPDIR=" + tmp}, s.Env...)
	streams, err := connect(cmd, s)
	if err != nil {
		return Result{}, err
	}
	process, err := s.Interpreters.Start(cmd)
	streams.started()
	if err != nil {
		streams.finish()
		return Result{}, fmt.Errorf("start %s: %w", s.Command[0], err)
	}
	ended := make(chan prefork.Exit, 1)
	go func() { ended <- process.Wait() }()
	limit, cancel := context.WithTimeout(context.Background(), s.Timeout)
	defer cancel()
	var r Result
	var exit prefork.Exit
	select {
	case exit = <-ended:
		process.End() // children left behind are ended too
	case <-limit.Done():
		r.TimedOut = true
	case <-s.Kill:
		r.Killed = true
	case <-ctx.Done():
		process.End()
		<-ended
		streams.finish()
		return Result{}, ctx.Err()
	}
	if r.TimedOut || r.Killed {
		process.End()
		exit = <-ended
	}
	streams.finish()
	r.Exit, r.Stdout, r.Stderr = exit.Code, streams.out.String(), streams.err.String()
	r.Truncated = streams.out.cut || streams.err.cut
	return r, nil
}

// capped keeps the first bytes and takes the rest without keeping it, so that
// a chatty program is neither blocked nor killed by a closed pipe.
type capped struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	limit int
	cut   bool
}

func (c *capped) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	room := c.limit - c.buf.Len()
	if len(p) > room {
		c.cut = true
		c.buf.Write(p[:max(room, 0)])
	} else {
		c.buf.Write(p)
	}
	return len(p), nil
}

func (c *capped) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.buf.String()
}
