package s3

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/outbox"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// rule is one notification of a bucket, whatever its destination.
type rule struct {
	id, target     string
	events         []types.Event
	prefix, suffix string
}

// rules reads a configuration. Filter names are checked by checkRules.
func rules(c *types.NotificationConfiguration) []rule {
	if c == nil {
		return nil
	}
	var out []rule
	add := func(id, target *string, events []types.Event, f *types.NotificationConfigurationFilter) {
		r := rule{id: deref(id), target: deref(target), events: events}
		if f != nil && f.Key != nil {
			for _, one := range f.Key.FilterRules {
				if strings.EqualFold(string(one.Name), "prefix") {
					r.prefix = deref(one.Value)
				} else {
					r.suffix = deref(one.Value)
				}
			}
		}
		out = append(out, r)
	}
	for _, q := range c.QueueConfigurations {
		add(q.Id, q.QueueArn, q.Events, q.Filter)
	}
	for _, l := range c.LambdaFunctionConfigurations {
		add(l.Id, l.LambdaFunctionArn, l.Events, l.Filter)
	}
	return out
}

// covers reports whether a configured event, perhaps with *, means another.
func covers(pattern, event types.Event) bool {
	head, wild := strings.CutSuffix(string(pattern), "*")
	return pattern == event || wild && strings.HasPrefix(string(event), head)
}

// wants reports whether a rule is about an event of a key.
func (r rule) wants(event, key string) bool {
	return strings.HasPrefix(key, r.prefix) && strings.HasSuffix(key, r.suffix) &&
		slices.ContainsFunc(r.events, func(e types.Event) bool { return covers(e, types.Event("s3:"+event)) })
}

// overlap reports whether some event of some key could be for both.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html
func (r rule) overlap(o rule) bool {
	shared := slices.ContainsFunc(r.events, func(a types.Event) bool {
		return slices.ContainsFunc(o.events, func(b types.Event) bool { return covers(a, b) || covers(b, a) })
	})
	return shared && (strings.HasPrefix(r.prefix, o.prefix) || strings.HasPrefix(o.prefix, r.prefix)) &&
		(strings.HasSuffix(r.suffix, o.suffix) || strings.HasSuffix(o.suffix, r.suffix))
}

func (s *Service) PutBucketNotificationConfiguration(ctx context.Context,
	in *s3.PutBucketNotificationConfigurationInput) (*s3.PutBucketNotificationConfigurationOutput, error) {
	c := in.NotificationConfiguration
	b, err := s.viewBucket(in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	for i := range c.QueueConfigurations {
		s.name(&c.QueueConfigurations[i].Id)
	}
	for i := range c.LambdaFunctionConfigurations {
		s.name(&c.LambdaFunctionConfigurations[i].Id)
	}
	if err := checkRules(c); err != nil {
		return nil, err
	}
	if !deref(in.SkipDestinationValidation) {
		if err := s.reach(ctx, b, rules(c)); err != nil {
			return nil, err
		}
	}
	return &s3.PutBucketNotificationConfigurationOutput{}, s.configure(in.Bucket, nil, func(b *bucket) error {
		b.Notification = c
		return nil
	})
}

// name gives a rule an id when it has none.
func (s *Service) name(id **string) {
	if *id == nil || **id == "" {
		*id = ptr(s.host.IDs.UUID())
	}
}

func checkRules(c *types.NotificationConfiguration) error {
	filters := []*types.NotificationConfigurationFilter{}
	for _, q := range c.QueueConfigurations {
		filters = append(filters, q.Filter)
	}
	for _, l := range c.LambdaFunctionConfigurations {
		filters = append(filters, l.Filter)
	}
	for _, f := range filters {
		if f == nil || f.Key == nil {
			continue
		}
		seen := map[string]bool{}
		for _, one := range f.Key.FilterRules {
			n := strings.ToLower(string(one.Name))
			switch {
			case n != "prefix" && n != "suffix":
				return invalid("filter rule name must be either prefix or suffix")
			case seen[n]:
				return invalid("Cannot specify more than one %s rule in a filter.", n)
			case len(deref(one.Value)) > int(limit("keyBytes")):
				return invalid("Size of filter rule value cannot exceed 1024 bytes in UTF-8 representation")
			}
			seen[n] = true
		}
	}
	all := rules(c)
	for i, r := range all {
		if len(r.events) == 0 {
			return malformed()
		}
		for _, e := range r.events {
			if !slices.Contains(e.Values(), e) {
				return invalid("The event '%s' is not supported for notifications", e)
			}
		}
		for _, o := range all[:i] {
			if r.id == o.id {
				return invalid("Same ID used for multiple configurations. IDs must be unique")
			}
			if r.overlap(o) {
				return invalid("Configurations overlap. Configurations on the same bucket cannot share a common event type.")
			}
		}
	}
	return nil
}

// reach makes sure that the destinations are there and let S3 in; queues get a
// test event.
func (s *Service) reach(ctx context.Context, b bucket, all []rule) error {
	id := gateway.From(ctx).ID
	for _, r := range all {
		arn, err := ident.ParseARN(r.target)
		if err != nil {
			return invalid("The ARN is not well formed")
		}
		if arn.Region != b.Region {
			return invalid("The notification destination service region is not valid for the bucket location constraint")
		}
		if arn.Service == "sqs" && strings.HasSuffix(arn.Resource, ".fifo") {
			return invalid("FIFO SQS queues are not supported. Please use a standard queue.")
		}
		test, err := json.Marshal(map[string]string{"Service": "Amazon S3", "Event": "s3:TestEvent",
			"Time": stamp(s.host.Clock.Now()), "Bucket": b.Name, "RequestId": id, "HostId": id})
		if err != nil {
			return err
		}
		d := toTarget(b.Name, b.Owner, r.target, test)
		d.Cause = id
		if arn.Service == "lambda" { // functions are asked, and get no test event
			err = s.host.Outbox.Check(ctx, d)
		} else {
			err = s.host.Outbox.Deliver(ctx, d)
		}
		if err != nil {
			s.host.Log.Debug("notification destination refused", "target", r.target, "error", err)
			e := invalid("Unable to validate the following destination configurations")
			return e
		}
	}
	return nil
}

func (s *Service) GetBucketNotificationConfiguration(_ context.Context,
	in *s3.GetBucketNotificationConfigurationInput) (*s3.GetBucketNotificationConfigurationOutput, error) {
	b, err := s.viewBucket(in.Bucket, in.ExpectedBucketOwner)
	if err != nil || b.Notification == nil {
		return &s3.GetBucketNotificationConfigurationOutput{}, err
	}
	return &s3.GetBucketNotificationConfigurationOutput{QueueConfigurations: b.Notification.QueueConfigurations,
		LambdaFunctionConfigurations: b.Notification.LambdaFunctionConfigurations}, nil
}

// source is who caused an event.
type source struct {
	principal, ip, request string
	account                string
	cause                  string // id of the call; empty when S3 itself acts
	trace                  string // X-Amzn-Trace-Id of that call
}

// origin is the caller of the operation at hand.
func origin(ctx context.Context) source {
	c := gateway.From(ctx)
	o := source{principal: c.Principal.ID, request: c.ID, cause: c.ID, trace: c.Trace, account: c.Principal.Account,
		ip: "127.0.0.1"}
	if o.principal == "" {
		o.principal = c.Principal.Service
	}
	return o
}

// itself is S3, acting on a rule.
func (s *Service) itself() source {
	return source{principal: "s3.amazonaws.com", ip: "s3.amazonaws.com", request: s.host.IDs.UUID()}
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func bucketARN(name string) string { return "arn:aws:s3:::" + name }

// reorderDelay is how long an event waits so that later ones are delivered first.
const reorderDelay = 300 * time.Millisecond

// giveUp is how long a delivery is tried again.
//
// AWS: publishes no limit.
const giveUp = 24 * time.Hour

// toTarget is what a bucket has for the target of one of its rules.
func toTarget(bucket, owner, target string, body []byte) outbox.Delivery {
	return outbox.Delivery{Sender: outbox.Sender{Service: "s3.amazonaws.com", Account: owner},
		SourceARN: bucketARN(bucket), SourceAccount: owner, Target: target, Payload: body,
		Policy: outbox.Policy{Age: giveUp}}
}

// delivery is how releases before the outbox stored an event on its way.
type delivery struct {
	Bucket, Owner, Target string
	Made, Due             time.Time
	Tries                 int
	Body                  []byte
}

// takeOver hands such an event to the outbox.
func (s *Service) takeOver(tx *store.Tx, _ ident.Scope, _ string, old []byte) error {
	var was delivery
	if err := json.Unmarshal(old, &was); err != nil {
		return err
	}
	d := toTarget(was.Bucket, was.Owner, was.Target, was.Body)
	d.Made, d.Due, d.Attempts = was.Made, was.Due, was.Tries
	s.host.Outbox.Send(tx, d)
	return nil
}

// announce writes the deliveries of an event, in the transaction that makes it
// happen: an object without its event, or the reverse, can never be.
func (s *Service) announce(tx *store.Tx, from source, b bucket, e *entry, v version, event string) {
	e.Sequencer = max(e.Sequencer+1, uint64(s.host.Clock.Now().UnixNano())) // after 1970
	for _, r := range rules(b.Notification) {
		if !r.wants(event, e.Key) {
			continue
		}
		d := toTarget(b.Name, b.Owner, r.target, message(from, b, *e, v, event, r.id))
		d.Cause, d.Trace = from.cause, from.trace
		if _, hit := s.host.Faults.Take(gateway.FaultReorder, "s3", "Notify", b.Name); hit {
			d.Due = s.host.Clock.Now().Add(reorderDelay)
		}
		times := 1
		if _, hit := s.host.Faults.Take(gateway.FaultDuplicate, "s3", "Notify", b.Name); hit {
			times = 2
		}
		for range times {
			s.host.Outbox.Send(tx, d)
		}
	}
}

// message is an event as AWS writes it.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
func message(from source, b bucket, e entry, v version, event, rule string) []byte {
	type m = map[string]any
	object := m{"key": escape(e.Key), "sequencer": fmt.Sprintf("%018X", e.Sequencer)}
	if b.Versioning != "" {
		object["versionId"] = v.ID
	}
	if !v.Marker && !strings.HasPrefix(event, "ObjectRemoved:") && !strings.HasPrefix(event, "LifecycleExpiration:") {
		object["size"], object["eTag"] = v.Size, v.ETag
	} else if v.Marker {
		object["eTag"] = "d41d8cd98f00b204e9800998ecf8427e" // of nothing
	}
	version := "2.1"
	if strings.HasPrefix(event, "Lifecycle") || strings.HasPrefix(event, "ObjectTagging") {
		version = "2.3"
	}
	body, _ := json.Marshal(m{"Records": []m{{ // numbers and strings always encode
		"eventVersion": version, "eventSource": "aws:s3", "awsRegion": b.Region,
		"eventTime": stamp(time.Unix(0, int64(e.Sequencer))), "eventName": event, // was made of a time
		"userIdentity":      m{"principalId": "AWS:" + from.principal},
		"requestParameters": m{"sourceIPAddress": from.ip},
		"responseElements":  m{"x-amz-request-id": from.request, "x-amz-id-2": from.request},
		"s3": m{"s3SchemaVersion": "1.0", "configurationId": rule, "object": object,
			"bucket": m{"name": b.Name, "arn": "arn:aws:s3:::" + b.Name, "ownerIdentity": m{"principalId": ownerID(b.Owner)}}},
	}}})
	return body
}
