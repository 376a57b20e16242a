package cloudwatchlogs

import (
	"context"
	"errors"
	"maps"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// tag changes the tags of a group.
func (s *Service) tag(sc ident.Scope, name string, change func(tags map[string]string)) error {
	return s.change(sc, name, func(g *group) error {
		tags := maps.Clone(g.Tags) // stored values are shared
		if tags == nil {
			tags = map[string]string{}
		}
		change(tags)
		if int64(len(tags)) > limit("tags") {
			return &types.TooManyTagsException{Message: aws.String("The resource can have no more than 50 tags.")}
		}
		g.Tags = tags
		return nil
	})
}

func (s *Service) tags(sc ident.Scope, name string) (tags map[string]string, err error) {
	err = s.host.Store.View(func(tx *store.Tx) error {
		g, err := s.find(tx, sc, name)
		tags = g.Tags
		return err
	})
	if tags == nil {
		tags = map[string]string{}
	}
	return tags, err
}

func without(keys []string) func(map[string]string) {
	return func(tags map[string]string) {
		for _, k := range keys {
			delete(tags, k)
		}
	}
}

// TagResource adds or replaces tags of a log group, named by its ARN.
func (s *Service) TagResource(_ context.Context, in *cloudwatchlogs.TagResourceInput) (*cloudwatchlogs.TagResourceOutput, error) {
	sc, name, err := parseARN(aws.ToString(in.ResourceArn))
	if err == nil {
		err = s.tag(sc, name, func(tags map[string]string) { maps.Copy(tags, in.Tags) })
	}
	if err != nil {
		return nil, err
	}
	return &cloudwatchlogs.TagResourceOutput{}, nil
}

// UntagResource removes tags; those that are not there are ignored.
func (s *Service) UntagResource(_ context.Context, in *cloudwatchlogs.UntagResourceInput) (*cloudwatchlogs.UntagResourceOutput, error) {
	sc, name, err := parseARN(aws.ToString(in.ResourceArn))
	if err == nil {
		err = s.tag(sc, name, without(in.TagKeys))
	}
	if err != nil {
		return nil, err
	}
	return &cloudwatchlogs.UntagResourceOutput{}, nil
}

// ListTagsForResource returns the tags of a log group.
func (s *Service) ListTagsForResource(_ context.Context, in *cloudwatchlogs.ListTagsForResourceInput) (*cloudwatchlogs.ListTagsForResourceOutput, error) {
	sc, name, err := parseARN(aws.ToString(in.ResourceArn))
	if err != nil {
		return nil, err
	}
	tags, err := s.tags(sc, name)
	if err != nil {
		return nil, err
	}
	return &cloudwatchlogs.ListTagsForResourceOutput{Tags: tags}, nil
}

// TagLogGroup is the older form of TagResource.
func (s *Service) TagLogGroup(ctx context.Context, in *cloudwatchlogs.TagLogGroupInput) (*cloudwatchlogs.TagLogGroupOutput, error) {
	err := s.tag(gateway.From(ctx).Scope, aws.ToString(in.LogGroupName), func(tags map[string]string) { maps.Copy(tags, in.Tags) })
	var many *types.TooManyTagsException
	if errors.As(err, &many) {
		err = invalid("%s", *many.Message) // the older operation models no error of its own for it
	}
	if err != nil {
		return nil, err
	}
	return &cloudwatchlogs.TagLogGroupOutput{}, nil
}

// UntagLogGroup is the older form of UntagResource.
func (s *Service) UntagLogGroup(ctx context.Context, in *cloudwatchlogs.UntagLogGroupInput) (*cloudwatchlogs.UntagLogGroupOutput, error) {
	if err := s.tag(gateway.From(ctx).Scope, aws.ToString(in.LogGroupName), without(in.Tags)); err != nil {
		return nil, err
	}
	return &cloudwatchlogs.UntagLogGroupOutput{}, nil
}

// ListTagsLogGroup is the older form of ListTagsForResource.
func (s *Service) ListTagsLogGroup(ctx context.Context, in *cloudwatchlogs.ListTagsLogGroupInput) (*cloudwatchlogs.ListTagsLogGroupOutput, error) {
	tags, err := s.tags(gateway.From(ctx).Scope, aws.ToString(in.LogGroupName))
	if err != nil {
		return nil, err
	}
	return &cloudwatchlogs.ListTagsLogGroupOutput{Tags: tags}, nil
}
