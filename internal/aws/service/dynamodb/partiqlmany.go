package dynamodb

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/expr"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// BatchExecuteStatement carries out up to 25 statements, each by itself: either all
// read, or all write.
// Source:
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.multiplestatements.batching.html
// Texts: recorded on AWS by the authors of github.com/nubo-db/dynoxide.
func (s *Service) BatchExecuteStatement(ctx context.Context,
	in *dynamodb.BatchExecuteStatementInput) (*dynamodb.BatchExecuteStatementOutput, error) {
	c := gateway.From(ctx)
	statements, failures := make([]*expr.Statement, len(in.Statements)), make([]error, len(in.Statements))
	for i, b := range in.Statements {
		statements[i], failures[i] = parseStatement(b.Statement, b.Parameters)
		if failures[i] == nil && statements[i].Kind == expr.Exists {
			failures[i] = refuse("EXISTS is a statement of transactions only")
		}
	}
	if reads, writes := kinds(statements); reads && writes {
		return nil, refuse("Read and write requests together in the same batch is not supported.")
	}
	if err := s.distinct(c, statements); err != nil {
		return nil, err
	}
	out, used := &dynamodb.BatchExecuteStatementOutput{}, map[string]*usage{}
	for i, st := range statements {
		r := types.BatchStatementResponse{}
		err := failures[i]
		if err == nil {
			r, err = s.oneOfMany(c, st, in.Statements[i], used)
		}
		if err != nil {
			r.Error = statementError(err)
		}
		if st != nil && (r.Error == nil || r.Error.Code != types.BatchStatementErrorCodeEnumValidationError) {
			r.TableName = aws.String(tableName(&st.Table))
		}
		out.Responses = append(out.Responses, r)
	}
	out.ConsumedCapacity = consumed(used, in.ReturnConsumedCapacity, false)
	return out, nil
}

// kinds tells which kinds of statements there are; EXISTS goes with writes.
func kinds(statements []*expr.Statement) (reads, writes bool) {
	for _, st := range statements {
		reads = reads || st != nil && st.Kind == expr.Select
		writes = writes || st != nil && st.Kind != expr.Select
	}
	return reads, writes
}

// distinct refuses two statements about one item.
func (s *Service) distinct(c *gateway.Call, statements []*expr.Statement) error {
	seen := map[string]bool{}
	return s.host.Store.View(func(tx *store.Tx) error {
		for _, st := range statements {
			if st == nil {
				continue
			}
			t, err := s.open(tx, c.Scope, tableName(&st.Table), c.Time)
			if err != nil {
				continue // the statement fails by itself
			}
			key := st.Item
			if st.Kind != expr.Insert {
				key = t.named(st.Where)
			}
			if key == nil || t.checkPrimary(key) != nil {
				continue // as above
			}
			at := t.itemKey(key)
			if seen[at] {
				return refuse("Provided list of item keys contains duplicates")
			}
			seen[at] = true
		}
		return nil
	})
}

func (s *Service) oneOfMany(c *gateway.Call, st *expr.Statement, b types.BatchStatementRequest,
	used map[string]*usage) (r types.BatchStatementResponse, err error) {
	if err := s.injected("BatchExecuteStatement", tableName(&st.Table)); err != nil {
		return r, err
	}
	if st.Kind != expr.Select {
		o, err := s.execute(c, st, b.ReturnValuesOnConditionCheckFailure)
		if err == nil {
			tally(used, o.usage)
			r.Item = some(o.returned(st))
		}
		return r, err
	}
	err = s.host.Store.View(func(tx *store.Tx) error {
		g, err := s.get(tx, c, st)
		if err != nil {
			return err
		}
		g.consistent = aws.ToBool(b.ConsistentRead)
		rec, u, err := s.read(tx, c, g)
		if err != nil {
			return err
		}
		tally(used, u)
		r.Item = project(rec.attributes(), g.projection).SDK()
		return s.charge(c, u)
	})
	return r, err
}

// get is the read of the one item that a SELECT names.
func (s *Service) get(tx *store.Tx, c *gateway.Call, st *expr.Statement) (get, error) {
	g := get{table: tableName(&st.Table), projection: st.Projection, filter: st.Where}
	t, err := s.open(tx, c.Scope, g.table, c.Time)
	if err != nil {
		return g, err
	}
	if g.key = t.named(st.Where); g.key == nil || st.Index != "" {
		return g, refuse("Select statements within %s must specify the primary key in the where clause.", c.Operation)
	}
	return g, nil
}

// statementError is how an error shows in the answer of a batch.
func statementError(err error) *types.BatchStatementError {
	e := &types.BatchStatementError{Code: types.BatchStatementErrorCodeEnumInternalServerError,
		Message: aws.String(err.Error())}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return e
	}
	e.Message = aws.String(api.ErrorMessage())
	code := types.BatchStatementErrorCodeEnum(strings.TrimSuffix(api.ErrorCode(), "Exception"))
	switch api.ErrorCode() {
	case "ValidationException":
		code = types.BatchStatementErrorCodeEnumValidationError
	case "ThrottlingException":
		code = types.BatchStatementErrorCodeEnumThrottlingError
	}
	if slices.Contains(e.Code.Values(), code) {
		e.Code = code
	}
	var failed *types.ConditionalCheckFailedException
	if errors.As(err, &failed) {
		e.Item = failed.Item
	}
	return e
}

// ExecuteTransaction carries out up to 100 statements, all or none: either all read, or
// all write or ask whether an item EXISTS.
// Source:
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.multiplestatements.transactions.html
func (s *Service) ExecuteTransaction(ctx context.Context,
	in *dynamodb.ExecuteTransactionInput) (*dynamodb.ExecuteTransactionOutput, error) {
	c := gateway.From(ctx)
	statements := make([]*expr.Statement, len(in.TransactStatements))
	h := sha256.New()
	for i, p := range in.TransactStatements {
		st, err := parseStatement(p.Statement, p.Parameters)
		if err != nil {
			return nil, err
		}
		if st.Returning != "" {
			return nil, refuse("Validation failed in TransactStatements[%d]: "+
				"RETURNING clause is not supported in ExecuteTransaction.", i)
		}
		if st.Index != "" {
			return nil, refuse("Validation failed in TransactStatements[%d]: "+
				"Reads on indices are not supported within transactions.", i)
		}
		if err := s.injected("ExecuteTransaction", tableName(&st.Table)); err != nil {
			return nil, err
		}
		statements[i] = st
		_, _ = h.Write(statementBytes(p.Statement, p.Parameters))
	}
	reads, writes := kinds(statements)
	if reads && writes {
		return nil, refuse("Read and write requests together in the same transaction is not supported.")
	}
	used := map[string]*usage{}
	r := request{in.ClientRequestToken, "statements " + hex.EncodeToString(h.Sum(nil))}
	responses, err := []types.ItemResponse(nil), error(nil)
	if reads {
		responses, err = s.transactSelect(c, statements, used)
	} else {
		responses, err = s.transactStatements(c, r, in.TransactStatements, statements, used)
	}
	if err != nil {
		return nil, err
	}
	return &dynamodb.ExecuteTransactionOutput{Responses: responses,
		ConsumedCapacity: consumed(used, in.ReturnConsumedCapacity, true)}, nil
}

func (s *Service) transactSelect(c *gateway.Call, statements []*expr.Statement,
	used map[string]*usage) ([]types.ItemResponse, error) {
	out := &dynamodb.TransactGetItemsOutput{}
	err := s.host.Store.View(func(tx *store.Tx) error {
		gets := make([]get, len(statements))
		for i, st := range statements {
			var err error
			if gets[i], err = s.get(tx, c, st); err != nil {
				return err
			}
			gets[i].consistent = true
		}
		return s.transactGet(tx, c, gets, out, used)
	})
	return out.Responses, err
}

func (s *Service) transactStatements(c *gateway.Call, r request, given []types.ParameterizedStatement,
	statements []*expr.Statement, used map[string]*usage) ([]types.ItemResponse, error) {
	err := s.write(c.Scope, c.Time, func(w *work) error {
		if repeated, err := w.redeem(r, used); repeated || err != nil {
			return err
		}
		parts := make([]part, len(statements))
		for i, st := range statements {
			m, err := w.mutation(st)
			if err != nil {
				return err
			}
			parts[i] = part{mutation: m, onFail: given[i].ReturnValuesOnConditionCheckFailure,
				insert: st.Kind == expr.Insert}
		}
		if _, err := w.transact(parts, used); err != nil {
			return err
		}
		w.remember(r, used)
		return nil
	})
	return make([]types.ItemResponse, len(statements)), err
}
