package gateway

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// underWay are the calls from the network that handlers are at work on. The state may
// be changed from outside only while there are none: what a call writes belongs to the
// state that it began with.
//
// Calls of services are not counted. They belong to one from the network, or to
// background work, which Stop ends.
type underWay struct {
	gate  sync.RWMutex  // held for reading by each handler
	epoch atomic.Uint64 // moves on with each hold, twice

	mu     sync.Mutex
	bodies map[*http.ResponseController]bool // that handlers may be reading
}

// begin lets a handler go to work, unless the state has changed since the call's
// request came in, at an epoch. Call end afterwards.
func (u *underWay) begin(epoch uint64) bool {
	u.gate.RLock()
	if u.epoch.Load() == epoch {
		return true
	}
	u.gate.RUnlock()
	return false
}

func (u *underWay) end() { u.gate.RUnlock() }

// reading notes that a handler may read a request's body, for which its client takes
// its time; the function returned ends that.
func (u *underWay) reading(w http.ResponseWriter) (over func()) {
	c := http.NewResponseController(w)
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.bodies == nil {
		u.bodies = map[*http.ResponseController]bool{}
	}
	u.bodies[c] = true
	return func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		delete(u.bodies, c)
	}
}

// hold waits for all handlers, and cuts off bodies that are still coming in. No handler
// goes to work until release is called.
func (u *underWay) hold() (release func()) {
	u.epoch.Add(1)
	u.mu.Lock()
	for c := range u.bodies {
		_ = c.SetReadDeadline(time.Unix(1, 0)) // of no connection: it is in memory
	}
	u.mu.Unlock()
	u.gate.Lock()
	return func() {
		u.epoch.Add(1)
		u.gate.Unlock()
	}
}

// Hold waits for the calls from the network that are under way, and lets none go on
// that came in before release is called: they are answered ServiceUnavailable. Call it
// between Stop, which ends what calls wait for, and Start.
func (g *Gateway) Hold() (release func()) {
	release = g.underWay.hold()
	g.streams.stop() // those that have been opened since Stop ended the others
	return release
}
