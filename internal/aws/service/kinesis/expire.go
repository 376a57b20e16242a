package kinesis

import (
	"context"
	"sync"
	"time"

	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
	"github.com/pipelab/pipelab/internal/aws/worker"
)

// sweeps are the removals of expired records that are due, one by stream.
// Readers never see expired records; this keeps the store from growing.
type sweeps struct {
	mu  sync.Mutex
	due map[string]*worker.Timer // by account, region and stream
}

// resume takes up the removal of expired records.
func (s *Service) resume(context.Context) error {
	type place struct {
		scope ident.Scope
		name  string
	}
	var all []place
	err := s.host.Store.View(func(tx *store.Tx) error {
		s.streams.ScanAll(tx, func(sc ident.Scope, name string, _ stream) bool {
			all = append(all, place{sc, name})
			return true
		})
		return nil
	})
	for _, p := range all {
		s.sweepAt(p.scope, p.name, s.host.Clock.Now().Add(sweepPause()))
	}
	return err
}

// Stop ends the removal of expired records and forgets subscriptions, which
// the gateway has ended.
func (s *Service) Stop() {
	s.Worker.Stop()
	s.sweeps.mu.Lock()
	defer s.sweeps.mu.Unlock()
	clear(s.sweeps.due)
	s.subscriptions.clear()
	// Whoever begins anew, or goes back to an earlier state, owes nothing for
	// what was written after it.
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, buckets := range []map[string]*bucketPair{s.writing, s.reading, s.pushing} {
		clear(buckets)
	}
}

// sweepPause is the least time between two removals in a stream.
func sweepPause() time.Duration { return time.Duration(limit("sweepMinutes")) * time.Minute }

func sweepKey(scope ident.Scope, name string) string {
	return store.Key(scope.Account, scope.Region, name)
}

// sweepAt makes sure that a stream's expired records are removed some day; the
// first call for a stream decides when.
func (s *Service) sweepAt(scope ident.Scope, name string, at time.Time) {
	s.sweeps.mu.Lock()
	defer s.sweeps.mu.Unlock()
	key := sweepKey(scope, name)
	if s.sweeps.due[key] == nil {
		if t := s.At(at, "expired records of "+name, func(context.Context) { s.sweep(scope, name) }); t != nil {
			s.sweeps.due[key] = t
		}
	}
}

// sweep removes a stream's expired records and sees to the next removal.
func (s *Service) sweep(scope ident.Scope, name string) {
	key := sweepKey(scope, name)
	s.sweeps.mu.Lock()
	if t := s.sweeps.due[key]; t != nil {
		t.Stop() // when it is not this timer that calls
		delete(s.sweeps.due, key)
	}
	s.sweeps.mu.Unlock()
	var oldest time.Time
	var retention time.Duration
	now := s.host.Clock.Now()
	err := s.host.Store.Update(func(tx *store.Tx) error {
		st, ok := s.streams.Get(tx, scope, name)
		if !ok {
			return nil
		}
		retention = time.Duration(st.Retention) * time.Hour
		oldest = s.expire(tx, scope, &st, now.Add(-retention))
		return nil
	})
	if err != nil {
		s.host.Log.Error("expired records not removed", "stream", name, "error", err)
	}
	if oldest.IsZero() {
		return // the next record that is put begins anew
	}
	next := oldest.Add(retention + time.Millisecond)
	if soonest := now.Add(sweepPause()); next.Before(soonest) {
		next = soonest
	}
	s.sweepAt(scope, name, next)
}

// expire removes a stream's records from before the horizon and returns when
// the oldest that is left arrived, zero if none is. Records of a shard lie in
// the order of their arrival.
func (s *Service) expire(tx *store.Tx, scope ident.Scope, st *stream, horizon time.Time) (oldest time.Time) {
	var gone []string
	for _, sh := range s.shardsOf(tx, scope, st.Name) {
		s.records.Scan(tx, scope, store.Key(st.Name, sh.id(), ""), "", func(key string, r record) bool {
			if r.Arrived.Before(horizon) {
				gone = append(gone, key)
				return true
			}
			if oldest.IsZero() || r.Arrived.Before(oldest) {
				oldest = r.Arrived
			}
			return false
		})
	}
	for _, key := range gone {
		s.records.Delete(tx, scope, key)
	}
	return oldest
}
