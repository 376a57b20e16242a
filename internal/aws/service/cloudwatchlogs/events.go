package cloudwatchlogs

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// event is one log event. Its key is the stream's number, the timestamp and
// the event's number in the stream: events lie in the order in which they are
// read, so that a batch costs what it holds however long the stream is.
type event struct {
	Ingested int64 // milliseconds
	Message  string
}

func (e *event) size() int64 { return int64(len(e.Message)) + limit("eventOverheadBytes") }

var errEvent = errors.New("damaged log event")

// eventCodec is compact because events are many.
func eventCodec() store.Codec[event] {
	return store.Codec[event]{
		Encode: func(e event) ([]byte, error) {
			return append(binary.AppendVarint(make([]byte, 0, len(e.Message)+10), e.Ingested), e.Message...), nil
		},
		Decode: func(b []byte) (event, error) {
			at, n := binary.Varint(b)
			if n <= 0 {
				return event{}, errEvent
			}
			return event{at, string(b[n:])}, nil
		},
	}
}

// The widths of the parts of an event's key, in hexadecimal digits.
const (
	streamDigits = 10
	timeDigits   = 12 // until the year 10889
	keyDigits    = streamDigits + timeDigits + 12
)

func eventPrefix(stream uint64) string { return fmt.Sprintf("%010x", stream) }

func eventKey(stream uint64, at int64, number uint64) string {
	return fmt.Sprintf("%010x%012x%012x", stream, at, number)
}

// eventTime reads the timestamp out of a key.
func eventTime(key string) int64 {
	at, _ := strconv.ParseInt(key[streamDigits:streamDigits+timeDigits], 16, 64) // keys are made by eventKey
	return at
}

// PutLogEvents stores a batch of events in a stream. Events that are too old,
// expired or too new are left out and reported.
func (s *Service) PutLogEvents(ctx context.Context, in *cloudwatchlogs.PutLogEventsInput) (*cloudwatchlogs.PutLogEventsOutput, error) {
	c := gateway.From(ctx)
	if in.Entity != nil {
		return nil, gateway.Unsupported("cloudwatchlogs", "PutLogEvents", "entity")
	}
	if err := checkBatch(in.LogEvents); err != nil {
		return nil, err
	}
	name := aws.ToString(in.LogGroupName)
	out := &cloudwatchlogs.PutLogEventsOutput{}
	var due time.Time
	err := s.host.Store.Update(func(tx *store.Tx) error {
		st, err := s.findStream(tx, c.Scope, name, aws.ToString(in.LogStreamName))
		if err != nil {
			return err
		}
		g, err := s.find(tx, c.Scope, name)
		if err != nil {
			return err
		}
		from, to, rejected := window(in.LogEvents, &g, c.Time)
		valid := in.LogEvents[from:to]
		if n := len(valid); n > 0 && *valid[n-1].Timestamp-*valid[0].Timestamp > limit("batchSpanHours")*time.Hour.Milliseconds() {
			return invalid("The batch of log events in a single PutLogEvents request cannot span more than %d hours.", limit("batchSpanHours"))
		}
		s.append(tx, c.Scope, name, &st, valid, c.Time)
		if g.Retention > 0 && len(valid) > 0 {
			due = expiry(&g, *valid[0].Timestamp)
		}
		out.RejectedLogEventsInfo, out.NextSequenceToken = rejected, sequenceToken(&st)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !due.IsZero() {
		s.armAt(c.Scope, name, due)
	}
	return out, nil
}

// checkBatch holds a batch to the rules that refuse it whole.
// Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
func checkBatch(events []types.InputLogEvent) error {
	if n := int64(len(events)); n == 0 || n > limit("batchEvents") {
		return invalid("1 validation error detected: Value at 'logEvents' failed to satisfy constraint: Member must have length between 1 and %d", limit("batchEvents"))
	}
	total := int64(0)
	for i, e := range events {
		size := int64(len(aws.ToString(e.Message))) + limit("eventOverheadBytes")
		if size > limit("eventBytes") {
			return invalid("Log event too large: %d bytes exceeds limit of %d", size, limit("eventBytes"))
		}
		total += size
		if i > 0 && aws.ToInt64(e.Timestamp) < aws.ToInt64(events[i-1].Timestamp) {
			return invalid("Log events in a single PutLogEvents request must be in chronological order.")
		}
	}
	if total > limit("batchBytes") {
		return invalid("Upload too large: %d bytes exceeds limit of %d", total, limit("batchBytes"))
	}
	return nil
}

// window finds which events of a batch are taken, and says what becomes of the
// others. Events are in order, so those taken are neighbours.
func window(events []types.InputLogEvent, g *group, now time.Time) (from, to int, rejected *types.RejectedLogEventsInfo) {
	tooOld := now.Add(-time.Duration(limit("pastDays")) * day).UnixMilli()
	tooNew := now.Add(time.Duration(limit("futureHours")) * time.Hour).UnixMilli()
	expired, old := 0, 0
	to = len(events)
	for i, e := range events {
		switch at := *e.Timestamp; {
		case g.Retention > 0 && at < g.horizon(now):
			expired = i + 1
		case at < tooOld:
			old = i + 1
		case at > tooNew:
			to = min(to, i)
		}
	}
	from = max(expired, old)
	if from == 0 && to == len(events) {
		return from, to, nil
	}
	rejected = &types.RejectedLogEventsInfo{}
	if expired > 0 {
		rejected.ExpiredLogEventEndIndex = aws.Int32(int32(expired))
	}
	if old > 0 {
		rejected.TooOldLogEventEndIndex = aws.Int32(int32(old))
	}
	if to < len(events) {
		rejected.TooNewLogEventStartIndex = aws.Int32(int32(to))
	}
	return from, to, rejected
}

// append stores events and takes them into the stream's sums.
func (s *Service) append(tx *store.Tx, sc ident.Scope, group string, st *stream, events []types.InputLogEvent, now time.Time) {
	if len(events) == 0 {
		return
	}
	for _, in := range events {
		e := event{Ingested: now.UnixMilli(), Message: *in.Message}
		s.events.Put(tx, sc, eventKey(st.Number, *in.Timestamp, st.Next), e)
		st.Next++
		st.Bytes += e.size()
	}
	first, last := *events[0].Timestamp, *events[len(events)-1].Timestamp
	if st.Events == 0 {
		st.First, st.Last = first, last
	}
	st.First, st.Last = min(st.First, first), max(st.Last, last)
	st.Events += int64(len(events))
	st.Ingested = now
	s.streams.Put(tx, sc, streamKey(group, st.Name), *st)
}
