package cloudformation

import (
	"context"
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
	"github.com/pipelab/pipelab/internal/cfn"
)

// show is a stack as DescribeStacks has it.
func (s *Service) show(ctx context.Context, scope ident.Scope, st stack) (types.Stack, error) {
	d, err := s.document(ctx, scope, st)
	if err != nil {
		return types.Stack{}, err
	}
	out := types.Stack{StackName: aws.String(st.Name), StackId: aws.String(st.ID), StackStatus: st.Status,
		StackStatusReason: some(st.Reason), CreationTime: aws.Time(st.Created),
		Capabilities: st.Capabilities, Tags: st.Tags, EnableTerminationProtection: aws.Bool(st.Protected),
		DisableRollback: aws.Bool(false), ChangeSetId: some(st.ChangeSet), RoleARN: some(st.Role),
		LastUpdatedTime: when(st.Updated), DeletionTime: when(st.Deleted),
		RollbackConfiguration: &types.RollbackConfiguration{},
		DriftInformation:      &types.StackDriftInformation{StackDriftStatus: types.StackDriftStatusNotChecked}}
	if st.Template != "" {
		if t, err := parse(st.Template, s.schemas()); err == nil { // was right when it came
			out.Description = some(t.Description)
			out.Parameters = parameters(t, st.Parameters)
		}
	}
	if d != nil {
		for _, o := range d.Outputs {
			out.Outputs = append(out.Outputs, types.Output{OutputKey: aws.String(o.Key), OutputValue: aws.String(o.Value),
				Description: some(o.Description), ExportName: some(o.Export)})
		}
	}
	return out, nil
}

func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// parameters are the values in force, secret ones as stars.
func parameters(t *cfn.Template, given map[string]string) []types.Parameter {
	out := []types.Parameter{}
	for _, p := range t.Parameters {
		value, ok := given[p.Name]
		if !ok {
			value = aws.ToString(p.Default)
		}
		if p.NoEcho {
			value = "****"
		}
		out = append(out, types.Parameter{ParameterKey: aws.String(p.Name), ParameterValue: aws.String(value)})
	}
	return out
}

func (s *Service) DescribeStacks(ctx context.Context, in *sdk.DescribeStacksInput) (*sdk.DescribeStacksOutput, error) {
	call := gateway.From(ctx)
	var all []stack
	if in.StackName != nil {
		st, err := s.get(ctx, in.StackName)
		if err != nil {
			return nil, err
		}
		all = append(all, st)
	} else {
		all = s.living(call.Scope)
	}
	out := &sdk.DescribeStacksOutput{Stacks: []types.Stack{}}
	for _, st := range all {
		shown, err := s.show(ctx, call.Scope, st)
		if err != nil {
			return nil, err
		}
		out.Stacks = append(out.Stacks, shown)
	}
	return out, nil
}

// living are the stacks that exist, newest first.
func (s *Service) living(scope ident.Scope) (all []stack) {
	for _, st := range s.every(scope) {
		if st.Status != types.StackStatusDeleteComplete {
			all = append(all, st)
		}
	}
	return all
}

// every stack that there was, newest first.
func (s *Service) every(scope ident.Scope) (all []stack) {
	_ = s.host.Store.View(func(tx *store.Tx) error { // reads only: no error
		s.stacks.Scan(tx, scope, "", "", func(_ string, st stack) bool {
			all = append(all, st)
			return true
		})
		return nil
	})
	slices.SortStableFunc(all, func(a, b stack) int { return b.Created.Compare(a.Created) })
	return all
}

// ListStacks implements the operation; deleted stacks are listed too.
func (s *Service) ListStacks(ctx context.Context, in *sdk.ListStacksInput) (*sdk.ListStacksOutput, error) {
	out := &sdk.ListStacksOutput{StackSummaries: []types.StackSummary{}}
	for _, st := range s.every(gateway.From(ctx).Scope) {
		if len(in.StackStatusFilter) > 0 && !slices.Contains(in.StackStatusFilter, st.Status) {
			continue
		}
		out.StackSummaries = append(out.StackSummaries, types.StackSummary{StackName: aws.String(st.Name),
			StackId: aws.String(st.ID), StackStatus: st.Status,
			StackStatusReason: some(st.Reason), CreationTime: aws.Time(st.Created), LastUpdatedTime: when(st.Updated),
			DeletionTime: when(st.Deleted)})
	}
	return out, nil
}

// DescribeStackEvents implements the operation, newest first.
func (s *Service) DescribeStackEvents(ctx context.Context,
	in *sdk.DescribeStackEventsInput) (*sdk.DescribeStackEventsOutput, error) {
	call := gateway.From(ctx)
	st, err := s.named(ctx, in.StackName)
	if err != nil {
		return nil, err
	}
	from := ""
	if in.NextToken != nil {
		place, err := base64.RawURLEncoding.DecodeString(*in.NextToken)
		if err != nil || !strings.HasPrefix(string(place), st.ID) {
			return nil, invalid("Invalid NextToken")
		}
		from = string(place)
	}
	out := &sdk.DescribeStackEventsOutput{StackEvents: []types.StackEvent{}}
	return out, s.host.Store.View(func(tx *store.Tx) error {
		s.events.ScanBack(tx, call.Scope, store.Key(st.ID, ""), from, func(key string, e event) bool {
			if int64(len(out.StackEvents)) == limit("pageEvents") {
				out.NextToken = aws.String(base64.RawURLEncoding.EncodeToString([]byte(key)))
				return false
			}
			out.StackEvents = append(out.StackEvents, types.StackEvent{EventId: aws.String(e.ID), StackId: aws.String(st.ID),
				StackName: aws.String(st.Name), Timestamp: aws.Time(e.Time),
				LogicalResourceId: aws.String(e.LogicalID), PhysicalResourceId: aws.String(e.PhysicalID),
				ResourceType: aws.String(e.Type), ResourceStatus: types.ResourceStatus(e.Status),
				ResourceStatusReason: some(e.Reason), ResourceProperties: some(e.Properties), ClientRequestToken: some(e.Token)})
			return true
		})
		return nil
	})
}

// resources are the records of a stack, in order of their logical ids.
func (s *Service) resources(ctx context.Context, name *string) (st stack, all []*cfn.Record, err error) {
	if st, err = s.get(ctx, name); err != nil {
		return st, nil, err
	}
	d, err := s.document(ctx, gateway.From(ctx).Scope, st)
	if err != nil || d == nil {
		return st, nil, err
	}
	for _, id := range slices.Sorted(maps.Keys(d.Resources)) {
		all = append(all, d.Resources[id])
	}
	return st, all, nil
}

// changed is when a resource was last touched, as its events tell.
func (s *Service) changed(ctx context.Context, st stack, id string) *time.Time {
	var at time.Time
	_ = s.host.Store.View(func(tx *store.Tx) error { // reads only: no error
		s.events.ScanBack(tx, gateway.From(ctx).Scope, store.Key(st.ID, ""), "", func(_ string, e event) bool {
			if e.LogicalID == id {
				at = e.Time
			}
			return at.IsZero()
		})
		return nil
	})
	if at.IsZero() {
		at = st.Created
	}
	return &at
}

func (s *Service) DescribeStackResources(ctx context.Context,
	in *sdk.DescribeStackResourcesInput) (*sdk.DescribeStackResourcesOutput, error) {
	if in.StackName == nil {
		return nil, gateway.Unsupported("cloudformation", "DescribeStackResources", "PhysicalResourceId without StackName")
	}
	st, all, err := s.resources(ctx, in.StackName)
	out := &sdk.DescribeStackResourcesOutput{StackResources: []types.StackResource{}}
	for _, r := range all {
		if in.LogicalResourceId != nil && *in.LogicalResourceId != r.LogicalID || in.PhysicalResourceId != nil &&
			*in.PhysicalResourceId != r.PhysicalID {
			continue
		}
		out.StackResources = append(out.StackResources, types.StackResource{StackName: aws.String(st.Name),
			StackId: aws.String(st.ID), LogicalResourceId: aws.String(r.LogicalID),
			PhysicalResourceId: some(r.PhysicalID), ResourceType: aws.String(r.Type),
			ResourceStatus: types.ResourceStatus(r.Status), Timestamp: s.changed(ctx, st, r.LogicalID)})
	}
	return out, err
}

func (s *Service) DescribeStackResource(ctx context.Context,
	in *sdk.DescribeStackResourceInput) (*sdk.DescribeStackResourceOutput, error) {
	st, all, err := s.resources(ctx, in.StackName)
	if gateway.ErrorCode(err) == validation {
		return nil, invalid("Stack '%s' does not exist", *in.StackName)
	}
	if err != nil {
		return nil, err
	}
	for _, r := range all {
		if r.LogicalID == *in.LogicalResourceId {
			return &sdk.DescribeStackResourceOutput{StackResourceDetail: &types.StackResourceDetail{StackName: aws.String(
				st.Name), StackId: aws.String(st.ID),
				LogicalResourceId: aws.String(r.LogicalID), PhysicalResourceId: some(r.PhysicalID),
				ResourceType: aws.String(r.Type), ResourceStatus: types.ResourceStatus(r.Status),
				LastUpdatedTimestamp: s.changed(ctx, st, r.LogicalID), Metadata: aws.String("{}")}}, nil
		}
	}
	return nil, invalid("Resource %s does not exist for stack %s", *in.LogicalResourceId, st.Name)
}

func (s *Service) ListStackResources(ctx context.Context,
	in *sdk.ListStackResourcesInput) (*sdk.ListStackResourcesOutput, error) {
	st, all, err := s.resources(ctx, in.StackName)
	out := &sdk.ListStackResourcesOutput{StackResourceSummaries: []types.StackResourceSummary{}}
	for _, r := range all {
		out.StackResourceSummaries = append(out.StackResourceSummaries,
			types.StackResourceSummary{LogicalResourceId: aws.String(r.LogicalID), PhysicalResourceId: some(r.PhysicalID),
				ResourceType: aws.String(r.Type), ResourceStatus: types.ResourceStatus(r.Status),
				LastUpdatedTimestamp: s.changed(ctx, st, r.LogicalID)})
	}
	return out, err
}

func (s *Service) ListExports(ctx context.Context, _ *sdk.ListExportsInput) (*sdk.ListExportsOutput, error) {
	all, err := s.exports(gateway.From(ctx).Scope, "")
	out := &sdk.ListExportsOutput{Exports: []types.Export{}}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out.Exports = append(out.Exports, all[name])
	}
	return out, err
}
