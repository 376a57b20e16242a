package dynamodb

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
)

// UpdateTable changes what the request names and leaves the rest.
func (s *Service) UpdateTable(ctx context.Context, in *dynamodb.UpdateTableInput) (*dynamodb.UpdateTableOutput, error) {
	c, name := gateway.From(ctx), tableName(in.TableName)
	if in.SSESpecification != nil && aws.ToBool(in.SSESpecification.Enabled) {
		return nil, gateway.Unsupported("dynamodb", "UpdateTable", "SSESpecification")
	}
	if in.ProvisionedThroughput == nil && in.GlobalSecondaryIndexUpdates == nil && in.StreamSpecification == nil &&
		in.BillingMode == "" && in.DeletionProtectionEnabled == nil && in.TableClass == "" {
		return nil,
			refuse("At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates " +
				"or SSESpecification or ReplicaUpdates is required")
	}
	if err := checkStream(in.StreamSpecification); err != nil {
		return nil, err
	}
	out := &dynamodb.UpdateTableOutput{}
	err := s.write(c.Scope, c.Time, func(w *work) error {
		t, ok := s.find(w.tx, w.sc, name, w.now)
		if !ok {
			return tableNotFound(name)
		}
		if err := t.changeable(w); err != nil {
			return err
		}
		t = t.copy()
		if err := w.alter(t, in); err != nil {
			return err
		}
		s.tables.Put(w.tx, w.sc, name, t)
		out.TableDescription = s.describe(w.tx, w.sc, t, w.now)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// alter applies the request to t, a copy.
func (w *work) alter(t *Table, in *dynamodb.UpdateTableInput) error {
	t.UpdatedAt = w.now.Add(settle())
	if in.DeletionProtectionEnabled != nil {
		t.Protected = *in.DeletionProtectionEnabled
	}
	if in.TableClass != "" {
		t.Class = string(in.TableClass)
	}
	if err := w.alterBilling(t, in); err != nil {
		return err
	}
	if err := w.alterStream(t, in.StreamSpecification); err != nil {
		return err
	}
	if len(in.GlobalSecondaryIndexUpdates) == 0 {
		return nil
	}
	for _, a := range attributes(in.AttributeDefinitions) {
		if k := t.kind(a.Name); k == 0 {
			t.Attributes = append(t.Attributes[:len(t.Attributes):len(t.Attributes)], a)
		} else if k.String() != a.Type {
			return refuse(invalid+"Attribute %s is already defined with another type", a.Name)
		}
	}
	for _, u := range in.GlobalSecondaryIndexUpdates {
		if err := w.alterIndex(t, u); err != nil {
			return err
		}
	}
	t.dropUnusedAttributes()
	if err := t.checkAttributes(); err != nil {
		return err
	}
	return t.checkIndexes()
}

func (w *work) alterBilling(t *Table, in *dynamodb.UpdateTableInput) error {
	was := t.OnDemand
	if in.BillingMode != "" {
		t.OnDemand = in.BillingMode == types.BillingModePayPerRequest
	}
	switch {
	case t.OnDemand && !was:
		t.OnDemandAt, t.Provided = w.now, Throughput{}
		for _, ix := range t.present() {
			ix.Provided = Throughput{}
		}
	case !t.OnDemand && was && in.ProvisionedThroughput == nil:
		return refuse(invalid + "ProvisionedThroughput must be specified when BillingMode is PROVISIONED")
	}
	if in.ProvisionedThroughput == nil {
		return nil
	}
	p, err := throughput(in.ProvisionedThroughput, t.OnDemand, "")
	if err != nil {
		return err
	}
	if !was && p.Read == t.Provided.Read && p.Write == t.Provided.Write && in.GlobalSecondaryIndexUpdates == nil {
		return refuse(
			"The provisioned throughput for the table will not change. The requested value equals the current value. "+
				"Current ReadCapacityUnits provisioned for the table: %d. Requested ReadCapacityUnits: %d. "+
				"Current WriteCapacityUnits provisioned for the table: %d. Requested WriteCapacityUnits: %d. "+
				"Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits.",
			t.Provided.Read, p.Read, t.Provided.Write, p.Write)
	}
	t.Provided = t.Provided.changed(p, w.now)
	return nil
}

// changed is p with the times of the last increase and decrease.
func (p Throughput) changed(to Throughput, now time.Time) Throughput {
	to.Increased, to.Decreased = p.Increased, p.Decreased
	if to.Read > p.Read || to.Write > p.Write {
		to.Increased = now
	}
	if to.Read < p.Read || to.Write < p.Write {
		to.Decreased = now
	}
	return to
}

func (w *work) alterStream(t *Table, sp *types.StreamSpecification) error {
	if sp == nil {
		return nil
	}
	enabled := t.Stream != nil && t.Stream.Closed.IsZero()
	switch {
	case aws.ToBool(sp.StreamEnabled) && enabled:
		return refuse("Table already has an enabled stream: TableName: %s", t.Name)
	case !aws.ToBool(sp.StreamEnabled) && !enabled:
		return refuse("Table has no stream to disable: TableName: %s", t.Name)
	case aws.ToBool(sp.StreamEnabled):
		w.openStream(t, sp)
	default:
		w.s.log.Close(w.tx, w.sc, t.Stream.ID(), w.now)
		st := *t.Stream
		st.Closed = w.now
		t.Stream = &st
	}
	return nil
}

func (w *work) alterIndex(t *Table, u types.GlobalSecondaryIndexUpdate) error {
	switch {
	case u.Create != nil:
		x := u.Create
		if t.index(aws.ToString(x.IndexName)) != nil {
			return refuse("Attempting to create an index which already exists")
		}
		ix, err := newIndex("UpdateTable", indexSpec{x.IndexName, x.KeySchema, x.Projection, true, x.ProvisionedThroughput},
			t.OnDemand)
		if err != nil {
			return err
		}
		ix.ActiveAt = ready(w.now)
		t.Indexes = append(t.Indexes, ix)
		w.backfill(t, ix)
	case u.Delete != nil:
		ix := t.index(aws.ToString(u.Delete.IndexName))
		if ix == nil || !ix.Global {
			return &types.ResourceNotFoundException{Message: aws.String(msgNotFound + ": Index: " +
				aws.ToString(u.Delete.IndexName) + " not found")}
		}
		ix.GoneAt = ready(w.now)
		empty(w, w.s.entries, ix.prefix(t))
		empty(w, w.s.counts, ix.prefix(t))
	case u.Update != nil:
		x := u.Update
		ix := t.index(aws.ToString(x.IndexName))
		if ix == nil || !ix.Global {
			return &types.ResourceNotFoundException{Message: aws.String(msgNotFound + ": Index: " + aws.ToString(x.IndexName) +
				" not found")}
		}
		p, err := throughput(x.ProvisionedThroughput, t.OnDemand, "for index: "+ix.Name)
		if err != nil {
			return err
		}
		ix.Provided = ix.Provided.changed(p, w.now)
	default:
		return refuse(invalid + "One of GlobalSecondaryIndexUpdate.Create, Update or Delete must be specified")
	}
	return nil
}

// backfill fills a new index. Items whose index key has another type than the
// definition says are left out, as AWS does.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.OnlineOps.html#GSI.OnlineOps.Creating
func (w *work) backfill(t *Table, ix *Index) {
	w.s.items.Scan(w.tx, w.sc, t.Key, "", func(key string, r *record) bool {
		for _, n := range ix.Schema.names() {
			if v := r.item[n]; v.Kind != t.kind(n) || v.Text == "" {
				return true
			}
		}
		w.indexItem(t, ix, outcome{table: t, key: key, new: r})
		return true
	})
}

// dropUnusedAttributes removes definitions that only a removed index used.
func (t *Table) dropUnusedAttributes() {
	var kept []Attribute
	for _, a := range t.Attributes {
		used := t.Schema.has(a.Name)
		for _, ix := range t.present() {
			used = used || ix.Schema.has(a.Name)
		}
		if used {
			kept = append(kept, a)
		}
	}
	t.Attributes = kept
}
