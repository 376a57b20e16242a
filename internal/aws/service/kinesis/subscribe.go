package kinesis

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// subscription pushes the records of one shard to one consumer, for five
// minutes. It is physics of the moment, not state: a client that loses it
// subscribes again where it left off.
type subscription struct {
	s        *Service
	scope    ident.Scope
	consumer consumer
	stream   stream // as it was when the subscription began
	shard    string
	started  time.Time
	next     string // sequence numbers >= next are read
	sent     bool   // a first event tells clients where they stand, records or not
}

// subscribed is the latest subscription of a consumer to a shard.
type subscribed struct {
	at     time.Time
	cancel context.CancelCauseFunc
}

// subscriptions are those of all consumers, by consumer and shard.
type subscriptions struct {
	mu     sync.Mutex
	latest map[string]subscribed
}

// errTaken is why a subscription ends that another call has taken over.
var errTaken = errors.New("taken over by a later SubscribeToShard")

// heartbeat is how long a subscription is silent when there are no records.
//
// AWS: events without records come too; how often is not documented.
const heartbeat = 5 * time.Second

// SubscribeToShard pushes records of a shard to a registered consumer.
// Source: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_SubscribeToShard.html
func (s *Service) SubscribeToShard(ctx context.Context, in *kinesis.SubscribeToShardInput,
	send func(event any) error) error {
	sub, err := s.subscribe(gateway.From(ctx), in)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if err := s.subscriptions.begin(sub, cancel); err != nil {
		return err
	}
	if err := send(&kinesis.SubscribeToShardOutput{}); err != nil {
		return err
	}
	err = sub.run(ctx, send)
	if errors.Is(context.Cause(ctx), errTaken) {
		return &types.ResourceInUseException{Message: aws.String("Another active subscription exists for this consumer: " +
			sub.consumer.ARN)}
	}
	return err
}

// subscribe finds consumer, shard and place.
func (s *Service) subscribe(c *gateway.Call, in *kinesis.SubscribeToShardInput) (sub *subscription, err error) {
	err = s.host.Store.View(func(tx *store.Tx) error {
		k, scope, _, err := s.findConsumer(tx, c, in.ConsumerARN, nil, nil)
		if err != nil {
			return err
		}
		if k.status(c.Time) != types.ConsumerStatusActive {
			return &types.ResourceInUseException{Message: aws.String(
				fmt.Sprintf("Consumer %s is not ACTIVE, instead in state %s", k.ARN, k.status(c.Time)))}
		}
		st, _, err := s.find(tx, c, nil, &k.Stream)
		if err != nil {
			return err
		}
		sh, ok := s.shardByID(tx, scope, &st, aws.ToString(in.ShardId))
		if !ok {
			return &types.ResourceNotFoundException{Message: aws.String(fmt.Sprintf(
				"Shard %s in stream %s under account %s does not exist", aws.ToString(in.ShardId), st.Name, scope.Account))}
		}
		sub = &subscription{s: s, scope: scope, consumer: k, stream: st, shard: sh.id(), started: c.Time}
		sub.next, err = s.position(tx, scope, &st, &sh, c.Operation, in.StartingPosition)
		return err
	})
	return sub, err
}

// begin makes sub the one active subscription of its consumer to its shard. A
// call soon after a successful one is refused, a later one takes over.
func (m *subscriptions) begin(sub *subscription, cancel context.CancelCauseFunc) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := sub.consumer.ARN + "/" + sub.shard
	if old, ok := m.latest[key]; ok {
		if sub.started.Sub(old.at) < time.Duration(limit("subscribeSeconds"))*time.Second {
			return &types.ResourceInUseException{Message: aws.String(fmt.Sprintf(
				"Another active subscription exists for this consumer: %s", sub.consumer.ARN))}
		}
		old.cancel(errTaken)
	}
	m.latest[key] = subscribed{sub.started, cancel}
	return nil
}

func (m *subscriptions) clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.latest)
}

// run sends events until the subscription's time is over, the shard ends or
// ctx does.
func (sub *subscription) run(ctx context.Context, send func(event any) error) error {
	clk := sub.s.host.Clock
	wake, over := make(chan struct{}, 1), make(chan struct{})
	poke := func() {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
	defer sub.s.host.Signals.Listen(sub.stream.ARN, poke)()
	end := clk.At(sub.started.Add(time.Duration(limit("subscriptionSeconds"))*time.Second), func() { close(over) })
	defer end.Stop()
	quiet := clk.Now() // since when nothing was sent
	for {
		event, wait, err := sub.read(clk.Now(), clk.Now().Sub(quiet) >= heartbeat)
		if err != nil {
			return err
		}
		if event != nil {
			if err := send(event); err != nil {
				return err
			}
			if event.ContinuationSequenceNumber == nil {
				return nil // the end of the shard
			}
			quiet = clk.Now()
			if len(event.Records) > 0 && ctx.Err() == nil && !closed(over) {
				continue // there may be more
			}
		}
		timer := clk.AfterFunc(wait, poke)
		select {
		case <-wake:
			timer.Stop()
		case <-over:
			timer.Stop()
			return nil
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// read makes the next event, nil when there is nothing to send; wait says
// after which time to look again at the latest.
func (sub *subscription) read(now time.Time, beat bool) (event *types.SubscribeToShardEvent, wait time.Duration,
	err error) {
	s := sub.s
	err = s.host.Store.View(func(tx *store.Tx) error {
		key := store.Key(sub.stream.Name, sub.consumer.Name)
		st, ok := s.streams.Get(tx, sub.scope, sub.stream.Name)
		k, registered := s.consumers.Get(tx, sub.scope, key)
		sh, open := s.shardByID(tx, sub.scope, &st, sub.shard)
		if !ok || !open || !st.Created.Equal(sub.stream.Created) || st.Pending == types.StreamStatusDeleting || !registered ||
			k.ARN != sub.consumer.ARN {
			return &types.ResourceNotFoundException{Message: aws.String(fmt.Sprintf("Consumer %s not found.", sub.consumer.ARN))}
		}
		event, wait = sub.collect(tx, &st, &sh, now)
		if event != nil && len(event.Records) == 0 && event.ContinuationSequenceNumber != nil && sub.sent && !beat {
			event = nil
		}
		return nil
	})
	sub.sent = sub.sent || event != nil
	return event, wait, err
}

// collect reads as many records as the consumer's throughput on the shard
// allows now.
func (sub *subscription) collect(tx *store.Tx, st *stream, sh *shard, now time.Time) (*types.SubscribeToShardEvent,
	time.Duration) {
	s := sub.s
	s.mu.Lock()
	defer s.mu.Unlock()
	rate := float64(limit("fanOutBytesPerSecond"))
	tokens := &pair(s.pushing, sub.scope, sub.consumer.ARN, sh.id()).bytes
	tokens.refill(now, rate)
	event, wait := &types.SubscribeToShardEvent{Records: []types.Record{}, MillisBehindLatest: aws.Int64(0)}, heartbeat
	prefix := store.Key(st.Name, sh.id(), "")
	horizon, more := now.Add(-time.Duration(st.Retention)*time.Hour), false
	s.records.Scan(tx, sub.scope, prefix, prefix+sub.next, func(key string, r record) bool {
		if r.Arrived.Before(horizon) {
			return true
		}
		size := float64(len(r.Key) + len(r.Data))
		if need := min(size, rate); tokens.tokens < need || int64(len(event.Records)) == limit("getRecordsRecords") {
			more, wait = true, time.Duration((need-tokens.tokens)/rate*float64(time.Second))+time.Millisecond
			event.MillisBehindLatest = aws.Int64(now.Sub(r.Arrived).Milliseconds())
			return false
		}
		tokens.tokens -= size
		seq, arrived := key[len(prefix):], r.Arrived
		event.Records = append(event.Records, types.Record{SequenceNumber: &seq, ApproximateArrivalTimestamp: &arrived,
			Data:         r.Data,
			PartitionKey: aws.String(r.Key), EncryptionType: st.encryption()})
		sub.next = seq + "0"
		return true
	})
	switch n := len(event.Records); {
	case more && n == 0:
		return nil, wait // no throughput is left
	case !more && !sh.open():
		event.ChildShards = s.children(tx, sub.scope, st, sh.id())
	case n > 0:
		event.ContinuationSequenceNumber = event.Records[n-1].SequenceNumber
	default: // everything up to now has been read
		event.ContinuationSequenceNumber = aws.String(sequenceAt(st.NextSeq, sh.Number))
	}
	return event, wait
}
