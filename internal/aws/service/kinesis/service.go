package kinesis

import (
	"sync"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/limits"
	"github.com/pipelab/pipelab/internal/aws/store"
	"github.com/pipelab/pipelab/internal/aws/worker"
)

// Service is Kinesis Data Streams.
type Service struct {
	*worker.Worker
	host      *gateway.Host
	streams   *store.Collection[stream]
	shards    *store.Collection[shard]
	records   *store.Collection[record]
	consumers *store.Collection[consumer]
	policies  *store.Collection[string] // resource policies, by stream and consumer
	writable  writableShards

	// Throughput is physics of the moment, not state: buckets begin full.
	mu      sync.Mutex
	writing map[string]*bucketPair
	reading map[string]*bucketPair
	pushing map[string]*bucketPair // by consumer and shard

	subscriptions subscriptions
	sweeps        sweeps
}

// New returns the service on a host.
func New(h *gateway.Host) gateway.Service {
	s := &Service{
		host:      h,
		streams:   store.NewCollection[stream](h.Store, "kinesis.streams"),
		shards:    store.NewCollection[shard](h.Store, "kinesis.shards"),
		records:   store.NewCollection(h.Store, "kinesis.records", store.WithCodec(recordCodec())),
		consumers: store.NewCollection[consumer](h.Store, "kinesis.consumers"),
		policies:  store.NewCollection[string](h.Store, "kinesis.policies"),
		writing:   map[string]*bucketPair{}, reading: map[string]*bucketPair{}, pushing: map[string]*bucketPair{},
		subscriptions: subscriptions{latest: map[string]subscribed{}}, sweeps: sweeps{due: map[string]*worker.Timer{}},
	}
	s.Worker = worker.New("kinesis", h.Clock, h.Log, s.resume)
	return s
}

func limit(name string) int64 { return limits.Get("kinesis", name) }
