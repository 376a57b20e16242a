package esm

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/pipelab/pipelab/internal/aws/outbox"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// streamWorker reads one stream for one mapping: it starts a reader for each
// shard whose parents are finished.
type streamWorker struct {
	*worker
	src  streamSource
	keep time.Duration // retention of the stream

	mu      sync.Mutex
	readers map[string]*shardReader
	group   sync.WaitGroup
}

// runStream is the loop of a stream's worker: it looks for shards at first and
// whenever one has come to its end.
func (w *worker) runStream(wake *waker) {
	s := &streamWorker{worker: w, src: source(w.m.host, w.role(), w.cfg.Role, w.source),
		readers: map[string]*shardReader{}}
	defer s.group.Wait()
	defer w.drainOnPanic()
	cancel := w.m.host.Signals.Listen(streamARN(w.source.String()), func() {
		w.m.hold()
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, r := range s.readers {
			r.wake.poke()
		}
		if len(s.readers) == 0 { // the stream may be there now
			wake.poke()
		}
	})
	defer cancel()
	failures := 0
	for {
		until := time.Time{}
		if err := s.discover(wake); err != nil {
			failures++
			w.sourceFailed(err)
			until = w.m.host.Clock.Now().Add(backoff(failures + 3))
		} else {
			failures = 0
		}
		if err := wake.park(w.soft, until); err != nil {
			return
		}
	}
}

// discover starts readers for shards that may be read now.
func (s *streamWorker) discover(wake *waker) error {
	keep, created, err := s.src.describe(s.soft)
	if err != nil {
		return err
	}
	if !created.Equal(s.cfg.Created) {
		if err := s.renew(created); err != nil {
			return err
		}
	}
	list, err := s.src.shards(s.soft)
	if err != nil {
		return err
	}
	known := s.m.progressOf(s.key)
	listed := map[string]bool{}
	for _, sh := range list {
		listed[sh.id] = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keep = keep
	for _, sh := range list {
		p, ok := known[sh.id]
		if !ok { // it came after the mapping: nothing of it may be missed
			p = progress{Position: position{Kind: atHorizon}}
		}
		waits := slices.ContainsFunc(sh.parents, func(id string) bool { return listed[id] && !known[id].Finished })
		if p.Finished || waits || s.readers[sh.id] != nil {
			continue
		}
		s.start(sh.id, p, wake)
	}
	return nil
}

// renew forgets the checkpoints of a stream that is no more: the one that now
// has its name is read from its beginning.
func (s *streamWorker) renew(created time.Time) error {
	s.cfg.Created = created
	return s.m.host.Store.Update(func(tx *store.Tx) error {
		row, ok := s.m.mappings.Get(tx, s.key.scope, s.key.uuid)
		if !ok {
			return nil // deleted meanwhile
		}
		row.Created = created
		s.m.mappings.Put(tx, s.key.scope, s.key.uuid, row)
		s.m.forget(tx, s.key)
		return nil
	})
}

// replaced reports whether the stream is not the one that was read up to now.
func (s *streamWorker) replaced() bool {
	_, created, err := s.src.describe(s.soft)
	return missing(err) || err == nil && !created.Equal(s.cfg.Created)
}

// start runs a shard's reader and its lanes; the caller holds s.mu.
func (s *streamWorker) start(id string, p progress, finished *waker) {
	r := newShardReader(s, id, p)
	s.readers[id] = r
	s.m.host.Clock.Begin()
	s.group.Go(func() {
		defer s.m.host.Clock.End()
		s.protect(r.run)
		s.mu.Lock()
		delete(s.readers, id)
		s.mu.Unlock()
		finished.poke() // its children may begin
	})
}

// progressOf reads the checkpoints of a mapping by shard.
func (m *Mappings) progressOf(key workerKey) map[string]progress {
	out := map[string]progress{}
	prefix := store.Key(key.uuid, "")
	_ = m.host.Store.View(func(tx *store.Tx) error { // reads only: no error
		m.progress.Scan(tx, key.scope, prefix, "", func(k string, p progress) bool {
			out[k[len(prefix):]] = p
			return true
		})
		return nil
	})
	return out
}

// begin fixes where a new mapping starts in every shard that there is.
func (m *Mappings) begin(ctx context.Context, src streamSource, kind string, at time.Time,
	now time.Time) (map[string]progress, error) {
	list, err := src.shards(ctx)
	if err != nil {
		return nil, err
	}
	out := map[string]progress{}
	for _, sh := range list {
		p := progress{Position: position{Kind: kind}}
		switch kind {
		case atTime:
			p.Position.At = at
		case atLatest:
			if sh.closed {
				p.Finished = true
				break
			}
			// The iterator is fixed now; a timestamp alone would let in records
			// of this very moment.
			p.Position.At = now
			if p.Position.Iterator, err = src.iterator(ctx, sh.id, p.Position); err != nil {
				return nil, err
			}
		}
		out[sh.id] = p
	}
	return out, nil
}

// checkpoint stores how far a shard has come, and what has to be sent because
// of that.
func (m *Mappings) checkpoint(key workerKey, shard string, p progress, send []outbox.Delivery) error {
	return m.host.Store.Update(func(tx *store.Tx) error {
		for _, d := range send {
			m.host.Outbox.Send(tx, d)
		}
		if _, ok := m.mappings.Get(tx, key.scope, key.uuid); ok {
			m.progress.Put(tx, key.scope, progressKey(key, shard), p)
		}
		return nil
	})
}

func progressKey(key workerKey, shard string) string { return store.Key(key.uuid, shard) }

// sourceFailed notes that the source could not be read.
func (w *worker) sourceFailed(err error) {
	if w.soft.Err() != nil {
		return
	}
	if denied(err) {
		w.report(resultDenied)
	} else if !throttled(err) {
		w.report(resultUnknown)
	}
	w.m.host.Log.Debug("event source cannot be read", "uuid", w.key.uuid, "error", err)
}
