package dynamodb

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/item"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// token remembers a transaction's client request token.
type token struct {
	Digest string             `json:"digest"`
	Until  time.Time          `json:"until"`
	Reads  map[string]float64 `json:"reads"` // units of a repeated call, by table
}

// request is a transaction as its idempotency sees it.
type request struct {
	token  *string // ClientRequestToken
	digest string
}

// TransactWriteItems writes up to 100 items, all or none.
func (s *Service) TransactWriteItems(ctx context.Context,
	in *dynamodb.TransactWriteItemsInput) (*dynamodb.TransactWriteItemsOutput, error) {
	c := gateway.From(ctx)
	if len(in.TransactItems) > int(limit("transactItems")) {
		return nil, refuse("1 validation error detected: Value at 'transactItems' failed to satisfy constraint: "+
			"Member must have length less than or equal to %d", limit("transactItems"))
	}
	parts := make([]part, len(in.TransactItems))
	for i, ti := range in.TransactItems {
		var err error
		if parts[i], err = newPart(ti); err != nil {
			return nil, err
		}
		if err := s.injected("TransactWriteItems", parts[i].mutation.table); err != nil {
			return nil, err
		}
	}
	out, used := &dynamodb.TransactWriteItemsOutput{}, map[string]*usage{}
	err := s.write(c.Scope, c.Time, func(w *work) error {
		request := request{in.ClientRequestToken, digest(in.TransactItems)}
		if repeated, err := w.redeem(request, used); repeated || err != nil {
			return err
		}
		outcomes, err := w.transact(parts, used)
		if err != nil {
			return err
		}
		out.ItemCollectionMetrics = w.collections(in.ReturnItemCollectionMetrics, outcomes)
		w.remember(request, used)
		return nil
	})
	if err != nil {
		return nil, err
	}
	out.ConsumedCapacity = consumed(used, in.ReturnConsumedCapacity, true)
	return out, nil
}

// part is one action of a transaction.
type part struct {
	mutation mutation
	insert   bool // a PartiQL INSERT, whose condition is that there is no such item
	onFail   types.ReturnValuesOnConditionCheckFailure
}

func newPart(ti types.TransactWriteItem) (part, error) {
	var r writeRequest
	var p part
	given := 0
	if x := ti.Put; x != nil {
		given++
		r = writeRequest{kind: putItem, table: x.TableName, item: x.Item, condition: x.ConditionExpression,
			names: x.ExpressionAttributeNames, values: x.ExpressionAttributeValues}
		p.onFail = x.ReturnValuesOnConditionCheckFailure
	}
	if x := ti.Update; x != nil {
		given++
		r = writeRequest{kind: updateItem, table: x.TableName, item: x.Key, condition: x.ConditionExpression,
			update: x.UpdateExpression, names: x.ExpressionAttributeNames, values: x.ExpressionAttributeValues}
		p.onFail = x.ReturnValuesOnConditionCheckFailure
	}
	if x := ti.Delete; x != nil {
		given++
		r = writeRequest{kind: deleteItem, table: x.TableName, item: x.Key, condition: x.ConditionExpression,
			names: x.ExpressionAttributeNames, values: x.ExpressionAttributeValues}
		p.onFail = x.ReturnValuesOnConditionCheckFailure
	}
	if x := ti.ConditionCheck; x != nil {
		given++
		r = writeRequest{kind: checkItem, table: x.TableName, item: x.Key, condition: x.ConditionExpression,
			names: x.ExpressionAttributeNames, values: x.ExpressionAttributeValues}
		p.onFail = x.ReturnValuesOnConditionCheckFailure
	}
	if given != 1 {
		return p, refuse("TransactItems can only contain one of Check, Put, Update or Delete")
	}
	var err error
	p.mutation, err = r.mutation()
	return p, err
}

// transact plans every part, then commits all or cancels with the reasons in
// the order of the parts.
func (w *work) transact(parts []part, used map[string]*usage) ([]outcome, error) {
	outcomes := make([]outcome, len(parts))
	reasons := make([]types.CancellationReason, len(parts))
	seen, cancelled, bytes := map[string]bool{}, false, 0
	for i, p := range parts {
		reasons[i].Code = aws.String("None")
		if t, ok := w.s.find(w.tx, w.sc, p.mutation.table, w.now); ok {
			if err := t.emptyKeys(p.mutation.item); err != nil {
				return nil, err // an empty key is no reason to cancel: the call is refused
			}
		}
		o, err := w.plan(p.mutation)
		if o.table == nil {
			return nil, err // no such table: the call fails as a whole
		}
		outcomes[i] = o
		if o.key != "" && seen[o.key] {
			return nil, refuse("Transaction request cannot include multiple operations on one item")
		}
		seen[o.key] = true
		if err != nil {
			reasons[i], cancelled = reason(err), true
			continue
		}
		bytes += max(o.old.bytes(), o.new.bytes())
		if o.failed {
			reasons[i] = types.CancellationReason{Code: aws.String("ConditionalCheckFailed"),
				Message: aws.String("The conditional request failed")}
			if p.insert {
				reasons[i] = types.CancellationReason{Code: aws.String("DuplicateItem"), Message: aws.String(msgDuplicate)}
			}
			if p.onFail == types.ReturnValuesOnConditionCheckFailureAllOld {
				reasons[i].Item = o.old.attributes().SDK()
			}
			cancelled = true
		}
	}
	if bytes > int(limit("transactBytes")) {
		return nil, refuse("Transaction size exceeds the maximum of %d bytes", limit("transactBytes"))
	}
	for i, o := range outcomes {
		if cancelled {
			break
		}
		u := o.usage.times(2)
		if err := w.s.meter.admit(w.sc, u); err != nil {
			reasons[i], cancelled = reason(err), true
			break
		}
		tally(used, u)
	}
	if cancelled {
		return nil, canceled(reasons)
	}
	for _, o := range outcomes {
		w.commit(o, false)
	}
	return outcomes, nil
}

// reason is how an error of one part shows in CancellationReasons.
func reason(err error) types.CancellationReason {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return types.CancellationReason{Code: aws.String("InternalServerError"), Message: aws.String(err.Error())}
	}
	code := api.ErrorCode()
	switch code {
	case "ValidationException":
		code = "ValidationError"
	case "ProvisionedThroughputExceededException":
		code = "ProvisionedThroughputExceeded"
	case "ThrottlingException":
		code = "ThrottlingError"
	}
	return types.CancellationReason{Code: aws.String(code), Message: aws.String(api.ErrorMessage())}
}

func canceled(reasons []types.CancellationReason) error {
	codes := make([]string, len(reasons))
	for i, r := range reasons {
		codes[i] = *r.Code
	}
	return &types.TransactionCanceledException{
		Message: aws.String("Transaction cancelled, please refer cancellation reasons for specific reasons [" +
			strings.Join(codes, ", ") + "]"),
		CancellationReasons: reasons,
	}
}

// conflict gives an injected cancellation its reasons, one for each item, as AWS
// always does: another transaction was at work on the first one.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
func conflict(in *dynamodb.TransactWriteItemsInput, injected *gateway.Error) error {
	return conflicts(len(in.TransactItems), injected)
}

func conflicts(items int, injected *gateway.Error) error {
	if injected.Code != "TransactionCanceledException" || injected.Status != http.StatusBadRequest || items == 0 {
		return injected
	}
	reasons := make([]types.CancellationReason, items)
	for i := range reasons {
		reasons[i].Code = aws.String("None")
	}
	reasons[0] = types.CancellationReason{Code: aws.String("TransactionConflict"),
		Message: aws.String("Transaction is ongoing for the item")}
	return canceled(reasons)
}

// redeem answers a repeated token: the same request succeeds without writing,
// costing reads; another request is refused.
func (w *work) redeem(r request, used map[string]*usage) (bool, error) {
	if r.token == nil {
		return false, nil
	}
	t, ok := w.s.tokens.Get(w.tx, w.sc, *r.token)
	if !ok || !w.now.Before(t.Until) {
		return false, nil
	}
	if t.Digest != r.digest {
		return false, &types.IdempotentParameterMismatchException{
			Message: aws.String("Request with the same client token is already in use with different parameters.")}
	}
	for name, units := range t.Reads {
		if table, ok := w.s.find(w.tx, w.sc, name, w.now); ok {
			tally(used, usage{table: table, base: units})
		}
	}
	return true, nil
}

func (w *work) remember(r request, used map[string]*usage) {
	if r.token == nil {
		return
	}
	w.forgetTokens()
	t := token{Digest: r.digest, Until: w.now.Add(time.Duration(limit("transactTokenSeconds")) * time.Second),
		Reads: map[string]float64{}}
	for name, u := range used {
		t.Reads[name] = u.base
	}
	w.s.putToken(w.tx, w.sc, *r.token, t)
}

// digest identifies the request's actions. JSON writes maps in key order but
// does not tell the members of a union apart; the items' own encoding does.
func digest(items []types.TransactWriteItem) string {
	h := sha256.New()
	for _, ti := range items {
		b, _ := json.Marshal(ti) // plain data: cannot fail
		_, _ = h.Write(b)
		if it, err := item.FromSDK(attributesOf(ti)); err == nil {
			_, _ = h.Write(it.Encode(nil))
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

func attributesOf(ti types.TransactWriteItem) map[string]types.AttributeValue {
	out := map[string]types.AttributeValue{}
	add := func(maps ...map[string]types.AttributeValue) {
		for i, m := range maps {
			for k, v := range m {
				out[fmt.Sprint(i, k)] = v
			}
		}
	}
	switch {
	case ti.Put != nil:
		add(ti.Put.Item, ti.Put.ExpressionAttributeValues)
	case ti.Update != nil:
		add(ti.Update.Key, ti.Update.ExpressionAttributeValues)
	case ti.Delete != nil:
		add(ti.Delete.Key, ti.Delete.ExpressionAttributeValues)
	case ti.ConditionCheck != nil:
		add(ti.ConditionCheck.Key, ti.ConditionCheck.ExpressionAttributeValues)
	}
	return out
}

// TransactGetItems reads up to 100 items at one moment.
func (s *Service) TransactGetItems(ctx context.Context,
	in *dynamodb.TransactGetItemsInput) (*dynamodb.TransactGetItemsOutput, error) {
	c := gateway.From(ctx)
	if len(in.TransactItems) > int(limit("transactItems")) {
		return nil, refuse("1 validation error detected: Value at 'transactItems' failed to satisfy constraint: "+
			"Member must have length less than or equal to %d", limit("transactItems"))
	}
	gets := make([]get, len(in.TransactItems))
	for i, ti := range in.TransactItems {
		x := ti.Get
		p, err := placeholders(x.ExpressionAttributeNames, nil, expression{"ProjectionExpression", x.ProjectionExpression})
		if err != nil {
			return nil, err
		}
		gets[i] = get{table: tableName(x.TableName), consistent: true}
		if gets[i].projection, err = projection(x.ProjectionExpression, nil, p); err != nil {
			return nil, err
		}
		if err := p.Unused(); err != nil {
			return nil, refused(err)
		}
		if gets[i].key, err = item.FromSDK(x.Key); err != nil {
			return nil, refused(err)
		}
		if err := s.injected("TransactGetItems", gets[i].table); err != nil {
			return nil, err
		}
	}
	out, used := &dynamodb.TransactGetItemsOutput{}, map[string]*usage{}
	err := s.host.Store.View(func(tx *store.Tx) error { return s.transactGet(tx, c, gets, out, used) })
	if err != nil {
		return nil, err
	}
	out.ConsumedCapacity = consumed(used, in.ReturnConsumedCapacity, true)
	return out, nil
}

func (s *Service) transactGet(tx *store.Tx, c *gateway.Call, gets []get, out *dynamodb.TransactGetItemsOutput,
	used map[string]*usage) error {
	reasons := make([]types.CancellationReason, len(gets))
	seen, cancelled, bytes := map[string]bool{}, false, 0
	for i, g := range gets {
		reasons[i].Code = aws.String("None")
		t, err := s.open(tx, c.Scope, g.table, c.Time)
		if err != nil {
			return err
		}
		if err := t.emptyKeys(g.key); err != nil {
			return err // as in a transaction that writes: no reason to cancel
		}
		r, u, err := s.read(tx, c, g)
		if err == nil {
			u = u.times(2)
			err = s.charge(c, u)
		}
		if err != nil {
			reasons[i], cancelled = reason(err), true
			continue
		}
		if key := t.itemKey(g.key); seen[key] {
			return refuse("Transaction request cannot include multiple operations on one item")
		} else {
			seen[key] = true
		}
		tally(used, u)
		bytes += r.bytes()
		out.Responses = append(out.Responses, types.ItemResponse{Item: project(r.attributes(), g.projection).SDK()})
	}
	if cancelled {
		return canceled(reasons)
	}
	if bytes > int(limit("transactBytes")) {
		return refuse("Transaction size exceeds the maximum of %d bytes", limit("transactBytes"))
	}
	return nil
}
