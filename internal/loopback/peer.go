package loopback

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/pipelab/pipelab/internal/confine"
)

// UsersVariable names an environment variable with further users, numbers with
// commas between them, whose programs may connect; "any" lets in all.
const UsersVariable = "PIPELAB_USERS"

// Stranger says whose program is at the other end of a connection when it is
// not one of the user's: those of the user who runs this program, of root (who
// may do anything in any case), of the user behind sudo, of those in
// UsersVariable, and programs that run confined on behalf of this one. "" lets
// it in.
//
// Only Linux tells who is at the other end. Elsewhere, and where the kernel
// does not answer, everybody on the machine is let in.
func Stranger(conn net.Conn) string {
	s, known := other(conn)
	if !known {
		return ""
	}
	return s.stranger()
}

// socket is the one at the other end of a connection.
type socket struct {
	uid   int
	inode uint32 // by which /proc/PID/fd names it; 0 when it is gone
}

// other tells about the other end of a connection, if anybody can.
func other(conn net.Conn) (s socket, known bool) {
	there, ok1 := conn.RemoteAddr().(*net.TCPAddr)
	here, ok2 := conn.LocalAddr().(*net.TCPAddr)
	if !ok1 || !ok2 {
		return s, false
	}
	return ask(there, here)
}

func (s socket) stranger() string {
	switch {
	case s.uid == gone:
		return "the other end of the connection is closed already, so nobody can tell whose it was"
	case own(s.uid, os.Getuid(), os.Geteuid(), os.Getenv):
		return ""
	}
	return fmt.Sprintf("the emulator belongs to another user of this machine (yours is %d); "+
		"start one of your own, or let its owner set %s=%d", s.uid, UsersVariable, s.uid)
}

// gone is the owner of a socket that no process has any more.
const gone = -1

// own reports whether a user's programs may connect.
func own(uid, real, effective int, getenv func(string) string) bool {
	if uid == 0 || uid == real || uid == effective || effective == 0 && confine.Guest(uid) {
		return true
	}
	if effective == 0 && getenv("SUDO_UID") == strconv.Itoa(uid) {
		return true
	}
	more := strings.FieldsFunc(getenv(UsersVariable), func(r rune) bool { return r == ',' || r == ' ' })
	return slices.Contains(more, "any") || slices.Contains(more, strconv.Itoa(uid))
}

// Peer is who is at the other end of a connection to a Server.
type Peer struct {
	stranger string
	inode    uint32

	mu    sync.Mutex
	holds map[string]bool
}

type peerKey struct{}

// know notes of each connection whose it is, once.
func know(ctx context.Context, conn net.Conn) context.Context {
	s, known := other(conn)
	if !known {
		return ctx
	}
	return context.WithValue(ctx, peerKey{}, &Peer{stranger: s.stranger(), inode: s.inode})
}

// PeerOf is who sent a request, by its context; nil where nobody can tell.
func PeerOf(ctx context.Context) *Peer {
	p, _ := ctx.Value(peerKey{}).(*Peer)
	return p
}

// HeldBy reports whether a process of name has the other end of the connection.
// tell finds that out by the number of the socket's inode, and is asked once in the
// life of a connection: it is not handed on.
func (p *Peer) HeldBy(name string, tell func(socket uint32) bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	held, asked := p.holds[name]
	if !asked {
		held = tell(p.inode)
		if p.holds == nil {
			p.holds = map[string]bool{}
		}
		p.holds[name] = held
	}
	return held
}

// stranger is what know has noted.
func stranger(ctx context.Context) string {
	if p := PeerOf(ctx); p != nil {
		return p.stranger
	}
	return ""
}
