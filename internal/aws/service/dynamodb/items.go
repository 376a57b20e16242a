package dynamodb

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/expr"
	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/item"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// injected acts out a throttling fault on one of the tables of a batch or
// transaction. The gateway does it for calls that name a single table.
func (s *Service) injected(operation, table string) error {
	if _, hit := s.host.Faults.Take(gateway.FaultThrottle, "dynamodb", operation, table); hit {
		return throttled(msgThrottled, nil)
	}
	return nil
}

// single carries out one write in a transaction of its own.
func (s *Service) single(c *gateway.Call, m mutation, metrics types.ReturnItemCollectionMetrics) (outcome, error) {
	var o outcome
	err := s.write(c.Scope, c.Time, func(w *work) error {
		var err error
		if o, err = w.plan(m); err != nil {
			return err
		}
		if err := s.meter.admit(c.Scope, o.usage); err != nil {
			return err
		}
		w.commit(o, false)
		o.size = w.collection(metrics, o)
		return nil
	})
	return o, err
}

// PutItem stores an item in place of the one with its key.
func (s *Service) PutItem(ctx context.Context, in *dynamodb.PutItemInput) (*dynamodb.PutItemOutput, error) {
	if in.ReturnValues != "" && in.ReturnValues != types.ReturnValueNone && in.ReturnValues != types.ReturnValueAllOld {
		return nil, refuse("ReturnValues can only be ALL_OLD or NONE")
	}
	m, err := writeRequest{kind: putItem, table: in.TableName, item: in.Item, condition: in.ConditionExpression,
		names: in.ExpressionAttributeNames, values: in.ExpressionAttributeValues,
		old: oldWrite{nil, in.Expected, in.ConditionalOperator}}.alone()
	if err != nil {
		return nil, err
	}
	o, err := s.single(gateway.From(ctx), m, in.ReturnItemCollectionMetrics)
	if err != nil {
		return nil, err
	}
	if o.failed {
		return nil, conditionFailed(o.old, in.ReturnValuesOnConditionCheckFailure)
	}
	out := &dynamodb.PutItemOutput{ConsumedCapacity: o.usage.sdk(in.ReturnConsumedCapacity, false),
		ItemCollectionMetrics: o.size}
	if in.ReturnValues == types.ReturnValueAllOld {
		out.Attributes = o.old.attributes().SDK()
	}
	return out, nil
}

// DeleteItem removes an item; it succeeds when there is none.
func (s *Service) DeleteItem(ctx context.Context, in *dynamodb.DeleteItemInput) (*dynamodb.DeleteItemOutput, error) {
	if in.ReturnValues != "" && in.ReturnValues != types.ReturnValueNone && in.ReturnValues != types.ReturnValueAllOld {
		return nil, refuse("ReturnValues can only be ALL_OLD or NONE")
	}
	m, err := writeRequest{kind: deleteItem, table: in.TableName, item: in.Key, condition: in.ConditionExpression,
		names: in.ExpressionAttributeNames, values: in.ExpressionAttributeValues,
		old: oldWrite{nil, in.Expected, in.ConditionalOperator}}.alone()
	if err != nil {
		return nil, err
	}
	o, err := s.single(gateway.From(ctx), m, in.ReturnItemCollectionMetrics)
	if err != nil {
		return nil, err
	}
	if o.failed {
		return nil, conditionFailed(o.old, in.ReturnValuesOnConditionCheckFailure)
	}
	out := &dynamodb.DeleteItemOutput{ConsumedCapacity: o.usage.sdk(in.ReturnConsumedCapacity, false),
		ItemCollectionMetrics: o.size}
	if in.ReturnValues == types.ReturnValueAllOld {
		out.Attributes = o.old.attributes().SDK()
	}
	return out, nil
}

// UpdateItem changes attributes of an item, or makes it.
func (s *Service) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput) (*dynamodb.UpdateItemOutput, error) {
	m, err := writeRequest{kind: updateItem, table: in.TableName, item: in.Key, condition: in.ConditionExpression,
		update: in.UpdateExpression, names: in.ExpressionAttributeNames, values: in.ExpressionAttributeValues,
		old: oldWrite{in.AttributeUpdates, in.Expected, in.ConditionalOperator}}.alone()
	if err != nil {
		return nil, err
	}
	o, err := s.single(gateway.From(ctx), m, in.ReturnItemCollectionMetrics)
	if err != nil {
		return nil, err
	}
	if o.failed {
		return nil, conditionFailed(o.old, in.ReturnValuesOnConditionCheckFailure)
	}
	out := &dynamodb.UpdateItemOutput{ConsumedCapacity: o.usage.sdk(in.ReturnConsumedCapacity, false),
		ItemCollectionMetrics: o.size}
	updated := expr.NewProjection(m.paths())
	switch in.ReturnValues {
	case types.ReturnValueAllOld:
		out.Attributes = o.old.attributes().SDK()
	case types.ReturnValueAllNew:
		out.Attributes = o.new.attributes().SDK()
	case types.ReturnValueUpdatedOld:
		out.Attributes = some(updated.Apply(o.old.attributes()))
	case types.ReturnValueUpdatedNew:
		out.Attributes = some(updated.Apply(o.new.attributes()))
	}
	return out, nil
}

// some is nil for an empty item: AWS leaves Attributes out then.
func some(it item.Item) map[string]types.AttributeValue {
	if len(it) == 0 {
		return nil
	}
	return it.SDK()
}

// GetItem reads an item.
func (s *Service) GetItem(ctx context.Context, in *dynamodb.GetItemInput) (*dynamodb.GetItemOutput, error) {
	c := gateway.From(ctx)
	g := get{table: tableName(in.TableName), consistent: aws.ToBool(in.ConsistentRead)}
	p, err := placeholders(in.ExpressionAttributeNames, nil, expression{"ProjectionExpression", in.ProjectionExpression})
	if err != nil {
		return nil, err
	}
	if g.projection, err = projection(in.ProjectionExpression, in.AttributesToGet, p); err != nil {
		return nil, err
	}
	if err := p.Unused(); err != nil {
		return nil, refused(err)
	}
	if g.key, err = item.FromSDK(in.Key); err != nil {
		return nil, refused(err)
	}
	out := &dynamodb.GetItemOutput{}
	err = s.host.Store.View(func(tx *store.Tx) error {
		r, u, err := s.read(tx, c, g)
		if err != nil {
			return err
		}
		if err := s.charge(c, u); err != nil {
			return err
		}
		out.Item = project(r.attributes(), g.projection).SDK()
		out.ConsumedCapacity = u.sdk(in.ReturnConsumedCapacity, false)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// get is one read by key.
type get struct {
	table      string
	key        item.Item
	consistent bool
	projection *expr.Projection
	filter     *expr.Condition // of PartiQL: what the item has to fulfil besides
}

func (s *Service) read(tx *store.Tx, c *gateway.Call, g get) (*record, usage, error) {
	t, err := s.open(tx, c.Scope, g.table, c.Time)
	if err != nil {
		return nil, usage{}, err
	}
	if err := t.checkKey(g.key); err != nil {
		return nil, usage{}, err
	}
	r, _ := s.items.Get(tx, c.Scope, t.itemKey(g.key))
	u := usage{table: t, base: readUnits(r.bytes(), g.consistent)}
	u.key("", g.key[t.Schema.Hash], u.base)
	if g.filter != nil && !g.filter.Holds(r.attributes()) {
		r = nil
	}
	return r, u, nil
}
