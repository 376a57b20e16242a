package cloudwatchlogs

import (
	"context"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/limits"
	"github.com/pipelab/pipelab/internal/aws/store"
	"github.com/pipelab/pipelab/internal/aws/worker"
)

// Service is CloudWatch Logs. Make one with New.
type Service struct {
	*worker.Worker
	host    *gateway.Host
	groups  *store.Collection[group]
	streams *store.Collection[stream]
	events  *store.Collection[event]
	// times orders the events of a group, whatever their stream; its values
	// are keys of events.
	times *store.Collection[string]
}

// group is a log group. Its key is its name.
type group struct {
	Name      string
	Created   time.Time
	Class     types.LogGroupClass
	Retention int32 // days; 0 keeps events for ever
	Tags      map[string]string
	Bytes     int64
	Next      uint64 // number of the next event
}

// stream is a log stream. Its key is the group's name and its own.
type stream struct {
	Name     string
	Created  time.Time
	First    int64 // timestamps of events, in milliseconds; 0 for none
	Last     int64
	Ingested int64
}

// event is a log event. Its key is group, stream, timestamp and number.
type event struct {
	Stream    string
	Message   string
	Timestamp int64 // milliseconds
	Ingested  int64
	Number    uint64
}

// New returns the service on a host.
func New(h *gateway.Host) *Service {
	s := &Service{
		host:    h,
		groups:  store.NewCollection[group](h.Store, "logs.groups"),
		streams: store.NewCollection[stream](h.Store, "logs.streams"),
		events:  store.NewCollection[event](h.Store, "logs.events"),
		times:   store.NewCollection[string](h.Store, "logs.times"),
	}
	s.Worker = worker.New("cloudwatchlogs", h.Clock, h.Log, func(context.Context) error {
		s.arm()
		return nil
	})
	return s
}

// sweepEvery is how often expired events are looked for.
const sweepEvery = time.Hour

// arm plans the next sweep.
func (s *Service) arm() {
	s.After(sweepEvery, "expired log events", func(context.Context) {
		s.expire()
		s.arm()
	})
}

// horizon is the time in milliseconds before which events are gone, whether or
// not they have been removed yet; 0 when they never expire.
func (g group) horizon(now time.Time) int64 {
	if g.Retention == 0 {
		return 0
	}
	return now.AddDate(0, 0, -int(g.Retention)).UnixMilli()
}

func (e event) size() int64 { return int64(len(e.Message)) + limit("eventOverheadBytes") }

// expire removes events that are past their group's retention.
func (s *Service) expire() {
	now := s.host.Clock.Now()
	err := s.host.Store.Update(func(tx *store.Tx) error {
		type old struct {
			scope ident.Scope
			group
		}
		var kept []old
		s.groups.ScanAll(tx, func(sc ident.Scope, _ string, g group) bool {
			if g.Retention > 0 {
				kept = append(kept, old{sc, g})
			}
			return true
		})
		for _, o := range kept {
			s.expireGroup(tx, o.scope, o.group, now)
		}
		return nil
	})
	if err != nil {
		s.host.Log.Error("expired log events not removed", "error", err)
	}
}

func (s *Service) expireGroup(tx *store.Tx, sc ident.Scope, g group, now time.Time) {
	gone := map[string]string{}
	end := timeKey(g.Name, g.horizon(now), 0)
	s.times.Scan(tx, sc, store.Key(g.Name, ""), "", func(key, ev string) bool {
		if key < end {
			gone[key] = ev
		}
		return key < end
	})
	for key, ev := range gone {
		if e, ok := s.events.Get(tx, sc, ev); ok {
			g.Bytes -= e.size()
		}
		s.times.Delete(tx, sc, key)
		s.events.Delete(tx, sc, ev)
	}
	if len(gone) > 0 {
		s.groups.Put(tx, sc, g.Name, g)
	}
}

// timeKey orders a group's events by time and then by arrival.
func timeKey(group string, at int64, number uint64) string {
	return store.Key(group, position(at, number))
}

func position(at int64, number uint64) string { return fmt.Sprintf("%016d%020d", at, number) }

func eventKey(group, stream string, at int64, number uint64) string {
	return store.Key(group, stream, position(at, number))
}

func limit(name string) int64 { return limits.Get("cloudwatchlogs", name) }

func invalid(format string, args ...any) error {
	return &types.InvalidParameterException{Message: aws.String(fmt.Sprintf(format, args...))}
}

func noGroup() error {
	return &types.ResourceNotFoundException{Message: aws.String("The specified log group does not exist.")}
}

func noStream() error {
	return &types.ResourceNotFoundException{Message: aws.String("The specified log stream does not exist.")}
}

// seal makes a page's token of the place to go on from.
func seal(place string) *string {
	return aws.String(base64.RawURLEncoding.EncodeToString([]byte(place)))
}

// unseal reads a token.
func unseal(token *string) (string, error) {
	if token == nil {
		return "", nil
	}
	place, err := base64.RawURLEncoding.DecodeString(*token)
	if err != nil || len(place) == 0 {
		return "", invalid("The specified nextToken is invalid.")
	}
	return string(place), nil
}
