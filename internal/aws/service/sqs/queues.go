package sqs

import (
	"context"
	"encoding/base64"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
)

var queueName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

// CreateQueue makes a queue. The same name with the same attributes again is
// no error and returns the queue's URL.
func (s *Service) CreateQueue(ctx context.Context, in *sqs.CreateQueueInput) (*sqs.CreateQueueOutput, error) {
	c, name := gateway.From(ctx), aws.ToString(in.QueueName)
	q := queue{Name: name, Attributes: merged(nil, in.Attributes), Tags: maps.Clone(in.Tags), Created: c.Time,
		Modified: c.Time}
	if !queueName.MatchString(strings.TrimSuffix(name, ".fifo")) || len(name) > 80 {
		return nil, invalidParameter("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	}
	if q.fifo() && in.Attributes["FifoQueue"] != "true" {
		// The suffix alone does not make one; without it the dot is not allowed.
		return nil, invalidParameter("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	}
	if in.Attributes["FifoQueue"] == "false" {
		return nil, badAttribute("FifoQueue")
	}
	err := s.host.Store.Update(func(tx *store.Tx) error {
		if old, ok := s.queues.Get(tx, c.Scope, name); ok {
			for k, v := range in.Attributes {
				if old.attribute(k) != v {
					return &types.QueueNameExists{Message: aws.String(
						"A queue already exists with the same name and a different value for attribute " + k)}
				}
			}
			return nil
		}
		if err := s.checkAttributes(tx, c.Scope, &q, in.Attributes); err != nil {
			return err
		}
		if int64(len(in.Tags)) > limit("tags") {
			return invalidParameter("Too many tags for queue %s.", name)
		}
		s.queues.Put(tx, c.Scope, name, q)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &sqs.CreateQueueOutput{QueueUrl: aws.String(s.queueURL(c.Scope, name))}, nil
}

// GetQueueUrl finds a queue by name.
func (s *Service) GetQueueUrl(ctx context.Context, in *sqs.GetQueueUrlInput) (*sqs.GetQueueUrlOutput,
	error) { // the API's name
	sc := gateway.From(ctx).Scope
	if in.QueueOwnerAWSAccountId != nil {
		sc.Account = *in.QueueOwnerAWSAccountId
	}
	err := s.host.Store.View(func(tx *store.Tx) error {
		_, err := s.find(tx, sc, aws.ToString(in.QueueName))
		return err
	})
	if err != nil {
		return nil, err
	}
	return &sqs.GetQueueUrlOutput{QueueUrl: aws.String(s.queueURL(sc, *in.QueueName))}, nil
}

// page cuts a sorted list of names: those after the token, at most max of
// them. Without max AWS returns up to 1,000 and no token.
func page(names []string, token *string, maximum *int32) (out []string, next *string, err error) {
	if token != nil {
		raw, bad := base64.StdEncoding.DecodeString(*token)
		if bad != nil || !strings.HasPrefix(string(raw), "after:") {
			return nil, nil, invalidReason(*token, "NextToken", "The token is not valid.")
		}
		names = names[sortedAfter(names, strings.TrimPrefix(string(raw), "after:")):]
	}
	size := 1000
	if maximum != nil {
		if size = int(*maximum); size < 1 || size > 1000 {
			return nil, nil, invalidReason(size, "MaxResults", "Must be between 1 and 1000, if provided.")
		}
	}
	if len(names) <= size {
		return names, nil, nil
	}
	out = names[:size]
	if maximum != nil {
		next = aws.String(base64.StdEncoding.EncodeToString([]byte("after:" + out[size-1])))
	}
	return out, next, nil
}

func sortedAfter(names []string, last string) int {
	i, found := slices.BinarySearch(names, last)
	if found {
		i++
	}
	return i
}

// ListQueues lists the URLs of queues by a prefix of their names.
func (s *Service) ListQueues(ctx context.Context, in *sqs.ListQueuesInput) (*sqs.ListQueuesOutput, error) {
	return listed(s, ctx, aws.ToString(in.QueueNamePrefix), in.NextToken, in.MaxResults, func(queue) bool { return true },
		func(urls []string, next *string) *sqs.ListQueuesOutput {
			return &sqs.ListQueuesOutput{QueueUrls: urls, NextToken: next}
		})
}

// listed is what the two operations that list queues have in common.
func listed[O any](s *Service, ctx context.Context, prefix string, token *string, maximum *int32, want func(queue) bool,
	output func([]string, *string) *O) (*O, error) {
	sc := gateway.From(ctx).Scope
	var names []string
	_ = s.host.Store.View(func(tx *store.Tx) error {
		s.queues.Scan(tx, sc, prefix, "", func(name string, q queue) bool {
			if want(q) {
				names = append(names, name)
			}
			return true
		})
		return nil
	})
	names, next, err := page(names, token, maximum)
	if err != nil {
		return nil, err
	}
	var urls []string
	for _, n := range names {
		urls = append(urls, s.queueURL(sc, n))
	}
	return output(urls, next), nil
}

// DeleteQueue removes a queue with all its messages.
func (s *Service) DeleteQueue(ctx context.Context, in *sqs.DeleteQueueInput) (*sqs.DeleteQueueOutput, error) {
	err := s.in(ctx, in.QueueUrl, func(tx *store.Tx, sc ident.Scope, q queue) error {
		s.empty(tx, sc, q.Name)
		var ids []string
		s.expiring.Scan(tx, sc, q.Name+"/", "", func(key, _ string) bool {
			ids = append(ids, key)
			return true
		})
		for _, key := range ids {
			id, _ := s.expiring.Get(tx, sc, key)
			s.dedups.Delete(tx, sc, id)
			s.expiring.Delete(tx, sc, key)
		}
		s.queues.Delete(tx, sc, q.Name)
		return nil
	})
	return &sqs.DeleteQueueOutput{}, err
}

func (s *Service) empty(tx *store.Tx, sc ident.Scope, name string) {
	var all []message
	s.each(tx, sc, name, func(m message) bool {
		all = append(all, m)
		return true
	})
	for i := range all {
		s.remove(tx, sc, name, &all[i])
	}
}

// PurgeQueue removes all messages, at most once a minute.
//
// AWS: takes up to 60 seconds to do so; here they are gone at once.
func (s *Service) PurgeQueue(ctx context.Context, in *sqs.PurgeQueueInput) (*sqs.PurgeQueueOutput, error) {
	now := gateway.From(ctx).Time
	err := s.in(ctx, in.QueueUrl, func(tx *store.Tx, sc ident.Scope, q queue) error {
		pause := time.Duration(limit("purgeSeconds")) * time.Second
		if !q.Purged.IsZero() && now.Before(q.Purged.Add(pause)) {
			return &types.PurgeQueueInProgress{Message: aws.String("Only one PurgeQueue operation on " + q.Name +
				" is allowed every " +
				strconv.FormatInt(limit("purgeSeconds"), 10) + " seconds.")}
		}
		s.empty(tx, sc, q.Name)
		q.Purged = now
		s.queues.Put(tx, sc, q.Name, q)
		return nil
	})
	return &sqs.PurgeQueueOutput{}, err
}

// ListDeadLetterSourceQueues lists the queues whose dead letters go here.
func (s *Service) ListDeadLetterSourceQueues(ctx context.Context,
	in *sqs.ListDeadLetterSourceQueuesInput) (*sqs.ListDeadLetterSourceQueuesOutput, error) {
	var arn string
	if err := s.in(ctx, in.QueueUrl, func(_ *store.Tx, sc ident.Scope, q queue) error {
		arn = queueARN(sc, q.Name)
		return nil
	}); err != nil {
		return nil, err
	}
	return listed(s, ctx, "", in.NextToken, in.MaxResults, func(q queue) bool {
		target, _, ok := q.redrive()
		return ok && target.String() == arn
	}, func(urls []string, next *string) *sqs.ListDeadLetterSourceQueuesOutput {
		return &sqs.ListDeadLetterSourceQueuesOutput{QueueUrls: urls, NextToken: next}
	})
}
