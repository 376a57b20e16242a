package kinesis

import (
	"context"
	"crypto/md5" // the hash that Kinesis routes by
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// record is one stored record; its key holds stream, shard and sequence.
type record struct {
	Arrived time.Time
	Key     string
	Data    []byte
}

var errRecord = errors.New("damaged Kinesis record")

// recordCodec is compact because records are many: arrival in nanoseconds, the
// key with its length, the data.
func recordCodec() store.Codec[record] {
	return store.Codec[record]{
		Encode: func(r record) ([]byte, error) {
			b := binary.AppendVarint(make([]byte, 0, len(r.Key)+len(r.Data)+16), r.Arrived.UnixNano())
			b = append(binary.AppendUvarint(b, uint64(len(r.Key))), r.Key...)
			return append(b, r.Data...), nil
		},
		Decode: func(b []byte) (record, error) {
			at, n := binary.Varint(b)
			if n <= 0 {
				return record{}, errRecord
			}
			size, m := binary.Uvarint(b[n:])
			if m <= 0 || size > uint64(len(b)-n-m) {
				return record{}, errRecord
			}
			b = b[n+m:]
			return record{time.Unix(0, at).UTC(), string(b[:size]), append([]byte{}, b[size:]...)}, nil
		},
	}
}

// hashKey is where a record lies in the hash space.
// Source: https://docs.aws.amazon.com/streams/latest/dev/key-concepts.html#partition-key
func hashKey(partitionKey string, explicit *string) (*big.Int, error) {
	if explicit == nil {
		sum := md5.Sum([]byte(partitionKey)) // see above
		return new(big.Int).SetBytes(sum[:]), nil
	}
	h, ok := new(big.Int).SetString(*explicit, 10)
	if !ok || h.Sign() < 0 || h.BitLen() > 128 {
		return nil,
			invalid("Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was %s",
				*explicit)
	}
	return h, nil
}

// writer appends records to one stream inside a transaction.
type writer struct {
	s      *Service
	tx     *store.Tx
	call   *gateway.Call
	st     stream
	scope  ident.Scope
	shards []writableShard
}

func (s *Service) writer(tx *store.Tx, c *gateway.Call, name, arn *string) (*writer, error) {
	st, scope, err := s.find(tx, c, name, arn)
	if err != nil {
		return nil, err
	}
	if status := st.status(c.Time); status == types.StreamStatusCreating || status == types.StreamStatusDeleting {
		return nil, &types.ResourceNotFoundException{Message: aws.String(fmt.Sprintf(
			"Stream %s under account %s not found.", st.Name, scope.Account))}
	}
	return &writer{s: s, tx: tx, call: c, st: st, scope: scope, shards: s.writable.of(s, tx, scope, st.Name)}, nil
}

// throughputExceeded is the entry's or the call's answer to a full shard.
func (w *writer) throughputExceeded(shardID string) string {
	return fmt.Sprintf("Rate exceeded for shard %s in stream %s under account %s.", shardID, w.st.Name, w.scope.Account)
}

// put stores one record and returns where. ok is false when the shard takes no
// more now.
func (w *writer) put(h *big.Int, key string, data []byte) (shardID, sequence string, ok bool) {
	sh := holding(w.shards, h)
	if sh == nil {
		return "", "", false
	}
	if _, hit := w.s.host.Faults.Take(gateway.FaultThrottle, "kinesis", w.call.Operation, w.st.Name+"/"+sh.name); hit {
		return sh.name, "", false
	}
	if !w.s.mayWrite(w.scope, w.st.ARN, sh.name, w.call.Time, int64(len(key)+len(data))) {
		return sh.name, "", false
	}
	seq := w.st.sequence(sh.Number)
	w.s.records.Put(w.tx, w.scope, store.Key(w.st.Name, sh.name, seq), record{w.call.Time, key, data})
	return sh.name, seq, true
}

// stored wakes readers and sees to the day on which the records expire; call
// it after the transaction.
func (w *writer) stored() {
	w.s.sweepAt(w.scope, w.st.Name, w.call.Time.Add(time.Duration(w.st.Retention)*time.Hour+time.Millisecond))
	w.s.host.Signals.Notify(w.st.ARN)
}

func (w *writer) finish() { w.s.streams.Put(w.tx, w.scope, w.st.Name, w.st) }

// PutRecord writes one record.
func (s *Service) PutRecord(ctx context.Context, in *kinesis.PutRecordInput) (*kinesis.PutRecordOutput, error) {
	c := gateway.From(ctx)
	if in.PartitionKey == nil {
		return nil, noPartitionKey("partitionKey")
	}
	h, err := hashKey(aws.ToString(in.PartitionKey), in.ExplicitHashKey)
	if err != nil {
		return nil, err
	}
	out := &kinesis.PutRecordOutput{}
	var w *writer
	err = s.host.Store.Update(func(tx *store.Tx) error {
		if w, err = s.writer(tx, c, in.StreamName, in.StreamARN); err != nil {
			return err
		}
		if err := w.checkSize(*in.PartitionKey, in.Data); err != nil {
			return err
		}
		if err := w.after(in.SequenceNumberForOrdering); err != nil {
			return err
		}
		id, seq, ok := w.put(h, aws.ToString(in.PartitionKey), in.Data)
		if !ok {
			return &types.ProvisionedThroughputExceededException{Message: aws.String(w.throughputExceeded(id))}
		}
		w.finish()
		out.ShardId, out.SequenceNumber, out.EncryptionType = &id, &seq, w.st.encryption()
		return nil
	})
	if err != nil {
		return nil, err
	}
	w.stored()
	return out, nil
}

// after checks SequenceNumberForOrdering: it must be a number of the past.
// Sequence numbers rise in any case.
func (w *writer) after(seq *string) error {
	if seq == nil {
		return nil
	}
	n, ok := new(big.Int).SetString(*seq, 10)
	limit, _ := new(big.Int).SetString(sequenceAt(w.st.NextSeq+1, 0), 10)
	if !ok || n.Cmp(limit) >= 0 {
		return invalid("ExclusiveMinimumSequenceNumber %s used in PutRecord on stream %s under account %s is invalid.", *seq,
			w.st.Name, w.scope.Account)
	}
	return nil
}

// noPartitionKey is the answer to a record without a partition key, which the
// model allows for streams that spread records themselves; those are not
// emulated.
func noPartitionKey(member string) error {
	return &types.ValidationException{Message: aws.String(fmt.Sprintf(
		"1 validation error detected: Value null at '%s' failed to satisfy constraint: Member must not be null", member))}
}

func (w *writer) checkSize(key string, data []byte) error {
	if most := w.st.maxRecord(); int64(len(key)+len(data)) > most {
		return &types.ValidationException{Message: aws.String(fmt.Sprintf(
			"1 validation error detected: Value at 'data' failed to satisfy constraint: Member must have length less than or "+
				"equal to %d.", most))}
	}
	return nil
}

// PutRecords writes up to 500 records. Entries fail one by one, and an entry
// behind a failed one may succeed: order within a key is not promised.
func (s *Service) PutRecords(ctx context.Context, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
	c := gateway.From(ctx)
	if int64(len(in.Records)) > limit("putRecordsEntries") {
		return nil, &types.ValidationException{Message: aws.String(fmt.Sprintf(
			"1 validation error detected: Value at 'records' failed to satisfy constraint: Member must have length less than "+
				"or equal to %d", limit("putRecordsEntries")))}
	}
	hashes := make([]*big.Int, len(in.Records))
	total := int64(0)
	for i, r := range in.Records {
		if r.PartitionKey == nil {
			return nil, noPartitionKey(fmt.Sprintf("records.%d.member.partitionKey", i+1))
		}
		var err error
		if hashes[i], err = hashKey(aws.ToString(r.PartitionKey), r.ExplicitHashKey); err != nil {
			return nil, err
		}
		total += int64(len(aws.ToString(r.PartitionKey)) + len(r.Data))
	}
	if total > limit("putRecordsBytes") {
		return nil, invalid("Records size exceeds %d MB limit", limit("putRecordsBytes")>>20)
	}
	out := &kinesis.PutRecordsOutput{FailedRecordCount: aws.Int32(0)}
	var w *writer
	err := s.host.Store.Update(func(tx *store.Tx) (err error) {
		if w, err = s.writer(tx, c, in.StreamName, in.StreamARN); err != nil {
			return err
		}
		for _, r := range in.Records {
			if err := w.checkSize(*r.PartitionKey, r.Data); err != nil {
				return err
			}
		}
		out.EncryptionType = w.st.encryption()
		out.Records = make([]types.PutRecordsResultEntry, len(in.Records))
		for i, r := range in.Records {
			out.Records[i] = w.entry(hashes[i], &r)
			if out.Records[i].ErrorCode != nil {
				*out.FailedRecordCount++
			}
		}
		w.finish()
		return nil
	})
	if err != nil {
		return nil, err
	}
	w.stored()
	return out, nil
}

func (w *writer) entry(h *big.Int, r *types.PutRecordsRequestEntry) types.PutRecordsResultEntry {
	if _, hit := w.s.host.Faults.Take(gateway.FaultEntries, "kinesis", "PutRecords", w.st.Name); hit {
		return failedRecord()
	}
	id, seq, ok := w.put(h, aws.ToString(r.PartitionKey), r.Data)
	if !ok {
		return types.PutRecordsResultEntry{
			ErrorCode: aws.String("ProvisionedThroughputExceededException"), ErrorMessage: aws.String(w.throughputExceeded(id)),
		}
	}
	return types.PutRecordsResultEntry{ShardId: &id, SequenceNumber: &seq}
}
