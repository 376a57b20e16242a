//go:build unix

package prefork

import (
	"bufio"
	"encoding/json"
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
)

// Lend returns a file for a process of ours that starts programs itself: with Borrow
// it has them forked by the interpreters of this one, which are ready. They end with
// that process. The file is closed by who is given it. Nil, without an error, is when
// there is nothing to lend.
func (i *Interpreters) Lend() (*os.File, error) {
	if i == nil {
		return nil, nil
	}
	conn, theirs, err := pair()
	if err != nil {
		return nil, err
	}
	go i.lend(conn)
	return theirs, nil
}

// lend answers one who borrows until he ends: to the path of an interpreter with a
// socket to it, or with a byte that says no.
func (i *Interpreters) lend(conn *net.UnixConn) {
	defer func() { _ = conn.Close() }() // its client has gone, or notices
	asked := json.NewDecoder(bufio.NewReader(conn))
	for {
		var path string
		if err := asked.Decode(&path); err != nil {
			return
		}
		socket, err := i.another(path)
		if err != nil {
			_, err = conn.Write([]byte{'n'})
		} else {
			err = errors.Join(hand(conn, 'y', socket), socket.Close())
		}
		if err != nil {
			return
		}
	}
}

// another has the server of an interpreter listen to one more socket, and returns the
// other end of that.
func (i *Interpreters) another(path string) (*os.File, error) {
	s := i.server(path)
	if s == nil {
		return nil, errGone
	}
	mine, theirs, err := pair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close() // the interpreter has its own
	s.asking.Lock()
	err = hand(s.control, 'c', theirs)
	s.asking.Unlock()
	if err != nil {
		i.forget(path, s) // as in Start
		return nil, errors.Join(err, mine.Close())
	}
	f, err := mine.File()
	return f, errors.Join(err, mine.Close())
}

// lender is who lends.
type lender struct {
	mu   sync.Mutex
	conn *net.UnixConn
}

// Borrow returns the interpreters of the process that has made the file with Lend;
// the file is taken over. What it does not lend, they start themselves.
func Borrow(f *os.File) (*Interpreters, error) {
	conn, err := connection(f)
	if err != nil {
		return nil, err
	}
	i := New()
	i.lender = &lender{conn: conn}
	return i, nil
}

// ask borrows an interpreter.
func (l *lender) ask(path string) (*server, error) {
	if l == nil {
		return nil, errGone
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := json.NewEncoder(l.conn).Encode(path); err != nil {
		return nil, err
	}
	kind, rights := make([]byte, 1), make([]byte, syscall.CmsgSpace(4)) // of one file
	_, n, _, _, err := l.conn.ReadMsgUnix(kind, rights)
	if err != nil || kind[0] != 'y' {
		return nil, errors.Join(errGone, err)
	}
	f, err := received(rights[:n])
	if err != nil {
		return nil, err
	}
	conn, err := connection(f)
	if err != nil {
		return nil, err
	}
	return meet(conn)
}

// received is the file that came with a message.
func received(rights []byte) (*os.File, error) {
	messages, err := syscall.ParseSocketControlMessage(rights)
	if err != nil || len(messages) != 1 {
		return nil, errors.Join(errors.New("no file came"), err)
	}
	files, err := syscall.ParseUnixRights(&messages[0])
	if err != nil || len(files) != 1 {
		return nil, errors.Join(errors.New("no file came"), err)
	}
	syscall.CloseOnExec(files[0])
	return os.NewFile(uintptr(files[0]), "prefork"), nil
}

func (l *lender) close() {
	if l != nil {
		_ = l.conn.Close() // who lends notices
	}
}
