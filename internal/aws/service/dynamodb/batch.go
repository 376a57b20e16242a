package dynamodb

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/item"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// isThrottled reports whether err means that throughput is used up.
func isThrottled(err error) bool {
	var provisioned *types.ProvisionedThroughputExceededException
	var onDemand *types.ThrottlingException
	return errors.As(err, &provisioned) || errors.As(err, &onDemand)
}

// BatchWriteItem puts and deletes up to 25 items, each by itself: what is
// throttled comes back as UnprocessedItems; the call fails only when all is.
func (s *Service) BatchWriteItem(ctx context.Context, in *dynamodb.BatchWriteItemInput) (*dynamodb.BatchWriteItemOutput,
	error) {
	c := gateway.From(ctx)
	names := slices.Sorted(maps.Keys(in.RequestItems)) // a fixed order makes faults repeatable
	writes, err := batchMutations(in.RequestItems, names)
	if err != nil {
		return nil, err
	}
	out := &dynamodb.BatchWriteItemOutput{UnprocessedItems: map[string][]types.WriteRequest{}}
	used, done := map[string]*usage{}, []outcome(nil)
	var refusal error
	err = s.write(c.Scope, c.Time, func(w *work) error {
		seen := map[string]bool{}
		planned := make(map[string][]outcome, len(names))
		for _, n := range names { // all checks come before the first write
			for _, m := range writes[n] {
				if t, err := s.open(w.tx, w.sc, m.table, w.now); err != nil {
					return err
				} else if err := t.checkPrimary(m.item); err != nil {
					return err
				}
				o, err := w.plan(m)
				if err != nil {
					return err
				}
				if seen[o.key] {
					return refuse("Provided list of item keys contains duplicates")
				}
				seen[o.key] = true
				planned[n] = append(planned[n], o)
			}
		}
		for _, n := range names {
			for i, o := range planned[n] {
				err := s.batchFault(n)
				if err == nil {
					err = s.meter.admit(c.Scope, o.usage)
				}
				if err != nil {
					refusal = err
					out.UnprocessedItems[n] = append(out.UnprocessedItems[n], in.RequestItems[n][i])
					continue
				}
				w.commit(o, false)
				tally(used, o.usage)
				done = append(done, o)
			}
		}
		out.ItemCollectionMetrics = w.collections(in.ReturnItemCollectionMetrics, done)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(done) == 0 && refusal != nil && isThrottled(refusal) && !errors.Is(refusal, errEntryFault) {
		return nil, refusal
	}
	out.ConsumedCapacity = consumed(used, in.ReturnConsumedCapacity, false)
	return out, nil
}

// errEntryFault marks an entry that an injected fault failed: the call itself
// succeeds even when no entry does.
var errEntryFault = errors.New("injected fault")

func (s *Service) batchFault(table string) error {
	if _, hit := s.host.Faults.Take(gateway.FaultEntries, "dynamodb", "BatchWriteItem", tableName(&table)); hit {
		return errEntryFault
	}
	return s.injected("BatchWriteItem", tableName(&table))
}

func batchMutations(requests map[string][]types.WriteRequest, names []string) (map[string][]mutation, error) {
	total := 0
	out := map[string][]mutation{}
	for _, n := range names {
		if len(requests[n]) == 0 {
			return nil, refuse("The batch write request list for a table cannot be null or empty: %s", n)
		}
		for _, r := range requests[n] {
			if total++; total > int(limit("batchWriteItems")) {
				return nil, refuse("Too many items requested for the BatchWriteItem call")
			}
			w := writeRequest{table: &n}
			switch {
			case r.PutRequest != nil && r.DeleteRequest != nil:
				return nil,
					refuse("Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported " +
						"datatypes")
			case r.PutRequest != nil:
				w.kind, w.item = putItem, r.PutRequest.Item
			case r.DeleteRequest != nil:
				w.kind, w.item = deleteItem, r.DeleteRequest.Key
			default:
				return nil, refuse("Supplied WriteRequest is empty, must contain exactly one of PutRequest or DeleteRequest")
			}
			m, err := w.mutation()
			if err != nil {
				return nil, err
			}
			out[n] = append(out[n], m)
		}
	}
	return out, nil
}

func tally(used map[string]*usage, u usage) {
	if used[u.table.Name] == nil {
		used[u.table.Name] = &usage{table: u.table, write: u.write}
	}
	used[u.table.Name].add(u)
}

func consumed(used map[string]*usage, mode types.ReturnConsumedCapacity, transaction bool) []types.ConsumedCapacity {
	var out []types.ConsumedCapacity
	for _, n := range slices.Sorted(maps.Keys(used)) {
		if c := used[n].sdk(mode, transaction); c != nil {
			out = append(out, *c)
		}
	}
	return out
}

// BatchGetItem reads up to 100 items and 16 MB; the rest comes back as
// UnprocessedKeys.
func (s *Service) BatchGetItem(ctx context.Context, in *dynamodb.BatchGetItemInput) (*dynamodb.BatchGetItemOutput,
	error) {
	c := gateway.From(ctx)
	names := slices.Sorted(maps.Keys(in.RequestItems))
	gets, err := batchGets(in.RequestItems, names)
	if err != nil {
		return nil, err
	}
	out := &dynamodb.BatchGetItemOutput{
		Responses: map[string][]map[string]types.AttributeValue{}, UnprocessedKeys: map[string]types.KeysAndAttributes{},
	}
	used, done, bytes := map[string]*usage{}, 0, 0
	var refusal error
	err = s.host.Store.View(func(tx *store.Tx) error {
		seen := map[string]bool{}
		for _, n := range names {
			out.Responses[n] = []map[string]types.AttributeValue{}
			for i, g := range gets[n] {
				r, u, err := s.read(tx, c, g)
				if err != nil {
					return err
				}
				if key := u.table.itemKey(g.key); seen[key] {
					return refuse("Provided list of item keys contains duplicates")
				} else {
					seen[key] = true
				}
				if err = s.injected("BatchGetItem", g.table); err == nil {
					err = s.charge(c, u)
				}
				if err != nil {
					refusal = err
				}
				if err != nil || bytes+r.bytes() > int(limit("batchGetBytes")) {
					rest := in.RequestItems[n]
					rest.Keys = append(out.UnprocessedKeys[n].Keys, in.RequestItems[n].Keys[i])
					out.UnprocessedKeys[n] = rest
					continue
				}
				done, bytes = done+1, bytes+r.bytes()
				tally(used, u)
				if r != nil {
					out.Responses[n] = append(out.Responses[n], project(r.item, g.projection).SDK())
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if done == 0 && refusal != nil {
		return nil, refusal
	}
	out.ConsumedCapacity = consumed(used, in.ReturnConsumedCapacity, false)
	return out, nil
}

func batchGets(requests map[string]types.KeysAndAttributes, names []string) (map[string][]get, error) {
	total := 0
	out := map[string][]get{}
	for _, n := range names {
		r := requests[n]
		p, err := placeholders(r.ExpressionAttributeNames, nil, expression{"ProjectionExpression", r.ProjectionExpression})
		if err != nil {
			return nil, err
		}
		pr, err := projection(r.ProjectionExpression, r.AttributesToGet, p)
		if err != nil {
			return nil, err
		}
		if err := p.Unused(); err != nil {
			return nil, refused(err)
		}
		for _, k := range r.Keys {
			if total++; total > int(limit("batchGetItems")) {
				return nil, refuse("Too many items requested for the BatchGetItem call")
			}
			key, err := item.FromSDK(k)
			if err != nil {
				return nil, refused(err)
			}
			out[n] = append(out[n], get{table: tableName(&n), key: key, consistent: aws.ToBool(r.ConsistentRead),
				projection: pr})
		}
	}
	return out, nil
}
