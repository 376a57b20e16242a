package runtime

import (
	"bufio"
	"bytes"
	"io"
	"math"
	"strconv"
	"sync"
)

// maxEvent is the size of one log event, in bytes; longer lines are split.
// Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
const maxEvent = 1 << 20

// confinedLog is how much of the output of a confined environment is kept, in
// bytes: a function that prints without end must not fill the memory of its
// judge.
//
// AWS: keeps and charges everything.
const confinedLog = 32 << 20

// output cuts what a process writes into log events.
type output struct {
	sink Sink
	room int64 // bytes that are still kept
	cut  bool

	mu    sync.Mutex
	ended map[string]bool // invocations whose output is complete
	eof   bool
	more  chan struct{} // closed at every change
}

func newOutput(sink Sink, confined bool) *output {
	room := int64(math.MaxInt64)
	if confined {
		room = confinedLog
	}
	return &output{sink: sink, room: room, ended: map[string]bool{}, more: make(chan struct{})}
}

// read passes lines on until the last writer is gone.
func (o *output) read(r io.Reader) {
	in := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := readLine(in)
		switch {
		case o.full(len(line)):
		case bytes.HasPrefix(line, []byte("\x01end ")):
			o.change(func() { o.ended[string(bytes.TrimSpace(line[5:]))] = true })
		case bytes.HasPrefix(line, []byte("\x01frame ")):
			n, convErr := strconv.Atoi(string(bytes.TrimSpace(line[7:])))
			if convErr != nil || n < 0 || n > maxEvent {
				o.sink.Event(string(line))
				break
			}
			text := make([]byte, n)
			got, _ := io.ReadFull(in, text) // what is missing was cut off by the end of the process
			if !o.full(got) {
				o.sink.Event(string(text[:got]))
			}
		case len(line) > 0:
			o.sink.Event(string(line))
		}
		if err != nil {
			o.change(func() { o.eof = true })
			return
		}
	}
}

// full takes room for some bytes and reports whether there was none.
func (o *output) full(n int) bool {
	if o.room -= int64(n); o.room >= 0 {
		return false
	}
	if !o.cut {
		o.cut = true
		o.sink.Event("[WARN] more than " + strconv.Itoa(confinedLog>>20) + " MiB were printed; the rest is not kept\n")
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
