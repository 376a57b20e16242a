package app

import (
	"io"
	"os"
	"sync"
)

// Output is standard output that remembers the first thing it could not write.
// Commands print without looking; cli.Main looks once, at the end.
type Output struct {
	to      io.Writer
	mu      sync.Mutex
	err     error
	written bool
}

// NewOutput returns an Output on w.
func NewOutput(w io.Writer) *Output { return &Output{to: w} }

// Write implements io.Writer.
func (o *Output) Write(p []byte) (int, error) {
	n, err := o.to.Write(p)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.written = o.written || n > 0
	if err != nil && o.err == nil {
		o.err = err
	}
	return n, err
}

// Written reports whether anything was.
func (o *Output) Written() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.written
}

// Err is the first error of a Write.
func (o *Output) Err() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// Beneath is what a program that is given w as its output should write to: the
// file, so that a terminal stays one.
func Beneath(w io.Writer) io.Writer {
	if o, ok := w.(*Output); ok {
		return o.to
	}
	return w
}

// file is the file that w writes to, if it is one.
func file(w io.Writer) (*os.File, bool) {
	f, ok := Beneath(w).(*os.File)
	return f, ok
}
