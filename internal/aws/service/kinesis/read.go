package kinesis

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// iterator is what a shard iterator says: a place in a shard and when it was
// made. It is opaque to clients.
type iterator struct {
	Stream  string    `json:"s"`
	Created time.Time `json:"c"` // of the stream, so that a namesake does not take it
	Shard   string    `json:"h"`
	Next    string    `json:"n"` // sequence numbers >= Next are read
	Made    time.Time `json:"m"`
}

func (it iterator) encode() *string {
	b, _ := json.Marshal(it) // strings and times always marshal
	return aws.String("AAAAAAAAAAE" + base64.StdEncoding.EncodeToString(b))
}

func decodeIterator(s string) (it iterator, err error) {
	if len(s) < 11 {
		return it, invalid("Invalid ShardIterator.")
	}
	b, err := base64.StdEncoding.DecodeString(s[11:])
	if err == nil {
		err = json.Unmarshal(b, &it)
	}
	if err != nil || it.Shard == "" {
		return it, invalid("Invalid ShardIterator.")
	}
	return it, nil
}

// GetShardIterator returns an iterator that is good for five minutes.
func (s *Service) GetShardIterator(ctx context.Context,
	in *kinesis.GetShardIteratorInput) (*kinesis.GetShardIteratorOutput, error) {
	c := gateway.From(ctx)
	var it iterator
	err := s.host.Store.View(func(tx *store.Tx) error {
		st, scope, err := s.find(tx, c, in.StreamName, in.StreamARN)
		if err != nil {
			return err
		}
		sh, ok := s.shardByID(tx, scope, &st, aws.ToString(in.ShardId))
		if !ok {
			return &types.ResourceNotFoundException{Message: aws.String(fmt.Sprintf(
				"Shard %s in stream %s under account %s does not exist", aws.ToString(in.ShardId), st.Name, scope.Account))}
		}
		it = iterator{Stream: st.Name, Created: st.Created, Shard: sh.id(), Made: c.Time}
		it.Next, err = s.position(tx, scope, &st, &sh, c.Operation, &types.StartingPosition{
			Type: in.ShardIteratorType, SequenceNumber: in.StartingSequenceNumber, Timestamp: in.Timestamp})
		return err
	})
	if err != nil {
		return nil, err
	}
	return &kinesis.GetShardIteratorOutput{ShardIterator: it.encode()}, nil
}

func (s *Service) shardByID(tx *store.Tx, scope ident.Scope, st *stream, id string) (shard, bool) {
	return s.shards.Get(tx, scope, store.Key(st.Name, id))
}

// position finds the first sequence number that an iterator or a subscription
// reads.
func (s *Service) position(tx *store.Tx, scope ident.Scope, st *stream, sh *shard, operation string,
	in *types.StartingPosition) (string, error) {
	seq := aws.ToString(in.SequenceNumber)
	switch in.Type {
	case types.ShardIteratorTypeTrimHorizon:
		return "", nil
	case types.ShardIteratorTypeLatest:
		return sequenceAt(st.NextSeq+1, 0), nil // fixed now: later records have higher numbers
	case types.ShardIteratorTypeAtSequenceNumber, types.ShardIteratorTypeAfterSequenceNumber:
		if len(seq) != len(sh.Start) || seq < sh.Start || sh.End != "" && seq > sh.End {
			return "", invalid(
				"StartingSequenceNumber %s used in %s on shard %s in stream %s under account %s is invalid because it did not "+
					"come from this stream.",
				seq, operation, sh.id(), st.Name, scope.Account)
		}
		if in.Type == types.ShardIteratorTypeAfterSequenceNumber {
			seq += "0" // sorts right behind it
		}
		return seq, nil
	case types.ShardIteratorTypeAtTimestamp:
		if in.Timestamp == nil {
			return "", invalid("Timestamp must be provided for the type AT_TIMESTAMP.")
		}
		next := sequenceAt(st.NextSeq+1, 0)
		prefix := store.Key(st.Name, sh.id(), "")
		s.records.Scan(tx, scope, prefix, "", func(key string, r record) bool {
			if r.Arrived.Before(*in.Timestamp) {
				return true
			}
			next = key[len(prefix):]
			return false
		})
		return next, nil
	}
	return "", invalid("ShardIteratorType %s is not known", in.Type)
}

// GetRecords reads from an iterator on, up to 10,000 records or 10 MiB.
func (s *Service) GetRecords(ctx context.Context, in *kinesis.GetRecordsInput) (*kinesis.GetRecordsOutput, error) {
	c := gateway.From(ctx)
	it, err := decodeIterator(aws.ToString(in.ShardIterator))
	if err != nil {
		return nil, err
	}
	if age := time.Duration(limit("iteratorSeconds")) * time.Second; c.Time.Sub(it.Made) > age {
		return nil, &types.ExpiredIteratorException{Message: aws.String(fmt.Sprintf(
			"Iterator expired. The iterator was created at time %s while right now it is %s which is further in the future "+
				"than the tolerated delay of %d milliseconds.",
			it.Made.Format(time.ANSIC), c.Time.Format(time.ANSIC), age.Milliseconds()))}
	}
	count := int(limit("getRecordsRecords"))
	if in.Limit != nil {
		count = min(count, int(*in.Limit))
	}
	out := &kinesis.GetRecordsOutput{Records: []types.Record{}}
	err = s.host.Store.View(func(tx *store.Tx) error {
		st, scope, err := s.find(tx, c, &it.Stream, in.StreamARN)
		if err != nil {
			return err
		}
		sh, ok := s.shardByID(tx, scope, &st, it.Shard)
		if !ok || !st.Created.Equal(it.Created) {
			return invalid("Invalid ShardIterator.")
		}
		// A registered consumer has throughput of its own.
		fanOut := c.Internal() && strings.Contains(aws.ToString(in.StreamARN), "/consumer/")
		if !fanOut && !c.Looking && !s.mayRead(scope, st.ARN, sh.id(), c.Time) {
			return &types.ProvisionedThroughputExceededException{Message: aws.String(fmt.Sprintf(
				"Rate exceeded for shard %s in stream %s under account %s.", sh.id(), st.Name, scope.Account))}
		}
		size := s.fill(tx, scope, &st, &sh, it, count, c.Time, out)
		if !fanOut && !c.Looking {
			s.haveRead(scope, st.ARN, sh.id(), size)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// fill reads records into out, finds out where to go on and returns their size.
func (s *Service) fill(tx *store.Tx, scope ident.Scope, st *stream, sh *shard, it iterator, count int, now time.Time,
	out *kinesis.GetRecordsOutput) int64 {
	prefix := store.Key(st.Name, sh.id(), "")
	horizon := now.Add(-time.Duration(st.Retention) * time.Hour)
	bytes, more := int64(0), false
	behind := int64(0)
	s.records.Scan(tx, scope, prefix, prefix+it.Next, func(key string, r record) bool {
		if r.Arrived.Before(horizon) {
			return true // past retention: gone, whether or not swept yet
		}
		size := int64(len(r.Key) + len(r.Data))
		if len(out.Records) == count || bytes+size > limit("getRecordsBytes") && len(out.Records) > 0 {
			more, behind = true, max(1, now.Sub(r.Arrived).Milliseconds()) // 0 means that nothing is left
			return false
		}
		bytes += size
		seq, arrived := key[len(prefix):], r.Arrived
		out.Records = append(out.Records, types.Record{
			SequenceNumber: &seq, ApproximateArrivalTimestamp: &arrived, Data: r.Data, PartitionKey: aws.String(r.Key),
			EncryptionType: st.encryption(),
		})
		return true
	})
	out.MillisBehindLatest = &behind
	if n := len(out.Records); n > 0 {
		it.Next = *out.Records[n-1].SequenceNumber + "0"
	}
	if !more && !sh.open() {
		out.ChildShards = s.children(tx, scope, st, sh.id())
		return bytes // a closed shard read to its end has no next iterator
	}
	it.Made = now
	out.NextShardIterator = it.encode()
	return bytes
}

func (s *Service) children(tx *store.Tx, scope ident.Scope, st *stream, id string) []types.ChildShard {
	var out []types.ChildShard
	for _, sh := range s.shardsOf(tx, scope, st.Name) {
		if sh.Parent != id && sh.Adjacent != id {
			continue
		}
		d := sh.describe()
		child := types.ChildShard{ShardId: d.ShardId, HashKeyRange: d.HashKeyRange, ParentShards: []string{sh.Parent}}
		if sh.Adjacent != "" {
			child.ParentShards = append(child.ParentShards, sh.Adjacent)
		}
		out = append(out, child)
	}
	return out
}
