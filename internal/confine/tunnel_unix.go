//go:build unix

package confine

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
)

// Kinds of the frames of a tunnel: what tunnel.py says and hears. A frame is a
// byte for its kind, then the number of a connection and the length of the data
// as big-endian numbers of four bytes, then the data.
const (
	frameOpen  = iota // of the container: a connection, the data is the port
	frameData         // bytes of a connection
	frameEnd          // nothing more comes from this side
	frameClose        // the connection has ended
	frameReady        // of the container, once: its ports listen
)

// What a container may ask of the judge's side: a frame is larger than either
// side sends, no program needs so many connections, and what waits to be written
// stays in memory.
const (
	maxFrame   = 1 << 20
	maxOpen    = 512
	maxBacklog = 64 << 20
)

// tunnel carries connections out of a container that has no network, to ports
// of loopback and to no other.
type tunnel struct {
	ports []int
	in    io.Writer // to the container
	out   *bufio.Reader

	writing sync.Mutex
	mu      sync.Mutex
	open    map[uint32]*pipe
	room    *sync.Cond // told when backlog shrinks
	backlog int        // bytes that wait in pipes
	closed  bool
}

// pipe is one connection, with what has come for it and is not yet written: one
// that does not read must not hold up the others.
type pipe struct {
	of    *tunnel
	mu    sync.Mutex
	more  *sync.Cond
	items [][]byte // nil for the end
	gone  bool
	conn  net.Conn
}

func newTunnel(in io.Writer, out io.Reader, ports []int) *tunnel {
	t := &tunnel{ports: ports, in: in, out: bufio.NewReader(out), open: map[uint32]*pipe{}}
	t.room = sync.NewCond(&t.mu)
	return t
}

// await returns when the container listens.
func (t *tunnel) await() error {
	kind, _, _, err := t.read()
	if err == nil && kind != frameReady {
		err = fmt.Errorf("it began with a frame of kind %d", kind)
	}
	return err
}

func (t *tunnel) read() (kind byte, number uint32, data []byte, err error) {
	var head [9]byte
	if _, err := io.ReadFull(t.out, head[:]); err != nil {
		return 0, 0, nil, err
	}
	kind, number = head[0], binary.BigEndian.Uint32(head[1:])
	length := binary.BigEndian.Uint32(head[5:])
	if length > maxFrame {
		return 0, 0, nil, fmt.Errorf("a frame of %d bytes", length)
	}
	data = make([]byte, length)
	_, err = io.ReadFull(t.out, data)
	return kind, number, data, err
}

func (t *tunnel) write(kind byte, number uint32, data []byte) error {
	frame := binary.BigEndian.AppendUint32([]byte{kind}, number)
	frame = binary.BigEndian.AppendUint32(frame, uint32(len(data))) // at most what was read at once
	t.writing.Lock()
	defer t.writing.Unlock()
	_, err := t.in.Write(append(frame, data...))
	return err
}

// serve carries until the container has ended. Whatever breaks the rules ends it:
// programs in the container may pretend to be the tunnel.
func (t *tunnel) serve() {
	defer t.close()
	for {
		kind, number, data, err := t.read()
		if err != nil {
			return
		}
		t.mu.Lock()
		p, many := t.open[number], len(t.open) >= maxOpen
		t.mu.Unlock()
		switch {
		case kind == frameOpen && p == nil && many:
			if t.write(frameClose, number, nil) != nil {
				return
			}
		case kind == frameOpen && p == nil && len(data) == 2 && slices.Contains(t.ports, int(binary.BigEndian.Uint16(data))):
			t.connect(number, int(binary.BigEndian.Uint16(data)))
		case kind == frameData && p != nil && len(data) > 0:
			p.put(data)
		case kind == frameEnd && p != nil:
			p.put(nil)
		case kind == frameClose && p != nil:
			t.drop(number)
		case kind > frameClose || kind == frameOpen:
			return
		}
	}
}

func (t *tunnel) connect(number uint32, port int) {
	p := &pipe{of: t}
	p.more = sync.NewCond(&p.mu)
	t.mu.Lock()
	t.open[number] = p
	t.mu.Unlock()
	go func() {
		address := net.JoinHostPort("127.0.0.1", fmt.Sprint(port))
		conn, err := net.Dial("tcp", address) //nolint:noctx // loopback answers at once
		if err != nil {
			_ = t.write(frameClose, number, nil) // an error means that the container has ended
			t.drop(number)
			return
		}
		p.mu.Lock()
		p.conn = conn
		gone := p.gone
		p.mu.Unlock()
		if gone {
			_ = conn.Close()
			return
		}
		go p.pump()
		t.back(number, conn)
	}()
}

// back carries what the judge's side sends.
func (t *tunnel) back(number uint32, conn net.Conn) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := conn.Read(buffer)
		if n > 0 && t.write(frameData, number, buffer[:n]) != nil {
			return
		}
		switch {
		case errors.Is(err, io.EOF):
			_ = t.write(frameEnd, number, nil) // as in connect
			return
		case err != nil:
			_ = t.write(frameClose, number, nil) // as in connect
			return
		}
	}
}

// put keeps what has come for a connection, which is lost if that has ended. It
// waits while too much is kept for all of them together.
func (p *pipe) put(data []byte) {
	p.of.mu.Lock()
	for p.of.backlog > maxBacklog && !p.of.closed {
		p.of.room.Wait()
	}
	p.of.backlog += len(data)
	p.of.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		p.of.release(len(data))
		return
	}
	p.items = append(p.items, data)
	p.more.Signal()
}

// release tells that so many bytes do not wait any more.
func (t *tunnel) release(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.backlog -= n
	t.room.Signal()
}

// pump writes what has come for the connection.
func (p *pipe) pump() {
	for {
		p.mu.Lock()
		for len(p.items) == 0 && !p.gone {
			p.more.Wait()
		}
		if p.gone {
			p.mu.Unlock()
			return
		}
		data := p.items[0]
		p.items = p.items[1:]
		p.mu.Unlock()
		if data == nil {
			if half, ok := p.conn.(*net.TCPConn); ok {
				_ = half.CloseWrite() // it may be closed already
			}
			return
		}
		_, err := p.conn.Write(data)
		p.of.release(len(data))
		if err != nil {
			p.end() // reading tells the container
			return
		}
	}
}

// drop ends a connection.
func (t *tunnel) drop(number uint32) {
	t.mu.Lock()
	p := t.open[number]
	delete(t.open, number)
	t.mu.Unlock()
	if p != nil {
		p.end()
	}
}

func (p *pipe) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return
	}
	p.gone = true
	kept := 0
	for _, data := range p.items {
		kept += len(data)
	}
	p.items = nil
	p.of.release(kept)
	p.more.Signal()
	if p.conn != nil {
		_ = p.conn.Close() // it may be closed already
	}
}

// close ends all connections; serve does not wait for any of them after it.
func (t *tunnel) close() {
	t.mu.Lock()
	open := t.open
	t.open = map[uint32]*pipe{}
	t.closed = true
	t.room.Broadcast()
	t.mu.Unlock()
	for _, p := range open {
		p.end()
	}
}
