package kinesis

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// consumer is a registered (enhanced fan-out) consumer.
type consumer struct {
	Name    string
	ARN     string
	Stream  string // ARN
	Created time.Time
	Tags    map[string]string
}

func (k consumer) status(now time.Time) types.ConsumerStatus {
	if now.Sub(k.Created) < settling {
		return types.ConsumerStatusCreating
	}
	return types.ConsumerStatusActive
}

// RegisterStreamConsumer adds a consumer to a stream.
func (s *Service) RegisterStreamConsumer(ctx context.Context,
	in *kinesis.RegisterStreamConsumerInput) (*kinesis.RegisterStreamConsumerOutput, error) {
	c := gateway.From(ctx)
	k := consumer{Name: aws.ToString(in.ConsumerName), Created: c.Time, Tags: in.Tags}
	err := s.host.Store.Update(func(tx *store.Tx) error {
		st, scope, err := s.active(tx, c, nil, in.StreamARN)
		if err != nil {
			return err
		}
		count := int64(0)
		s.consumers.Scan(tx, scope, store.Key(st.Name, ""), "", func(string, consumer) bool { count++; return true })
		if _, dup := s.consumers.Get(tx, scope, store.Key(st.Name, k.Name)); dup {
			return &types.ResourceInUseException{Message: aws.String(fmt.Sprintf("Consumer %s already exists.", k.Name))}
		}
		if count >= limit("consumersPerStream") {
			return &types.LimitExceededException{Message: aws.String(
				fmt.Sprintf("A stream can have at most %d registered consumers.", limit("consumersPerStream")))}
		}
		k.Stream, k.ARN = st.ARN, fmt.Sprintf("%s/consumer/%s:%d", st.ARN, k.Name, c.Time.Unix())
		s.consumers.Put(tx, scope, store.Key(st.Name, k.Name), k)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &kinesis.RegisterStreamConsumerOutput{Consumer: &types.Consumer{
		ConsumerName: &k.Name, ConsumerARN: &k.ARN, ConsumerCreationTimestamp: &k.Created,
		ConsumerStatus: types.ConsumerStatusCreating,
	}}, nil
}

// findConsumer takes a consumer's ARN, or its name with the stream's ARN.
func (s *Service) findConsumer(tx *store.Tx, c *gateway.Call, consumerARN, streamARN, name *string) (consumer,
	ident.Scope, string, error) {
	if consumerARN != nil {
		arn, rest, _ := strings.Cut(*consumerARN, "/consumer/")
		n, _, _ := strings.Cut(rest, ":")
		streamARN, name = &arn, &n
	}
	if streamARN == nil || aws.ToString(name) == "" {
		return consumer{}, ident.Scope{}, "",
			invalid("Either the consumer's ARN or the stream's ARN and the consumer's name must be provided.")
	}
	st, scope, err := s.find(tx, c, nil, streamARN)
	if err != nil {
		return consumer{}, scope, "", err
	}
	key := store.Key(st.Name, *name)
	k, ok := s.consumers.Get(tx, scope, key)
	if !ok || consumerARN != nil && k.ARN != *consumerARN {
		return consumer{}, scope, "",
			&types.ResourceNotFoundException{Message: aws.String(fmt.Sprintf("Consumer %s of stream %s not found.", *name,
				st.Name))}
	}
	return k, scope, key, nil
}

// DescribeStreamConsumer returns one consumer.
func (s *Service) DescribeStreamConsumer(ctx context.Context,
	in *kinesis.DescribeStreamConsumerInput) (*kinesis.DescribeStreamConsumerOutput, error) {
	c := gateway.From(ctx)
	var k consumer
	err := s.host.Store.View(func(tx *store.Tx) (err error) {
		k, _, _, err = s.findConsumer(tx, c, in.ConsumerARN, in.StreamARN, in.ConsumerName)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &kinesis.DescribeStreamConsumerOutput{ConsumerDescription: &types.ConsumerDescription{
		ConsumerName: &k.Name, ConsumerARN: &k.ARN, ConsumerCreationTimestamp: &k.Created, ConsumerStatus: k.status(c.Time),
		StreamARN: &k.Stream,
	}}, nil
}

// DeregisterStreamConsumer removes one.
func (s *Service) DeregisterStreamConsumer(ctx context.Context,
	in *kinesis.DeregisterStreamConsumerInput) (*kinesis.DeregisterStreamConsumerOutput, error) {
	c := gateway.From(ctx)
	var k consumer
	err := s.host.Store.Update(func(tx *store.Tx) (err error) {
		var scope ident.Scope
		var key string
		if k, scope, key, err = s.findConsumer(tx, c, in.ConsumerARN, in.StreamARN, in.ConsumerName); err == nil {
			s.consumers.Delete(tx, scope, key)
			s.policies.Delete(tx, scope, key)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	s.host.Signals.Notify(k.Stream) // its subscriptions end
	return &kinesis.DeregisterStreamConsumerOutput{}, nil
}

// ListStreamConsumers returns a stream's consumers, a page at a time.
func (s *Service) ListStreamConsumers(ctx context.Context,
	in *kinesis.ListStreamConsumersInput) (*kinesis.ListStreamConsumersOutput, error) {
	c := gateway.From(ctx)
	page, after := int(limit("listConsumersPage")), ""
	if in.MaxResults != nil {
		page = min(page, int(*in.MaxResults))
	}
	if in.NextToken != nil {
		p, err := decodeToken(*in.NextToken, c.Time)
		if err != nil {
			return nil, err
		}
		after = p.After
	}
	out := &kinesis.ListStreamConsumersOutput{Consumers: []types.Consumer{}}
	return out, s.host.Store.View(func(tx *store.Tx) error {
		st, scope, err := s.find(tx, c, nil, in.StreamARN)
		if err != nil {
			return err
		}
		s.consumers.Scan(tx, scope, store.Key(st.Name, ""), "", func(_ string, k consumer) bool {
			if k.Name <= after {
				return true
			}
			if len(out.Consumers) == page {
				out.NextToken = pageToken{Stream: st.Name, After: *out.Consumers[page-1].ConsumerName, Made: c.Time}.encode()
				return false
			}
			out.Consumers = append(out.Consumers, types.Consumer{
				ConsumerName: &k.Name, ConsumerARN: &k.ARN, ConsumerCreationTimestamp: &k.Created, ConsumerStatus: k.status(c.Time),
			})
			return true
		})
		return nil
	})
}
