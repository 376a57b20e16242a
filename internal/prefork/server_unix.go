//go:build unix

package prefork

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/pipelab/pipelab/internal/confine"
	"github.com/pipelab/pipelab/internal/procgroup"
)

//go:embed server.py
var source string

// server is one interpreter that forks.
type server struct {
	control *net.UnixConn
	gone    chan struct{} // closed when it answers no more

	asking  sync.Mutex    // one request at a time
	started chan *Process // its answer

	mu       sync.Mutex
	programs map[int]*Process
}

// launch starts an interpreter and waits until it is ready.
func launch(path string) (*server, error) {
	conn, theirs, err := pair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()                    // the interpreter has its own
	cmd := exec.Command(path, "-c", source) //nolint:noctx // what was asked for; it ends with its socket
	// Nothing of ours: a program sees what its own environment says.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.DevNull, "AWS_EC2_METADATA_DISABLED=true",
		"AWS_CONFIG_FILE=" + os.DevNull, "AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull}
	cmd.ExtraFiles = []*os.File{theirs}
	procgroup.Own(cmd)
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	s, err := meet(conn)
	if err != nil {
		_ = cmd.Wait() // it failed: that is the error
		return nil, fmt.Errorf("%s does not get ready: %w", path, err)
	}
	go func() {
		<-s.gone
		_ = cmd.Wait() // how it ended does not matter
	}()
	return s, nil
}

// pair returns the two ends of a socket.
func pair() (*net.UnixConn, *os.File, error) {
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, nil, err
	}
	syscall.CloseOnExec(ends[0])
	syscall.CloseOnExec(ends[1])
	theirs := os.NewFile(uintptr(ends[1]), "prefork")
	conn, err := connection(os.NewFile(uintptr(ends[0]), "prefork"))
	if err != nil {
		return nil, nil, errors.Join(err, theirs.Close())
	}
	return conn, theirs, nil
}

// connection takes over a file that is a Unix socket.
func connection(f *os.File) (*net.UnixConn, error) {
	conn, err := net.FileConn(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	unix, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, errors.Join(errors.New("the file is no Unix socket"), conn.Close())
	}
	return unix, nil
}

// meet waits until the interpreter at the other end is ready. After an error the
// socket is closed.
func meet(conn *net.UnixConn) (*server, error) {
	s := &server{control: conn, gone: make(chan struct{}), started: make(chan *Process), programs: map[int]*Process{}}
	answers := bufio.NewReader(conn)
	if line, err := answers.ReadString('\n'); err != nil || line != "r\n" {
		s.close()
		return nil, errors.Join(errGone, err)
	}
	go s.read(answers)
	return s, nil
}

// read takes the answers until there are no more.
func (s *server) read(answers *bufio.Reader) {
	for {
		line, err := answers.ReadString('\n')
		words := strings.Fields(line)
		if err != nil || len(words) < 2 {
			break
		}
		pid, _ := strconv.Atoi(words[1]) // written by server.py
		if words[0] == "s" {
			p := &Process{Pid: pid, done: make(chan struct{})}
			s.mu.Lock()
			s.programs[pid] = p
			s.mu.Unlock()
			s.started <- p
			continue
		}
		status, _ := strconv.Atoi(words[len(words)-1])
		s.end(pid, syscall.WaitStatus(status)) // 16 bits
	}
	close(s.gone)
	// A server that is killed leaves programs that nobody waits for.
	s.mu.Lock()
	defer s.mu.Unlock()
	for pid, p := range s.programs {
		p.End()
		p.exit = Exit{Code: -1, Text: "signal: killed"}
		close(p.done)
		delete(s.programs, pid)
	}
}

func (s *server) end(pid int, status syscall.WaitStatus) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.programs[pid]
	if p == nil {
		return
	}
	delete(s.programs, pid)
	p.exit = Exit{Code: status.ExitStatus(), Text: fmt.Sprintf("exit status %d", status.ExitStatus())}
	if status.Signaled() {
		p.exit = Exit{Code: -1, Text: "signal: " + status.Signal().String()}
	}
	close(p.done)
}

// start has a program forked.
func (s *server) start(cmd *exec.Cmd, cage *confine.Cage) (*Process, error) {
	dir := cmd.Dir
	if dir == "" {
		var err error
		if dir, err = os.Getwd(); err != nil {
			return nil, err
		}
	}
	environment := map[string]string{}
	for _, v := range cmd.Env {
		name, value, _ := strings.Cut(v, "=")
		environment[name] = value
	}
	what := map[string]any{"arguments": cmd.Args, "dir": dir, "environment": environment}
	var more []*os.File
	if cage != nil {
		fork := cage.Fork()
		what["cage"], more = fork, []*os.File{fork.Outer, fork.Inner, fork.In, fork.Out}
	}
	job, err := json.Marshal(what)
	if err != nil {
		return nil, err
	}
	files, release, err := streams(cmd)
	if err != nil {
		return nil, err
	}
	defer release()
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer read.Close()  // the program has its own
	defer write.Close() // again, after an error
	p, err := s.request(slices.Concat(files[:], []*os.File{read}, more))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errGone, err)
	}
	if cage != nil {
		p.cage.Store(cage)
		err = cage.Forking(p.Pid)
	}
	if err == nil {
		_, err = write.Write(job)
	}
	err = errors.Join(err, write.Close()) // its end ends the job
	if err == nil && cage != nil {
		err = cage.Forked()
	}
	if err != nil {
		p.End()
		return nil, fmt.Errorf("tell a program what to run: %w", err)
	}
	return p, nil
}

// request asks for a fork with these files.
func (s *server) request(files []*os.File) (*Process, error) {
	s.asking.Lock()
	defer s.asking.Unlock()
	if err := hand(s.control, 'f', files...); err != nil {
		return nil, err
	}
	select {
	case p := <-s.started:
		return p, nil
	case <-s.gone:
		return nil, errors.New("the interpreter has ended")
	}
}

// hand writes one byte with files.
func hand(conn *net.UnixConn, kind byte, files ...*os.File) error {
	var rights []int
	for _, f := range files {
		rights = append(rights, int(f.Fd())) // Fd also makes it block, as programs expect
	}
	_, _, err := conn.WriteMsgUnix([]byte{kind}, syscall.UnixRights(rights...), nil)
	return err
}

// close ends the server, which ends its programs; one that was lent ends only those
// that were asked for here.
func (s *server) close() { _ = s.control.Close() } // closing twice does no harm
