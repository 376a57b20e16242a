package dynamodbstreams

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/limits"
	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/streamlog"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// Service is the dynamodbstreams service.
type Service struct {
	gateway.Passive
	host *gateway.Host
	log  *streamlog.Log
}

// New makes the service.
func New(h *gateway.Host) gateway.Service { return &Service{host: h, log: streamlog.For(h.Store)} }

func notFound(arn string) error {
	return &types.ResourceNotFoundException{Message: aws.String("Requested resource not found: Stream: " + arn +
		" not found")}
}

// at is the call in the account of a stream, which may be another than the
// caller's: whether he may is decided before, at the door.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/rbac-cross-account-access.html
func at(c *gateway.Call, stream string) *gateway.Call {
	a, err := ident.ParseARN(stream)
	if err != nil || a.Account == c.Scope.Account {
		return c
	}
	there := *c
	there.Scope.Account = a.Account
	return &there
}

// stream finds the stream that an ARN of the call's account and region names.
func (s *Service) stream(tx *store.Tx, c *gateway.Call, arn string) (streamlog.Stream, error) {
	a, err := ident.ParseARN(arn)
	table, label, ok := strings.Cut(strings.TrimPrefix(a.Resource, "table/"), "/stream/")
	if err != nil || !ok || a.Service != "dynamodb" {
		return streamlog.Stream{}, gateway.Errorf(400, "ValidationException", "Invalid StreamArn: %s", arn)
	}
	st, ok := s.log.Get(tx, c.Scope, table+"/"+label, c.Time)
	if !ok || a.Scope() != c.Scope {
		return streamlog.Stream{}, notFound(arn)
	}
	return st, nil
}

// page is how many a caller gets at once. The SDK's model has no upper bound;
// the service has.
func page(limit *int32, name string) (int, error) {
	most := limits.Get("dynamodb", name)
	if limit == nil {
		return int(most), nil
	}
	if int64(*limit) > most {
		return 0, gateway.Errorf(400, "ValidationException", "1 validation error detected: Value '%d' at 'limit' failed to "+
			"satisfy constraint: Member must have value less than or equal to %d", *limit, most)
	}
	return int(*limit), nil
}

// ListStreams lists the streams of the account, or of one table.
func (s *Service) ListStreams(ctx context.Context,
	in *dynamodbstreams.ListStreamsInput) (*dynamodbstreams.ListStreamsOutput, error) {
	c := gateway.From(ctx)
	most, err := page(in.Limit, "listStreamsCount")
	if err != nil {
		return nil, err
	}
	out := &dynamodbstreams.ListStreamsOutput{Streams: []types.Stream{}}
	err = s.host.Store.View(func(tx *store.Tx) error {
		for _, st := range s.log.List(tx, c.Scope, aws.ToString(in.TableName), c.Time) {
			arn := st.ARN(c.Scope)
			if arn <= aws.ToString(in.ExclusiveStartStreamArn) {
				continue // streams come in the order of their ARNs, so the last one may be gone
			}
			if len(out.Streams) == most {
				out.LastEvaluatedStreamArn = out.Streams[most-1].StreamArn
				break
			}
			out.Streams = append(out.Streams, types.Stream{
				StreamArn: aws.String(arn), StreamLabel: aws.String(st.Label), TableName: aws.String(st.Table)})
		}
		return nil
	})
	return out, err
}

// DescribeStream tells a stream's state and its shard.
func (s *Service) DescribeStream(ctx context.Context,
	in *dynamodbstreams.DescribeStreamInput) (*dynamodbstreams.DescribeStreamOutput, error) {
	arn := aws.ToString(in.StreamArn)
	c := at(gateway.From(ctx), arn)
	// A stream has one shard, and a page at least one.
	if _, err := page(in.Limit, "describeStreamShards"); err != nil {
		return nil, err
	}
	d := &types.StreamDescription{StreamArn: in.StreamArn, StreamStatus: types.StreamStatusEnabled,
		Shards: []types.Shard{}}
	err := s.host.Store.View(func(tx *store.Tx) error {
		st, err := s.stream(tx, c, arn)
		if err != nil {
			return err
		}
		d.StreamLabel, d.TableName = aws.String(st.Label), aws.String(st.Table)
		d.StreamViewType, d.CreationRequestDateTime = types.StreamViewType(st.View), aws.Time(st.Created)
		for _, k := range st.Keys {
			d.KeySchema = append(d.KeySchema, types.KeySchemaElement{AttributeName: aws.String(k.Name),
				KeyType: types.KeyType(k.Type)})
		}
		shard := types.Shard{ShardId: aws.String(st.Shard), SequenceNumberRange: &types.SequenceNumberRange{
			StartingSequenceNumber: aws.String(streamlog.FormatSequence(1))}}
		if !st.Closed.IsZero() {
			d.StreamStatus = types.StreamStatusDisabled
			shard.SequenceNumberRange.EndingSequenceNumber = aws.String(streamlog.FormatSequence(s.log.Head(tx, c.Scope,
				st.ID())))
		}
		// The only shard has no children, and nothing comes after it.
		if in.ShardFilter == nil && aws.ToString(in.ExclusiveStartShardId) < st.Shard {
			d.Shards = append(d.Shards, shard)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &dynamodbstreams.DescribeStreamOutput{StreamDescription: d}, nil
}
