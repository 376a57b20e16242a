package esm

import (
	"errors"
	"hash/fnv"
	"maps"
	"sync"
	"time"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/outbox"
)

var errReplaced = errors.New("the stream was deleted")

// bufferRecords is how many unfinished records of a shard are held before
// reading pauses: one full read of Kinesis, or a full batch for every lane.
const bufferRecords = 10_000

// shardReader reads one shard and deals its records out to lanes by key.
type shardReader struct {
	s    *streamWorker
	id   string
	wake *waker

	mu       sync.Mutex
	progress progress
	pending  []*record // read and not yet passed by the checkpoint, in order
	lanes    []*lane
	ended    bool // nothing more comes
	// unsent is what the on-failure destination gets of given-up records. It is
	// sent with the checkpoint behind them, so that neither is without the other.
	unsent []outbox.Delivery

	iterator string
	made     time.Time
	budget   float64 // reads that may be made now
	refilled time.Time
	failures int
}

func newShardReader(s *streamWorker, id string, p progress) *shardReader {
	r := &shardReader{s: s, id: id, progress: p, wake: newWaker(s.m.host.Clock), budget: readBurst,
		refilled: s.m.host.Clock.Now()}
	for i := range p.Windows {
		if i >= s.set.factor || s.set.tumbling == 0 { // of a configuration that is no more
			r.progress.Windows = nil
		}
	}
	for i := range s.set.factor {
		r.lanes = append(r.lanes, newLane(r, i))
	}
	return r
}

// readBurst is how many reads a shard may see in a row after a rest, so that
// single records that come one after the other are delivered at once.
const readBurst = 2

// run is the reader's loop; it returns when the worker ends or the shard is
// finished.
func (r *shardReader) run() {
	var group sync.WaitGroup
	for _, l := range r.lanes {
		r.s.m.host.Clock.Begin()
		group.Go(func() {
			defer r.s.m.host.Clock.End()
			r.s.protect(l.run)
		})
	}
	defer group.Wait()
	defer r.s.drainOnPanic()
	for {
		until, more := r.step()
		if r.finished() || !more && r.wake.park(r.s.soft, until) != nil || r.s.soft.Err() != nil {
			return
		}
	}
}

// step reads once if it may. more asks for another step at once; otherwise
// the next one is due at until, or at a poke when that is zero.
func (r *shardReader) step() (until time.Time, more bool) {
	now := r.s.m.host.Clock.Now()
	if r.full() {
		return time.Time{}, false
	}
	if pace := r.s.src.pace(); pace > 0 {
		r.budget = min(readBurst, r.budget+now.Sub(r.refilled).Seconds()*pace)
		r.refilled = now
		if missing := 1 - r.budget; missing > 1e-9 {
			return now.Add(time.Duration(missing / pace * float64(time.Second))), false
		}
		r.budget--
	}
	recs, next, caught, err := r.read(now)
	if err != nil {
		r.failures++
		r.iterator = ""
		if !throttled(err) && r.s.soft.Err() == nil && r.s.replaced() {
			r.s.m.relaunch(r.s.key) // ends this worker; the next finds out what is there
		}
		r.s.sourceFailed(err)
		return now.Add(backoff(r.failures + 3)), false
	}
	r.failures = 0
	r.take(recs, next == "")
	r.iterator, r.made = next, now
	return time.Time{}, next != "" && (!caught || len(recs) > 0 && r.s.src.pace() == 0)
}

// full reports whether reading has to pause or is over.
func (r *shardReader) full() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ended || r.crowded()
}

// crowded reports whether enough is buffered; the caller holds r.mu.
func (r *shardReader) crowded() bool {
	return len(r.pending) >= max(bufferRecords, r.s.set.batch*r.s.set.factor)
}

// read reads on from where the last read ended, or from the checkpoint.
func (r *shardReader) read(now time.Time) (recs []*record, next string, caught bool, err error) {
	if r.iterator == "" || now.Sub(r.made) > iteratorLife {
		if r.iterator, err = r.position(now); err != nil {
			return nil, "", false, err
		}
	}
	return r.s.src.read(r.s.soft, r.id, r.iterator)
}

// position makes an iterator behind the last record that was read.
func (r *shardReader) position(now time.Time) (string, error) {
	r.mu.Lock()
	p := r.progress.Position
	if n := len(r.pending); n > 0 {
		p = position{Kind: afterSeq, Seq: r.pending[n-1].seq}
	}
	r.mu.Unlock()
	if p.Kind == atLatest {
		if now.Sub(p.At) <= iteratorLife {
			return p.Iterator, nil
		}
		// The fixed iterator has expired. What came at that very moment was
		// signalled and read with it.
		p = position{Kind: atTime, At: p.At.Add(time.Nanosecond)}
	}
	if r.s.replaced() { // the number may be one of the new stream too
		return "", errReplaced
	}
	it, err := r.s.src.iterator(r.s.soft, r.id, p)
	if gateway.ErrorCode(err) == "TrimmedDataAccessException" {
		it, err = r.s.src.iterator(r.s.soft, r.id, position{Kind: atHorizon})
	}
	return it, err
}

// take filters records and hands them to their lanes.
func (r *shardReader) take(recs []*record, end bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = r.ended || end
	for _, rec := range recs {
		r.pending = append(r.pending, rec)
		if !r.s.wanted(rec) {
			rec.done = true
			continue
		}
		l := r.lanes[laneOf(rec.key, len(r.lanes))]
		l.queue = append(l.queue, rec)
	}
	r.advance(false)
	for _, l := range r.lanes {
		if len(l.queue) > 0 || r.ended {
			l.wake.poke()
		}
	}
}

// wanted reports whether a record passes the filters.
func (w *worker) wanted(rec *record) bool {
	if len(w.set.filters) == 0 {
		return true
	}
	doc := rec.filters()
	for _, p := range w.set.filters {
		if matches(p, w.kind, doc) {
			return true
		}
	}
	return false
}

func laneOf(key string, lanes int) int {
	if lanes == 1 {
		return 0
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(key)) // never fails
	return int(h.Sum32() % uint32(lanes))
}

// finish marks records as done with, sends what the on-failure destination gets
// of them, and moves the checkpoint. open is the lane's tumbling window from now
// on, nil for none. While another lane has older records at work, the checkpoint
// stays before these: a restart then delivers them, and gives them up, again.
func (r *shardReader) finish(recs []*record, lane int, open *window, send ...outbox.Delivery) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unsent = append(r.unsent, send...)
	for _, rec := range recs {
		rec.done = true
	}
	if r.s.set.tumbling > 0 {
		windows := maps.Clone(r.progress.Windows) // what is stored must not change
		if delete(windows, lane); open != nil {
			if windows == nil {
				windows = map[int]window{}
			}
			windows[lane] = *open
		}
		r.progress.Windows = windows
	}
	if _, tried := r.progress.Retries[lane]; tried && len(recs) > 0 {
		r.progress.Retries = maps.Clone(r.progress.Retries)
		delete(r.progress.Retries, lane)
	}
	paused := r.crowded()
	r.advance(r.s.set.tumbling > 0)
	if r.ended || paused {
		r.wake.poke()
	}
}

// remember stores how often a batch has failed, so that a restart does not give
// it all its retries again.
func (r *shardReader) remember(lane int, p *piece) {
	r.mu.Lock()
	defer r.mu.Unlock()
	tries := maps.Clone(r.progress.Retries) // what is stored must not change
	if tries == nil {
		tries = map[int]retried{}
	}
	tries[lane] = retried{First: p.recs[0].seq, Retries: p.retries, Invokes: p.invokes}
	r.progress.Retries = tries
	r.advance(true)
}

// recall is the reverse of remember, for a batch that is delivered at first or
// again.
func (r *shardReader) recall(lane int, recs []*record) piece {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := piece{recs: recs}
	if t := r.progress.Retries[lane]; t.First == recs[0].seq {
		p.retries, p.invokes = t.Retries, t.Invokes
	}
	return p
}

// advance moves the checkpoint over the finished records at the front and
// stores it when it has moved, or always; the caller holds r.mu.
func (r *shardReader) advance(always bool) {
	n := 0
	for n < len(r.pending) && r.pending[n].done {
		n++
	}
	if n > 0 {
		r.progress.Position = position{Kind: afterSeq, Seq: r.pending[n-1].seq}
		r.pending = r.pending[n:]
	}
	if n == 0 && !always && len(r.unsent) == 0 {
		return
	}
	if err := r.s.m.checkpoint(r.s.key, r.id, r.progress, r.unsent); err != nil { // is stored with the next
		r.s.m.host.Log.Error("checkpoint of an event source is not stored", "uuid", r.s.key.uuid, "shard", r.id, "error", err)
		return
	}
	r.unsent = nil
}

// finished reports whether the shard has ended and all of it is done with, and
// stores that, so that its children begin.
func (r *shardReader) finished() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.ended || len(r.pending) > 0 || len(r.progress.Windows) > 0 {
		return false
	}
	if !r.progress.Finished {
		r.progress.Finished = true
		r.advance(true)
		for _, l := range r.lanes {
			l.wake.poke()
		}
	}
	return true
}
