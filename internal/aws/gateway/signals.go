package gateway

import "sync"

// Signals tells workers that something they wait for may have happened. A
// signal carries nothing: the listener looks at the state. Topics are ARNs.
type Signals struct {
	mu   sync.Mutex
	next uint64
	subs map[string]map[uint64]func()
}

// NewSignals returns an empty board.
func NewSignals() *Signals { return &Signals{subs: map[string]map[uint64]func(){}} }

// Notify calls every listener of the topic. Listeners must not block; call it
// after the transaction that made the change, never inside it.
func (s *Signals) Notify(topic string) {
	s.mu.Lock()
	fns := make([]func(), 0, len(s.subs[topic]))
	for _, fn := range s.subs[topic] {
		fns = append(fns, fn)
	}
	s.mu.Unlock()
	for _, fn := range fns {
		fn()
	}
}

// Listen calls fn on each signal of the topic until cancel is called.
func (s *Signals) Listen(topic string, fn func()) (cancel func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	id := s.next
	if s.subs[topic] == nil {
		s.subs[topic] = map[uint64]func(){}
	}
	s.subs[topic][id] = fn
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.subs[topic], id)
		if len(s.subs[topic]) == 0 {
			delete(s.subs, topic)
		}
	}
}
