package embedded

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pipelab/pipelab/internal/confine"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/prefork"
	"github.com/pipelab/pipelab/internal/tempdir"
)

// Apart starts embedded emulators in processes of their own, so that whatever a
// pipeline does to one, others go on. A process has one emulator at a time and is
// used again for the next; it costs a start of this program and of an interpreter
// once, and not once for each emulator. Make one with NewApart, end it with Close.
type Apart struct {
	o      ApartOptions
	mu     sync.Mutex
	idle   []*worker
	closed bool
	all    map[*worker]bool
}

// ApartOptions say what the processes are.
type ApartOptions struct {
	// Command starts a process that calls ServeApart.
	Command []string
	// Environ is its environment, but for TMPDIR and what bounds its memory.
	Environ []string
	// MaxBytes bounds what one emulator stores, in bytes; 0 is no bound.
	MaxBytes int64
	// Memory bounds what a process takes, in bytes; 0 is MaxBytes and a gigabyte
	// more, and no bound where MaxBytes is 0. One that takes more ends.
	Memory int64
	// Confine says what functions may do; nil leaves them unconfined. Image is
	// that of its containers, if they are to run in containers.
	Confine *confine.Policy
	Image   string
	// Interpreters are lent to the processes for Python functions: each would take
	// a second of a processor to get its own ready. Nil lends none.
	Interpreters *prefork.Interpreters
}

// beside is what a process may take beside what it stores, in bytes: requests
// under way, the trace, logs on their way, copies for clients.
const beside = 1 << 30

// stopTime is how long a process may take to stop an emulator.
const stopTime = 30 * time.Second

// orders are what a process reads, a line of JSON each.
type orders struct {
	MaxBytes int64           `json:"maxBytes,omitempty"`
	Memory   int64           `json:"memory,omitempty"`
	Confine  *confine.Policy `json:"confine,omitempty"`
	Image    string          `json:"image,omitempty"`
	Lent     bool            `json:"lent,omitempty"` // file 3 is of interpreters
	Do       string          `json:"do"`             // "start", "stop"
}

// answer is what it says to each.
type answer struct {
	URL   string `json:"url,omitempty"`
	Token string `json:"token,omitempty"`
	Error string `json:"error,omitempty"`
}

// NewApart returns a driver of which no process runs yet.
func NewApart(o ApartOptions) *Apart {
	if o.Memory == 0 && o.MaxBytes > 0 {
		o.Memory = o.MaxBytes + beside
	}
	return &Apart{o: o, all: map[*worker]bool{}}
}

// Name is "embedded": what runs is the same.
func (*Apart) Name() string { return "embedded" }

// Start starts an emulator in a process that is idle, or in a new one. State is
// kept in memory; a folder or an address in o are refused.
func (a *Apart) Start(ctx context.Context, o emulator.Options) (emulator.Emulator, error) {
	if o.Dir != "" || o.Addr != "" {
		return nil, errors.New("an emulator in a process that is used again keeps no state and chooses its port")
	}
	w, err := a.take()
	if err != nil {
		return nil, err
	}
	said, err := w.do(ctx, orders{Do: "start", MaxBytes: a.o.MaxBytes, Memory: a.o.Memory, Confine: a.o.Confine,
		Image: a.o.Image, Lent: w.lent})
	if err != nil {
		a.drop(w)
		return nil, err
	}
	return &apart{pool: a, worker: w, endpoint: emulator.NewEndpoint(said.URL, said.Token)}, nil
}

// take returns an idle process or starts one.
func (a *Apart) take() (*worker, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return nil, errors.New("the emulators' processes have ended")
	}
	if n := len(a.idle); n > 0 {
		w := a.idle[n-1]
		a.idle = a.idle[:n-1]
		return w, nil
	}
	w, err := a.launch()
	if err == nil {
		a.all[w] = true
	}
	return w, err
}

// keep lets a process be used again.
func (a *Apart) keep(w *worker) {
	a.mu.Lock()
	closed := a.closed
	if !closed {
		a.idle = append(a.idle, w)
	}
	a.mu.Unlock()
	if closed {
		w.end()
	}
}

// drop ends a process that is of no use.
func (a *Apart) drop(w *worker) {
	a.mu.Lock()
	delete(a.all, w)
	a.mu.Unlock()
	w.end()
}

// Close ends the processes, also those whose emulators are not closed.
func (a *Apart) Close() {
	a.mu.Lock()
	a.closed = true
	all := a.all
	a.all, a.idle = map[*worker]bool{}, nil
	a.mu.Unlock()
	for w := range all {
		w.end()
	}
}

// worker is one process.
type worker struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *json.Decoder
	tmp    *tempdir.Dir
	lent   bool
	said   *tail
	ending sync.Once
}

func (a *Apart) launch() (w *worker, err error) {
	w = &worker{said: &tail{}}
	if w.tmp, err = tempdir.New("emulator"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("start a process for an emulator: %w", err), w.tmp.Remove())
		}
	}()
	w.cmd = exec.Command(a.o.Command[0], a.o.Command[1:]...) //nolint:noctx // it ends with its input
	w.cmd.Env = append(slices.Clone(a.o.Environ), "TMPDIR="+w.tmp.Path())
	if a.o.Memory > 0 { // the collector works harder before the process is too large
		w.cmd.Env = append(w.cmd.Env, "GOMEMLIMIT="+strconv.FormatInt(a.o.Memory-a.o.Memory/4, 10))
	}
	w.cmd.Stderr = w.said
	if w.in, err = w.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := w.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	lent, err := a.o.Interpreters.Lend()
	if err != nil {
		return nil, err
	}
	if lent != nil {
		defer lent.Close() // the process has its own
		w.lent, w.cmd.ExtraFiles = true, []*os.File{lent}
	}
	if err = w.cmd.Start(); err != nil {
		return nil, err
	}
	w.out = json.NewDecoder(bufio.NewReader(out))
	return w, nil
}

// do gives an order and waits for the answer. After an error the process is of no
// use.
func (w *worker) do(ctx context.Context, o orders) (answer, error) {
	type reply struct {
		said answer
		err  error
	}
	done := make(chan reply, 1)
	go func() {
		var r reply
		if r.err = json.NewEncoder(w.in).Encode(o); r.err == nil {
			r.err = w.out.Decode(&r.said)
		}
		done <- r
	}()
	select {
	case r := <-done:
		switch {
		case r.err != nil:
			return r.said, fmt.Errorf("the emulator's process has ended: %w%s", r.err, w.said.reason())
		case r.said.Error != "":
			return r.said, errors.New(r.said.Error)
		}
		return r.said, nil
	case <-ctx.Done():
		_ = w.cmd.Process.Kill() // so that nobody waits for it
		return answer{}, ctx.Err()
	}
}

// end ends the process and removes what it has left.
func (w *worker) end() {
	w.ending.Do(func() {
		_ = w.in.Close()         // the sign to end
		_ = w.cmd.Process.Kill() // nothing that it holds is worth waiting for
		_ = w.cmd.Wait()         // how it ended says nothing
		_ = w.tmp.Remove()       // a folder for temporary files
	})
}

// apart is an emulator in another process.
type apart struct {
	pool     *Apart
	worker   *worker
	endpoint emulator.Endpoint
	closing  sync.Once
	closed   error
}

func (e *apart) Endpoint() emulator.Endpoint { return e.endpoint }
func (e *apart) Control() *emulator.Control  { return emulator.NewControl(e.endpoint) }

func (e *apart) Capabilities() []emulator.Capability {
	return emulator.CapabilitiesOf(emulator.Embedded)
}

// Ended implements emulator.Mortal.
func (e *apart) Ended() (why string, spent bool) {
	e.worker.end()
	return strings.TrimPrefix(e.worker.said.reason(), "; it said: "), e.worker.cmd.ProcessState.ExitCode() == spentCode
}

// Close stops the emulator; its process is kept if that went well.
func (e *apart) Close() error {
	e.closing.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopTime)
		defer cancel()
		if _, e.closed = e.worker.do(ctx, orders{Do: "stop"}); e.closed != nil {
			e.pool.drop(e.worker)
			return
		}
		e.pool.keep(e.worker)
	})
	return e.closed
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailBytes = 2 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	t.text = t.text[max(0, len(t.text)-tailBytes):]
	return len(b), nil
}

// reason is what was written first of what is kept, as the end of a sentence.
func (t *tail) reason() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.text) == 0 {
		return ""
	}
	line, _, _ := bytes.Cut(t.text, []byte("\n"))
	return "; it said: " + string(line)
}
