package cloudwatchlogs

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
)

func groupARN(sc ident.Scope, name string) string { return sc.ARN("logs", "log-group:"+name) }

// groupName takes the name or the identifier, which is a name or an ARN; one
// of them must be given.
func groupName(name, identifier *string) (string, error) {
	switch {
	case name != nil && identifier != nil:
		return "", invalid("LogGroupName and LogGroupIdentifier cannot both be specified.")
	case name != nil:
		return *name, nil
	case identifier == nil:
		return "", invalid("Either LogGroupName or LogGroupIdentifier must be specified.")
	}
	return nameOf(*identifier), nil
}

// nameOf takes a group's name out of its ARN, with or without ":*".
func nameOf(identifier string) string {
	a, err := ident.ParseARN(identifier)
	if err != nil {
		return identifier
	}
	return strings.TrimSuffix(strings.TrimPrefix(a.Resource, "log-group:"), ":*")
}

func (s *Service) CreateLogGroup(ctx context.Context, in *sdk.CreateLogGroupInput) (*sdk.CreateLogGroupOutput, error) {
	if in.LogGroupClass != "" && in.LogGroupClass != types.LogGroupClassStandard {
		return nil, gateway.Unsupported("cloudwatchlogs", "CreateLogGroup", "the class "+string(in.LogGroupClass))
	}
	call := gateway.From(ctx)
	g := group{Name: *in.LogGroupName, Created: call.Time, Class: in.LogGroupClass, Tags: in.Tags}
	if g.Class == "" {
		g.Class = types.LogGroupClassStandard
	}
	return &sdk.CreateLogGroupOutput{}, s.host.Store.Update(func(tx *store.Tx) error {
		if _, ok := s.groups.Get(tx, call.Scope, g.Name); ok {
			return &types.ResourceAlreadyExistsException{Message: aws.String("The specified log group already exists")}
		}
		s.groups.Put(tx, call.Scope, g.Name, g)
		return nil
	})
}

// DeleteLogGroup implements the operation: with all that is in it.
func (s *Service) DeleteLogGroup(ctx context.Context, in *sdk.DeleteLogGroupInput) (*sdk.DeleteLogGroupOutput, error) {
	call := gateway.From(ctx)
	return &sdk.DeleteLogGroupOutput{}, s.host.Store.Update(func(tx *store.Tx) error {
		if !s.groups.Delete(tx, call.Scope, *in.LogGroupName) {
			return noGroup()
		}
		prefix := store.Key(*in.LogGroupName, "")
		clear(tx, s.streams, call.Scope, prefix)
		clear(tx, s.events, call.Scope, prefix)
		clear(tx, s.times, call.Scope, prefix)
		return nil
	})
}

// clear removes all keys with a prefix.
func clear[T any](tx *store.Tx, c *store.Collection[T], sc ident.Scope, prefix string) {
	var keys []string
	c.Scan(tx, sc, prefix, "", func(k string, _ T) bool {
		keys = append(keys, k)
		return true
	})
	for _, k := range keys {
		c.Delete(tx, sc, k)
	}
}

func (s *Service) DescribeLogGroups(ctx context.Context, in *sdk.DescribeLogGroupsInput) (*sdk.DescribeLogGroupsOutput,
	error) {
	if in.LogGroupNamePrefix != nil && in.LogGroupNamePattern != nil {
		return nil, invalid("LogGroupNamePrefix and LogGroupNamePattern are mutually exclusive parameters.")
	}
	from, err := unseal(in.NextToken)
	if err != nil {
		return nil, err
	}
	call := gateway.From(ctx)
	out := &sdk.DescribeLogGroupsOutput{LogGroups: []types.LogGroup{}}
	most := int(aws.ToInt32(in.Limit))
	if in.Limit == nil {
		most = 50
	}
	return out, s.host.Store.View(func(tx *store.Tx) error {
		s.groups.Scan(tx, call.Scope, aws.ToString(in.LogGroupNamePrefix), from, func(name string, g group) bool {
			if !wantedGroup(in, g) {
				return true
			}
			if len(out.LogGroups) == most {
				out.NextToken = seal(name)
				return false
			}
			out.LogGroups = append(out.LogGroups, g.show(call.Scope))
			return true
		})
		return nil
	})
}

func wantedGroup(in *sdk.DescribeLogGroupsInput, g group) bool {
	if in.LogGroupClass != "" && in.LogGroupClass != g.Class {
		return false
	}
	if len(in.LogGroupIdentifiers) > 0 && !slices.ContainsFunc(in.LogGroupIdentifiers, func(id string) bool {
		return nameOf(id) == g.Name
	}) {
		return false
	}
	return strings.Contains(strings.ToLower(g.Name), strings.ToLower(aws.ToString(in.LogGroupNamePattern)))
}

func (g group) show(sc ident.Scope) types.LogGroup {
	arn := groupARN(sc, g.Name)
	out := types.LogGroup{LogGroupName: aws.String(g.Name), Arn: aws.String(arn + ":*"), LogGroupArn: aws.String(arn),
		CreationTime:  aws.Int64(g.Created.UnixMilli()),
		LogGroupClass: g.Class, MetricFilterCount: aws.Int32(0), StoredBytes: aws.Int64(g.Bytes)}
	if g.Retention > 0 {
		out.RetentionInDays = aws.Int32(g.Retention)
	}
	return out
}

// changeGroup edits a group.
func (s *Service) changeGroup(ctx context.Context, name string, edit func(*group) error) error {
	call := gateway.From(ctx)
	return s.host.Store.Update(func(tx *store.Tx) error {
		g, ok := s.groups.Get(tx, call.Scope, name)
		if !ok {
			return noGroup()
		}
		if err := edit(&g); err != nil {
			return err
		}
		s.groups.Put(tx, call.Scope, name, g)
		return nil
	})
}

func (s *Service) PutRetentionPolicy(ctx context.Context,
	in *sdk.PutRetentionPolicyInput) (*sdk.PutRetentionPolicyOutput, error) {
	// Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
	days := []int32{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288,
		3653}
	if !slices.Contains(days, *in.RetentionInDays) {
		return nil,
			invalid("1 validation error detected: Value '%d' at 'retentionInDays' failed to satisfy constraint: Member must "+
				"satisfy enum value set: %v", *in.RetentionInDays, days)
	}
	return &sdk.PutRetentionPolicyOutput{}, s.changeGroup(ctx, *in.LogGroupName, func(g *group) error {
		g.Retention = *in.RetentionInDays
		return nil
	})
}

func (s *Service) DeleteRetentionPolicy(ctx context.Context,
	in *sdk.DeleteRetentionPolicyInput) (*sdk.DeleteRetentionPolicyOutput, error) {
	return &sdk.DeleteRetentionPolicyOutput{}, s.changeGroup(ctx, *in.LogGroupName, func(g *group) error {
		g.Retention = 0
		return nil
	})
}

// tag adds tags to a group; tooMany is the error for more than it may have.
func (s *Service) tag(ctx context.Context, name string, tags map[string]string, tooMany error) error {
	return s.changeGroup(ctx, name, func(g *group) error {
		all := map[string]string{}
		maps.Copy(all, g.Tags)
		maps.Copy(all, tags)
		if len(all) > int(limit("tags")) {
			return tooMany
		}
		g.Tags = all
		return nil
	})
}

func (s *Service) untag(ctx context.Context, name string, keys []string) error {
	return s.changeGroup(ctx, name, func(g *group) error {
		g.Tags = maps.Clone(g.Tags)
		for _, k := range keys {
			delete(g.Tags, k)
		}
		return nil
	})
}

func (s *Service) tags(ctx context.Context, name string) (map[string]string, error) {
	call := gateway.From(ctx)
	all := map[string]string{}
	return all, s.host.Store.View(func(tx *store.Tx) error {
		g, ok := s.groups.Get(tx, call.Scope, name)
		if !ok {
			return noGroup()
		}
		maps.Copy(all, g.Tags)
		return nil
	})
}

func (s *Service) TagResource(ctx context.Context, in *sdk.TagResourceInput) (*sdk.TagResourceOutput, error) {
	return &sdk.TagResourceOutput{}, s.tag(ctx, nameOf(*in.ResourceArn), in.Tags,
		&types.TooManyTagsException{Message: aws.String("The resource has too many tags.")})
}

func (s *Service) UntagResource(ctx context.Context, in *sdk.UntagResourceInput) (*sdk.UntagResourceOutput, error) {
	return &sdk.UntagResourceOutput{}, s.untag(ctx, nameOf(*in.ResourceArn), in.TagKeys)
}

func (s *Service) ListTagsForResource(ctx context.Context,
	in *sdk.ListTagsForResourceInput) (*sdk.ListTagsForResourceOutput, error) {
	all, err := s.tags(ctx, nameOf(*in.ResourceArn))
	return &sdk.ListTagsForResourceOutput{Tags: all}, err
}

// TagLogGroup implements the operation, which TagResource has replaced.
func (s *Service) TagLogGroup(ctx context.Context, in *sdk.TagLogGroupInput) (*sdk.TagLogGroupOutput, error) {
	return &sdk.TagLogGroupOutput{}, s.tag(ctx, *in.LogGroupName, in.Tags,
		&types.InvalidParameterException{Message: aws.String("The resource has too many tags.")}) // as its model has it
}

func (s *Service) UntagLogGroup(ctx context.Context, in *sdk.UntagLogGroupInput) (*sdk.UntagLogGroupOutput, error) {
	return &sdk.UntagLogGroupOutput{}, s.untag(ctx, *in.LogGroupName, in.Tags)
}

func (s *Service) ListTagsLogGroup(ctx context.Context, in *sdk.ListTagsLogGroupInput) (*sdk.ListTagsLogGroupOutput,
	error) {
	all, err := s.tags(ctx, *in.LogGroupName)
	return &sdk.ListTagsLogGroupOutput{Tags: all}, err
}
