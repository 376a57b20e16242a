package esm

import (
	"time"
)

// lane delivers the records of some of a shard's keys, one batch at a time.
type lane struct {
	r     *shardReader
	index int
	wake  *waker
	queue []*record // guarded by r.mu
	open  *window   // the tumbling window at work; the lane's goroutine alone
}

func newLane(r *shardReader, index int) *lane {
	l := &lane{r: r, index: index, wake: newWaker(r.s.m.host.Clock)}
	if w, ok := r.progress.Windows[index]; ok {
		l.open = &w
	}
	return l
}

// run is the lane's loop.
func (l *lane) run() {
	for {
		recs, final, err := l.collect()
		switch {
		case err != nil:
			return
		case final:
			err = l.closeWindow(false)
		case len(recs) == 0: // the shard is finished
			return
		default:
			err = l.deliver(recs)
		}
		if err != nil {
			return
		}
	}
}

// collect waits for a batch: until it is full, or the batching window that
// began with its first record is over. final asks for the end of the tumbling
// window instead.
func (l *lane) collect() (recs []*record, final bool, err error) {
	clk, set := l.r.s.m.host.Clock, &l.r.s.set
	var deadline time.Time
	for {
		l.r.mu.Lock()
		n, full := l.fitting()
		ended, waiting := l.r.ended, len(l.queue)
		finished := l.r.progress.Finished
		now := clk.Now()
		if n > 0 && deadline.IsZero() {
			deadline = now.Add(set.window)
		}
		if n > 0 && (full || ended || !now.Before(deadline)) {
			recs = l.queue[:n:n]
			l.queue = l.queue[n:]
			l.r.mu.Unlock()
			return recs, false, nil
		}
		l.r.mu.Unlock()
		until := deadline
		if n == 0 && l.open != nil {
			until = l.windowEnd().Add(time.Duration(limit("windowGraceSeconds")) * time.Second)
			if waiting > 0 || ended || !now.Before(until) {
				return nil, true, nil
			}
		}
		if finished {
			return nil, false, nil
		}
		if err := l.wake.park(l.r.s.soft, until); err != nil {
			return nil, false, err
		}
	}
}

// fitting counts the records at the head of the queue that make up the next
// batch, and tells whether no more would go in; the caller holds r.mu. It is 0
// with records waiting when the open tumbling window has to be closed first.
func (l *lane) fitting() (n int, full bool) {
	set := &l.r.s.set
	size := int64(0)
	var start time.Time
	if l.open != nil {
		start = l.open.Start
	}
	for _, rec := range l.queue {
		if set.tumbling > 0 {
			at := windowStart(rec.at, set.tumbling)
			if start.IsZero() {
				start = at
			} else if at.After(start) {
				return n, true
			}
		}
		size += int64(len(rec.event)) + 1
		if n == set.batch || size > limit("batchPayloadBytes")-envelopeBytes && n > 0 {
			return n, true
		}
		n++
	}
	return n, n >= set.batch
}

// envelopeBytes is set aside in a payload for what stands around the records.
const envelopeBytes = 1024
