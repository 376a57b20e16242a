package runtime

import (
	"bufio"
	"bytes"
	"io"
	"strconv"
	"sync"
	"sync/atomic"
)

// maxEvent is the size of one log event, in bytes; longer lines are split.
// Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
const maxEvent = 1 << 20

// How much of the output of confined functions is kept, in bytes: of one
// environment, and of all that a fleet has. Functions that print without end must
// not fill the memory of their judge, nor those that crash after each event and
// so begin anew.
//
// AWS: keeps and charges everything.
const (
	confinedLog = 32 << 20
	allLogs     = 2 * confinedLog
)

// eventCost is counted for each event beside its text, in bytes: what holds an
// empty line in memory, on its way and in the log, is no less.
const eventCost = 256

// output cuts what a process writes into log events.
type output struct {
	sink   Sink
	shown  func([]byte) []byte // as AWS shows it
	room   int64               // bytes that are still kept
	common *atomic.Int64       // those of all environments together; nil for no bound
	cut    bool

	mu    sync.Mutex
	ended map[string]bool // invocations whose output is complete
	eof   bool
	more  chan struct{} // closed at every change
}

// newOutput bounds what is kept where common says what all environments may.
func newOutput(sink Sink, common *atomic.Int64, shown func([]byte) []byte) *output {
	return &output{sink: sink, shown: shown, room: confinedLog, common: common, ended: map[string]bool{},
		more: make(chan struct{})}
}

// read passes lines on until the last writer is gone.
func (o *output) read(r io.Reader) {
	in := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := readLine(in)
		switch {
		case bytes.HasPrefix(line, []byte("\x01end ")):
			o.end(string(bytes.TrimSpace(line[5:])))
		case bytes.HasPrefix(line, []byte("\x01frame ")):
			n, convErr := strconv.Atoi(string(bytes.TrimSpace(line[7:])))
			if convErr != nil || n < 0 || n > maxEvent {
				o.event(line)
				break
			}
			text := make([]byte, n)
			got, _ := io.ReadFull(in, text) // what is missing was cut off by the end of the process
			o.event(text[:got])
		case len(line) > 0:
			o.event(line)
		}
		if err != nil {
			o.change(func() { o.eof = true })
			return
		}
	}
}

// marks are how many ends of invocations are kept; an environment has one
// invocation at a time, and who prints more of them makes them up.
const marks = 16

// end notes that the output of an invocation is complete.
func (o *output) end(id string) {
	o.change(func() {
		if len(o.ended) >= marks {
			clear(o.ended)
		}
		o.ended[id] = true
	})
}

// event passes one on unless there is no room for it.
func (o *output) event(text []byte) {
	if text = o.shown(text); !o.full(len(text)) {
		o.sink.Event(string(text))
	}
}

// full takes room for an event of some bytes and reports whether there was none.
func (o *output) full(n int) bool {
	if o.common == nil {
		return false
	}
	cost := int64(n) + eventCost
	o.room -= cost
	most := int64(confinedLog)
	if o.room >= 0 {
		if o.common.Add(-cost) >= 0 {
			return false
		}
		o.common.Add(cost) // a shorter one may find room
		most = allLogs
	}
	if !o.cut {
		o.cut = true
		o.sink.Event("[WARN] more than " + strconv.FormatInt(most>>20, 10) + " MiB were printed; the rest is not kept\n")
	}
	return true
}

// readLine reads up to and with a newline, maxEvent bytes at most.
func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		if err != bufio.ErrBufferFull || len(line) >= maxEvent { //nolint:errorlint // ReadSlice returns it as it is
			if err == bufio.ErrBufferFull { //nolint:errorlint // as above
				err = nil
			}
			return line, err
		}
	}
}

func (o *output) change(fn func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	fn()
	close(o.more)
	o.more = make(chan struct{})
}

// wait returns when the output of an invocation is complete, the process has
// closed its output, or give up is closed.
func (o *output) wait(id string, giveUp <-chan struct{}) {
	for {
		o.mu.Lock()
		done := o.eof || o.ended[id]
		delete(o.ended, id)
		more := o.more
		o.mu.Unlock()
		if done {
			return
		}
		select {
		case <-more:
		case <-giveUp:
			return
		}
	}
}
