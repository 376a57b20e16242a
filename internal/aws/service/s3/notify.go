package s3

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
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
	switch {
	case len(c.TopicConfigurations) > 0:
		return nil, gateway.Unsupported("s3", "PutBucketNotificationConfiguration", "topics as destinations")
	case c.EventBridgeConfiguration != nil:
		return nil, gateway.Unsupported("s3", "PutBucketNotificationConfiguration", "EventBridge as a destination")
	}
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
			return gateway.Errorf(http.StatusBadRequest, "MalformedXML",
				"The XML you provided was not well-formed or did not validate against our published schema")
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
		if arn.Service == "sqs" {
			test, jsonErr := json.Marshal(map[string]string{"Service": "Amazon S3", "Event": "s3:TestEvent",
				"Time": stamp(s.host.Clock.Now()), "Bucket": b.Name, "RequestId": id, "HostId": id})
			if jsonErr != nil {
				return jsonErr
			}
			err = s.send(ctx, arn, b.Name, b.Owner, test)
		} else {
			_, err = gateway.Invoke[lambda.InvokeOutput](ctx, s.host,
				gateway.Call{Principal: gateway.ServicePrincipal("s3.amazonaws.com", b.Owner), SourceARN: bucketARN(b.Name),
					Scope:   arn.Scope(),
					Service: "lambda", Operation: "Invoke", Input: &lambda.InvokeInput{FunctionName: ptr(r.target),
						InvocationType: lambdatypes.InvocationTypeDryRun}})
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
}

// origin is the caller of the operation at hand.
func origin(ctx context.Context) source {
	c := gateway.From(ctx)
	o := source{principal: c.Principal.ID, request: c.ID, account: c.Principal.Account, ip: "127.0.0.1"}
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

// announce writes the deliveries of an event, in the transaction that makes it
// happen: an object without its event, or the reverse, can never be.
func (s *Service) announce(tx *store.Tx, from source, b bucket, e *entry, v version, event string) {
	e.Sequencer = max(e.Sequencer+1, uint64(s.host.Clock.Now().UnixNano())) //nolint:gosec // after 1970
	for _, r := range rules(b.Notification) {
		if !r.wants(event, e.Key) {
			continue
		}
		d := delivery{Bucket: b.Name, Owner: b.Owner, Target: r.target, Made: s.host.Clock.Now(), Due: s.host.Clock.Now(),
			Body: message(from, b, *e, v, event, r.id)}
		if _, hit := s.host.Faults.Take(gateway.FaultReorder, "s3", "Notify", b.Name); hit {
			d.Due = d.Due.Add(overtaken)
		}
		times := 1
		if _, hit := s.host.Faults.Take(gateway.FaultDuplicate, "s3", "Notify", b.Name); hit {
			times = 2
		}
		for range times {
			key := fmt.Sprintf("%016x-%s", e.Sequencer, s.host.IDs.Hex(16))
			s.deliveries.Put(tx, everywhere, key, d)
			s.mu.Lock()
			s.fresh = append(s.fresh, key)
			s.mu.Unlock()
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
		"eventTime": stamp(time.Unix(0, int64(e.Sequencer))), "eventName": event, //nolint:gosec // was made of a time
		"userIdentity":      m{"principalId": "AWS:" + from.principal},
		"requestParameters": m{"sourceIPAddress": from.ip},
		"responseElements":  m{"x-amz-request-id": from.request, "x-amz-id-2": from.request},
		"s3": m{"s3SchemaVersion": "1.0", "configurationId": rule, "object": object,
			"bucket": m{"name": b.Name, "arn": "arn:aws:s3:::" + b.Name, "ownerIdentity": m{"principalId": ownerID(b.Owner)}}},
	}}})
	return body
}
