package sandbox

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// lingers is how long output is read after the program has ended: something
// that left its process group may hold the pipes open for ever.
const lingers = time.Second

// streams are a program's standard streams: pipes, and who reads and writes
// their other ends.
type streams struct {
	out, err *capped
	together io.Writer
	theirs   []*os.File // closed here once the program has them
	ours     []*os.File
	input    *os.File // nil for none
	from     io.Reader
	reading  sync.WaitGroup
	writing  sync.WaitGroup
}

// connect gives cmd its streams.
func connect(cmd *exec.Cmd, s Spec) (*streams, error) {
	p := &streams{out: &capped{limit: s.Output}, err: &capped{limit: s.Output}, from: s.Stdin}
	var problem error
	pipe := func() (r, w *os.File) {
		r, w, err := os.Pipe()
		problem = errors.Join(problem, err)
		return r, w
	}
	outRead, outWrite := pipe()
	p.theirs, p.ours = []*os.File{outWrite}, []*os.File{outRead}
	cmd.Stdout, cmd.Stderr = outWrite, outWrite
	if p.together = s.Together; p.together == nil {
		errRead, errWrite := pipe()
		p.theirs, p.ours = append(p.theirs, errWrite), append(p.ours, errRead)
		cmd.Stderr = errWrite
	}
	if s.Stdin != nil {
		inRead, inWrite := pipe()
		p.theirs, p.input = append(p.theirs, inRead), inWrite
		cmd.Stdin = inRead
	}
	if problem != nil {
		for _, f := range append(append(p.theirs, p.ours...), p.input) {
			_ = f.Close() // nil answers an error
		}
		return nil, problem
	}
	return p, nil
}

// started lets go of the program's ends and begins to read and write ours.
func (p *streams) started() {
	for _, f := range p.theirs {
		_ = f.Close() // the program has its own
	}
	for n, from := range p.ours {
		var to io.Writer = []*capped{p.out, p.err}[n]
		if p.together != nil {
			to = io.MultiWriter(to, deaf{p.together})
		}
		p.reading.Go(func() { _, _ = io.Copy(to, from) }) // ends with the pipe
	}
	if p.input != nil {
		p.writing.Go(func() {
			_, _ = io.Copy(p.input, p.from) // a program need not read its input
			_ = p.input.Close()
		})
	}
}

// finish waits for the rest of the output of a program that has ended.
func (p *streams) finish() {
	if p.input != nil {
		_ = p.input.Close() // nobody reads it any more
	}
	done := make(chan struct{})
	go func() {
		p.reading.Wait()
		close(done)
	}()
	limit, cancel := context.WithTimeout(context.Background(), lingers)
	defer cancel()
	stop := context.AfterFunc(limit, func() {
		for _, f := range p.ours {
			_ = f.SetReadDeadline(time.Unix(1, 0)) // ends the reading
		}
	})
	<-done
	stop()
	p.writing.Wait()
	for _, f := range p.ours {
		_ = f.Close() // was read
	}
}

// deaf goes on when whoever listens does not: a program must not be blocked by
// that.
type deaf struct{ w io.Writer }

func (d deaf) Write(p []byte) (int, error) {
	_, _ = d.w.Write(p) // as above
	return len(p), nil
}
