package loopback

import (
	"context"
	"errors"
	"fmt"
	"net"
)

// ErrAddress is in the error of an address that is not this machine's own.
var ErrAddress = errors.New("is not a loopback address; the emulator has no passwords worth the name and must not be " +
	"reachable from outside")

// Listen listens on a loopback address, a free port of 127.0.0.1 when addr is
// empty. Other addresses are refused: an emulator has no passwords worth the
// name.
func Listen(ctx context.Context, addr string) (net.Listener, error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	if tcp, ok := listener.Addr().(*net.TCPAddr); !ok || !tcp.IP.IsLoopback() {
		return nil, errors.Join(fmt.Errorf("%s %w", addr, ErrAddress), listener.Close())
	}
	return listener, nil
}
