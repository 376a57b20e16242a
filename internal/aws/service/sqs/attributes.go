package sqs

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	awspolicy "github.com/pipelab/pipelab/internal/aws/policy"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// rule says which values an attribute may have.
type rule struct {
	min, max int64 // of a number
	number   bool
	words    []string // allowed values
	initial  string   // value of a queue that does not set it; "" leaves it out
	fifo     bool     // only FIFO queues have it
}

// rules are the attributes that can be set.
// Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
func rules() map[string]rule {
	truth := []string{"true", "false"}
	return map[string]rule{
		"DelaySeconds": {number: true, max: 900, initial: "0"},
		"MaximumMessageSize": {number: true, min: 1024, max: limit("messageBytes"),
			initial: strconv.FormatInt(limit("messageBytes"), 10)},
		"MessageRetentionPeriod":        {number: true, min: 60, max: 1209600, initial: "345600"},
		"ReceiveMessageWaitTimeSeconds": {number: true, max: 20, initial: "0"},
		"VisibilityTimeout":             {number: true, max: limit("visibilitySeconds"), initial: "30"},
		"KmsDataKeyReusePeriodSeconds":  {number: true, min: 60, max: 86400},
		"SqsManagedSseEnabled":          {words: truth, initial: "true"},
		"FifoQueue":                     {words: truth, fifo: true},
		"ContentBasedDeduplication":     {words: truth, fifo: true, initial: "false"},
		"DeduplicationScope":            {words: []string{"queue", "messageGroup"}, fifo: true, initial: "queue"},
		"FifoThroughputLimit":           {words: []string{"perQueue", "perMessageGroupId"}, fifo: true, initial: "perQueue"},
		"KmsMasterKeyId":                {}, "Policy": {}, "RedrivePolicy": {}, "RedriveAllowPolicy": {},
	}
}

// computed are the attributes that only SQS sets.
func computed() []string {
	return []string{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed",
		"ApproximateNumberOfMessagesNotVisible",
		"CreatedTimestamp", "LastModifiedTimestamp", "QueueArn"}
}

func (q *queue) fifo() bool { return strings.HasSuffix(q.Name, ".fifo") }

// attribute is a value that is set, or the initial one.
func (q *queue) attribute(name string) string {
	if v, ok := q.Attributes[name]; ok {
		return v
	}
	return rules()[name].initial
}

func (q *queue) seconds(name string) time.Duration {
	n, _ := strconv.ParseInt(q.attribute(name), 10, 64) // was checked when it was set
	return time.Duration(n) * time.Second
}

// redrivePolicy says when messages move to a dead-letter queue.
type redrivePolicy struct {
	Target string `json:"deadLetterTargetArn"`
	Max    any    `json:"maxReceiveCount"` // a number, or one written as text
}

// redrive is the queue's policy; ok is false when it has none.
func (q *queue) redrive() (target ident.ARN, limit int, ok bool) {
	var p redrivePolicy
	raw := q.Attributes["RedrivePolicy"]
	if raw == "" || json.Unmarshal([]byte(raw), &p) != nil {
		return ident.ARN{}, 0, false
	}
	target, err := ident.ParseARN(p.Target)
	limit, good := whole(p.Max)
	return target, limit, err == nil && good
}

func whole(v any) (int, bool) {
	switch n := v.(type) {
	case float64:
		return int(n), n == float64(int(n))
	case string:
		i, err := strconv.Atoi(n)
		return i, err == nil
	}
	return 0, false
}

// checkAttributes says what is wrong with attributes for a queue.
func (s *Service) checkAttributes(tx *store.Tx, sc ident.Scope, q *queue, given map[string]string) error {
	all := rules()
	for _, name := range slices.Sorted(maps.Keys(given)) {
		v := given[name]
		r, ok := all[name]
		switch {
		case !ok:
			return badAttribute(name)
		case r.fifo && !q.fifo():
			if name == "FifoQueue" && v == "true" {
				return invalidParameter(
					"The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with " +
						".fifo suffix and be 1 to 80 in length.")
			}
			return badAttribute(name)
		case v == "" && !r.number && r.words == nil:
			continue // takes the setting back
		case r.words != nil && !slices.Contains(r.words, v):
			return badValue(name)
		}
		if r.number {
			if n, err := strconv.ParseInt(v, 10, 64); err != nil || n < r.min || n > r.max {
				return badValue(name)
			}
		}
		if err := s.checkDocument(tx, sc, q, name, v); err != nil {
			return err
		}
	}
	if q.fifo() && given["FifoThroughputLimit"] == "perMessageGroupId" &&
		merged(q.Attributes, given)["DeduplicationScope"] != "messageGroup" {
		return badValue("FifoThroughputLimit")
	}
	return nil
}

// checkDocument looks into the attributes that are JSON.
func (s *Service) checkDocument(tx *store.Tx, sc ident.Scope, q *queue, name, v string) error {
	switch name {
	case "Policy":
		if _, err := awspolicy.Parse(awspolicy.Resource, v); err != nil {
			return badValue(name)
		}
	case "RedriveAllowPolicy":
		if !json.Valid([]byte(v)) {
			return badValue(name)
		}
	case "RedrivePolicy":
		reason := ""
		var p redrivePolicy
		err := json.Unmarshal([]byte(v), &p)
		n, whole := whole(p.Max)
		target, bad := ident.ParseARN(p.Target)
		switch {
		case err != nil:
			reason = "Redrive policy is not a valid JSON map."
		case p.Target == "" || p.Max == nil:
			reason = "Redrive policy does not contain mandatory attribute: deadLetterTargetArn and maxReceiveCount."
		case !whole || n < 1 || n > 1000:
			reason = "Invalid value for maxReceiveCount: " + text(p.Max) + ", valid values are from 1 to 1000 both inclusive."
		case bad != nil || target.Service != "sqs" || target.Region != sc.Region || target.Account != sc.Account:
			reason = "Dead-letter target owner should be same as the source."
		}
		if reason != "" {
			return invalidReason(v, name, reason)
		}
		dead, ok := s.queues.Get(tx, sc, target.Resource)
		switch {
		case !ok:
			return invalidReason(v, name, "Dead letter target does not exist.")
		case dead.fifo() != q.fifo():
			return invalidReason(v, name, "Dead-letter queue must be same type of queue as the source.")
		case !allowsRedrive(&dead, queueARN(sc, q.Name)):
			return invalidReason(v, name, "Queue "+p.Target+" does not allow this queue to use it as a dead-letter queue.")
		}
	}
	return nil
}

func text(v any) string { b, _ := json.Marshal(v); return string(b) } // any JSON value can be written

// allowsRedrive looks at a dead-letter queue's own say in who may use it.
func allowsRedrive(dead *queue, source string) bool {
	var p struct {
		Permission string   `json:"redrivePermission"`
		Sources    []string `json:"sourceQueueArns"`
	}
	if json.Unmarshal([]byte(dead.Attributes["RedriveAllowPolicy"]), &p) != nil {
		return true
	}
	return p.Permission != "denyAll" && (p.Permission != "byQueue" || slices.Contains(p.Sources, source))
}

// merged is a copy of old with given in it; empty documents take a setting
// back.
func merged(old, given map[string]string) map[string]string {
	out := maps.Clone(old)
	if out == nil {
		out = map[string]string{}
	}
	for k, v := range given {
		if v == "" {
			delete(out, k)
		} else {
			out[k] = v
		}
	}
	return out
}

// SetQueueAttributes changes settings; those not given stay.
func (s *Service) SetQueueAttributes(ctx context.Context,
	in *sqs.SetQueueAttributesInput) (*sqs.SetQueueAttributesOutput, error) {
	now := gateway.From(ctx).Time
	err := s.in(ctx, in.QueueUrl, func(tx *store.Tx, sc ident.Scope, q queue) error {
		if v, ok := in.Attributes["FifoQueue"]; ok && v != q.attribute("FifoQueue") {
			return badAttribute("FifoQueue")
		}
		if err := s.checkAttributes(tx, sc, &q, in.Attributes); err != nil {
			return err
		}
		q.Attributes, q.Modified = merged(q.Attributes, in.Attributes), now
		s.queues.Put(tx, sc, q.Name, q)
		return nil
	})
	return &sqs.SetQueueAttributesOutput{}, err
}

// GetQueueAttributes returns the attributes asked for; none when none is named.
func (s *Service) GetQueueAttributes(ctx context.Context,
	in *sqs.GetQueueAttributesInput) (*sqs.GetQueueAttributesOutput, error) {
	settable := rules()
	for _, name := range in.AttributeNames {
		if _, ok := settable[string(name)]; !ok && name != types.QueueAttributeNameAll &&
			!slices.Contains(computed(), string(name)) {
			return nil, badAttribute(string(name))
		}
	}
	now := gateway.From(ctx).Time
	out := &sqs.GetQueueAttributesOutput{}
	err := s.in(ctx, in.QueueUrl, func(tx *store.Tx, sc ident.Scope, q queue) error {
		s.expire(tx, sc, &q, now)
		all := s.allAttributes(tx, sc, &q, now)
		for _, name := range in.AttributeNames {
			if name == types.QueueAttributeNameAll {
				out.Attributes = all
				return nil
			}
			if v, ok := all[string(name)]; ok {
				if out.Attributes == nil {
					out.Attributes = map[string]string{}
				}
				out.Attributes[string(name)] = v
			}
		}
		return nil
	})
	return out, err
}

func (s *Service) allAttributes(tx *store.Tx, sc ident.Scope, q *queue, now time.Time) map[string]string {
	visible, delayed, hidden := s.count(tx, sc, q.Name, now)
	out := map[string]string{
		"ApproximateNumberOfMessages":           strconv.Itoa(visible),
		"ApproximateNumberOfMessagesDelayed":    strconv.Itoa(delayed),
		"ApproximateNumberOfMessagesNotVisible": strconv.Itoa(hidden),
		"CreatedTimestamp":                      strconv.FormatInt(q.Created.Unix(), 10),
		"LastModifiedTimestamp":                 strconv.FormatInt(q.Modified.Unix(), 10),
		"QueueArn":                              queueARN(sc, q.Name),
	}
	for name, r := range rules() {
		if r.fifo && !q.fifo() {
			continue
		}
		if v := q.attribute(name); v != "" {
			out[name] = v
		}
	}
	if q.Attributes["KmsMasterKeyId"] != "" {
		out["SqsManagedSseEnabled"] = "false"
	}
	return out
}

func (s *Service) count(tx *store.Tx, sc ident.Scope, name string, now time.Time) (visible, delayed, hidden int) {
	s.each(tx, sc, name, func(m message) bool {
		switch {
		case !m.Visible.After(now):
			visible++
		case m.Receives == 0:
			delayed++
		default:
			hidden++
		}
		return true
	})
	return visible, delayed, hidden
}

// TagQueue adds or replaces tags.
func (s *Service) TagQueue(ctx context.Context, in *sqs.TagQueueInput) (*sqs.TagQueueOutput, error) {
	err := s.in(ctx, in.QueueUrl, func(tx *store.Tx, sc ident.Scope, q queue) error {
		tags := maps.Clone(q.Tags)
		if tags == nil {
			tags = map[string]string{}
		}
		maps.Copy(tags, in.Tags)
		if int64(len(tags)) > limit("tags") {
			return invalidParameter("Too many tags for queue %s.", q.Name)
		}
		q.Tags = tags
		s.queues.Put(tx, sc, q.Name, q)
		return nil
	})
	return &sqs.TagQueueOutput{}, err
}

// UntagQueue removes tags; those that are not there are no error.
func (s *Service) UntagQueue(ctx context.Context, in *sqs.UntagQueueInput) (*sqs.UntagQueueOutput, error) {
	err := s.in(ctx, in.QueueUrl, func(tx *store.Tx, sc ident.Scope, q queue) error {
		tags := maps.Clone(q.Tags)
		for _, k := range in.TagKeys {
			delete(tags, k)
		}
		q.Tags = tags
		s.queues.Put(tx, sc, q.Name, q)
		return nil
	})
	return &sqs.UntagQueueOutput{}, err
}

// ListQueueTags returns all tags.
func (s *Service) ListQueueTags(ctx context.Context, in *sqs.ListQueueTagsInput) (*sqs.ListQueueTagsOutput, error) {
	out := &sqs.ListQueueTagsOutput{}
	err := s.in(ctx, in.QueueUrl, func(_ *store.Tx, _ ident.Scope, q queue) error {
		out.Tags = q.Tags
		return nil
	})
	return out, err
}
