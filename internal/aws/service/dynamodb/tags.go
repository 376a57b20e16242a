package dynamodb

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// tagged finds the table that an ARN names.
func (s *Service) tagged(tx *store.Tx, c *gateway.Call, arn *string) (*Table, error) {
	a, err := ident.ParseARN(aws.ToString(arn))
	name, isTable := strings.CutPrefix(a.Resource, "table/")
	if err != nil || a.Service != "dynamodb" || !isTable {
		return nil, refuse("Invalid TableArn: Invalid ResourceArn provided as input %s", aws.ToString(arn))
	}
	t, ok := s.find(tx, a.Scope(), name, c.Time)
	if a.Account != c.Scope.Account { // whether there is such a table is nobody else's business
		return nil, gateway.Errorf(http.StatusBadRequest, "AccessDeniedException",
			"User: %s is not authorized to perform: dynamodb:%s on resource: %s", c.Principal.ARN, c.Operation, *arn)
	}
	if !ok || a.Scope() != c.Scope {
		return nil, &types.ResourceNotFoundException{
			Message: aws.String(msgNotFound + ": ResourcArn: " + aws.ToString(arn) + " not found")} // AWS's spelling
	}
	return t, nil
}

// retag changes a table's tags.
func (s *Service) retag(ctx context.Context, arn *string, fn func(tags map[string]string) error) error {
	c := gateway.From(ctx)
	return s.write(c.Scope, c.Time, func(w *work) error {
		t, err := s.tagged(w.tx, c, arn)
		if err != nil {
			return err
		}
		t = t.copy()
		if t.Tags = maps.Clone(t.Tags); t.Tags == nil {
			t.Tags = map[string]string{}
		}
		if err := fn(t.Tags); err != nil {
			return err
		}
		s.tables.Put(w.tx, w.sc, t.Name, t)
		return nil
	})
}

// TagResource sets tags.
func (s *Service) TagResource(ctx context.Context, in *dynamodb.TagResourceInput) (*dynamodb.TagResourceOutput, error) {
	return &dynamodb.TagResourceOutput{}, s.retag(ctx, in.ResourceArn, func(tags map[string]string) error {
		for _, t := range in.Tags {
			tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
		}
		if len(tags) > int(limit("tagsPerResource")) {
			return refuse("One or more parameter values were invalid: Too many tags: the limit is %d", limit("tagsPerResource"))
		}
		return nil
	})
}

// UntagResource removes tags.
func (s *Service) UntagResource(ctx context.Context, in *dynamodb.UntagResourceInput) (*dynamodb.UntagResourceOutput,
	error) {
	return &dynamodb.UntagResourceOutput{}, s.retag(ctx, in.ResourceArn, func(tags map[string]string) error {
		for _, k := range in.TagKeys {
			delete(tags, k)
		}
		return nil
	})
}

// ListTagsOfResource lists tags in order of keys; all fit one page.
func (s *Service) ListTagsOfResource(ctx context.Context,
	in *dynamodb.ListTagsOfResourceInput) (*dynamodb.ListTagsOfResourceOutput, error) {
	if in.NextToken != nil {
		return nil, refuse("Invalid NextToken") // none was ever given out
	}
	c, out := gateway.From(ctx), &dynamodb.ListTagsOfResourceOutput{Tags: []types.Tag{}}
	err := s.host.Store.View(func(tx *store.Tx) error {
		t, err := s.tagged(tx, c, in.ResourceArn)
		if err != nil {
			return err
		}
		for _, k := range slices.Sorted(maps.Keys(t.Tags)) {
			out.Tags = append(out.Tags, types.Tag{Key: aws.String(k), Value: aws.String(t.Tags[k])})
		}
		return nil
	})
	return out, err
}

// DescribeLimits tells the quotas of the account and of a table.
func (s *Service) DescribeLimits(context.Context, *dynamodb.DescribeLimitsInput) (*dynamodb.DescribeLimitsOutput,
	error) {
	account, table := limit("accountUnits"), limit("tableUnits")
	return &dynamodb.DescribeLimitsOutput{
		AccountMaxReadCapacityUnits: &account, AccountMaxWriteCapacityUnits: &account,
		TableMaxReadCapacityUnits: &table, TableMaxWriteCapacityUnits: &table,
	}, nil
}

// DescribeEndpoints tells where this cloud answers.
func (s *Service) DescribeEndpoints(context.Context,
	*dynamodb.DescribeEndpointsInput) (*dynamodb.DescribeEndpointsOutput, error) {
	_, address, _ := strings.Cut(s.host.Endpoint(), "://")
	return &dynamodb.DescribeEndpointsOutput{Endpoints: []types.Endpoint{
		{Address: aws.String(address), CachePeriodInMinutes: 1440}}}, nil
}
