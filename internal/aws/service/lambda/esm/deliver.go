package esm

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/digest"
)

// piece is a part of a batch that is delivered as one event.
type piece struct {
	recs    []*record
	retries int // failed invocations that count
	invokes int
	waits   int  // attempts that did not reach the function
	again   bool // a duplicate fault has struck it already
	last    answer
}

// deliver invokes the function with a batch until every record of it is done
// with: processed, or given up. It returns an error only when the worker ends.
func (l *lane) deliver(recs []*record) error {
	work := []piece{l.r.recall(l.index, recs)}
	for len(work) > 0 {
		p := &work[0]
		l.expire(p)
		if len(p.recs) == 0 {
			work = work[1:]
			continue
		}
		event, start := l.event(p.recs)
		a := l.invoke(event, p.recs)
		if a.err != nil {
			// Not the function's fault: tried again until the records are too
			// old, without using up retries.
			// Source: https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
			p.waits++
			if err := l.pause(p.waits, p.recs); err != nil {
				return err
			}
			continue
		}
		p.invokes++
		p.last = a
		failed := l.judge(p.recs, a, start)
		if failed < 0 {
			if !p.again {
				if _, p.again = l.fault(gateway.FaultDuplicate); p.again {
					continue
				}
			}
			if err := l.succeed(p.recs, a, start); err != nil {
				return err
			}
			work = work[1:]
			continue
		}
		rest, err := l.failed(work, failed)
		if err != nil {
			return err
		}
		work = rest
	}
	return nil
}

// failed decides what becomes of the first piece, whose record at index at is
// the first that failed.
func (l *lane) failed(work []piece, at int) ([]piece, error) {
	p, set := &work[0], &l.r.s.set
	if at > 0 { // what came before is processed
		if state, ok := stateOf(p.last.payload); ok && set.tumbling > 0 {
			l.open = &window{Start: l.windowOf(p.recs), State: state}
		}
		l.r.finish(p.recs[:at], l.index, l.open)
		p.recs = p.recs[at:]
		p.again = false
		if set.bisect {
			return work, nil // split at the returned number: no retry is used up
		}
	} else if set.bisect && len(p.recs) > 1 {
		// Halves keep the retries of the whole.
		// Source: https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
		half := len(p.recs) / 2
		first, second := *p, *p
		first.recs, second.recs = p.recs[:half], p.recs[half:]
		return append([]piece{first, second}, work[1:]...), nil
	}
	if set.retries >= 0 && p.retries >= set.retries {
		l.giveUp(p, p.recs, "RetryAttemptsExhausted")
		return work[1:], nil
	}
	p.retries++
	l.r.remember(l.index, p)
	return work, l.pause(p.retries, p.recs)
}

// pause is the wait before the next attempt at records. It ends early when the
// first of them becomes too old.
func (l *lane) pause(n int, recs []*record) error {
	until := l.r.s.m.host.Clock.Now().Add(backoff(n))
	if len(recs) > 0 {
		if old := recs[0].at.Add(l.retention() + time.Nanosecond); old.Before(until) {
			until = old
		}
	}
	return l.wake.sleep(l.r.s.soft, until)
}

// expire gives up the records at the head of a piece that are too old.
func (l *lane) expire(p *piece) {
	age := l.retention()
	now := l.r.s.m.host.Clock.Now()
	n := 0
	for n < len(p.recs) && now.Sub(p.recs[n].at) > age {
		n++
	}
	if n > 0 {
		l.giveUp(p, p.recs[:n], "RecordAgeExceeded")
		p.recs = p.recs[n:]
	}
}

// giveUp hands records to the on-failure destination and goes on behind them.
func (l *lane) giveUp(p *piece, recs []*record, condition string) {
	if l.r.s.set.failures == "" {
		l.r.finish(recs, l.index, l.open)
		return
	}
	l.r.finish(recs, l.index, l.open, l.r.s.discarded(l.r.id, recs, p, condition))
}

// succeed moves on behind a piece and keeps the tumbling window's state.
func (l *lane) succeed(recs []*record, a answer, start time.Time) error {
	if l.r.s.set.tumbling == 0 {
		l.r.finish(recs, l.index, nil)
		return nil
	}
	state, _ := stateOf(a.payload) // judge has seen it
	l.open = &window{Start: start, State: state}
	l.r.finish(recs, l.index, l.open)
	if int64(len(state)) > limit("windowStateBytes") {
		return l.closeWindow(true)
	}
	return nil
}

// judge finds the first record that failed, -1 for none.
func (l *lane) judge(recs []*record, a answer, start time.Time) int {
	if a.failed != "" {
		return 0
	}
	if !start.IsZero() {
		if _, ok := stateOf(a.payload); !ok {
			return 0 // an answer without state is a failed invocation
		}
	}
	if !l.r.s.set.report {
		return -1
	}
	ids, ok := failures(a.payload)
	if !ok {
		l.r.s.report(resultFailed)
		return 0
	}
	first := -1
	for _, id := range ids {
		i := slices.IndexFunc(recs, func(r *record) bool { return r.seq == id })
		if i < 0 {
			return 0 // a name that is not in the batch makes it a failure as a whole
		}
		if first < 0 || i < first {
			first = i
		}
	}
	return first
}

// event is the function's event for records; start is the tumbling window
// that they belong to, zero for none.
func (l *lane) event(recs []*record) (payload []byte, start time.Time) {
	events := make([]json.RawMessage, len(recs))
	for i, r := range recs {
		events[i] = r.event
	}
	if _, hit := l.fault(gateway.FaultReorder); hit {
		slices.Reverse(events)
	}
	if l.r.s.set.tumbling == 0 {
		return encode(batchEvent{Records: events}), start
	}
	start = l.windowOf(recs)
	return encode(l.windowEvent(events, start, false, false)), start
}

// batchEvent is what a function gets.
type batchEvent struct {
	Records []json.RawMessage `json:"Records"`
}

func (l *lane) invoke(event []byte, recs []*record) answer {
	return l.r.s.invoke(event, carried(l.r.id, recs), "") // AWS follows no loops through streams
}

// carried are the fingerprints of records of a shard.
func carried(shard string, recs []*record) []uint32 {
	out := make([]uint32, len(recs))
	for i, r := range recs {
		out[i] = digest.Fingerprint(digest.InShard(shard, r.seq))
	}
	return out
}

// fault asks for an injected fault of the function's deliveries.
func (l *lane) fault(kind gateway.FaultKind) (gateway.Fault, bool) {
	return l.r.s.m.host.Faults.Take(kind, "lambda", "Invoke", l.r.s.fn.Name)
}
