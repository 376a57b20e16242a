package kinesis

import (
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/limits"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// Service is Kinesis Data Streams.
type Service struct {
	host      *gateway.Host
	streams   *store.Collection[stream]
	shards    *store.Collection[shard]
	records   *store.Collection[record]
	consumers *store.Collection[consumer]
	policies  *store.Collection[string] // resource policies, by stream and consumer

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
	return &Service{
		host:      h,
		streams:   store.NewCollection[stream](h.Store, "kinesis.streams"),
		shards:    store.NewCollection[shard](h.Store, "kinesis.shards"),
		records:   store.NewCollection(h.Store, "kinesis.records", store.WithCodec(recordCodec())),
		consumers: store.NewCollection[consumer](h.Store, "kinesis.consumers"),
		policies:  store.NewCollection[string](h.Store, "kinesis.policies"),
		writing:   map[string]*bucketPair{}, reading: map[string]*bucketPair{}, pushing: map[string]*bucketPair{},
		subscriptions: subscriptions{latest: map[string]subscribed{}}, sweeps: sweeps{due: map[string]*clock.Timer{}},
	}
}

// Name is the SDK's package name.
func (s *Service) Name() string { return "kinesis" }

// Operations lists what is implemented.
func (s *Service) Operations() []gateway.Operation {
	// What names a stream by an id, and how records are spread over shards, is
	// of channels, which are not emulated.
	return gateway.Refusing("kinesis", []string{"StreamId", "RecordDistributionStrategy"}, []gateway.Operation{
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
		gateway.Op(gateway.Control, s.TagResource),
		gateway.Op(gateway.Control, s.UntagResource),
		gateway.Op(gateway.Control, s.ListTagsForResource),
		gateway.Op(gateway.Control, s.PutResourcePolicy),
		gateway.Op(gateway.Control, s.GetResourcePolicy),
		gateway.Op(gateway.Control, s.DeleteResourcePolicy),
		gateway.Op(gateway.Control, s.StartStreamEncryption),
		gateway.Op(gateway.Control, s.StopStreamEncryption),
		gateway.Op(gateway.Control, s.EnableEnhancedMonitoring),
		gateway.Op(gateway.Control, s.DisableEnhancedMonitoring),
		gateway.Op(gateway.Control, s.UpdateMaxRecordSize),
		gateway.Op(gateway.Control, s.UpdateStreamMode),
		gateway.Op(gateway.Control, s.DescribeAccountSettings),
		gateway.Op(gateway.Control, s.RegisterStreamConsumer),
		gateway.Op(gateway.Control, s.DeregisterStreamConsumer),
		gateway.Op(gateway.Control, s.DescribeStreamConsumer),
		gateway.Op(gateway.Control, s.ListStreamConsumers),
		gateway.Op(gateway.Data, s.PutRecord),
		gateway.Op(gateway.Data, s.PutRecords),
		gateway.Op(gateway.Data, s.GetShardIterator),
		gateway.Op(gateway.Data, s.GetRecords),
		gateway.StreamOp[kinesis.SubscribeToShardInput, kinesis.SubscribeToShardOutput](gateway.Data, s.SubscribeToShard),
	}...)
}

func limit(name string) int64 { return limits.Get("kinesis", name) }
