package kinesis

import (
	"sync"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/limits"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// Service is Kinesis Data Streams.
type Service struct {
	gateway.Passive
	host      *gateway.Host
	streams   *store.Collection[stream]
	shards    *store.Collection[shard]
	records   *store.Collection[record]
	consumers *store.Collection[consumer]

	// Throughput is physics of the moment, not state: buckets begin full.
	mu      sync.Mutex
	writing map[string]*bucketPair
	reading map[string]*bucketPair
}

// New returns the service on a host.
func New(h *gateway.Host) gateway.Service {
	return &Service{
		host:      h,
		streams:   store.NewCollection[stream](h.Store, "kinesis.streams"),
		shards:    store.NewCollection[shard](h.Store, "kinesis.shards"),
		records:   store.NewCollection(h.Store, "kinesis.records", store.WithCodec(recordCodec())),
		consumers: store.NewCollection[consumer](h.Store, "kinesis.consumers"),
		writing:   map[string]*bucketPair{}, reading: map[string]*bucketPair{},
	}
}

// Name is the SDK's package name.
func (s *Service) Name() string { return "kinesis" }

// Operations lists what is implemented.
func (s *Service) Operations() []gateway.Operation {
	return []gateway.Operation{
		gateway.Op(gateway.Control, s.CreateStream),
		gateway.Op(gateway.Control, s.DeleteStream),
		gateway.Op(gateway.Control, s.DescribeStream),
		gateway.Op(gateway.Control, s.DescribeStreamSummary),
		gateway.Op(gateway.Control, s.DescribeLimits),
		gateway.Op(gateway.Control, s.ListStreams),
		gateway.Op(gateway.Control, s.ListShards),
		gateway.Op(gateway.Control, s.SplitShard),
		gateway.Op(gateway.Control, s.MergeShards),
		gateway.Op(gateway.Control, s.UpdateShardCount),
		gateway.Op(gateway.Control, s.IncreaseStreamRetentionPeriod),
		gateway.Op(gateway.Control, s.DecreaseStreamRetentionPeriod),
		gateway.Op(gateway.Control, s.AddTagsToStream),
		gateway.Op(gateway.Control, s.RemoveTagsFromStream),
		gateway.Op(gateway.Control, s.ListTagsForStream),
		gateway.Op(gateway.Control, s.RegisterStreamConsumer),
		gateway.Op(gateway.Control, s.DeregisterStreamConsumer),
		gateway.Op(gateway.Control, s.DescribeStreamConsumer),
		gateway.Op(gateway.Control, s.ListStreamConsumers),
		gateway.Op(gateway.Data, s.PutRecord),
		gateway.Op(gateway.Data, s.PutRecords),
		gateway.Op(gateway.Data, s.GetShardIterator),
		gateway.Op(gateway.Data, s.GetRecords),
	}
}

func limit(name string) int64 { return limits.Get("kinesis", name) }
