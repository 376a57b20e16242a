package dynamodb

import (
	"context"
	"encoding/binary"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/item"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// expiryBatch is how many expired items one transaction removes.
const expiryBatch = 500

// fiveYears is the age at which an expiry time counts as a mistake.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-before-you-start.html
const fiveYears = 5 * 365 * 24 * time.Hour

// expiresAt reads the TTL attribute: a Number of seconds since 1970. Fractions
// are cut off.
func (t *Table) expiresAt(it item.Item) (time.Time, bool) {
	if t.TTL == nil || !t.TTL.Enabled {
		return time.Time{}, false
	}
	v := it[t.TTL.Attribute]
	if v.Kind != item.Number {
		return time.Time{}, false
	}
	whole, _, _ := strings.Cut(v.Text, ".")
	sec, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || sec < 0 || sec > 1<<40 {
		return time.Time{}, false
	}
	return time.Unix(sec, 0).UTC(), true
}

// UpdateTimeToLive turns expiry on or off.
func (s *Service) UpdateTimeToLive(ctx context.Context,
	in *dynamodb.UpdateTimeToLiveInput) (*dynamodb.UpdateTimeToLiveOutput, error) {
	c, name, spec := gateway.From(ctx), tableName(in.TableName), in.TimeToLiveSpecification
	attribute, enabled := aws.ToString(spec.AttributeName), aws.ToBool(spec.Enabled)
	var key string
	err := s.write(c.Scope, c.Time, func(w *work) error {
		t, ok := s.find(w.tx, w.sc, name, w.now)
		if !ok {
			return tableNotFound(name)
		}
		if st := t.status(w.now); st != types.TableStatusActive {
			return inUse("Table is not in a state where TTL can be updated: " + name)
		}
		on := t.TTL != nil && t.TTL.Enabled
		switch {
		case enabled && on:
			return refuse("TimeToLive is already enabled")
		case !enabled && !on:
			return refuse("TimeToLive is already disabled")
		case !enabled && t.TTL.Attribute != attribute:
			return refuse("TimeToLive is active on a different AttributeName: current AttributeName is %s", t.TTL.Attribute)
		}
		t, key = t.copy(), t.Key
		t.TTL = &TTL{Attribute: attribute, Enabled: enabled}
		s.tables.Put(w.tx, w.sc, t.Name, t)
		w.reindexExpiry(t)
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.armTTL(c.Scope, name, key)
	return &dynamodb.UpdateTimeToLiveOutput{TimeToLiveSpecification: spec}, nil
}

// reindexExpiry rebuilds the order of expirations for the table's setting.
func (w *work) reindexExpiry(t *Table) {
	var stale []string
	w.s.expires.Scan(w.tx, w.sc, t.Key, "", func(key, _ string) bool {
		stale = append(stale, key)
		return true
	})
	for _, key := range stale {
		w.s.expires.Delete(w.tx, w.sc, key)
	}
	w.s.items.Scan(w.tx, w.sc, t.Key, "", func(key string, r *record) bool {
		if at, ok := t.expiryKey(r.item, key); ok {
			w.s.expires.Put(w.tx, w.sc, at, key)
		}
		return true
	})
}

// DescribeTimeToLive tells the setting.
func (s *Service) DescribeTimeToLive(ctx context.Context,
	in *dynamodb.DescribeTimeToLiveInput) (*dynamodb.DescribeTimeToLiveOutput, error) {
	c, name := gateway.From(ctx), tableName(in.TableName)
	out := &types.TimeToLiveDescription{TimeToLiveStatus: types.TimeToLiveStatusDisabled}
	err := s.host.Store.View(func(tx *store.Tx) error {
		t, ok := s.find(tx, c.Scope, name, c.Time)
		if !ok {
			return tableNotFound(name)
		}
		if t.TTL != nil && t.TTL.Enabled {
			out.TimeToLiveStatus, out.AttributeName = types.TimeToLiveStatusEnabled, aws.String(t.TTL.Attribute)
		}
		return nil
	})
	return &dynamodb.DescribeTimeToLiveOutput{TimeToLiveDescription: out}, err
}

func ttlLag() time.Duration { return time.Duration(limit("ttlLagSeconds")) * time.Second }

// armTTL sets the table's timer to its first expiration that is due.
func (s *Service) armTTL(sc ident.Scope, name, key string) {
	var next time.Time
	_ = s.host.Store.View(func(tx *store.Tx) error { // fn returns no error
		floor := s.host.Clock.Now().Add(-fiveYears)
		s.expires.Scan(tx, sc, key, expiryFrom(key, floor), func(at, _ string) bool {
			next = time.Unix(int64(binary.BigEndian.Uint64([]byte(at[len(key):]))), 0)
			return false
		})
		return nil
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.timers[key]; t != nil {
		t.Stop()
		delete(s.timers, key)
	}
	if !next.IsZero() {
		s.timers[key] = s.At(next.Add(ttlLag()), "expired items of "+name, func(context.Context) {
			s.expire(sc, name, key)
		})
	}
}

func expiryFrom(key string, at time.Time) string {
	return string(binary.BigEndian.AppendUint64([]byte(key), uint64(max(0, at.Unix()))))
}

// expire removes what is due, each removal conditional on the item's still
// being expired, and sets the timer anew.
func (s *Service) expire(sc ident.Scope, name, key string) {
	now := s.host.Clock.Now()
	err := s.write(sc, now, func(w *work) error {
		t, ok := s.find(w.tx, sc, name, now)
		if !ok || t.Key != key || t.TTL == nil || !t.TTL.Enabled {
			return nil
		}
		var due []string
		until := expiryFrom(key, now.Add(-ttlLag()).Add(time.Second))
		s.expires.Scan(w.tx, sc, key, expiryFrom(key, now.Add(-fiveYears)), func(at, itemKey string) bool {
			if at >= until || len(due) == expiryBatch {
				return false
			}
			due = append(due, itemKey)
			return true
		})
		for _, k := range due {
			if old, ok := s.items.Get(w.tx, sc, k); ok {
				w.commit(outcome{table: t, key: k, old: old}, true)
			}
		}
		return nil
	})
	if err != nil {
		s.host.Log.Error("remove expired items", "table", name, "err", err)
		return
	}
	s.armTTL(sc, name, key)
}
