package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"

	"github.com/pipelab/pipelab/internal/loopback"
)

// Listener is a door for another protocol than HTTP, such as that of Kafka's
// brokers: a port of its own on loopback. Host.Address tells where it is.
type Listener struct {
	// Name is what Host.Address knows it by; one service's name or a word of it.
	Name string
	// Serve speaks with one client. It ends when the client is gone; when ctx ends,
	// the connection is closed, and Serve must return.
	Serve func(ctx context.Context, conn net.Conn)
}

// listener is a Listener with its port, which stays the same from the first
// start until the cloud is closed: clients keep it.
type listener struct {
	Listener
	socket net.Listener
	log    *slog.Logger

	mu    sync.Mutex
	ctx   context.Context // of the connections between a start and its stop; nil between
	end   context.CancelFunc
	conns map[net.Conn]bool
	work  sync.WaitGroup // the connections; added to under mu, with ctx set
}

// open takes a port, once.
func (l *listener) open(ctx context.Context) error {
	if l.socket != nil {
		return nil
	}
	socket, err := loopback.Listen(ctx, "")
	if err != nil {
		return fmt.Errorf("listen for %s: %w", l.Name, err)
	}
	l.socket = socket
	go l.accept(socket)
	return nil
}

func (l *listener) start() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ctx, l.end = context.WithCancel(context.Background())
}

// stop closes all connections and waits until they are done with.
func (l *listener) stop() {
	l.mu.Lock()
	if l.ctx == nil {
		l.mu.Unlock()
		return
	}
	l.end()
	l.ctx = nil
	for c := range l.conns {
		_ = c.Close() // what waits on it returns
	}
	l.mu.Unlock()
	l.work.Wait()
}

// accept serves clients until the socket is closed. Between a stop and the next
// start they are turned away, and so are those of other users of the machine.
func (l *listener) accept(socket net.Listener) {
	for {
		conn, err := socket.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			l.log.Warn("connection not accepted", "listener", l.Name, "error", err)
			continue
		}
		if who := loopback.Stranger(conn); who != "" {
			l.log.Warn("connection refused", "listener", l.Name, "why", who)
			_ = conn.Close() // nothing was read
			continue
		}
		l.take(conn)
	}
}

func (l *listener) take(conn net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx == nil {
		_ = conn.Close() // nothing was read
		return
	}
	l.conns[conn] = true
	l.work.Add(1)
	go l.serve(l.ctx, conn)
}

// serve ends with the connection; a panic ends one connection.
func (l *listener) serve(ctx context.Context, conn net.Conn) {
	defer l.work.Done()
	defer func() {
		if p := recover(); p != nil {
			l.log.Error("connection panicked", "listener", l.Name, "panic", p, "stack", string(debug.Stack()))
		}
		_ = conn.Close() // it may be closed already
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.conns, conn)
	}()
	l.Serve(ctx, conn)
}

// listen starts the listeners of all services.
func (g *Gateway) listen(ctx context.Context) error {
	for _, l := range g.listeners {
		if err := l.open(ctx); err != nil {
			return err
		}
		l.start()
	}
	return nil
}

// Close gives up the listeners' ports; call it after Stop.
func (g *Gateway) Close() error {
	var errs []error
	for _, l := range g.listeners {
		l.stop()
		if l.socket != nil {
			errs = append(errs, l.socket.Close())
		}
	}
	return errors.Join(errs...)
}

// address is where a listener is; empty before the first start and for a name
// that nobody has.
func (g *Gateway) address(name string) string {
	for _, l := range g.listeners {
		if l.Name == name && l.socket != nil {
			return l.socket.Addr().String()
		}
	}
	return ""
}
