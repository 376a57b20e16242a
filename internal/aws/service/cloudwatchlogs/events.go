package cloudwatchlogs

import (
	"context"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/service/cloudwatchlogs/pattern"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// token stands for the sequence tokens that PutLogEvents asked for until 2023;
// AWS accepts any and goes on returning them.
const token = "49039859625309438161418512494917186146182147168"

// PutLogEvents implements the operation. The sequence token of the request
// means nothing any more.
// Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
func (s *Service) PutLogEvents(ctx context.Context, in *sdk.PutLogEventsInput) (*sdk.PutLogEventsOutput, error) {
	if err := checkBatch(in.LogEvents); err != nil {
		return nil, err
	}
	call := gateway.From(ctx)
	out := &sdk.PutLogEventsOutput{NextSequenceToken: aws.String(token)}
	return out, s.host.Store.Update(func(tx *store.Tx) error {
		g, ok := s.groups.Get(tx, call.Scope, *in.LogGroupName)
		if !ok {
			return noGroup()
		}
		key := store.Key(g.Name, *in.LogStreamName)
		st, ok := s.streams.Get(tx, call.Scope, key)
		if !ok {
			return noStream()
		}
		first, end, rejected := accepted(in.LogEvents, g, call.Time)
		if taken := in.LogEvents[first:end]; len(taken) > 0 &&
			*taken[len(taken)-1].Timestamp-*taken[0].Timestamp > (24*time.Hour).Milliseconds() {
			return invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
		}
		out.RejectedLogEventsInfo = rejected
		st.Ingested = call.Time.UnixMilli()
		for _, e := range in.LogEvents[first:end] {
			at := *e.Timestamp
			ev := event{Stream: st.Name, Message: *e.Message, Timestamp: at, Ingested: st.Ingested, Number: g.Next}
			g.Next++
			g.Bytes += int64(len(ev.Message)) + limit("eventOverheadBytes")
			evKey := eventKey(g.Name, st.Name, at, ev.Number)
			s.events.Put(tx, call.Scope, evKey, ev)
			s.times.Put(tx, call.Scope, timeKey(g.Name, at, ev.Number), evKey)
			if st.First == 0 || at < st.First {
				st.First = at
			}
			st.Last = max(st.Last, at)
		}
		s.groups.Put(tx, call.Scope, g.Name, g)
		s.streams.Put(tx, call.Scope, key, st)
		return nil
	})
}

// checkBatch refuses what AWS refuses as a whole.
func checkBatch(events []types.InputLogEvent) error {
	var size int64
	for i, e := range events {
		one := int64(len(*e.Message)) + limit("eventOverheadBytes")
		if one > limit("eventBytes") {
			return invalid("Log event too large: %d bytes exceeds limit of %d", one, limit("eventBytes"))
		}
		size += one
		if i > 0 && *e.Timestamp < *events[i-1].Timestamp {
			return invalid("Log events in a single PutLogEvents request must be in chronological order.")
		}
	}
	if size > limit("batchBytes") {
		return invalid("Upload too large: %d bytes exceeds limit of %d", size, limit("batchBytes"))
	}
	return nil
}

// accepted is the part of a batch that is neither too old nor too new.
func accepted(events []types.InputLogEvent, g group, now time.Time) (first, end int,
	rejected *types.RejectedLogEventsInfo) {
	tooOld, tooNew := now.Add(-14*24*time.Hour).UnixMilli(), now.Add(2*time.Hour).UnixMilli()
	expired := g.horizon(now)
	var info types.RejectedLogEventsInfo
	end = len(events)
	for i, e := range events {
		switch {
		case *e.Timestamp < expired:
			info.ExpiredLogEventEndIndex, first = aws.Int32(int32(i+1)), i+1 // 10,000 at most
		case *e.Timestamp < tooOld:
			info.TooOldLogEventEndIndex, first = aws.Int32(int32(i+1)), i+1 // as above
		case *e.Timestamp > tooNew && end == len(events):
			info.TooNewLogEventStartIndex, end = aws.Int32(int32(i)), i // as above
		}
	}
	if first > 0 || end < len(events) {
		rejected = &info
	}
	return first, max(end, first), rejected
}

// GetLogEvents implements the operation. Tokens name a place between events,
// right before the one at a position, or behind it when a 0 follows; at either
// end the same token comes back.
func (s *Service) GetLogEvents(ctx context.Context, in *sdk.GetLogEventsInput) (*sdk.GetLogEventsOutput, error) {
	name, err := groupName(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	forward, place := aws.ToBool(in.StartFromHead), ""
	if in.NextToken != nil {
		kind, rest, ok := strings.Cut(*in.NextToken, "/")
		if n := len(rest) - len(position(0, 0)); !ok || kind != "f" && kind != "b" || n != 0 && n != 1 {
			return nil, invalid("The specified nextToken is invalid.")
		}
		forward, place = kind == "f", rest
	}
	if err := period(in.StartTime, in.EndTime); err != nil {
		return nil, err
	}
	call := gateway.From(ctx)
	var found []event
	err = s.host.Store.View(func(tx *store.Tx) error {
		g, ok := s.groups.Get(tx, call.Scope, name)
		if !ok {
			return noGroup()
		}
		shown := *in // without what has expired
		shown.StartTime = aws.Int64(max(aws.ToInt64(in.StartTime), g.horizon(call.Time)))
		if _, ok := s.streams.Get(tx, call.Scope, store.Key(name, *in.LogStreamName)); !ok {
			return noStream()
		}
		found = s.slice(tx, call, store.Key(name, *in.LogStreamName, ""), &shown, forward, place)
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := &sdk.GetLogEventsOutput{Events: []types.OutputLogEvent{}}
	for _, e := range found {
		out.Events = append(out.Events, types.OutputLogEvent{Message: aws.String(e.Message),
			Timestamp: aws.Int64(e.Timestamp), IngestionTime: aws.Int64(e.Ingested)})
	}
	if len(found) > 0 {
		first, last := found[0], found[len(found)-1]
		out.NextBackwardToken, out.NextForwardToken = aws.String("b/"+position(first.Timestamp, first.Number)),
			aws.String("f/"+position(last.Timestamp, last.Number)+"0")
		return out, nil
	}
	if place == "" && !forward {
		place = position(0, 0)
	}
	if place == "" {
		place = position(aws.ToInt64(in.StartTime), 0)
	}
	out.NextBackwardToken, out.NextForwardToken = aws.String("b/"+place), aws.String("f/"+place)
	return out, nil
}

// slice reads one page of a stream, oldest first; in has a start.
func (s *Service) slice(tx *store.Tx, call *gateway.Call, prefix string, in *sdk.GetLogEventsInput, forward bool,
	place string) (found []event) {
	most, size := int(limit("pageEvents")), int64(0)
	if in.Limit != nil {
		most = int(*in.Limit)
	}
	take := func(key string, e event) bool {
		at := key[len(prefix):]
		switch {
		case !forward && at == place, e.Timestamp < *in.StartTime, in.EndTime != nil && e.Timestamp >= *in.EndTime:
			return true
		}
		size += int64(len(e.Message))
		if len(found) == most || size > limit("pageBytes") && len(found) > 0 {
			return false
		}
		found = append(found, e)
		return true
	}
	if forward {
		s.events.Scan(tx, call.Scope, prefix, prefix+max(place, position(*in.StartTime, 0)), take)
		return found
	}
	from := ""
	if place != "" {
		from = prefix + place
	}
	s.events.ScanBack(tx, call.Scope, prefix, from, take)
	for i, j := 0, len(found)-1; i < j; i, j = i+1, j-1 {
		found[i], found[j] = found[j], found[i]
	}
	return found
}

// FilterLogEvents implements the operation: events of a group by time.
func (s *Service) FilterLogEvents(ctx context.Context, in *sdk.FilterLogEventsInput) (*sdk.FilterLogEventsOutput,
	error) {
	name, err := groupName(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	if in.StartFromHead != nil && !*in.StartFromHead {
		return nil, gateway.Unsupported("cloudwatchlogs", "FilterLogEvents", "startFromHead false")
	}
	if in.LogStreamNamePrefix != nil && len(in.LogStreamNames) > 0 {
		return nil, invalid("LogStreamNamePrefix and LogStreamNames cannot both be specified.")
	}
	match, err := pattern.Parse(aws.ToString(in.FilterPattern))
	if err != nil {
		return nil, invalid("Invalid filter pattern: %s", err)
	}
	from, err := unseal(in.NextToken)
	if err == nil {
		err = period(in.StartTime, in.EndTime)
	}
	if err != nil {
		return nil, err
	}
	most := int(limit("pageEvents"))
	if in.Limit != nil {
		most = int(*in.Limit)
	}
	call := gateway.From(ctx)
	out := &sdk.FilterLogEventsOutput{Events: []types.FilteredLogEvent{}, SearchedLogStreams: []types.SearchedLogStream{}}
	return out, s.host.Store.View(func(tx *store.Tx) error {
		g, ok := s.groups.Get(tx, call.Scope, name)
		if !ok {
			return noGroup()
		}
		from = max(from, timeKey(name, max(aws.ToInt64(in.StartTime), g.horizon(call.Time)), 0))
		for _, st := range in.LogStreamNames {
			if _, ok := s.streams.Get(tx, call.Scope, store.Key(name, st)); !ok {
				return noStream()
			}
		}
		size := int64(0)
		s.times.Scan(tx, call.Scope, store.Key(name, ""), from, func(key, evKey string) bool {
			e, ok := s.events.Get(tx, call.Scope, evKey)
			if !ok || in.EndTime != nil && e.Timestamp > *in.EndTime { // here the end is included
				return !ok
			}
			if !wantedStream(in, e.Stream) || !match.Match(e.Message) {
				return true
			}
			size += int64(len(e.Message))
			if len(out.Events) == most || size > limit("pageBytes") && len(out.Events) > 0 {
				out.NextToken = seal(key)
				return false
			}
			out.Events = append(out.Events, types.FilteredLogEvent{EventId: eventID(name, &e),
				LogStreamName: aws.String(e.Stream), Message: aws.String(e.Message), Timestamp: aws.Int64(e.Timestamp),
				IngestionTime: aws.Int64(e.Ingested)})
			return true
		})
		return nil
	})
}

// eventID has the 56 digits of AWS's. Numbers begin anew in every group, whose
// hash therefore is part of it.
func eventID(group string, e *event) *string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(group)) // a hash takes everything
	return aws.String(fmt.Sprintf("%016d%020d%020d", e.Timestamp, h.Sum64(), e.Number))
}

// period refuses a time range that ends before it begins.
func period(start, end *int64) error {
	if end != nil && *end < aws.ToInt64(start) {
		return invalid("End time should not be less than start time.")
	}
	return nil
}

func wantedStream(in *sdk.FilterLogEventsInput, name string) bool {
	for _, st := range in.LogStreamNames {
		if st == name {
			return true
		}
	}
	return len(in.LogStreamNames) == 0 && strings.HasPrefix(name, aws.ToString(in.LogStreamNamePrefix))
}

// TestMetricFilter implements the operation: which messages a pattern matches.
func (s *Service) TestMetricFilter(_ context.Context, in *sdk.TestMetricFilterInput) (*sdk.TestMetricFilterOutput,
	error) {
	match, err := pattern.Parse(*in.FilterPattern)
	if err != nil {
		return nil, invalid("Invalid filter pattern: %s", err)
	}
	out := &sdk.TestMetricFilterOutput{Matches: []types.MetricFilterMatchRecord{}}
	for i, m := range in.LogEventMessages {
		if match.Match(m) {
			out.Matches = append(out.Matches, types.MetricFilterMatchRecord{EventNumber: int64(i + 1),
				EventMessage: aws.String(m), ExtractedValues: match.Values(m)})
		}
	}
	return out, nil
}
