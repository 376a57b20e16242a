package cloudwatchlogs

import (
	"container/heap"
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/service/cloudwatchlogs/pattern"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// search is one FilterLogEvents call.
type search struct {
	s        *Service
	tx       *store.Tx
	sc       ident.Scope
	pattern  *pattern.Pattern
	from, to int64
	back     bool   // newest first
	after    string // order of the last event of the page before
}

// order sorts events of many streams: by time, then stream, then number.
func order(key string) string {
	return key[streamDigits:streamDigits+timeDigits] + key[:streamDigits] + key[streamDigits+timeDigits:]
}

// FilterLogEvents searches the streams of a group and returns what matches in
// the order of time, a page at a time.
func (s *Service) FilterLogEvents(ctx context.Context, in *cloudwatchlogs.FilterLogEventsInput) (*cloudwatchlogs.FilterLogEventsOutput, error) {
	c := gateway.From(ctx)
	sc, name, err := locate(c, in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	if in.LogStreamNamePrefix != nil && len(in.LogStreamNames) > 0 {
		return nil, invalid("LogStreamNames and LogStreamNamePrefix cannot be both specified.")
	}
	q := &search{s: s, sc: sc}
	if q.pattern, err = parsePattern(in.FilterPattern); err != nil {
		return nil, err
	}
	if err := q.direction(in); err != nil {
		return nil, err
	}
	// searchedLogStreams has been empty since May 15, 2020.
	out := &cloudwatchlogs.FilterLogEventsOutput{Events: []types.FilteredLogEvent{}, SearchedLogStreams: []types.SearchedLogStream{}}
	return out, s.host.Store.View(func(tx *store.Tx) error {
		q.tx = tx
		g, err := s.find(tx, sc, name)
		if err != nil {
			return err
		}
		if q.from, q.to, err = period(in.StartTime, in.EndTime, &g, c); err != nil {
			return err
		}
		streams, err := q.streams(name, in)
		if err == nil {
			q.run(streams, newBudget(in.Limit), out)
		}
		return err
	})
}

// direction reads where a search goes on, and which way.
func (q *search) direction(in *cloudwatchlogs.FilterLogEventsInput) error {
	after, err := unpage(in.NextToken)
	switch {
	case err != nil:
		return err
	case after != "":
		if len(after) != keyDigits+1 {
			return invalid("The specified nextToken is invalid.")
		}
		q.back, q.after = after[0] == 'b', after[1:]
	case in.StartFromHead != nil && !*in.StartFromHead:
		// Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
		if aws.ToInt64(in.StartTime) < time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli() {
			return invalid("startFromHead can be false only with a startTime on or after Jan 1, 2024 00:00:00 UTC.")
		}
		q.back = true
	}
	return nil
}

func parsePattern(s *string) (*pattern.Pattern, error) {
	p, err := pattern.Parse(aws.ToString(s))
	if err != nil {
		return nil, invalid("Invalid filter pattern: %s", err)
	}
	return p, nil
}

// streams are those to search: the named ones or those with the prefix.
func (q *search) streams(group string, in *cloudwatchlogs.FilterLogEventsInput) (all []stream, err error) {
	for _, n := range in.LogStreamNames {
		st, err := q.s.findStream(q.tx, q.sc, group, n)
		if err != nil {
			return nil, err
		}
		all = append(all, st)
	}
	if len(all) == 0 {
		q.s.streamsOf(q.tx, q.sc, group, aws.ToString(in.LogStreamNamePrefix), func(st stream) bool { all = append(all, st); return true })
	}
	return all, nil
}

// run merges the streams.
func (q *search) run(streams []stream, b budget, out *cloudwatchlogs.FilterLogEventsOutput) {
	m := &merge{back: q.back}
	seen := map[uint64]bool{}
	for _, st := range streams {
		if seen[st.Number] || st.Events == 0 || st.Last < q.from || st.First > q.to {
			continue // named twice, or nothing in the period
		}
		seen[st.Number] = true
		if c := q.open(st); q.fill(c) {
			m.cursors = append(m.cursors, c)
		}
	}
	heap.Init(m)
	last := ""
	for m.Len() > 0 {
		c := m.cursors[0]
		e := c.buffer[0]
		if !b.take(&e.event, len(out.Events) == 0) {
			way := "f"
			if q.back {
				way = "b"
			}
			out.NextToken = pageToken(way + order(last))
			return
		}
		last = e.key
		out.Events = append(out.Events, types.FilteredLogEvent{
			EventId: eventID(e.key), LogStreamName: aws.String(c.stream), Message: &e.Message,
			Timestamp: aws.Int64(eventTime(e.key)), IngestionTime: &e.Ingested,
		})
		if c.buffer = c.buffer[1:]; len(c.buffer) > 0 || q.fill(c) {
			heap.Fix(m, 0)
		} else {
			heap.Pop(m)
		}
	}
}

// cursor reads one stream in pieces.
type cursor struct {
	stream string
	number uint64
	next   string // key to go on from, included
	buffer []stored
	ended  bool
}

// ahead is how many matching events of a stream are read at once.
const ahead = 128

// open begins at the edge of the period or where the last page ended.
func (q *search) open(st stream) *cursor {
	from, to := q.from, q.to
	if q.after != "" {
		at := eventTime(eventPrefix(0) + q.after[:timeDigits])
		if q.back {
			to = min(to, at)
		} else {
			from = max(from, at)
		}
	}
	c := &cursor{stream: st.Name, number: st.Number, next: eventKey(st.Number, from, 0)}
	if q.back {
		c.next = eventKey(st.Number, to+1, 0)
	}
	return c
}

// fill reads on until there is something in the buffer, and reports whether
// there is.
func (q *search) fill(c *cursor) bool {
	if c.ended {
		return false
	}
	c.buffer, c.ended = nil, true
	visit := func(key string, e event) bool {
		at := eventTime(key)
		switch {
		case at < q.from || at > q.to:
			return at > q.to && q.back // going back begins one behind the period
		case q.returned(key):
			return true
		case len(c.buffer) == ahead:
			c.next, c.ended = key, false
			return false
		case q.pattern.Match(e.Message):
			c.buffer = append(c.buffer, stored{key, e})
		}
		return true
	}
	if q.back {
		q.s.events.ScanBack(q.tx, q.sc, eventPrefix(c.number), c.next, visit)
	} else {
		q.s.events.Scan(q.tx, q.sc, eventPrefix(c.number), c.next, visit)
	}
	return len(c.buffer) > 0
}

// returned reports whether an event was in an earlier page.
func (q *search) returned(key string) bool {
	if q.after == "" {
		return false
	}
	if q.back {
		return order(key) >= q.after
	}
	return order(key) <= q.after
}

// merge is a heap of cursors by their next event.
type merge struct {
	cursors []*cursor
	back    bool
}

func (m *merge) Len() int { return len(m.cursors) }
func (m *merge) Less(i, j int) bool {
	a, b := order(m.cursors[i].buffer[0].key), order(m.cursors[j].buffer[0].key)
	if m.back {
		return a > b
	}
	return a < b
}
func (m *merge) Swap(i, j int) { m.cursors[i], m.cursors[j] = m.cursors[j], m.cursors[i] }
func (m *merge) Push(x any)    { m.cursors = append(m.cursors, x.(*cursor)) }
func (m *merge) Pop() any {
	last := len(m.cursors) - 1
	c := m.cursors[last]
	m.cursors = m.cursors[:last]
	return c
}

// TestMetricFilter tries a pattern on messages.
func (s *Service) TestMetricFilter(_ context.Context, in *cloudwatchlogs.TestMetricFilterInput) (*cloudwatchlogs.TestMetricFilterOutput, error) {
	p, err := parsePattern(in.FilterPattern)
	if err != nil {
		return nil, err
	}
	out := &cloudwatchlogs.TestMetricFilterOutput{Matches: []types.MetricFilterMatchRecord{}}
	for i, m := range in.LogEventMessages {
		if values, ok := p.Extract(m); ok {
			out.Matches = append(out.Matches, types.MetricFilterMatchRecord{EventNumber: int64(i + 1), EventMessage: &m, ExtractedValues: values})
		}
	}
	return out, nil
}
