package dynamodb

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/policy"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// CreateTable makes a table, which is CREATING for a moment.
func (s *Service) CreateTable(ctx context.Context, in *dynamodb.CreateTableInput) (*dynamodb.CreateTableOutput, error) {
	c := gateway.From(ctx)
	t, err := s.newTable(c, in)
	if err != nil {
		return nil, err
	}
	var doc *policy.Document
	if in.ResourcePolicy != nil {
		if doc, err = policyFor(false, *in.ResourcePolicy); err != nil {
			return nil, err
		}
	}
	out := &dynamodb.CreateTableOutput{}
	err = s.write(c.Scope, c.Time, func(w *work) error {
		if _, ok := s.find(w.tx, w.sc, t.Name, w.now); ok {
			return inUse("Table already exists: " + t.Name)
		}
		n := int64(0)
		s.tables.Scan(w.tx, w.sc, "", "", func(string, *Table) bool { n++; return true })
		if n >= limit("tablesPerRegion") {
			return &types.LimitExceededException{Message: aws.String(
				"Subscriber limit exceeded: There is a limit of 2500 tables per subscriber")}
		}
		if sp := in.StreamSpecification; sp != nil && aws.ToBool(sp.StreamEnabled) {
			w.openStream(t, sp)
		}
		s.tables.Put(w.tx, w.sc, t.Name, t)
		if doc != nil {
			s.policies.Put(w.tx, w.sc, t.Name, resourcePolicy{}.next(canonical(doc), w.now))
		}
		out.TableDescription = s.describe(w.tx, w.sc, t, w.now)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (s *Service) newTable(c *gateway.Call, in *dynamodb.CreateTableInput) (*Table, error) {
	if in.SSESpecification != nil && aws.ToBool(in.SSESpecification.Enabled) {
		return nil, gateway.Unsupported("dynamodb", "CreateTable", "SSESpecification")
	}
	t := &Table{
		Name: tableName(in.TableName), ID: s.host.IDs.UUID(), Key: s.host.IDs.Hex(12),
		Attributes: attributes(in.AttributeDefinitions), OnDemand: in.BillingMode == types.BillingModePayPerRequest,
		Class: string(in.TableClass), Protected: aws.ToBool(in.DeletionProtectionEnabled),
		Created: c.Time, ActiveAt: c.Time.Add(settle()), Tags: map[string]string{},
	}
	if t.OnDemand {
		t.OnDemandAt = c.Time
	}
	for _, tag := range in.Tags {
		t.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	var err error
	if len(in.KeySchema) > len(in.AttributeDefinitions) {
		return nil, refuse("Invalid KeySchema: Some index key attribute have no definition")
	}
	if t.Schema, err = keySchema("CreateTable", in.KeySchema); err != nil {
		return nil, err
	}
	if t.Provided, err = throughput(in.ProvisionedThroughput, t.OnDemand, ""); err != nil {
		return nil, err
	}
	if t.Indexes, err = newIndexes(in, t); err != nil {
		return nil, err
	}
	if err := t.checkAttributes(); err != nil {
		return nil, err
	}
	if err := checkStream(in.StreamSpecification); err != nil {
		return nil, err
	}
	return t, t.checkIndexes()
}

func newIndexes(in *dynamodb.CreateTableInput, t *Table) ([]*Index, error) {
	var specs []indexSpec
	if in.LocalSecondaryIndexes != nil && len(in.LocalSecondaryIndexes) == 0 {
		return nil, refuse(invalid + "List of LocalSecondaryIndexes is empty")
	}
	if in.GlobalSecondaryIndexes != nil && len(in.GlobalSecondaryIndexes) == 0 {
		return nil, refuse(invalid + "List of GlobalSecondaryIndexes is empty")
	}
	for _, x := range in.LocalSecondaryIndexes {
		specs = append(specs, indexSpec{x.IndexName, x.KeySchema, x.Projection, false, nil})
	}
	for _, x := range in.GlobalSecondaryIndexes {
		specs = append(specs, indexSpec{x.IndexName, x.KeySchema, x.Projection, true, x.ProvisionedThroughput})
	}
	var out []*Index
	for _, spec := range specs {
		ix, err := newIndex("CreateTable", spec, t.OnDemand)
		if err != nil {
			return nil, err
		}
		ix.ActiveAt = t.ActiveAt
		out = append(out, ix)
	}
	return out, nil
}

func checkStream(sp *types.StreamSpecification) error {
	switch {
	case sp == nil:
		return nil
	case aws.ToBool(sp.StreamEnabled) && sp.StreamViewType == "":
		return refuse(invalid + "StreamViewType is required when StreamEnabled is true")
	case !aws.ToBool(sp.StreamEnabled) && sp.StreamViewType != "":
		return refuse(invalid + "StreamViewType is not allowed when StreamEnabled is false")
	}
	return nil
}

func (w *work) openStream(t *Table, sp *types.StreamSpecification) {
	st := w.s.log.Open(w.tx, w.sc, t.Name, string(sp.StreamViewType), t.Schema.stream(), w.now, w.s.host.IDs.Hex(8))
	t.Stream = &st
}

// DescribeTable tells a table's definition and state.
func (s *Service) DescribeTable(ctx context.Context, in *dynamodb.DescribeTableInput) (*dynamodb.DescribeTableOutput,
	error) {
	c, name := gateway.From(ctx), tableName(in.TableName)
	out := &dynamodb.DescribeTableOutput{}
	err := s.host.Store.View(func(tx *store.Tx) error {
		t, ok := s.find(tx, c.Scope, name, c.Time)
		if !ok {
			return tableNotFound(name)
		}
		out.Table = s.describe(tx, c.Scope, t, c.Time)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ListTables lists names, 100 a page.
func (s *Service) ListTables(ctx context.Context, in *dynamodb.ListTablesInput) (*dynamodb.ListTablesOutput, error) {
	c, most := gateway.From(ctx), 100
	if in.Limit != nil {
		most = int(*in.Limit)
	}
	out := &dynamodb.ListTablesOutput{TableNames: []string{}}
	start := aws.ToString(in.ExclusiveStartTableName)
	err := s.host.Store.View(func(tx *store.Tx) error {
		s.tables.Scan(tx, c.Scope, "", start, func(name string, t *Table) bool {
			if name == start || !t.GoneAt.IsZero() && !c.Time.Before(t.GoneAt) {
				return true
			}
			if len(out.TableNames) == most {
				out.LastEvaluatedTableName = aws.String(out.TableNames[most-1])
				return false
			}
			out.TableNames = append(out.TableNames, name)
			return true
		})
		return nil
	})
	return out, err
}

// DeleteTable removes a table with all it holds. Its stream stays readable.
func (s *Service) DeleteTable(ctx context.Context, in *dynamodb.DeleteTableInput) (*dynamodb.DeleteTableOutput, error) {
	c, name := gateway.From(ctx), tableName(in.TableName)
	out := &dynamodb.DeleteTableOutput{}
	var key string
	err := s.write(c.Scope, c.Time, func(w *work) error {
		t, ok := s.find(w.tx, w.sc, name, w.now)
		if !ok {
			return tableNotFound(name)
		}
		if err := t.changeable(w); err != nil {
			return err
		}
		if t.Protected {
			return refuse(
				"Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.")
		}
		out.TableDescription = s.describe(w.tx, w.sc, t, w.now)
		out.TableDescription.TableStatus = types.TableStatusDeleting
		t, key = t.copy(), t.Key
		t.GoneAt = w.now.Add(settle())
		if t.Stream != nil {
			s.log.Close(w.tx, w.sc, t.Stream.ID(), w.now)
		}
		s.tables.Put(w.tx, w.sc, name, t)
		w.dropPolicies(name)
		empty(w, s.items, key)
		empty(w, s.entries, key)
		empty(w, s.expires, key)
		empty(w, s.counts, key)
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.armTTL(c.Scope, name, key)
	s.meter.forget(key)
	return out, nil
}

// changeable refuses changes to a table that another change is under way on.
func (t *Table) changeable(w *work) error {
	switch t.status(w.now) {
	case types.TableStatusCreating:
		return inUse("Attempt to change a resource which is still in use: Table is being created: " + t.Name)
	case types.TableStatusDeleting:
		return inUse("Attempt to change a resource which is still in use: Table is being deleted: " + t.Name)
	case types.TableStatusUpdating:
		return inUse("Attempt to change a resource which is still in use: Table is being updated: " + t.Name)
	}
	return nil
}

func empty[T any](w *work, c *store.Collection[T], prefix string) {
	var keys []string
	c.Scan(w.tx, w.sc, prefix, "", func(key string, _ T) bool {
		keys = append(keys, key)
		return true
	})
	for _, key := range keys {
		c.Delete(w.tx, w.sc, key)
	}
}
