package cloudwatchlogs

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/limits"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// Service is CloudWatch Logs. Make one with New.
type Service struct {
	host    *gateway.Host
	groups  *store.Collection[group]
	streams *store.Collection[stream]
	events  *store.Collection[event]
	// numbers counts log streams, by account and region: a stream's number
	// stands for its names in the keys of events.
	numbers *store.Collection[uint64]

	mu     sync.Mutex
	timers map[string]sweep // by scope and group: the next removal of expired events
}

// sweep is a removal that is due.
type sweep struct {
	at    time.Time
	timer *clock.Timer
}

// group is a log group. Its key is its name.
type group struct {
	Name      string
	Created   time.Time
	Retention int32 // days; 0 keeps events for ever
	Protected bool  // against deletion
	Tags      map[string]string
}

// stream is a log stream. Its key is its group's name and its own.
type stream struct {
	Name     string
	Number   uint64
	Created  time.Time
	First    int64     // timestamp of the oldest event, in milliseconds
	Last     int64     // timestamp of the newest
	Ingested time.Time // arrival of the last batch; zero while nothing was written
	Events   int64     // how many are stored
	Bytes    int64     // of stored events, each with its overhead
	Next     uint64    // number of the next event
}

// New returns the service on a host.
func New(h *gateway.Host) *Service {
	return &Service{
		host:    h,
		groups:  store.NewCollection[group](h.Store, "cloudwatchlogs.groups"),
		streams: store.NewCollection[stream](h.Store, "cloudwatchlogs.streams"),
		events:  store.NewCollection(h.Store, "cloudwatchlogs.events", store.WithCodec(eventCodec())),
		numbers: store.NewCollection[uint64](h.Store, "cloudwatchlogs.numbers"),
		timers:  map[string]sweep{},
	}
}

// Name is the SDK's package name.
func (s *Service) Name() string { return "cloudwatchlogs" }

// Operations lists what is implemented.
func (s *Service) Operations() []gateway.Operation {
	return []gateway.Operation{
		gateway.Op(gateway.Control, s.CreateLogGroup),
		gateway.Op(gateway.Control, s.DeleteLogGroup),
		gateway.Op(gateway.Control, s.DescribeLogGroups),
		gateway.Op(gateway.Control, s.PutLogGroupDeletionProtection),
		gateway.Op(gateway.Control, s.PutRetentionPolicy),
		gateway.Op(gateway.Control, s.DeleteRetentionPolicy),
		gateway.Op(gateway.Control, s.TagResource),
		gateway.Op(gateway.Control, s.UntagResource),
		gateway.Op(gateway.Control, s.ListTagsForResource),
		gateway.Op(gateway.Control, s.TagLogGroup),
		gateway.Op(gateway.Control, s.UntagLogGroup),
		gateway.Op(gateway.Control, s.ListTagsLogGroup),
		gateway.Op(gateway.Control, s.CreateLogStream),
		gateway.Op(gateway.Control, s.DeleteLogStream),
		gateway.Op(gateway.Control, s.DescribeLogStreams),
		gateway.Op(gateway.Control, s.TestMetricFilter),
		gateway.Op(gateway.Data, s.PutLogEvents),
		gateway.Op(gateway.Data, s.GetLogEvents),
		gateway.Op(gateway.Data, s.FilterLogEvents),
	}
}

// Start takes up the removal of expired events.
func (s *Service) Start(context.Context) error {
	type found struct {
		sc ident.Scope
		g  group
	}
	var kept []found
	err := s.host.Store.View(func(tx *store.Tx) error {
		s.groups.ScanAll(tx, func(sc ident.Scope, _ string, g group) bool {
			if g.Retention > 0 {
				kept = append(kept, found{sc, g})
			}
			return true
		})
		return nil
	})
	for _, f := range kept {
		s.arm(f.sc, f.g.Name)
	}
	return err
}

// Stop ends the removal of expired events.
func (s *Service) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.timers {
		t.timer.Stop()
	}
	clear(s.timers)
}

func limit(name string) int64 { return limits.Get("cloudwatchlogs", name) }

func invalid(format string, args ...any) error {
	return &types.InvalidParameterException{Message: aws.String(fmt.Sprintf(format, args...))}
}

func missing(what string) error {
	return &types.ResourceNotFoundException{Message: aws.String("The specified " + what + " does not exist.")}
}

// groupARN is a group's name in ARN form; policies and older operations put
// ":*" behind it.
func groupARN(sc ident.Scope, name string) string { return sc.ARN("logs", "log-group:"+name) }

// locate finds out which group a call means: by name, or by name or ARN.
func locate(c *gateway.Call, name, identifier *string) (ident.Scope, string, error) {
	switch {
	case name != nil && identifier != nil:
		return c.Scope, "", invalid("LogGroupName and LogGroupIdentifier cannot be both specified.")
	case name != nil:
		return c.Scope, *name, nil
	case identifier == nil:
		return c.Scope, "", invalid("Either LogGroupName or LogGroupIdentifier must be specified.")
	case !ident.IsARN(*identifier):
		return c.Scope, *identifier, nil
	}
	return parseARN(*identifier)
}

func parseARN(s string) (ident.Scope, string, error) {
	a, err := ident.ParseARN(s)
	name, ok := strings.CutPrefix(a.Resource, "log-group:")
	name = strings.TrimSuffix(name, ":*")
	if err != nil || !ok || a.Service != "logs" || name == "" {
		return ident.Scope{}, "", invalid("Invalid ARN %s: it does not name a log group.", s)
	}
	return a.Scope(), name, nil
}

// find returns a group or AWS's error for none.
func (s *Service) find(tx *store.Tx, sc ident.Scope, name string) (group, error) {
	g, ok := s.groups.Get(tx, sc, name)
	if !ok {
		return g, missing("log group")
	}
	return g, nil
}

// change replaces a group by what fn makes of it.
func (s *Service) change(sc ident.Scope, name string, fn func(g *group) error) error {
	return s.host.Store.Update(func(tx *store.Tx) error {
		g, err := s.find(tx, sc, name)
		if err != nil {
			return err
		}
		if err := fn(&g); err != nil {
			return err
		}
		s.groups.Put(tx, sc, name, g)
		return nil
	})
}

func streamKey(group, name string) string { return store.Key(group, name) }

// streamsOf calls fn for a group's streams whose names begin with prefix, in
// the order of names.
func (s *Service) streamsOf(tx *store.Tx, sc ident.Scope, group, prefix string, fn func(st stream) bool) {
	s.streams.Scan(tx, sc, streamKey(group, prefix), "", func(_ string, st stream) bool { return fn(st) })
}
