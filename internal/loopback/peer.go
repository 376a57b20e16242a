package loopback

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

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
	there, ok1 := conn.RemoteAddr().(*net.TCPAddr)
	here, ok2 := conn.LocalAddr().(*net.TCPAddr)
	if !ok1 || !ok2 {
		return ""
	}
	uid, known := owner(there, here)
	switch {
	case !known:
		return ""
	case uid == gone:
		return "the other end of the connection is closed already, so nobody can tell whose it was"
	case own(uid, os.Getuid(), os.Geteuid(), os.Getenv):
		return ""
	}
	return fmt.Sprintf("the emulator belongs to another user of this machine (yours is %d); "+
		"start one of your own, or let its owner set %s=%d", uid, UsersVariable, uid)
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

type strangerKey struct{}

// know notes of each connection whose it is, once.
func know(ctx context.Context, conn net.Conn) context.Context {
	if why := Stranger(conn); why != "" {
		return context.WithValue(ctx, strangerKey{}, why)
	}
	return ctx
}

// stranger is what know has noted.
func stranger(ctx context.Context) string {
	why, _ := ctx.Value(strangerKey{}).(string)
	return why
}
