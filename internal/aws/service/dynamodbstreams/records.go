package dynamodbstreams

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/limits"
	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/streamlog"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// iterator is what a shard iterator holds. Next 0 is the trim horizon.
type iterator struct {
	ARN    string    `json:"arn"`
	Next   uint64    `json:"next"`
	Issued time.Time `json:"issued"`
}

// String is the client's form: the stream, a version, and the position with a
// check sum, which a changed iterator does not pass.
func (it iterator) String() string {
	body, _ := json.Marshal(it) // plain data: cannot fail
	sum := sha256.Sum256(body)
	return it.ARN + "|1|" + base64.RawURLEncoding.EncodeToString(append(sum[:8:8], body...))
}

func parseIterator(s string) (iterator, error) {
	bad := gateway.Errorf(400, "ValidationException", "Invalid ShardIterator")
	parts := strings.Split(s, "|")
	if len(parts) != 3 {
		return iterator{}, bad
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || len(b) < 8 {
		return iterator{}, bad
	}
	var it iterator
	if sum := sha256.Sum256(b[8:]); string(sum[:8]) != string(b[:8]) || json.Unmarshal(b[8:], &it) != nil ||
		it.ARN != parts[0] {
		return iterator{}, bad
	}
	return it, nil
}

func trimmed() error {
	return &types.TrimmedDataAccessException{Message: aws.String(
		"The operation attempted to read past the oldest stream record in a shard.")}
}

// GetShardIterator fixes a position in a shard.
func (s *Service) GetShardIterator(ctx context.Context,
	in *dynamodbstreams.GetShardIteratorInput) (*dynamodbstreams.GetShardIteratorOutput, error) {
	c := at(gateway.From(ctx), aws.ToString(in.StreamArn))
	it := iterator{ARN: aws.ToString(in.StreamArn), Issued: c.Time}
	err := s.host.Store.View(func(tx *store.Tx) error {
		st, err := s.stream(tx, c, it.ARN)
		if err != nil {
			return err
		}
		if st.Shard != aws.ToString(in.ShardId) {
			return &types.ResourceNotFoundException{Message: aws.String("Requested resource not found: Shard does not exist")}
		}
		it.Next, err = s.position(tx, c, st, in)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &dynamodbstreams.GetShardIteratorOutput{ShardIterator: aws.String(it.String())}, nil
}

func (s *Service) position(tx *store.Tx, c *gateway.Call, st streamlog.Stream,
	in *dynamodbstreams.GetShardIteratorInput) (uint64, error) {
	switch in.ShardIteratorType {
	case types.ShardIteratorTypeTrimHorizon:
		return 0, nil
	case types.ShardIteratorTypeLatest:
		return s.log.Head(tx, c.Scope, st.ID()) + 1, nil
	case types.ShardIteratorTypeAtTimestamp:
		if in.Timestamp == nil {
			return 0, gateway.Errorf(400, "ValidationException", "Timestamp is required for ShardIteratorType AT_TIMESTAMP")
		}
		next := s.log.Head(tx, c.Scope, st.ID()) + 1
		s.log.Read(tx, c.Scope, st.ID(), 0, c.Time, func(r *streamlog.Record) bool {
			if r.At.Before(*in.Timestamp) {
				return true
			}
			next = r.Seq
			return false
		})
		return next, nil
	}
	if in.SequenceNumber == nil {
		return 0, gateway.Errorf(400, "ValidationException", "SequenceNumber is required for ShardIteratorType %s",
			in.ShardIteratorType)
	}
	seq, err := streamlog.ParseSequence(*in.SequenceNumber)
	if err != nil || seq == 0 || seq > s.log.Head(tx, c.Scope, st.ID()) {
		return 0, gateway.Errorf(400, "ValidationException", "Invalid SequenceNumber: %s", *in.SequenceNumber)
	}
	if s.log.Trimmed(tx, c.Scope, st.ID(), seq, c.Time) {
		return 0, trimmed()
	}
	if in.ShardIteratorType == types.ShardIteratorTypeAfterSequenceNumber {
		seq++
	}
	return seq, nil
}

// GetRecords reads on from an iterator.
func (s *Service) GetRecords(ctx context.Context,
	in *dynamodbstreams.GetRecordsInput) (*dynamodbstreams.GetRecordsOutput, error) {
	it, err := parseIterator(aws.ToString(in.ShardIterator))
	if err != nil {
		return nil, err
	}
	c := at(gateway.From(ctx), it.ARN)
	if c.Time.Sub(it.Issued) > time.Duration(limits.Get("dynamodb", "shardIteratorSeconds"))*time.Second {
		return nil, &types.ExpiredIteratorException{Message: aws.String("Iterator expired. The iterator was created at " +
			it.Issued.Format(time.RFC3339) + " and is valid for 15 minutes.")}
	}
	most, err := page(in.Limit, "getRecordsCount")
	if err != nil {
		return nil, err
	}
	out := &dynamodbstreams.GetRecordsOutput{Records: []types.Record{}}
	err = s.host.Store.View(func(tx *store.Tx) error {
		st, err := s.stream(tx, c, it.ARN)
		if err != nil {
			return err
		}
		if s.log.Trimmed(tx, c.Scope, st.ID(), it.Next, c.Time) {
			return trimmed()
		}
		left := limits.Get("dynamodb", "getRecordsBytes")
		s.log.Read(tx, c.Scope, st.ID(), it.Next, c.Time, func(r *streamlog.Record) bool {
			if left -= r.Size(); len(out.Records) == most || left < 0 && len(out.Records) > 0 {
				return false
			}
			out.Records = append(out.Records, sdkRecord(c, st, r))
			it.Next = r.Seq + 1
			return true
		})
		if st.Closed.IsZero() || it.Next <= s.log.Head(tx, c.Scope, st.ID()) && len(out.Records) > 0 {
			it.Issued = c.Time
			out.NextShardIterator = aws.String(it.String())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func sdkRecord(c *gateway.Call, st streamlog.Stream, r *streamlog.Record) types.Record {
	out := types.Record{
		AwsRegion: aws.String(c.Scope.Region), EventID: aws.String(r.ID), EventName: types.OperationType(r.Event),
		EventSource: aws.String("aws:dynamodb"), EventVersion: aws.String("1.1"),
		Dynamodb: &types.StreamRecord{
			// Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_StreamRecord.html
			ApproximateCreationDateTime: aws.Time(r.At.Truncate(time.Second)),
			Keys:                        attributes(r.Keys), NewImage: attributes(r.New), OldImage: attributes(r.Old),
			SequenceNumber: aws.String(streamlog.FormatSequence(r.Seq)), SizeBytes: aws.Int64(r.Size()),
			StreamViewType: types.StreamViewType(st.View),
		},
	}
	if r.Expired {
		// Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html
		out.UserIdentity = &types.Identity{Type: aws.String("Service"), PrincipalId: aws.String("dynamodb.amazonaws.com")}
	}
	return out
}
