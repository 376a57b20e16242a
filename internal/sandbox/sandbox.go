// Package sandbox runs learners' programs: own process group, private folder
// for temporary files, nothing of our environment, bounded time and output,
// and nothing of it left afterwards. With a Policy it keeps them from the
// machine's files, network and other processes too; internal/confine says how,
// and what that leaves open.
//
// Whoever grades makes one policy for a machine and hands it to everything that
// runs a learner's code:
//
//	policy, err := sandbox.NewPolicy(ctx) // error: this machine cannot confine
//	policy.Memory = 512 << 20             // and other limits, or their defaults
//	embedded.Driver{Confine: policy, ...} // Lambda functions
//	deploy.Target{Confine: policy, ...}   // deploy.sh
//	check.Options{Confine: policy, ...}   // programs of checks
//
// Each adds the folders and ports that its programs need. A nil policy leaves
// programs with the rights of whoever runs pipelab: learners' own checks, on
// their own machine. Names of other folders must not be given to the policy: what
// it lists, every program of the submission can read.
package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"time"

	"github.com/pipelab/pipelab/internal/confine"
	"github.com/pipelab/pipelab/internal/prefork"
	"github.com/pipelab/pipelab/internal/tempdir"
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
	// Policy confines the program; nil does not. The folder for temporary files
	// and Dir are added to what it may change.
	Policy *Policy
	// Together takes both output streams as they come, beside what is kept: they
	// are one then, and what is kept is in Stdout. May be nil.
	Together io.Writer
}

// Policy is what a confined program may do; see internal/confine.
type Policy = confine.Policy

// NewPolicy returns a policy with which the interpreters of this machine run.
// The error says why programs cannot be confined here.
func NewPolicy(ctx context.Context) (*Policy, error) { return confine.New(ctx) }

// Available says how programs can be confined on this machine, and why not
// better.
func Available() (confine.Mode, string) { return confine.Available() }

// Result is how it ended.
type Result struct {
	Exit           int // -1 when killed, and whenever there is a Breach
	Stdout, Stderr string
	Truncated      bool // output beyond the bound was thrown away
	TimedOut       bool
	Killed         bool // by Spec.Kill
	// Breach is the limit of the policy that the program broke and was killed
	// for, as a sentence such as "it wrote more than 512 MiB"; empty for none.
	Breach string
}

// Run starts the program and waits for its end. An error means that it could
// not be started or that ctx ended; whatever the program does is a Result.
func Run(ctx context.Context, s Spec) (Result, error) {
	if len(s.Command) == 0 {
		return Result{}, errors.New("no command to run")
	}
	dir, err := tempdir.New("run")
	if err != nil {
		return Result{}, fmt.Errorf("make a folder for temporary files: %w", err)
	}
	defer dir.Remove()
	tmp := dir.Path()
	if s.Timeout == 0 {
		s.Timeout = time.Minute
	}
	if s.Output == 0 {
		s.Output = DefaultOutput
	}
	cmd, err := s.command(tmp)
	if err != nil {
		return Result{}, err
	}
	cage, err := s.cage(tmp)
	if err != nil {
		return Result{}, err
	}
	streams, err := connect(cmd, s)
	if err != nil {
		cage.End()
		return Result{}, err
	}
	process, err := s.Interpreters.Start(cmd, cage)
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
	r.take(exit, process, streams)
	return r, nil
}

// take takes what is known when all has ended.
func (r *Result) take(exit prefork.Exit, process *prefork.Process, s *streams) {
	r.Exit, r.Stdout, r.Stderr = exit.Code, s.out.String(), s.err.String()
	r.Truncated = s.out.cut || s.err.cut
	if r.Breach = process.Breach(); r.Breach != "" {
		// A shell that could not fork any more may have ended by itself before the
		// signal came: what ended the program is the limit all the same.
		r.Exit = -1
	}
}

// command is what is started. Not CommandContext: it kills the process alone,
// and its children would hold the pipes open.
func (s *Spec) command(tmp string) (*exec.Cmd, error) {
	cmd := exec.Command(s.Command[0], s.Command[1:]...) // running it is the point
	if s.Policy != nil {
		path, err := s.Policy.LookPath(s.Command[0])
		if err != nil {
			return nil, fmt.Errorf("start %s: %w", s.Command[0], err)
		}
		cmd.Path, cmd.Err = path, nil
	}
	cmd.Dir = s.Dir
	cmd.Env = []string{"PATH=" + s.Policy.SearchPath(), "HOME=" + tmp, "TMPDIR=" + tmp}
	if s.Policy != nil { // its user may have no name
		cmd.Env = append(cmd.Env, "USER=learner", "LOGNAME=learner")
	}
	cmd.Env = append(cmd.Env, s.Env...)
	return cmd, nil
}

// cage is where the program runs; nil without a policy.
func (s *Spec) cage(tmp string) (*confine.Cage, error) {
	write := []string{tmp}
	if s.Dir != "" {
		write = append(write, s.Dir)
	}
	return s.Policy.With(nil, write).Cage()
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
