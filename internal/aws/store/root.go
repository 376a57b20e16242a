package store

import (
	"sync"
	"sync/atomic"
)

// State is what Collection.State returns.
type State any

// root is the state after one transaction, for readers. Its trees share nodes
// with those that are written; a writer copies a node before changing it.
type root struct {
	seq     uint64 // transactions before it
	trees   []any  // of the collections, by their index
	values  int64  // bytes that its rows count for
	readers atomic.Int64
}

// roots publishes states and knows which older ones are still read.
//
// Publishing costs a copy of the nodes that are written next, so a state is
// published only for readers: by the writer when somebody has read since the
// last time, so that readers need not wait for the next writer, and else by the
// next reader, who then waits for the transaction that is running at most.
type roots struct {
	now  atomic.Pointer[root] // nil: a transaction came after the last one published
	read atomic.Bool          // somebody has read now
	last atomic.Pointer[root] // the one published last, nil before the first
	seq  atomic.Uint64        // transactions that have been written

	mu   sync.Mutex
	past []*root // no longer now, and perhaps still read
}

// enter returns the present state and keeps its bodies until leave.
func (s *Store) enter() *root {
	for {
		r := s.roots.now.Load()
		if r == nil {
			s.mu.Lock()
			r = s.publish()
			s.mu.Unlock()
		}
		r.readers.Add(1)
		// From here on whoever takes r's place sees that it is read. If that
		// happened before, its bodies may be gone.
		if s.roots.now.Load() == r {
			if !s.roots.read.Load() {
				s.roots.read.Store(true)
			}
			return r
		}
		s.leave(r)
	}
}

// leave ends what enter began.
func (s *Store) leave(r *root) {
	if r.readers.Add(-1) == 0 && s.bodies.waiting.Load() && s.roots.now.Load() != r {
		s.reapSoon()
	}
}

// publish returns the present state for readers. The store is locked.
func (s *Store) publish() *root {
	if r := s.roots.now.Load(); r != nil {
		return r
	}
	last := s.roots.last.Load()
	r := &root{seq: s.seq, values: s.values, trees: make([]any, len(s.order))}
	for i, c := range s.order {
		if tree, changed := c.share(); changed {
			r.trees[i] = tree
		} else {
			r.trees[i] = last.trees[i]
		}
	}
	s.roots.last.Store(r)
	s.roots.now.Store(r)
	return r
}

// changed tells readers of a transaction that has become durable. The store is
// locked.
func (s *Store) changed() {
	s.seq++
	s.roots.seq.Store(s.seq)
	r := s.roots.now.Load()
	if r != nil {
		s.roots.now.Store(nil)
		s.roots.retire(r)
	}
	if s.roots.read.Swap(false) {
		s.publish()
	}
}

// retire remembers a root that is no longer published while it is read.
func (rs *roots) retire(r *root) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	kept := rs.past[:0]
	for _, p := range append(rs.past, r) {
		if p.readers.Load() > 0 {
			kept = append(kept, p)
		}
	}
	clear(rs.past[min(len(kept), len(rs.past)):])
	rs.past = kept
}

// oldest is the number of the oldest state that is still read, or the highest
// number when that is none but the present one.
func (rs *roots) oldest() uint64 {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	seq := ^uint64(0)
	for _, p := range rs.past {
		if p.readers.Load() > 0 {
			seq = min(seq, p.seq)
		}
	}
	return seq
}
