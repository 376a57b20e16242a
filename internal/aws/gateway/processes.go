package gateway

import "sync"

// Processes are the invocations at work, by the access key that their process
// was given. So a call from the network has a parent, and a fault can end the
// process that makes it. Safe for concurrent use; nil has none.
type Processes struct {
	mu    sync.Mutex
	atKey map[string]process
}

type process struct {
	invocation string
	kill       func()
}

// NewProcesses returns an empty set.
func NewProcesses() *Processes { return &Processes{atKey: map[string]process{}} }

// Enter says that an invocation is at work in a process that signs with this
// key; kill ends the process and returns when it is gone. Call leave when the
// invocation is over.
func (p *Processes) Enter(accessKey, invocation string, kill func()) (leave func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.atKey[accessKey] = process{invocation, kill}
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.atKey, accessKey)
	}
}

// behind is the process that makes a call, if it is one of ours.
func (p *Processes) behind(c *Call) (process, bool) {
	if p == nil || c.Internal() || c.Principal.AccessKeyID == "" {
		return process{}, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	found, ok := p.atKey[c.Principal.AccessKeyID]
	return found, ok
}

// crash ends the function that makes a call, where a fault says so. Of a call that
// runs a program the fault means that one.
func (g *Gateway) crash(c *Call, op Operation, resource string) error {
	p, ok := g.host.Processes.behind(c)
	if !ok || op.runs {
		return nil
	}
	if _, hit := g.host.Faults.Take(FaultCrash, c.Service, c.Operation, resource); !hit {
		return nil
	}
	p.kill()
	return ErrDropped
}
