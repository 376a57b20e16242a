package cloudwatchlogs

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// retentionDays are the periods that can be asked for.
// Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
func retentionDays() []int32 {
	return []int32{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
}

const day = 24 * time.Hour

// PutRetentionPolicy says after how many days a group's events expire.
func (s *Service) PutRetentionPolicy(ctx context.Context, in *cloudwatchlogs.PutRetentionPolicyInput) (*cloudwatchlogs.PutRetentionPolicyOutput, error) {
	days := aws.ToInt32(in.RetentionInDays)
	if !slices.Contains(retentionDays(), days) {
		return nil, invalid("Invalid retention value. Valid values are: %v", retentionDays())
	}
	if err := s.retain(ctx, in.LogGroupName, days); err != nil {
		return nil, err
	}
	return &cloudwatchlogs.PutRetentionPolicyOutput{}, nil
}

// DeleteRetentionPolicy keeps a group's events for ever.
func (s *Service) DeleteRetentionPolicy(ctx context.Context, in *cloudwatchlogs.DeleteRetentionPolicyInput) (*cloudwatchlogs.DeleteRetentionPolicyOutput, error) {
	if err := s.retain(ctx, in.LogGroupName, 0); err != nil {
		return nil, err
	}
	return &cloudwatchlogs.DeleteRetentionPolicyOutput{}, nil
}

func (s *Service) retain(ctx context.Context, name *string, days int32) error {
	sc := gateway.From(ctx).Scope
	err := s.change(sc, aws.ToString(name), func(g *group) error {
		g.Retention = days
		return nil
	})
	if err == nil {
		s.disarm(sc, *name)
		s.arm(sc, *name)
	}
	return err
}

// horizon is the time in milliseconds before which a group's events are gone,
// removed or not yet; 0 when they never expire.
func (g *group) horizon(now time.Time) int64 {
	if g.Retention == 0 {
		return 0
	}
	return now.Add(-time.Duration(g.Retention) * day).UnixMilli()
}

func timerKey(sc ident.Scope, group string) string {
	return store.Key(sc.Account, sc.Region, group)
}

func (s *Service) disarm(sc ident.Scope, group string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t, ok := s.timers[timerKey(sc, group)]; ok {
		t.timer.Stop()
		delete(s.timers, timerKey(sc, group))
	}
}

// arm sets the removal of a group's oldest event, if it has any that expire.
func (s *Service) arm(sc ident.Scope, name string) {
	var due time.Time
	_ = s.host.Store.View(func(tx *store.Tx) error { // the function returns no error
		g, ok := s.groups.Get(tx, sc, name)
		if !ok || g.Retention == 0 {
			return nil
		}
		s.streamsOf(tx, sc, name, "", func(st stream) bool {
			if at := expiry(&g, st.First); st.Events > 0 && (due.IsZero() || at.Before(due)) {
				due = at
			}
			return true
		})
		return nil
	})
	if !due.IsZero() {
		s.armAt(sc, name, due)
	}
}

// expiry is the first moment at which an event is older than its group allows.
func expiry(g *group, timestamp int64) time.Time {
	return time.UnixMilli(timestamp + 1).Add(time.Duration(g.Retention) * day)
}

// armAt makes sure that a group is swept at a time or earlier.
func (s *Service) armAt(sc ident.Scope, name string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := timerKey(sc, name)
	if t, ok := s.timers[key]; ok {
		if !t.at.After(at) {
			return
		}
		t.timer.Stop()
	}
	s.timers[key] = sweep{at, s.host.Clock.At(at, func() { s.sweep(sc, name) })}
}

// sweep removes the expired events of a group and looks again when the next
// expire, though not at once: many expire one after the other.
func (s *Service) sweep(sc ident.Scope, name string) {
	s.mu.Lock()
	delete(s.timers, timerKey(sc, name))
	s.mu.Unlock()
	now := s.host.Clock.Now()
	var next time.Time
	err := s.host.Store.Update(func(tx *store.Tx) error {
		g, ok := s.groups.Get(tx, sc, name)
		if !ok || g.Retention == 0 {
			return nil
		}
		var streams []stream
		s.streamsOf(tx, sc, name, "", func(st stream) bool { streams = append(streams, st); return true })
		for _, st := range streams {
			if st.Events == 0 {
				continue
			}
			if st.First < g.horizon(now) {
				s.expire(tx, sc, name, &st, g.horizon(now))
			}
			if at := expiry(&g, st.First); st.Events > 0 && (next.IsZero() || at.Before(next)) {
				next = at
			}
		}
		return nil
	})
	if err != nil {
		s.host.Log.Error("expired log events not removed", "group", name, "error", err)
		return
	}
	if pause := now.Add(time.Duration(limit("sweepMinutes")) * time.Minute); !next.IsZero() {
		if next.Before(pause) {
			next = pause
		}
		s.armAt(sc, name, next)
	}
}

// expire removes a stream's events before the horizon.
func (s *Service) expire(tx *store.Tx, sc ident.Scope, group string, st *stream, horizon int64) {
	var keys []string
	prefix := eventPrefix(st.Number)
	s.events.Scan(tx, sc, prefix, "", func(key string, e event) bool {
		at := eventTime(key)
		if at >= horizon {
			st.First = at
			return false
		}
		keys = append(keys, key)
		st.Bytes -= e.size()
		return true
	})
	for _, k := range keys {
		s.events.Delete(tx, sc, k)
	}
	st.Events -= int64(len(keys))
	s.streams.Put(tx, sc, streamKey(group, st.Name), *st)
}
