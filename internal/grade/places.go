package grade

import (
	"context"
	"sync"
	"time"

	"github.com/pipelab/pipelab/internal/check"
	"github.com/pipelab/pipelab/internal/trial"
)

// defaultLong is after how long a submission lets another begin beside it. Most are done
// in a fraction of that, so that one which is not rather waits than works.
const defaultLong = 15 * time.Second

// places are where submissions are run.
type places struct {
	clock   check.Clock
	long    time.Duration // 0: never
	all     chan struct{} // one for each submission that is run
	working chan struct{} // one for each that has not taken long yet
}

func newPlaces(o RunOptions) *places {
	p := &places{clock: o.Clock}
	n := o.Parallel
	if n < 1 { // nobody has asked for a number
		n = trial.AtOnce()
		if p.long = o.Long; p.long == 0 {
			p.long = defaultLong
		}
	}
	p.working = make(chan struct{}, n)
	if p.long > 0 {
		n += n / 2
	}
	p.all = make(chan struct{}, n)
	return p
}

// take waits for a place until ctx ends. leave is to be called when the submission has
// been run.
func (p *places) take(ctx context.Context) (leave func(), ok bool) {
	for _, c := range []chan struct{}{p.all, p.working} {
		select {
		case c <- struct{}{}:
		case <-ctx.Done():
			return nil, false
		}
	}
	var once sync.Once
	rest := func() { once.Do(func() { <-p.working }) }
	waiting, stop := context.WithCancel(ctx)
	if p.long > 0 {
		go func() { // ends with leave
			if p.clock.Sleep(waiting, p.long) == nil {
				rest()
			}
		}()
	}
	return func() {
		stop()
		rest()
		<-p.all
	}, true
}
