package cloudwatchlogs

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// maxTime is later than any timestamp that a key can hold.
const maxTime = math.MaxInt64 >> 16

// stored is an event with its key.
type stored struct {
	key string
	event
}

// budget bounds an answer: events and bytes.
type budget struct{ events, bytes int64 }

func newBudget(events *int32) budget {
	b := budget{limit("readEvents"), limit("readBytes")}
	if events != nil {
		b.events = min(b.events, int64(*events))
	}
	return b
}

// take accounts for one event and reports whether it still fits; the first
// always does.
func (b *budget) take(e *event, first bool) bool {
	if !first && (b.events < 1 || b.bytes < e.size()) {
		return false
	}
	b.events--
	b.bytes -= e.size()
	return true
}

// period checks a time range and returns its bounds, both included.
func period(start, end *int64, g *group, call *gateway.Call) (from, to int64, err error) {
	from, to = min(aws.ToInt64(start), maxTime), maxTime
	if end != nil {
		to = min(*end, maxTime)
	}
	if to < from {
		return 0, 0, invalid("End time should not be less than start time.")
	}
	return max(from, g.horizon(call.Time)), to, nil
}

// place is a boundary between the events of a stream: before or behind the one
// with a key. Tokens of GetLogEvents are places with a direction.
type place struct {
	key    string
	behind bool
}

// String orders places among keys.
func (p place) String() string {
	if p.behind {
		return p.key + "0"
	}
	return p.key
}

func (p place) token(direction string) *string {
	side := "s"
	if p.behind {
		side = "e"
	}
	return aws.String(direction + "/" + p.key + "/" + side)
}

func parsePlace(token string, st *stream) (p place, forward bool, err error) {
	parts := strings.Split(token, "/")
	if len(parts) != 3 || parts[0] != "f" && parts[0] != "b" || parts[2] != "s" && parts[2] != "e" ||
		len(parts[1]) != keyDigits || !strings.HasPrefix(parts[1], eventPrefix(st.Number)) || strings.Trim(parts[1], "0123456789abcdef") != "" {
		return p, false, invalid("The specified nextToken is invalid.")
	}
	return place{parts[1], parts[2] == "e"}, parts[0] == "f", nil
}

// GetLogEvents reads one stream forwards or backwards. Both tokens are always
// given; at either end a call answers with the token it was made with.
//
// AWS: tokens expire after 24 hours. Here they stay good.
func (s *Service) GetLogEvents(ctx context.Context, in *cloudwatchlogs.GetLogEventsInput) (*cloudwatchlogs.GetLogEventsOutput, error) {
	c := gateway.From(ctx)
	sc, name, err := locate(c, in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	out := &cloudwatchlogs.GetLogEventsOutput{Events: []types.OutputLogEvent{}}
	return out, s.host.Store.View(func(tx *store.Tx) error {
		st, err := s.findStream(tx, sc, name, aws.ToString(in.LogStreamName))
		if err != nil {
			return err
		}
		g, _ := s.groups.Get(tx, sc, name) // findStream has seen it
		from, to, err := period(in.StartTime, in.EndTime, &g, c)
		if err != nil {
			return err
		}
		if in.EndTime == nil {
			to++ // the end is not included, "no end" is
		}
		forward := aws.ToBool(in.StartFromHead)
		low, high := place{key: eventKey(st.Number, from, 0)}, place{key: eventKey(st.Number, to, 0)}
		at := high
		if forward {
			at = low
		}
		if in.NextToken != nil {
			if at, forward, err = parsePlace(*in.NextToken, &st); err != nil {
				return err
			}
		}
		visit, found := collect(newBudget(in.Limit))
		if forward {
			s.events.Scan(tx, sc, eventPrefix(st.Number), max(at.String(), low.String()), func(k string, e event) bool {
				return k < high.String() && visit(k, e)
			})
		} else {
			s.events.ScanBack(tx, sc, eventPrefix(st.Number), min(at.String(), high.String()), func(k string, e event) bool {
				return k == at.String() || k == high.String() || k >= low.String() && visit(k, e)
			})
			slices.Reverse(*found)
		}
		out.NextForwardToken, out.NextBackwardToken = at.token("f"), at.token("b")
		if n := len(*found); n > 0 {
			out.NextForwardToken = place{(*found)[n-1].key, true}.token("f")
			out.NextBackwardToken = place{(*found)[0].key, false}.token("b")
		}
		for i := range *found {
			e := &(*found)[i]
			out.Events = append(out.Events, types.OutputLogEvent{Timestamp: aws.Int64(eventTime(e.key)), Message: &e.Message, IngestionTime: &e.Ingested})
		}
		return nil
	})
}

// collect returns a visitor that keeps events within a budget.
func collect(b budget) (visit func(string, event) bool, found *[]stored) {
	found = &[]stored{}
	return func(key string, e event) bool {
		if !b.take(&e, len(*found) == 0) {
			return false
		}
		*found = append(*found, stored{key, e})
		return true
	}, found
}

// eventID is unique in an account and region, and has the 56 digits of AWS's.
func eventID(key string) *string {
	var n, at, number uint64
	_, _ = fmt.Sscanf(key, "%010x%012x%012x", &n, &at, &number) // keys are made by eventKey
	return aws.String(fmt.Sprintf("%016d%020d%020d", at, n, number))
}
