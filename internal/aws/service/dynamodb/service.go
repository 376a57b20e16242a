package dynamodb

import (
	"context"
	"sync"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/limits"
	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/streamlog"
	"github.com/pipelab/pipelab/internal/aws/store"
	"github.com/pipelab/pipelab/internal/aws/worker"
)

// Service is the dynamodb service. Make one with New.
type Service struct {
	*worker.Worker
	host    *gateway.Host
	tables  *store.Collection[*Table]
	items   *store.Collection[*record]
	entries *store.Collection[string] // index entry -> key of the item
	counts  *store.Collection[count]
	// policies are those of tables, "orders", and of their streams, "orders/stream/LABEL".
	policies *store.Collection[resourcePolicy]
	expires  *store.Collection[string] // table, time, key of the item -> key of the item
	tokens   *store.Collection[token]
	stale    *store.Collection[string] // request tokens in the order in which they expire
	log      *streamlog.Log
	meter    *meter

	mu     sync.Mutex
	timers map[string]*worker.Timer // by table key: the next TTL removal
}

// count is how much a table or an index holds.
type count struct {
	Items int64 `json:"items"`
	Bytes int64 `json:"bytes"`
}

// New makes the service and registers its state.
func New(h *gateway.Host) gateway.Service {
	s := &Service{
		host:     h,
		tables:   store.NewCollection[*Table](h.Store, "dynamodb.tables"),
		items:    store.NewCollection(h.Store, "dynamodb.items", store.WithCodec(recordCodec())),
		entries:  store.NewCollection(h.Store, "dynamodb.indexEntries", store.WithCodec(textCodec())),
		counts:   store.NewCollection[count](h.Store, "dynamodb.counts"),
		policies: store.NewCollection[resourcePolicy](h.Store, "dynamodb.policies"),
		expires:  store.NewCollection(h.Store, "dynamodb.expirations", store.WithCodec(textCodec())),
		stale:    store.NewCollection(h.Store, "dynamodb.tokenExpirations", store.WithCodec(textCodec())),
		log:      streamlog.For(h.Store),
		meter:    newMeter(h.Clock),
		timers:   map[string]*worker.Timer{},
	}
	s.tokens = store.NewCollection(h.Store, "dynamodb.requestTokens", store.WithUpgrade[token](1, s.upgradeToken))
	s.Worker = worker.New("dynamodb", h.Clock, h.Log, s.resume)
	return s
}

// resume arms the timers of TTL.
func (s *Service) resume(context.Context) error {
	type due struct {
		sc ident.Scope
		t  *Table
	}
	var all []due
	err := s.host.Store.View(func(tx *store.Tx) error {
		s.tables.ScanAll(tx, func(sc ident.Scope, _ string, t *Table) bool {
			if t.TTL != nil && t.TTL.Enabled {
				all = append(all, due{sc, t})
			}
			return true
		})
		return nil
	})
	for _, d := range all {
		s.armTTL(d.sc, d.t.Name, d.t.Key)
	}
	return err
}

// Stop cancels the timers and forgets consumed throughput.
func (s *Service) Stop() {
	s.Worker.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.timers)
	s.meter.reset()
}

func limit(name string) int64 { return limits.Get("dynamodb", name) }
