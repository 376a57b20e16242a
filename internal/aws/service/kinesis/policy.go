package kinesis

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/policy"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// resource finds the stream or consumer that an ARN names, and the key of its
// policy, which begins with the stream's name.
func (s *Service) resource(tx *store.Tx, c *gateway.Call, arn *string) (ident.Scope, string, error) {
	if strings.Contains(aws.ToString(arn), "/consumer/") {
		_, scope, key, err := s.findConsumer(tx, c, arn, nil, nil)
		return scope, key, err
	}
	st, scope, err := s.find(tx, c, nil, arn)
	return scope, store.Key(st.Name, ""), err
}

// PutResourcePolicy sets the policy of a stream or a consumer. It is kept as
// it was written.
func (s *Service) PutResourcePolicy(ctx context.Context,
	in *kinesis.PutResourcePolicyInput) (*kinesis.PutResourcePolicyOutput, error) {
	if _, err := policy.Parse(policy.Resource, aws.ToString(in.Policy)); err != nil {
		return nil, invalid("The resource policy is not valid: %v", err)
	}
	err := s.host.Store.Update(func(tx *store.Tx) error {
		scope, key, err := s.resource(tx, gateway.From(ctx), in.ResourceARN)
		if err == nil {
			s.policies.Put(tx, scope, key, *in.Policy)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &kinesis.PutResourcePolicyOutput{}, nil
}

// GetResourcePolicy returns a policy.
func (s *Service) GetResourcePolicy(ctx context.Context,
	in *kinesis.GetResourcePolicyInput) (*kinesis.GetResourcePolicyOutput, error) {
	out := &kinesis.GetResourcePolicyOutput{}
	err := s.host.Store.View(func(tx *store.Tx) error {
		scope, key, err := s.resource(tx, gateway.From(ctx), in.ResourceARN)
		if err != nil {
			return err
		}
		doc, ok := s.policies.Get(tx, scope, key)
		if !ok {
			return noPolicy(in.ResourceARN)
		}
		out.Policy = &doc
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// DeleteResourcePolicy removes a policy.
func (s *Service) DeleteResourcePolicy(ctx context.Context,
	in *kinesis.DeleteResourcePolicyInput) (*kinesis.DeleteResourcePolicyOutput, error) {
	err := s.host.Store.Update(func(tx *store.Tx) error {
		scope, key, err := s.resource(tx, gateway.From(ctx), in.ResourceARN)
		if err == nil && !s.policies.Delete(tx, scope, key) {
			err = noPolicy(in.ResourceARN)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &kinesis.DeleteResourcePolicyOutput{}, nil
}

func noPolicy(arn *string) error {
	return &types.ResourceNotFoundException{Message: aws.String("No resource policy found for resource ARN " +
		aws.ToString(arn))}
}

// ResourcePolicy implements gateway.Guard: the policy of a stream or a consumer.
func (s *Service) ResourcePolicy(tx *store.Tx, arn ident.ARN) (string, bool) {
	name, consumer, _ := strings.Cut(strings.TrimPrefix(arn.Resource, "stream/"), "/consumer/")
	consumer, _, _ = strings.Cut(consumer, ":")
	return s.policies.Get(tx, arn.Scope(), store.Key(name, consumer))
}

// ResourceTags implements gateway.Tagged.
func (s *Service) ResourceTags(tx *store.Tx, arn ident.ARN) map[string]string {
	name, consumer, isConsumer := strings.Cut(strings.TrimPrefix(arn.Resource, "stream/"), "/consumer/")
	if isConsumer {
		consumer, _, _ = strings.Cut(consumer, ":")
		k, _ := s.consumers.Get(tx, arn.Scope(), store.Key(name, consumer)) // none has no tags
		return k.Tags
	}
	st, _ := s.streams.Get(tx, arn.Scope(), name) // none has no tags
	return st.Tags
}
