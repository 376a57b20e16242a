package runtime

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/prefork"
	"github.com/pipelab/pipelab/internal/rmtree"
)

// Sink takes the log events of an environment, one call after the other.
type Sink interface {
	Event(text string)
}

// Spec says what runs in an environment.
type Spec struct {
	Runtime string // "python3.12"
	Handler string
	Code    string   // folder of the function's code
	Layers  string   // folder of its layers; empty for none
	Env     []string // NAME=value, the function's and Lambda's own
	Memory  int      // MiB
	Sink    Sink
	Expires time.Time // virtual time from which on it is not used again; zero for never
	// Ended is called once the environment has ended and uses its folders no more,
	// also when it could not be started; may be nil.
	Ended func()
}

// shown is text of a function's, in which its folders have the names that they have
// on AWS: those of this machine tell nobody anything.
// Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
func (s Spec) shown(text []byte) []byte {
	for _, f := range [...]struct{ here, there string }{{s.Code, "/var/task"}, {s.Layers, "/opt"}} {
		if f.here != "" {
			text = bytes.ReplaceAll(text, []byte(f.here), []byte(f.there))
		}
	}
	return text
}

// Crash is an injected end of the process.
type Crash int

// When a process is made to crash.
const (
	NoCrash     Crash = iota
	CrashBefore       // before the handler is called
	CrashAfter        // after its work, before its answer counts
)

// Invocation is one event for a function.
type Invocation struct {
	ID            string
	ARN           string // as invoked
	Trace         string
	ClientContext string // JSON
	Payload       []byte
	Timeout       time.Duration
	Crash         Crash

	deadline time.Time // machine time
}

// Outcome is how an invocation ended.
type Outcome struct {
	Payload []byte
	// Failed is set for function errors: an exception, a timeout, a process
	// that ended. Payload then describes it.
	Failed   bool
	TimedOut bool
	Duration time.Duration
	Init     time.Duration // of a cold start, else 0
	Memory   int           // largest so far, in MiB; 0 when unknown
}

// Environment is one execution environment. It handles one invocation at a
// time.
type Environment struct {
	spec   Spec
	clock  *clock.Clock
	proc   *prefork.Process // nil when there is nothing to run
	tmp    string
	server *http.Server
	stdin  *os.File // its end tells the process that we are gone
	out    *output
	since  func() time.Duration // start

	ready      chan struct{} // closed by the first call of next
	readyOnce  sync.Once
	initFailed chan struct{}
	initOnce   sync.Once
	initFault  []byte
	work       chan *Invocation
	replies    chan reply
	exited     chan struct{} // closed when the process is gone
	gone       chan struct{} // closed by Close
	closeOnce  sync.Once
	used       bool
	confined   bool
	spent      string // why the process was killed while it initialised, if it broke a limit

	mu      sync.Mutex
	current string // id of the invocation that has no answer yet
}

// initLimit is what initialisation gets beside the function's timeout.
// Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
const initLimit = 10 * time.Second

// Sink is that of the Spec.
func (e *Environment) Sink() Sink { return e.spec.Sink }

// Invoke runs one invocation. Its error means that ctx ended; what becomes of
// the function is an Outcome. After a Fatal outcome the environment is closed.
func (e *Environment) Invoke(ctx context.Context, inv Invocation) (out Outcome, err error) {
	if err := e.awaitInit(ctx, &inv, &out); err != nil || out.Failed {
		return out, err
	}
	elapsed := e.clock.Stopwatch()
	defer func() { out.Duration = min(elapsed(), inv.Timeout) }()
	if inv.Crash == CrashBefore {
		e.kill()
		out, _ = e.ended(inv, out)
		return out, nil
	}
	limit, cancel := context.WithCancel(ctx)
	defer cancel()
	timeout := make(chan struct{})
	inv.deadline = e.clock.Machine().Add(inv.Timeout)
	go func() {
		if e.clock.SleepMachine(limit, inv.Timeout) == nil {
			close(timeout)
		}
	}()
	over := e.watchMemory(limit)
	e.expect(inv.ID)
	work := e.work
	for {
		select {
		case work <- &inv:
			work = nil
		case r := <-e.replies:
			return e.finish(inv, r, out), nil
		case <-e.exited:
			out, _ = e.ended(inv, out)
			return out, nil
		case <-over:
			e.kill()
			out, _ = e.ended(inv, out)
			out.Memory = e.spec.Memory // all of it, as AWS reports
			return out, nil
		case <-timeout:
			out.TimedOut = true
			e.kill()
			out.Memory = e.peak()
			out.Failed, out.Payload = true,
				fault("Sandbox.Timedout", inv.ID, fmt.Sprintf("Task timed out after %.2f seconds", inv.Timeout.Seconds()))
			return out, nil
		case <-ctx.Done():
			e.kill()
			return out, ctx.Err()
		}
	}
}

// awaitInit waits for the first environment's initialisation.
func (e *Environment) awaitInit(ctx context.Context, inv *Invocation, out *Outcome) error {
	if e.used {
		return nil
	}
	e.used = true
	limit, cancel := context.WithCancel(ctx)
	defer cancel()
	late := make(chan struct{})
	go func() {
		if e.clock.SleepMachine(limit, initLimit+inv.Timeout) == nil {
			close(late)
		}
	}()
	over := e.watchMemory(limit)
	select {
	case <-e.ready:
		out.Init = e.since()
	case <-over:
		e.kill()
		text := ""
		*out, text = e.ended(*inv, *out)
		out.Memory = e.spec.Memory // all of it, as AWS reports
		e.breaks(text)
		return nil
	case <-e.initFailed:
		out.Init, out.Failed, out.Payload = e.since(), true, e.initFault
		e.settle("init")
		e.kill()
	case <-e.exited:
		select {
		case <-e.initFailed: // reported just before
			out.Init, out.Failed, out.Payload = e.since(), true, e.initFault
		default:
			text := ""
			*out, text = e.ended(*inv, *out)
			if e.proc.Breach() != "" {
				e.breaks(text)
			}
		}
	case <-late:
		e.kill()
		out.Failed, out.TimedOut = true, true
		out.Payload = fault("Sandbox.Timedout", inv.ID, fmt.Sprintf("Task timed out after %.2f seconds",
			inv.Timeout.Seconds()))
	case <-ctx.Done():
		e.kill()
		return ctx.Err()
	}
	out.Memory = e.peak()
	return nil
}

// finish turns the runtime's answer into the outcome.
func (e *Environment) finish(inv Invocation, r reply, out Outcome) Outcome {
	e.settle(inv.ID)
	out.Memory = e.peak()
	// A peak between two looks is too much as well.
	if inv.Crash == CrashAfter || e.spec.Memory > 0 && out.Memory > e.spec.Memory {
		e.kill()
		out, _ = e.ended(inv, out)
		return out
	}
	out.Payload, out.Failed = r.payload, r.failed
	if r.large {
		out.Failed = true
		out.Payload = fault("Function.ResponseSizeTooLarge", "",
			fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", responseLimit))
	}
	return out
}

// settle waits for the output that belongs to an invocation. Runtimes that are
// not ours do not mark its end; they get a moment.
func (e *Environment) settle(id string) {
	limit := time.Second
	if e.proc == nil {
		return
	}
	if strings.HasPrefix(e.spec.Runtime, "provided") {
		limit = 10 * time.Millisecond
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	late := make(chan struct{})
	go func() {
		_ = e.clock.SleepMachine(ctx, limit) // ends early with ctx
		close(late)
	}()
	e.out.wait(id, late)
}

// breaks notes that the process broke a limit before any event had reached it. Where
// nobody watches what functions do it may be the machine, and the next may do better.
func (e *Environment) breaks(text string) {
	if e.confined {
		e.spent = text
	}
}

// ended is the outcome of a process that ended without an answer, and how it did.
func (e *Environment) ended(inv Invocation, out Outcome) (Outcome, string) {
	<-e.exited
	e.settle(inv.ID)
	text := "Runtime exited without providing a reason"
	if exit := e.proc.Wait(); exit.Code != 0 {
		text = "Runtime exited with error: " + exit.Text
	}
	if breach := e.proc.Breach(); breach != "" {
		text += " (" + breach + ")"
	}
	out.Failed, out.Payload = true, fault("Runtime.ExitError", inv.ID, text)
	return out, text
}

// watchMemory closes the channel when the process takes more than it may.
func (e *Environment) watchMemory(ctx context.Context) <-chan struct{} {
	over := make(chan struct{})
	if e.spec.Memory == 0 {
		return over
	}
	go func() {
		for e.clock.SleepMachine(ctx, 20*time.Millisecond) == nil {
			if e.peak() > e.spec.Memory {
				close(over)
				return
			}
		}
	}()
	return over
}

func (e *Environment) peak() int {
	if e.proc == nil {
		return 0
	}
	return peakMemory(e.proc.Pid)
}

// alive reports whether it can take another invocation.
func (e *Environment) alive() bool {
	select {
	case <-e.exited:
		return false
	case <-e.initFailed:
		return false
	default:
		return true
	}
}

// initialised reports whether its initialisation is over, well or not.
func (e *Environment) initialised() bool {
	select {
	case <-e.ready:
		return true
	case <-e.initFailed:
		return true
	case <-e.exited:
		return true
	default:
		return false
	}
}

// Crash ends the process, as an injected fault; the invocation at work ends with
// an error.
func (e *Environment) Crash() { e.kill() }

// Holds reports whether the function has a socket open, by the number of its inode;
// known is false where nobody can tell, as for a function that is not confined.
func (e *Environment) Holds(socket uint32) (holds, known bool) {
	if e.proc == nil {
		return false, false
	}
	return e.proc.Holds(socket)
}

// kill ends the process group and waits for the process.
func (e *Environment) kill() {
	if e.proc == nil {
		return
	}
	e.proc.End()
	<-e.exited
}

// close ends the environment and removes its files.
func (e *Environment) close() {
	e.closeOnce.Do(func() {
		close(e.gone)
		e.kill()
		if e.server != nil {
			_ = e.server.Close() // whoever was connected is dead
		}
		if e.stdin != nil {
			_ = e.stdin.Close()
		}
		_ = rmtree.RemoveAll(e.tmp) // the scratch folder goes with the emulator
		if e.spec.Ended != nil {
			e.spec.Ended()
		}
	})
}

// fault is an error's description as Lambda itself writes it.
func fault(kind, id, text string) []byte {
	if id != "" {
		text = "RequestId: " + id + " Error: " + text
	}
	b, _ := json.Marshal(struct { // two strings always encode
		Type string `json:"errorType"`
		Text string `json:"errorMessage"`
	}{kind, text})
	return b
}
