package cloudwatchlogs

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
)

func (s *Service) CreateLogStream(ctx context.Context, in *sdk.CreateLogStreamInput) (*sdk.CreateLogStreamOutput,
	error) {
	call := gateway.From(ctx)
	return &sdk.CreateLogStreamOutput{}, s.host.Store.Update(func(tx *store.Tx) error {
		if _, ok := s.groups.Get(tx, call.Scope, *in.LogGroupName); !ok {
			return noGroup()
		}
		key := store.Key(*in.LogGroupName, *in.LogStreamName)
		if _, ok := s.streams.Get(tx, call.Scope, key); ok {
			return &types.ResourceAlreadyExistsException{Message: aws.String("The specified log stream already exists")}
		}
		s.streams.Put(tx, call.Scope, key, stream{Name: *in.LogStreamName, Created: call.Time})
		return nil
	})
}

// DeleteLogStream implements the operation: with its events.
func (s *Service) DeleteLogStream(ctx context.Context, in *sdk.DeleteLogStreamInput) (*sdk.DeleteLogStreamOutput,
	error) {
	call := gateway.From(ctx)
	return &sdk.DeleteLogStreamOutput{}, s.host.Store.Update(func(tx *store.Tx) error {
		g, ok := s.groups.Get(tx, call.Scope, *in.LogGroupName)
		if !ok {
			return noGroup()
		}
		if !s.streams.Delete(tx, call.Scope, store.Key(g.Name, *in.LogStreamName)) {
			return noStream()
		}
		prefix := store.Key(g.Name, *in.LogStreamName, "")
		s.events.Scan(tx, call.Scope, prefix, "", func(_ string, e event) bool {
			s.times.Delete(tx, call.Scope, timeKey(g.Name, e.Timestamp, e.Number))
			g.Bytes -= e.size()
			return true
		})
		s.groups.Put(tx, call.Scope, g.Name, g)
		clear(tx, s.events, call.Scope, prefix)
		return nil
	})
}

func (s *Service) DescribeLogStreams(ctx context.Context,
	in *sdk.DescribeLogStreamsInput) (*sdk.DescribeLogStreamsOutput, error) {
	name, err := groupName(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	byTime := in.OrderBy == types.OrderByLastEventTime
	if byTime && in.LogStreamNamePrefix != nil {
		return nil, invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
	}
	from, err := unseal(in.NextToken)
	if err != nil {
		return nil, err
	}
	call := gateway.From(ctx)
	var all []stream
	err = s.host.Store.View(func(tx *store.Tx) error {
		if _, ok := s.groups.Get(tx, call.Scope, name); !ok {
			return noGroup()
		}
		s.streams.Scan(tx, call.Scope, store.Key(name, aws.ToString(in.LogStreamNamePrefix)), "",
			func(_ string, st stream) bool {
				all = append(all, st)
				return true
			})
		return nil
	})
	if err != nil {
		return nil, err
	}
	place := func(st stream) string {
		if byTime {
			return position(st.Last, 0) + st.Name
		}
		return st.Name
	}
	slices.SortFunc(all, func(a, b stream) int {
		if aws.ToBool(in.Descending) {
			a, b = b, a
		}
		return strings.Compare(place(a), place(b))
	})
	out := &sdk.DescribeLogStreamsOutput{LogStreams: []types.LogStream{}}
	most := 50
	if in.Limit != nil {
		most = int(*in.Limit)
	}
	for _, st := range all {
		if from != "" && (place(st) < from) != aws.ToBool(in.Descending) && place(st) != from {
			continue
		}
		if len(out.LogStreams) == most {
			out.NextToken = seal(place(st))
			break
		}
		out.LogStreams = append(out.LogStreams, st.show(call.Scope, name))
	}
	return out, nil
}

func (st stream) show(sc ident.Scope, group string) types.LogStream {
	out := types.LogStream{LogStreamName: aws.String(st.Name), Arn: aws.String(groupARN(sc, group) + ":log-stream:" +
		st.Name),
		CreationTime: aws.Int64(st.Created.UnixMilli()), StoredBytes: aws.Int64(0), // AWS shows 0 since 2019
	}
	if st.Ingested > 0 {
		out.FirstEventTimestamp, out.LastEventTimestamp, out.LastIngestionTime = aws.Int64(st.First), aws.Int64(st.Last),
			aws.Int64(st.Ingested)
		out.UploadSequenceToken = aws.String(token)
	}
	return out
}
