package esm

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
	background "github.com/pipelab/pipelab/internal/aws/worker"
)

// Mappings are the event source mappings of one cloud. Make them with New.
type Mappings struct {
	*background.Worker
	host     *gateway.Host
	mappings *store.Collection[mapping]
	progress *store.Collection[progress]
	barrier  atomic.Bool

	mu      sync.Mutex
	workers map[workerKey]*worker
}

type workerKey struct {
	scope ident.Scope
	uuid  string
}

// New returns the mappings of a host; call it before the store is opened.
func New(h *gateway.Host) *Mappings {
	m := &Mappings{
		host:     h,
		mappings: store.NewCollection[mapping](h.Store, "lambda.eventSourceMappings"),
		progress: store.NewCollection[progress](h.Store, "lambda.eventSourceProgress"),
		workers:  map[workerKey]*worker{},
	}
	m.Worker = background.New("event source mappings", h.Clock, h.Log, m.resume)
	return m
}

// resume takes up all mappings of the store where their checkpoints are.
func (m *Mappings) resume(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.host.Store.View(func(tx *store.Tx) error {
		m.mappings.ScanAll(tx, func(scope ident.Scope, uuid string, _ mapping) bool {
			m.launch(workerKey{scope, uuid})
			return true
		})
		return nil
	})
}

// Stop ends all workers and waits for them. Invocations that are under way
// are cut short; their records are delivered again after Start.
func (m *Mappings) Stop() {
	m.Worker.Stop()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.workers = map[workerKey]*worker{}
}

// Idle waits until nothing more happens unless the clock moves or a source
// gets data, or until ctx ends.
func (m *Mappings) Idle(ctx context.Context) error { return m.host.Clock.Idle(ctx) }

// launch starts the worker of a mapping behind the one that it has; the caller
// holds m.mu.
func (m *Mappings) launch(key workerKey) {
	w := &worker{m: m, key: key, hard: m.Context(), done: make(chan struct{})}
	w.soft, w.drain = context.WithCancel(w.hard)
	before := m.workers[key]
	started := m.Go("event source mapping", func(context.Context) {
		defer close(w.done)
		defer w.drain()
		if before != nil {
			<-before.done // two readers of one shard would break its order
		}
		w.protect(w.run)
	})
	if !started {
		w.drain()
		return
	}
	if before != nil {
		before.drain()
	}
	m.workers[key] = w
}

// drainOnPanic is deferred behind a wait for parts of the worker: those would
// not end by themselves.
func (w *worker) drainOnPanic() {
	if p := recover(); p != nil {
		w.drain()
		panic(p)
	}
}

// restartAfter is how long a mapping rests whose worker has panicked.
const restartAfter = time.Second

// protect runs a part of a worker. A panic of it ends the worker, and another
// one goes on from the checkpoints.
func (w *worker) protect(part func()) {
	if w.m.Guard("mapping "+w.key.uuid, part) == nil {
		return
	}
	w.m.After(restartAfter, "restart of a mapping", func(context.Context) { w.m.relaunch(w.key) })
	w.drain()
}

// relaunch is launch for handlers, after their transaction.
func (m *Mappings) relaunch(key workerKey) {
	m.hold()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.launch(key)
}

// hold keeps the next move of the clock back until the work that a signal set
// off is done, so that its timers count from the signal.
func (m *Mappings) hold() {
	if m.barrier.CompareAndSwap(false, true) {
		m.host.Clock.BeforeMove(func() {
			m.barrier.Store(false) // what comes from now on holds anew
			m.host.Clock.Settle()
		})
	}
}

// worker is one mapping at work, until it is changed or stopped.
type worker struct {
	m    *Mappings
	key  workerKey
	hard context.Context // ends with Stop: for invocations
	soft context.Context // ends with a change too: for waits
	// drain ends soft: the worker finishes its invocation and goes.
	drain context.CancelFunc
	done  chan struct{}

	cfg     mapping
	set     settings
	kind    sourceKind
	fn      Function
	source  ident.ARN
	result  sync.Mutex
	lastSet string
}

// load reads the mapping as it is now.
func (w *worker) load() (ok bool) {
	_ = w.m.host.Store.View(func(tx *store.Tx) error { // reads only: no error
		w.cfg, ok = w.m.mappings.Get(tx, w.key.scope, w.key.uuid)
		return nil
	})
	return ok
}

// run is a worker's loop.
func (w *worker) run() {
	if !w.load() {
		return
	}
	wake := newWaker(w.m.host.Clock)
	if err := wake.sleep(w.soft, w.cfg.Settled); err != nil {
		return
	}
	if w.cfg.Pending == "Deleting" {
		w.m.erase(w.key)
		return
	}
	if !w.cfg.Enabled {
		return
	}
	var err error
	if w.source, err = ident.ParseARN(text(w.cfg.Config.EventSourceArn)); err == nil {
		w.set, err = w.cfg.settings()
	}
	if err == nil {
		w.fn, err = ParseFunction(text(w.cfg.Config.FunctionArn), w.key.scope)
	}
	if err != nil {
		w.m.host.Log.Error("event source mapping cannot run", "uuid", w.key.uuid, "error", err)
		return
	}
	w.kind, w.lastSet = kindOf(w.source), text(w.cfg.Config.LastProcessingResult)
	if w.kind.stream() {
		w.runStream(wake)
		return
	}
	w.runQueue(wake)
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// report stores LastProcessingResult when it changes; AWS shows none for
// queues.
func (w *worker) report(text string) {
	if w.kind.queue() {
		return
	}
	w.result.Lock()
	defer w.result.Unlock()
	if w.lastSet == text {
		return
	}
	w.lastSet = text
	_ = w.m.host.Store.Update(func(tx *store.Tx) error { // a result that is not kept is shown again with the next
		if c, ok := w.m.mappings.Get(tx, w.key.scope, w.key.uuid); ok {
			c.Config.LastProcessingResult = &text
			w.m.mappings.Put(tx, w.key.scope, w.key.uuid, c)
		}
		return nil
	})
}

// erase removes a mapping and its checkpoints.
func (m *Mappings) erase(key workerKey) {
	_ = m.host.Store.Update(func(tx *store.Tx) error { // stays marked as deleted, and is erased by the next start
		m.mappings.Delete(tx, key.scope, key.uuid)
		m.forget(tx, key)
		return nil
	})
}

// forget removes the checkpoints of a mapping.
func (m *Mappings) forget(tx *store.Tx, key workerKey) {
	var shards []string
	m.progress.Scan(tx, key.scope, store.Key(key.uuid, ""), "", func(k string, _ progress) bool {
		shards = append(shards, k)
		return true
	})
	for _, k := range shards {
		m.progress.Delete(tx, key.scope, k)
	}
}

// backoff is the wait before attempt n (from 1) after a failure.
//
// AWS: backs off exponentially, with values that are not published.
func backoff(n int) time.Duration {
	if n > 10 {
		return time.Minute
	}
	return min(time.Minute, 100*time.Millisecond<<(n-1))
}
