package check

import (
	"context"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/report"
)

func (s *session) attribute(v any) (types.AttributeValue, error) {
	switch t := v.(type) {
	case nil:
		return &types.AttributeValueMemberNULL{Value: true}, nil
	case string:
		x, err := s.expand(t)
		if isNow.MatchString(t) { // seconds are a number, as TTL needs them
			return &types.AttributeValueMemberN{Value: x}, err
		}
		return &types.AttributeValueMemberS{Value: x}, err
	case bool:
		return &types.AttributeValueMemberBOOL{Value: t}, nil
	case int64, int, float64:
		return &types.AttributeValueMemberN{Value: fmt.Sprint(t)}, nil
	case []any:
		l := make([]types.AttributeValue, len(t))
		for i, e := range t {
			var err error
			if l[i], err = s.attribute(e); err != nil {
				return nil, err
			}
		}
		return &types.AttributeValueMemberL{Value: l}, nil
	case map[string]any:
		m, err := s.item(t)
		return &types.AttributeValueMemberM{Value: m}, err
	}
	return nil, fmt.Errorf("%T cannot be an attribute", v)
}

func (s *session) item(m map[string]any) (map[string]types.AttributeValue, error) {
	if m == nil {
		return nil, nil
	}
	out := make(map[string]types.AttributeValue, len(m))
	for k, v := range m {
		a, err := s.attribute(v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k, err)
		}
		out[k] = a
	}
	return out, nil
}

// plainAttribute is the value as expressions see it: sets as lists, whole
// numbers as int64, binary as text.
func plainAttribute(a types.AttributeValue) any {
	switch t := a.(type) {
	case *types.AttributeValueMemberS:
		return t.Value
	case *types.AttributeValueMemberN:
		return plainNumber(t.Value)
	case *types.AttributeValueMemberBOOL:
		return t.Value
	case *types.AttributeValueMemberB:
		return string(t.Value)
	case *types.AttributeValueMemberL:
		out := make([]any, len(t.Value))
		for i, e := range t.Value {
			out[i] = plainAttribute(e)
		}
		return out
	case *types.AttributeValueMemberM:
		return plainItem(t.Value)
	case *types.AttributeValueMemberSS:
		out := make([]any, len(t.Value))
		for i, e := range t.Value {
			out[i] = e
		}
		return out
	case *types.AttributeValueMemberNS:
		out := make([]any, len(t.Value))
		for i, e := range t.Value {
			out[i] = plainNumber(e)
		}
		return out
	}
	return nil
}

func plainNumber(s string) any {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return i
	}
	f, _ := strconv.ParseFloat(s, 64)
	return f
}

func plainItem(m map[string]types.AttributeValue) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = plainAttribute(v)
	}
	return out
}

func (s *session) putItems(ctx context.Context, p *lab.PutItems) error {
	table, err := s.expand(p.Table)
	if err != nil {
		return err
	}
	items := p.Items
	if p.Data != "" {
		for _, e := range s.sets[p.Data].entries {
			if e.Row != nil {
				items = append(items, e.Row)
			}
		}
	}
	s.note("%s to the table %s", report.Count(len(items), "item"), short(table))
	client := dynamodb.NewFromConfig(s.config)
	for _, i := range items {
		item, err := s.item(i)
		if err != nil {
			return err
		}
		out, err := client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &table, Item: item})
		if err != nil {
			return err
		}
		s.follow(sending{kind: toTable, target: table, item: item, call: requestID(out.ResultMetadata)})
	}
	return nil
}

func (s *session) updateItem(ctx context.Context, u *lab.UpdateItem) error {
	v, err := s.expandAll(u.Table, u.Update, u.Condition)
	if err != nil {
		return err
	}
	in := &dynamodb.UpdateItemInput{TableName: &v[0], UpdateExpression: &v[1], ExpressionAttributeNames: u.Names}
	if v[2] != "" {
		in.ConditionExpression = &v[2]
	}
	if in.Key, err = s.item(u.Key); err != nil {
		return err
	}
	if in.ExpressionAttributeValues, err = s.item(u.Values); err != nil {
		return err
	}
	s.note("UpdateItem %s %s", short(v[0]), v[1])
	_, err = dynamodb.NewFromConfig(s.config).UpdateItem(ctx, in)
	return err
}

func (s *session) deleteItem(ctx context.Context, d *lab.ItemRef) error {
	table, err := s.expand(d.Table)
	if err != nil {
		return err
	}
	key, err := s.item(d.Key)
	if err != nil {
		return err
	}
	s.note("DeleteItem %s %s", short(table), readable(plainItem(key)))
	_, err = dynamodb.NewFromConfig(s.config).DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &table, Key: key})
	return err
}

func (s *session) items(ctx context.Context, p *lab.ItemsProbe) (any, error) {
	v, err := s.expandAll(p.Table, p.Index, p.Condition)
	if err != nil {
		return nil, err
	}
	var index *string
	if v[1] != "" {
		index = &v[1]
	}
	// A global secondary index has no consistent reads.
	consistent := index == nil
	values, err := s.item(p.Values)
	if err != nil {
		return nil, err
	}
	client, out := dynamodb.NewFromConfig(s.looks), []any{}
	var next map[string]types.AttributeValue
	for {
		var page []map[string]types.AttributeValue
		if v[2] != "" {
			r, err := client.Query(ctx, &dynamodb.QueryInput{TableName: &v[0], IndexName: index, KeyConditionExpression: &v[2],
				ExpressionAttributeNames: p.Names, ExpressionAttributeValues: values, ConsistentRead: &consistent,
				ExclusiveStartKey: next})
			if err != nil {
				return nil, err
			}
			page, next = r.Items, r.LastEvaluatedKey
		} else {
			r, err := client.Scan(ctx, &dynamodb.ScanInput{TableName: &v[0], IndexName: index, ConsistentRead: &consistent,
				ExclusiveStartKey: next})
			if err != nil {
				return nil, err
			}
			page, next = r.Items, r.LastEvaluatedKey
		}
		for _, i := range page {
			if out, err = s.found(out, plainItem(i)); err != nil {
				return nil, err
			}
		}
		if len(next) == 0 {
			return out, nil
		}
	}
}
