package esm

import (
	"encoding/json"
	"time"
)

// windowStart is the beginning of the tumbling window that a time belongs to.
// Windows lie side by side from the epoch on.
func windowStart(at time.Time, size time.Duration) time.Time { return at.UTC().Truncate(size) }

func (l *lane) windowEnd() time.Time { return l.open.Start.Add(l.r.s.set.tumbling) }

// windowOf is the start of the window that records are delivered in: the open
// one, because batches are cut where windows end.
func (l *lane) windowOf(recs []*record) time.Time {
	if l.open != nil {
		return l.open.Start
	}
	return windowStart(recs[0].at, l.r.s.set.tumbling)
}

// windowEvent is the event of a function that aggregates over time.
// Source: https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-windows.html
type windowEvent struct {
	Records         []json.RawMessage `json:"Records"`
	Window          windowSpan        `json:"window"`
	State           json.RawMessage   `json:"state"`
	ShardID         string            `json:"shardId"`
	EventSourceARN  string            `json:"eventSourceARN"`
	Final           bool              `json:"isFinalInvokeForWindow"`
	TerminatedEarly bool              `json:"isWindowTerminatedEarly"`
}

type windowSpan struct {
	Start string `json:"start"`
	End   string `json:"end"`
}

func (l *lane) windowEvent(events []json.RawMessage, start time.Time, final, early bool) windowEvent {
	state := json.RawMessage("{}")
	if l.open != nil && len(l.open.State) > 0 {
		state = l.open.State
	}
	return windowEvent{
		Records: events, State: state, ShardID: l.r.id, EventSourceARN: text(l.r.s.cfg.Config.EventSourceArn), Final: final,
		TerminatedEarly: early,
		Window:          windowSpan{start.Format(time.RFC3339), start.Add(l.r.s.set.tumbling).Format(time.RFC3339)},
	}
}

// closeWindow makes the final invocation of the open window, with the retries
// that every batch has, and forgets its state. It returns an error only when
// the worker ends.
func (l *lane) closeWindow(early bool) error {
	event := encode(l.windowEvent([]json.RawMessage{}, l.open.Start, true, early))
	until := l.windowEnd().Add(l.retention())
	for retries, tries := 0, 1; ; tries++ {
		a := l.invoke(event, nil)
		if a.err == nil && a.failed == "" {
			break
		}
		if a.err == nil {
			if set := l.r.s.set.retries; set >= 0 && retries >= set {
				break
			}
			retries++
		}
		if l.r.s.m.host.Clock.Now().After(until) {
			break // nothing it summed up is in the stream any more
		}
		if err := l.pause(tries, nil); err != nil {
			return err
		}
	}
	l.open = nil
	l.r.finish(nil, l.index, nil)
	return nil
}

// retention is how long records are kept, by the stream or by the mapping.
func (l *lane) retention() time.Duration {
	l.r.s.mu.Lock()
	defer l.r.s.mu.Unlock()
	if age := l.r.s.set.age; age >= 0 {
		return min(age, l.r.s.keep)
	}
	return l.r.s.keep
}
