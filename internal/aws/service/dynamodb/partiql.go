package dynamodb

import (
	"context"
	"crypto/sha256"
	"encoding/base64"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/expr"
	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/item"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// parseStatement reads a PartiQL statement with its parameters.
func parseStatement(text *string, parameters []types.AttributeValue) (*expr.Statement, error) {
	values := make([]item.Value, len(parameters))
	for i, p := range parameters {
		var err error
		if values[i], err = item.ValueFromSDK(p); err != nil {
			return nil, refused(err)
		}
	}
	st, err := expr.ParseStatement(aws.ToString(text), values)
	if err == nil && st.Kind == expr.Delete && st.Returning != "" && st.Returning != "ALL OLD" {
		return nil, refuse("Invalid returning clause: RETURNING %s *. Only RETURNING ALL OLD * is allowed in DELETE "+
			"statements.", st.Returning)
	}
	return st, refused(err)
}

// ExecuteStatement carries out one PartiQL statement.
func (s *Service) ExecuteStatement(ctx context.Context,
	in *dynamodb.ExecuteStatementInput) (*dynamodb.ExecuteStatementOutput, error) {
	c := gateway.From(ctx)
	st, err := parseStatement(in.Statement, in.Parameters)
	if err != nil {
		return nil, err
	}
	if err := s.injected("ExecuteStatement", tableName(&st.Table)); err != nil {
		return nil, err
	}
	switch {
	case st.Kind == expr.Exists:
		return nil, refuse("EXISTS is a statement of transactions only")
	case st.Kind == expr.Select:
		return s.selection(c, st, in)
	case in.NextToken != nil:
		return nil, refuse("NextToken is only valid on a SELECT statement")
	}
	o, err := s.execute(c, st, in.ReturnValuesOnConditionCheckFailure)
	if err != nil {
		return nil, err
	}
	out := &dynamodb.ExecuteStatementOutput{Items: []map[string]types.AttributeValue{},
		ConsumedCapacity: o.usage.sdk(in.ReturnConsumedCapacity, false)}
	if it := o.returned(st); len(it) > 0 {
		out.Items = append(out.Items, it.SDK())
	}
	return out, nil
}

// execute carries out a statement that writes.
func (s *Service) execute(c *gateway.Call, st *expr.Statement,
	onFail types.ReturnValuesOnConditionCheckFailure) (outcome, error) {
	var o outcome
	err := s.write(c.Scope, c.Time, func(w *work) error {
		m, err := w.mutation(st)
		if err != nil {
			return err
		}
		if o, err = w.plan(m); err != nil {
			return err
		}
		if err := s.meter.admit(c.Scope, o.usage); err != nil {
			return err
		}
		w.commit(o, false)
		return nil
	})
	switch {
	case err != nil:
		return o, err
	case o.failed && st.Kind == expr.Insert:
		return o, &types.DuplicateItemException{Message: aws.String(msgDuplicate)}
	case o.failed:
		return o, conditionFailed(o.old, onFail)
	}
	return o, nil
}

const msgDuplicate = "Duplicate primary key exists in table"

// mutation is the write that a statement means, of the one item that it names.
// Sources: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.insert.html,
// ql-reference.update.html, ql-reference.delete.html
func (w *work) mutation(st *expr.Statement) (mutation, error) {
	name := tableName(&st.Table)
	m := mutation{table: name, item: st.Item}
	t, err := w.s.open(w.tx, w.sc, name, w.now)
	if err != nil {
		return m, err
	}
	if st.Kind == expr.Insert {
		m.kind, m.condition = putItem, expr.Without(t.Schema.Hash)
		for _, v := range m.item {
			if v.Depth() > item.MaxDepth {
				return m, refused(item.ErrNested)
			}
		}
		if m.item.Size() > int(limit("itemBytes")) {
			return m, refuse("Item size has exceeded the maximum allowed size")
		}
		return m, nil
	}
	if m.item = t.named(st.Where); m.item == nil {
		return m, refuse("Where clause does not contain a mandatory equality on all key attributes")
	}
	switch st.Kind {
	case expr.UpdateItem: // of an item that is there: its key is in the condition
		m.kind, m.condition, m.update = updateItem, st.Where, st.Update
	case expr.Delete: // of nothing succeeds
		m.kind, m.condition = deleteItem, st.Where.OrWithout(t.Schema.Hash)
	default:
		m.kind, m.condition = checkItem, st.Where
	}
	return m, nil
}

// named is the primary key that a condition demands, nil if it demands no whole one.
func (t *Table) named(where *expr.Condition) item.Item {
	key := item.Item{}
	terms, _ := where.Terms()
	for _, term := range terms {
		if term.Op == "=" && t.Schema.has(term.Attribute) && !key[term.Attribute].Exists() {
			key[term.Attribute] = term.Values[0]
		}
	}
	if len(key) != len(t.Schema.names()) {
		return nil
	}
	return key
}

// returned is the item that a RETURNING clause asks for.
func (o outcome) returned(st *expr.Statement) item.Item {
	switch st.Returning {
	case "ALL OLD":
		return o.old.attributes()
	case "ALL NEW":
		return o.new.attributes()
	case "MODIFIED OLD":
		return expr.NewProjection(st.Update.Paths()).Apply(o.old.attributes())
	case "MODIFIED NEW":
		return expr.NewProjection(st.Update.Paths()).Apply(o.new.attributes())
	}
	return nil
}

// selection answers a SELECT, page by page.
func (s *Service) selection(c *gateway.Call, st *expr.Statement,
	in *dynamodb.ExecuteStatementInput) (*dynamodb.ExecuteStatementOutput, error) {
	stamp := stampOf(in)
	from, err := stamp.key(in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &dynamodb.ExecuteStatementOutput{Items: []map[string]types.AttributeValue{}}
	err = s.host.Store.View(func(tx *store.Tx) error {
		ranges, err := s.ranges(tx, c, st, aws.ToBool(in.ConsistentRead))
		if err != nil {
			return err
		}
		total, left := usage{table: ranges[0].table}, int(aws.ToInt32(in.Limit))
		for _, r := range ranges {
			if from != nil {
				if len(ranges) > 1 && !r.hash.Equal(from[r.schema().Hash]) {
					continue
				}
				if err := r.startKey(from.SDK(), msgOtherToken); err != nil {
					return err
				}
				from = nil
			}
			r.limit = left
			got := s.run(tx, c, r)
			out.Items, left = append(out.Items, got.items...), left-int(got.scanned)
			total.add(got.usage)
			total.keys = append(total.keys, got.usage.keys...)
			if got.last != nil {
				out.LastEvaluatedKey, out.NextToken = got.last.SDK(), stamp.token(got.last)
				break
			}
		}
		out.ConsumedCapacity = total.sdk(in.ReturnConsumedCapacity, false)
		return s.charge(c, total)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (r *reading) schema() KeySchema {
	if r.index != nil {
		return r.index.Schema
	}
	return r.table.Schema
}

// ranges are what a SELECT has to read: with a condition on the partition key one range
// for each of its values, else all. The whole condition is the filter.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.select.html
func (s *Service) ranges(tx *store.Tx, c *gateway.Call, st *expr.Statement, consistent bool) ([]*reading, error) {
	r := reading{forward: !st.Descending, consistent: consistent, filter: st.Where, projection: st.Projection}
	var err error
	if r.table, err = s.open(tx, c.Scope, tableName(&st.Table), c.Time); err != nil {
		return nil, err
	}
	if st.Index != "" {
		if err := r.source(&st.Index, "", false); err != nil {
			return nil, err
		}
	}
	if err := r.wanted(); err != nil {
		return nil, err
	}
	hashes, sort, err := r.terms(st.Where)
	if err != nil {
		return nil, err
	}
	if err := r.ordered(st, len(hashes) > 0); err != nil {
		return nil, err
	}
	if len(hashes) == 0 {
		r.bounds = segmentBounds(r.prefix(), 0, 0)
		return []*reading{&r}, nil
	}
	var out []*reading
	for _, h := range hashes {
		one := r
		one.hash, one.bounds = h, queryBounds(r.prefix(), h, sort)
		out = append(out, &one)
	}
	return out, nil
}

// terms are what a condition says of the key: values of the partition key, and one
// condition on the sort key that narrows the range.
func (r *reading) terms(where *expr.Condition) (hashes []item.Value, sort *expr.KeyTerm, err error) {
	all, _ := where.Terms()
	for i := range all {
		t := &all[i]
		hash := t.Attribute == r.schema().Hash && (t.Op == "=" || t.Op == "IN")
		ranged := t.Attribute == r.schema().Range && t.Op != "IN"
		if !hash && !ranged {
			continue
		}
		for _, v := range t.Values {
			if v.Kind != r.table.kind(t.Attribute) {
				return nil, nil, refuse(invalid + "Condition parameter type does not match schema type")
			}
		}
		switch {
		case hash && hashes == nil:
			for _, v := range t.Values { // each once
				if !(item.Value{Kind: item.List, Elems: hashes}).Has(v) {
					hashes = append(hashes, v)
				}
			}
		case ranged && sort == nil && (t.Op != "begins_with" || t.Values[0].Kind != item.Number):
			sort = t
		}
	}
	return hashes, sort, nil
}

// ordered checks ORDER BY.
func (r *reading) ordered(st *expr.Statement, keyed bool) error {
	switch {
	case st.Order == "":
	case st.Where == nil:
		return refuse("Must have WHERE clause in the statement when using ORDER BY clause.")
	case !keyed:
		return refuse("Must have at least one non-optional hash key condition in WHERE clause when using ORDER BY clause.")
	case !r.schema().has(st.Order):
		return refuse("Variable reference %s in ORDER BY clause must be part of the primary key", st.Order)
	}
	return nil
}

// stamp marks the tokens of one statement and its parameters.
type stamp string

const msgOtherToken = "NextToken does not match request"

func stampOf(in *dynamodb.ExecuteStatementInput) stamp {
	sum := sha256.Sum256(statementBytes(in.Statement, in.Parameters))
	return stamp(sum[:8])
}

// statementBytes tell a statement with its parameters from every other one.
func statementBytes(text *string, parameters []types.AttributeValue) []byte {
	b := append([]byte(aws.ToString(text)), 0)
	for _, p := range parameters {
		if v, err := item.ValueFromSDK(p); err == nil {
			b = item.Item{"": v}.Encode(b)
		}
	}
	return b
}

func (s stamp) token(last item.Item) *string {
	return aws.String(base64.StdEncoding.EncodeToString(last.Encode([]byte(s))))
}

// key is the key that a token of this statement goes on from.
func (s stamp) key(token *string) (item.Item, error) {
	if token == nil {
		return nil, nil
	}
	b, err := base64.StdEncoding.DecodeString(*token)
	if err != nil || len(b) < len(s) || stamp(b[:len(s)]) != s {
		return nil, refuse(msgOtherToken)
	}
	key, _, err := item.Decode(b[len(s):])
	if err != nil {
		return nil, refuse(msgOtherToken)
	}
	return key, nil
}
