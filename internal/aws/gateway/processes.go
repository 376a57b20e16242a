package gateway

import (
	"sync"

	"github.com/pipelab/pipelab/internal/loopback"
)

// Processes are the invocations at work, by the access key that their process
// was given. So a call from the network has a parent, and a fault can end the
// process that makes it. Safe for concurrent use; nil has none.
type Processes struct {
	mu    sync.Mutex
	atKey map[string]Process
}

// Program is what runs an invocation.
type Program interface {
	// Crash ends it and returns when it is gone.
	Crash()
	// Holds reports whether it has a socket open, by the number of its inode;
	// known is false where nobody can tell.
	Holds(socket uint32) (holds, known bool)
}

// Process is an invocation at work.
type Process struct {
	Invocation string // id of its call
	Trace      string // X-Amzn-Trace-Id that it was given
	Program    Program
}

// NewProcesses returns an empty set.
func NewProcesses() *Processes { return &Processes{atKey: map[string]Process{}} }

// Enter says that an invocation is at work, in a program that signs with this key.
// Call leave when the invocation is over.
func (p *Processes) Enter(accessKey string, at Process) (leave func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.atKey[accessKey] = at
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.atKey, accessKey)
	}
}

// behind is the process that makes a call, if it is one of ours. A key alone does
// not prove that: a function can give its key away, and what another program does
// with it must not count as the function's. So the connection has to be the
// function's too, where the machine can tell whose it is.
func (p *Processes) behind(c *Call) (Process, bool) {
	key := c.Principal.AccessKeyID
	if p == nil || c.Internal() || key == "" {
		return Process{}, false
	}
	p.mu.Lock()
	found, ok := p.atKey[key]
	p.mu.Unlock()
	if !ok {
		return Process{}, false
	}
	peer := loopback.PeerOf(c.HTTP.Context())
	if peer == nil {
		return found, true
	}
	return found, peer.HeldBy(key, func(socket uint32) bool {
		holds, known := found.Program.Holds(socket)
		return holds || !known
	})
}

// crash ends the function that makes a call, where a fault says so. Of a call that
// runs a program the fault means that one.
func (g *Gateway) crash(c *Call, op Operation, site Site) error {
	p, ok := g.host.Processes.behind(c)
	if !ok || op.runs {
		return nil
	}
	if _, hit := g.host.Faults.Strike(FaultCrash, site); !hit {
		return nil
	}
	p.Program.Crash()
	return ErrDropped
}
