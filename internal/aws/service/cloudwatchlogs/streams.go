package cloudwatchlogs

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// CreateLogStream makes an empty stream.
func (s *Service) CreateLogStream(ctx context.Context, in *cloudwatchlogs.CreateLogStreamInput) (*cloudwatchlogs.CreateLogStreamOutput, error) {
	c := gateway.From(ctx)
	group, name := aws.ToString(in.LogGroupName), aws.ToString(in.LogStreamName)
	err := s.host.Store.Update(func(tx *store.Tx) error {
		if _, err := s.find(tx, c.Scope, group); err != nil {
			return err
		}
		if _, dup := s.streams.Get(tx, c.Scope, streamKey(group, name)); dup {
			return &types.ResourceAlreadyExistsException{Message: aws.String("The specified log stream already exists")}
		}
		n, _ := s.numbers.Get(tx, c.Scope, "streams")
		s.numbers.Put(tx, c.Scope, "streams", n+1)
		s.streams.Put(tx, c.Scope, streamKey(group, name), stream{Name: name, Number: n, Created: c.Time})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &cloudwatchlogs.CreateLogStreamOutput{}, nil
}

// DeleteLogStream removes a stream with its events.
func (s *Service) DeleteLogStream(ctx context.Context, in *cloudwatchlogs.DeleteLogStreamInput) (*cloudwatchlogs.DeleteLogStreamOutput, error) {
	c := gateway.From(ctx)
	group := aws.ToString(in.LogGroupName)
	err := s.host.Store.Update(func(tx *store.Tx) error {
		st, err := s.findStream(tx, c.Scope, group, aws.ToString(in.LogStreamName))
		if err == nil {
			s.erase(tx, c.Scope, group, &st)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &cloudwatchlogs.DeleteLogStreamOutput{}, nil
}

func (s *Service) findStream(tx *store.Tx, sc ident.Scope, group, name string) (stream, error) {
	if _, err := s.find(tx, sc, group); err != nil {
		return stream{}, err
	}
	st, ok := s.streams.Get(tx, sc, streamKey(group, name))
	if !ok {
		return st, missing("log stream")
	}
	return st, nil
}

// erase removes a stream and its events.
func (s *Service) erase(tx *store.Tx, sc ident.Scope, group string, st *stream) {
	var keys []string
	s.events.Scan(tx, sc, eventPrefix(st.Number), "", func(key string, _ event) bool { keys = append(keys, key); return true })
	for _, k := range keys {
		s.events.Delete(tx, sc, k)
	}
	s.streams.Delete(tx, sc, streamKey(group, st.Name))
}

// DescribeLogStreams lists a group's streams by name or by the newest event.
func (s *Service) DescribeLogStreams(ctx context.Context, in *cloudwatchlogs.DescribeLogStreamsInput) (*cloudwatchlogs.DescribeLogStreamsOutput, error) {
	sc, name, err := locate(gateway.From(ctx), in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	byTime := in.OrderBy == types.OrderByLastEventTime
	if byTime && in.LogStreamNamePrefix != nil {
		return nil, invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
	}
	after, err := unpage(in.NextToken)
	if err != nil {
		return nil, err
	}
	page := int(limit("describePage"))
	if in.Limit != nil {
		page = min(page, int(*in.Limit))
	}
	// place orders streams as asked for; tokens hold the place of the last one.
	place := func(st *stream) string {
		if byTime {
			return fmt.Sprintf("%020d/%s", st.Last, st.Name)
		}
		return "/" + st.Name
	}
	out := &cloudwatchlogs.DescribeLogStreamsOutput{LogStreams: []types.LogStream{}}
	return out, s.host.Store.View(func(tx *store.Tx) error {
		if _, err := s.find(tx, sc, name); err != nil {
			return err
		}
		var found []stream
		s.streamsOf(tx, sc, name, aws.ToString(in.LogStreamNamePrefix), func(st stream) bool {
			if p := place(&st); after == "" || p > after != aws.ToBool(in.Descending) && p != after {
				found = append(found, st)
			}
			return true
		})
		slices.SortFunc(found, func(a, b stream) int {
			if aws.ToBool(in.Descending) {
				a, b = b, a
			}
			return cmp.Compare(place(&a), place(&b))
		})
		for i := range found {
			if i == page {
				out.NextToken = pageToken(place(&found[i-1]))
				break
			}
			out.LogStreams = append(out.LogStreams, found[i].describe(sc, name))
		}
		return nil
	})
}

// describe shows a stream as AWS does.
//
// AWS: storedBytes of streams has been 0 since June 17, 2019; so it is here.
func (st *stream) describe(sc ident.Scope, group string) types.LogStream {
	out := types.LogStream{
		LogStreamName: &st.Name, CreationTime: aws.Int64(st.Created.UnixMilli()), StoredBytes: aws.Int64(0),
		Arn: aws.String(groupARN(sc, group) + ":log-stream:" + st.Name), UploadSequenceToken: sequenceToken(st),
	}
	if !st.Ingested.IsZero() {
		out.LastIngestionTime = aws.Int64(st.Ingested.UnixMilli())
	}
	if st.Events > 0 {
		out.FirstEventTimestamp, out.LastEventTimestamp = aws.Int64(st.First), aws.Int64(st.Last)
	}
	return out
}

// sequenceToken has the form of the tokens that writing once needed.
func sequenceToken(st *stream) *string { return aws.String(fmt.Sprintf("49%054d", st.Next)) }

const tokenPrefix = "pl1."

// pageToken hides a place in a listing.
func pageToken(after string) *string {
	return aws.String(base64.RawURLEncoding.EncodeToString([]byte(tokenPrefix + after)))
}

func unpage(token *string) (string, error) {
	if token == nil {
		return "", nil
	}
	b, err := base64.RawURLEncoding.DecodeString(*token)
	after, ok := strings.CutPrefix(string(b), tokenPrefix)
	if err != nil || !ok || after == "" {
		return "", invalid("The specified nextToken is invalid.")
	}
	return after, nil
}
