package dynamodb

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/expr"
	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/item"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// Query reads the items of one partition key in order of the sort key.
func (s *Service) Query(ctx context.Context, in *dynamodb.QueryInput) (*dynamodb.QueryOutput, error) {
	c, name := gateway.From(ctx), tableName(in.TableName)
	if err := unmixed(oldQuery(in), expression{"ProjectionExpression", in.ProjectionExpression},
		expression{"FilterExpression", in.FilterExpression},
		expression{"KeyConditionExpression", in.KeyConditionExpression}); err != nil {
		return nil, err
	}
	if err := checkStart(in.ExclusiveStartKey); err != nil {
		return nil, err
	}
	if in.FilterExpression != nil && strings.TrimSpace(*in.FilterExpression) == "" {
		return nil, refuse("Invalid FilterExpression: The expression can not be empty;") // before the key conditions
	}
	if in.KeyConditionExpression == nil && in.KeyConditions == nil {
		return nil, refuse("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")
	}
	p, err := placeholders(in.ExpressionAttributeNames, in.ExpressionAttributeValues,
		expression{"FilterExpression", in.FilterExpression}, expression{"KeyConditionExpression", in.KeyConditionExpression})
	if err != nil {
		return nil, err
	}
	r := &reading{forward: in.ScanIndexForward == nil || *in.ScanIndexForward,
		limit: int(aws.ToInt32(in.Limit)), consistent: aws.ToBool(in.ConsistentRead)}
	if r.filter, err = filter(in.QueryFilter, in.ConditionalOperator); err != nil {
		return nil, err
	}
	r.oldFilter = r.filter != nil
	terms, err := keyTerms(in.KeyConditionExpression, in.KeyConditions, p)
	if err != nil {
		return nil, err
	}
	if err := r.expressions(in.FilterExpression, in.ProjectionExpression, in.AttributesToGet, p); err != nil {
		return nil, err
	}
	var got page
	err = s.host.Store.View(func(tx *store.Tx) error {
		if r.table, err = s.open(tx, c.Scope, name, c.Time); err != nil {
			return err
		}
		if err := r.source(in.IndexName, in.Select, r.projection != nil); err != nil {
			return err
		}
		if err := r.query(terms); err != nil {
			return err
		}
		if err := r.startKey(in.ExclusiveStartKey,
			"The provided starting key is outside query boundaries based on provided conditions"); err != nil {
			return err
		}
		got, err = s.measured(tx, c, r)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &dynamodb.QueryOutput{
		Items: got.items, Count: got.count, ScannedCount: got.scanned, LastEvaluatedKey: got.last.SDK(),
		ConsumedCapacity: got.usage.sdk(in.ReturnConsumedCapacity, false),
	}, nil
}

// measured reads a page when throughput is left, and charges it.
func (s *Service) measured(tx *store.Tx, c *gateway.Call, r *reading) (page, error) {
	got := s.run(tx, c, r)
	if !r.count && got.items == nil {
		got.items = []map[string]types.AttributeValue{} // AWS sends an empty list
	}
	return got, s.charge(c, got.usage)
}

// charge takes what a read used from the throughput, or refuses it; a judge's looks
// are free.
func (s *Service) charge(c *gateway.Call, u usage) error {
	if c.Looking {
		return nil
	}
	return s.meter.admit(c.Scope, u)
}

// expressions parses filter and projection.
func (r *reading) expressions(filter, projected *string, attributes []string, p *expr.Params) (err error) {
	if filter != nil {
		if r.filter, err = expr.ParseCondition("FilterExpression", *filter, p); err != nil {
			return refused(err)
		}
	}
	if r.projection, err = projection(projected, attributes, p); err != nil {
		return err
	}
	return refused(p.Unused())
}

// query checks the key conditions against the schema and sets the range.
func (r *reading) query(terms []expr.KeyTerm) error {
	if err := r.wanted(); err != nil {
		return err
	}
	schema := r.table.Schema
	if r.index != nil {
		schema = r.index.Schema
	}
	if err := r.keyFree(schema); err != nil {
		return err
	}
	var hash, sort *expr.KeyTerm
	for i := range terms {
		switch t := &terms[i]; t.Attribute {
		case schema.Hash:
			hash = t
		case schema.Range:
			sort = t
		}
	}
	switch {
	case hash == nil:
		return refuse("Query condition missed key schema element: %s", schema.Hash)
	case len(terms) > 1 && sort == nil && schema.Range != "":
		return refuse("Query condition missed key schema element: %s", schema.Range)
	case len(terms) > 1 && sort == nil, hash.Op != "=", len(terms) > 2:
		return refuse("Query key condition not supported")
	}
	for _, t := range terms {
		for _, v := range t.Values {
			if v.Kind != r.table.kind(t.Attribute) {
				return refuse(invalid + "Condition parameter type does not match schema type")
			}
			if v.Text == "" {
				return refuse("One or more parameter values are not valid. The AttributeValue for a key attribute "+
					"cannot contain an empty %s value. Key: %s", emptyKind(v), t.Attribute)
			}
		}
	}
	if sort != nil && sort.Op == "begins_with" && sort.Values[0].Kind == item.Number {
		return refuse(invalid + "Condition parameter type does not match schema type")
	}
	r.bounds, r.hash = queryBounds(r.prefix(), hash.Values[0], sort), hash.Values[0]
	return nil
}

// keyFree refuses a Query's filter on key attributes.
func (r *reading) keyFree(schema KeySchema) error {
	if r.filter == nil {
		return nil
	}
	var err error
	what := "Filter Expression"
	if r.oldFilter {
		what = "QueryFilter"
	}
	r.filter.Attributes(func(name string) {
		if err == nil && schema.has(name) {
			err = refuse("%s can only contain non-primary key attributes: Primary key attribute: %s", what, name)
		}
	})
	return err
}

// Scan reads all items, or one segment of them.
func (s *Service) Scan(ctx context.Context, in *dynamodb.ScanInput) (*dynamodb.ScanOutput, error) {
	c, name := gateway.From(ctx), tableName(in.TableName)
	old := []parameter{{"AttributesToGet", in.AttributesToGet != nil}, {"ScanFilter", in.ScanFilter != nil},
		{"ConditionalOperator", in.ConditionalOperator != ""}}
	if err := unmixed(old, expression{"ProjectionExpression", in.ProjectionExpression},
		expression{"FilterExpression", in.FilterExpression}); err != nil {
		return nil, err
	}
	if err := checkStart(in.ExclusiveStartKey); err != nil {
		return nil, err
	}
	if err := checkSegment(in.Segment, in.TotalSegments); err != nil {
		return nil, err
	}
	p, err := placeholders(in.ExpressionAttributeNames, in.ExpressionAttributeValues,
		expression{"FilterExpression", in.FilterExpression}, expression{"ProjectionExpression", in.ProjectionExpression})
	if err != nil {
		return nil, err
	}
	r := &reading{forward: true, limit: int(aws.ToInt32(in.Limit)), consistent: aws.ToBool(in.ConsistentRead)}
	if r.filter, err = filter(in.ScanFilter, in.ConditionalOperator); err != nil {
		return nil, err
	}
	if err := r.expressions(in.FilterExpression, in.ProjectionExpression, in.AttributesToGet, p); err != nil {
		return nil, err
	}
	var got page
	err = s.host.Store.View(func(tx *store.Tx) error {
		if r.table, err = s.open(tx, c.Scope, name, c.Time); err != nil {
			return err
		}
		if err := r.source(in.IndexName, in.Select, r.projection != nil); err != nil {
			return err
		}
		if err := r.wanted(); err != nil {
			return err
		}
		segment, total := aws.ToInt32(in.Segment), aws.ToInt32(in.TotalSegments)
		r.bounds = segmentBounds(r.prefix(), segment, total)
		outside := fmt.Sprintf(
			"The provided starting key is invalid: Invalid ExclusiveStartKey. Please use ExclusiveStartKey "+
				"with correct Segment. TotalSegments: %d Segment: %d", total, segment)
		if err := r.startKey(in.ExclusiveStartKey, outside); err != nil {
			return err
		}
		got, err = s.measured(tx, c, r)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &dynamodb.ScanOutput{
		Items: got.items, Count: got.count, ScannedCount: got.scanned, LastEvaluatedKey: got.last.SDK(),
		ConsumedCapacity: got.usage.sdk(in.ReturnConsumedCapacity, false),
	}, nil
}

func checkSegment(segment, total *int32) error {
	switch {
	case segment == nil && total == nil:
		return nil
	case total == nil:
		return refuse(
			"The TotalSegments parameter is required but was not present in the request when Segment parameter is present")
	case segment == nil:
		return refuse(
			"The Segment parameter is required but was not present in the request when parameter TotalSegments is present")
	case *segment >= *total:
		return refuse("The Segment parameter is zero-based and must be less than parameter TotalSegments: "+
			"Segment: %d is not less than TotalSegments: %d", *segment, *total)
	}
	return nil
}
