package cloudwatchlogs

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// CreateLogGroup makes a group whose events never expire.
func (s *Service) CreateLogGroup(ctx context.Context, in *cloudwatchlogs.CreateLogGroupInput) (*cloudwatchlogs.CreateLogGroupOutput, error) {
	c := gateway.From(ctx)
	name := aws.ToString(in.LogGroupName)
	switch {
	case in.KmsKeyId != nil:
		return nil, gateway.Unsupported("cloudwatchlogs", "CreateLogGroup", "kmsKeyId")
	case in.LogGroupClass != "" && in.LogGroupClass != types.LogGroupClassStandard:
		return nil, gateway.Unsupported("cloudwatchlogs", "CreateLogGroup", "the log group class "+string(in.LogGroupClass))
	case strings.HasPrefix(name, "aws/"):
		// Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
		return nil, invalid("Log groups starting with aws/ are reserved for AWS.")
	case int64(len(in.Tags)) > limit("tags"):
		return nil, invalid("A log group can have at most %d tags.", limit("tags"))
	}
	err := s.host.Store.Update(func(tx *store.Tx) error {
		if _, dup := s.groups.Get(tx, c.Scope, name); dup {
			return &types.ResourceAlreadyExistsException{Message: aws.String("The specified log group already exists")}
		}
		s.groups.Put(tx, c.Scope, name, group{Name: name, Created: c.Time, Tags: in.Tags, Protected: aws.ToBool(in.DeletionProtectionEnabled)})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &cloudwatchlogs.CreateLogGroupOutput{}, nil
}

// DeleteLogGroup removes a group with its streams and events.
func (s *Service) DeleteLogGroup(ctx context.Context, in *cloudwatchlogs.DeleteLogGroupInput) (*cloudwatchlogs.DeleteLogGroupOutput, error) {
	c := gateway.From(ctx)
	name := aws.ToString(in.LogGroupName)
	err := s.host.Store.Update(func(tx *store.Tx) error {
		g, err := s.find(tx, c.Scope, name)
		if err != nil {
			return err
		}
		if g.Protected {
			return &types.ValidationException{Message: aws.String("The log group has deletion protection enabled. Disable it before you delete the log group.")}
		}
		var streams []stream
		s.streamsOf(tx, c.Scope, name, "", func(st stream) bool { streams = append(streams, st); return true })
		for _, st := range streams {
			s.erase(tx, c.Scope, name, &st)
		}
		s.groups.Delete(tx, c.Scope, name)
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.disarm(c.Scope, name)
	return &cloudwatchlogs.DeleteLogGroupOutput{}, nil
}

// PutLogGroupDeletionProtection guards a group against deletion, or no longer.
func (s *Service) PutLogGroupDeletionProtection(ctx context.Context, in *cloudwatchlogs.PutLogGroupDeletionProtectionInput) (*cloudwatchlogs.PutLogGroupDeletionProtectionOutput, error) {
	sc, name, err := locate(gateway.From(ctx), nil, in.LogGroupIdentifier)
	if err == nil {
		err = s.change(sc, name, func(g *group) error {
			g.Protected = aws.ToBool(in.DeletionProtectionEnabled)
			return nil
		})
	}
	if err != nil {
		return nil, err
	}
	return &cloudwatchlogs.PutLogGroupDeletionProtectionOutput{}, nil
}

// DescribeLogGroups lists groups in the order of their names, by prefix, by a
// part of the name, or by identifiers.
func (s *Service) DescribeLogGroups(ctx context.Context, in *cloudwatchlogs.DescribeLogGroupsInput) (*cloudwatchlogs.DescribeLogGroupsOutput, error) {
	c := gateway.From(ctx)
	switch {
	case aws.ToBool(in.IncludeLinkedAccounts) || len(in.AccountIdentifiers) > 0:
		return nil, gateway.Unsupported("cloudwatchlogs", "DescribeLogGroups", "linked accounts")
	case in.LogGroupNamePrefix != nil && in.LogGroupNamePattern != nil:
		return nil, invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
	case len(in.LogGroupIdentifiers) > 0 && (in.LogGroupNamePrefix != nil || in.LogGroupNamePattern != nil):
		return nil, invalid("LogGroupIdentifiers cannot be combined with a prefix or a pattern.")
	}
	after, err := unpage(in.NextToken)
	if err != nil {
		return nil, err
	}
	wanted, err := s.wanted(c, in)
	if err != nil {
		return nil, err
	}
	page := int(limit("describePage"))
	if in.Limit != nil {
		page = min(page, int(*in.Limit))
	}
	out := &cloudwatchlogs.DescribeLogGroupsOutput{LogGroups: []types.LogGroup{}}
	return out, s.host.Store.View(func(tx *store.Tx) error {
		s.groups.Scan(tx, c.Scope, aws.ToString(in.LogGroupNamePrefix), after, func(name string, g group) bool {
			if name == after || !wanted(g.Name) {
				return true
			}
			if len(out.LogGroups) == page {
				out.NextToken = pageToken(*out.LogGroups[page-1].LogGroupName)
				return false
			}
			out.LogGroups = append(out.LogGroups, s.describe(tx, c.Scope, &g))
			return true
		})
		return nil
	})
}

// wanted is the test that a listing's parameters make beside the prefix.
func (s *Service) wanted(c *gateway.Call, in *cloudwatchlogs.DescribeLogGroupsInput) (func(name string) bool, error) {
	if len(in.LogGroupIdentifiers) == 0 {
		return func(name string) bool {
			return strings.Contains(name, aws.ToString(in.LogGroupNamePattern)) &&
				(in.LogGroupClass == "" || in.LogGroupClass == types.LogGroupClassStandard)
		}, nil
	}
	var names []string
	for _, id := range in.LogGroupIdentifiers {
		sc, name, err := locate(c, nil, &id)
		if err != nil {
			return nil, err
		}
		if sc == c.Scope {
			names = append(names, name)
		}
	}
	return func(name string) bool { return slices.Contains(names, name) }, nil
}

func (s *Service) describe(tx *store.Tx, sc ident.Scope, g *group) types.LogGroup {
	out := types.LogGroup{
		LogGroupName: &g.Name, CreationTime: aws.Int64(g.Created.UnixMilli()), StoredBytes: aws.Int64(0), MetricFilterCount: aws.Int32(0),
		Arn: aws.String(groupARN(sc, g.Name) + ":*"), LogGroupArn: aws.String(groupARN(sc, g.Name)), LogGroupClass: types.LogGroupClassStandard,
		DeletionProtectionEnabled: &g.Protected,
	}
	if g.Retention > 0 {
		out.RetentionInDays = &g.Retention
	}
	s.streamsOf(tx, sc, g.Name, "", func(st stream) bool {
		*out.StoredBytes += st.Bytes
		return true
	})
	return out
}
