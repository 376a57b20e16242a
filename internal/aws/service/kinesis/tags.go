package kinesis

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// changeTags replaces a stream's tags by what change makes of a copy.
func (s *Service) changeTags(ctx context.Context, name, arn *string, change func(map[string]string)) error {
	c := gateway.From(ctx)
	return s.host.Store.Update(func(tx *store.Tx) error {
		st, scope, err := s.find(tx, c, name, arn)
		if err != nil {
			return err
		}
		tags := maps.Clone(st.Tags)
		if tags == nil {
			tags = map[string]string{}
		}
		change(tags)
		if int64(len(tags)) > limit("tagsPerStream") {
			return invalid(
				"Failed to add tags to stream %s under account %s because a given stream cannot have more than %d tags "+
					"associated with it.",
				st.Name, scope.Account, limit("tagsPerStream"))
		}
		st.Tags = tags
		s.streams.Put(tx, scope, st.Name, st)
		return nil
	})
}

// AddTagsToStream adds or replaces tags.
func (s *Service) AddTagsToStream(ctx context.Context,
	in *kinesis.AddTagsToStreamInput) (*kinesis.AddTagsToStreamOutput, error) {
	return &kinesis.AddTagsToStreamOutput{}, s.changeTags(ctx, in.StreamName, in.StreamARN,
		func(t map[string]string) { maps.Copy(t, in.Tags) })
}

// RemoveTagsFromStream removes tags; those that are not there are ignored.
func (s *Service) RemoveTagsFromStream(ctx context.Context,
	in *kinesis.RemoveTagsFromStreamInput) (*kinesis.RemoveTagsFromStreamOutput, error) {
	return &kinesis.RemoveTagsFromStreamOutput{}, s.changeTags(ctx, in.StreamName, in.StreamARN,
		func(t map[string]string) {
			for _, k := range in.TagKeys {
				delete(t, k)
			}
		})
}

// ListTagsForStream returns tags in order of their keys.
func (s *Service) ListTagsForStream(ctx context.Context,
	in *kinesis.ListTagsForStreamInput) (*kinesis.ListTagsForStreamOutput, error) {
	c := gateway.From(ctx)
	out := &kinesis.ListTagsForStreamOutput{HasMoreTags: aws.Bool(false), Tags: []types.Tag{}}
	return out, s.host.Store.View(func(tx *store.Tx) error {
		st, _, err := s.find(tx, c, in.StreamName, in.StreamARN)
		if err != nil {
			return err
		}
		for _, k := range slices.Sorted(maps.Keys(st.Tags)) {
			if in.ExclusiveStartTagKey != nil && k <= *in.ExclusiveStartTagKey {
				continue
			}
			if in.Limit != nil && len(out.Tags) == int(*in.Limit) {
				out.HasMoreTags = aws.Bool(true)
				break
			}
			out.Tags = append(out.Tags, types.Tag{Key: aws.String(k), Value: aws.String(st.Tags[k])})
		}
		return nil
	})
}

// changeResourceTags is changeTags for a stream or a consumer, by its ARN.
func (s *Service) changeResourceTags(ctx context.Context, arn *string, change func(map[string]string)) error {
	if !strings.Contains(aws.ToString(arn), "/consumer/") {
		return s.changeTags(ctx, nil, arn, change)
	}
	c := gateway.From(ctx)
	return s.host.Store.Update(func(tx *store.Tx) error {
		k, scope, key, err := s.findConsumer(tx, c, arn, nil, nil)
		if err != nil {
			return err
		}
		tags := maps.Clone(k.Tags)
		if tags == nil {
			tags = map[string]string{}
		}
		change(tags)
		if int64(len(tags)) > limit("tagsPerStream") {
			return invalid("A given consumer cannot have more than %d tags associated with it.", limit("tagsPerStream"))
		}
		k.Tags = tags
		s.consumers.Put(tx, scope, key, k)
		return nil
	})
}

// TagResource adds or replaces tags of a stream or a consumer.
func (s *Service) TagResource(ctx context.Context, in *kinesis.TagResourceInput) (*kinesis.TagResourceOutput, error) {
	if err := s.changeResourceTags(ctx, in.ResourceARN, func(t map[string]string) { maps.Copy(t, in.Tags) }); err != nil {
		return nil, err
	}
	return &kinesis.TagResourceOutput{}, nil
}

// UntagResource removes tags; those that are not there are ignored.
func (s *Service) UntagResource(ctx context.Context, in *kinesis.UntagResourceInput) (*kinesis.UntagResourceOutput,
	error) {
	err := s.changeResourceTags(ctx, in.ResourceARN, func(t map[string]string) {
		for _, k := range in.TagKeys {
			delete(t, k)
		}
	})
	if err != nil {
		return nil, err
	}
	return &kinesis.UntagResourceOutput{}, nil
}

// ListTagsForResource returns all tags in order of their keys.
func (s *Service) ListTagsForResource(ctx context.Context,
	in *kinesis.ListTagsForResourceInput) (*kinesis.ListTagsForResourceOutput, error) {
	c := gateway.From(ctx)
	out := &kinesis.ListTagsForResourceOutput{Tags: []types.Tag{}}
	err := s.host.Store.View(func(tx *store.Tx) error {
		var tags map[string]string
		if strings.Contains(aws.ToString(in.ResourceARN), "/consumer/") {
			k, _, _, err := s.findConsumer(tx, c, in.ResourceARN, nil, nil)
			if err != nil {
				return err
			}
			tags = k.Tags
		} else {
			st, _, err := s.find(tx, c, nil, in.ResourceARN)
			if err != nil {
				return err
			}
			tags = st.Tags
		}
		for _, k := range slices.Sorted(maps.Keys(tags)) {
			out.Tags = append(out.Tags, types.Tag{Key: aws.String(k), Value: aws.String(tags[k])})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
