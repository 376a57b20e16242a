package loopback

import (
	"container/list"
	"net"
	"net/http"
	"sync"
)

// mostConnections is how many connections a server has at a time. No program of a
// lab comes near it; one that holds connections for their own sake would take the
// descriptors of this process, and with them everybody's.
const mostConnections = 1000

// shareOfDescriptors is which part of the descriptors that this process may have
// one server takes at most: others are there beside it, and whoever judges.
const shareOfDescriptors = 8

// fewest is where no machine is so small that a server gets fewer.
const fewest = 64

// connections bounds those of a server. Nobody is refused for having come late: it
// may be the judge. Instead the connection goes whose client has asked nothing
// for the longest time, as one that is left open for long does at AWS; clients
// are made for that, and connect again. Only where all have a request under way,
// the one goes whose request has begun first.
type connections struct {
	most int

	mu   sync.Mutex
	of   map[net.Conn]*list.Element
	idle *list.List // of net.Conn, the longest first: new, or between two requests
	busy *list.List // the same: a request has begun
}

func newConnections(most int) *connections {
	return &connections{most: max(min(most, descriptors()/shareOfDescriptors), fewest), of: map[net.Conn]*list.Element{},
		idle: list.New(), busy: list.New()}
}

// note is told by the server what becomes of a connection.
func (c *connections) note(conn net.Conn, state http.ConnState) {
	if out := c.take(conn, state); out != nil {
		_ = out.Close() // its server notices, and notes it
	}
}

// take notes it, and returns the connection that has to go for that.
func (c *connections) take(conn net.Conn, state http.ConnState) net.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.of[conn]; e != nil { // it is in one of the two
		c.idle.Remove(e)
		c.busy.Remove(e)
		delete(c.of, conn)
	} else if state != http.StateNew {
		return nil // it has had to go
	}
	switch state {
	case http.StateNew, http.StateIdle:
		c.of[conn] = c.idle.PushBack(conn)
	case http.StateActive:
		c.of[conn] = c.busy.PushBack(conn)
	default: // closed, or nobody's of the server any more
		return nil
	}
	if len(c.of) <= c.most {
		return nil
	}
	out := c.idle.Front()
	if out == nil || out.Value == conn {
		out = c.busy.Front()
	}
	if out == nil {
		return nil
	}
	victim := out.Value.(net.Conn) // nothing else is in the lists
	c.idle.Remove(out)
	c.busy.Remove(out)
	delete(c.of, victim)
	return victim
}
