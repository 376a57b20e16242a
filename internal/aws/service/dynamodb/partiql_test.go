package dynamodb_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"
)

// sql carries out one statement.
func (c cloud) sql(t testing.TB, text string, parameters ...types.AttributeValue) ([]obj, error) {
	t.Helper()
	in := &sdk.ExecuteStatementInput{Statement: &text}
	if len(parameters) > 0 {
		in.Parameters = parameters
	}
	out, err := c.db.ExecuteStatement(t.Context(), in)
	if err != nil {
		return nil, err
	}
	return out.Items, nil
}

// filled has the table of orders with five items of one customer.
func filled(t testing.TB) cloud {
	t.Helper()
	c := newCloud(t)
	c.orders(t)
	for i := range 5 {
		c.put(t, "orders", obj{"pk": s("a"), "sk": n(i), "status": s(fmt.Sprint("s", i%2)), "at": n(10 - i),
			"m": &types.AttributeValueMemberM{Value: obj{"x": n(i)}}, "tags": ss("t", fmt.Sprint(i))})
	}
	c.put(t, "orders", obj{"pk": s("b"), "sk": n(9)})
	return c
}

func TestPartiQL_selects(t *testing.T) {
	t.Parallel()
	c := filled(t)
	for text, want := range map[string][]string{
		`pk = 'a'`:                                          {"0", "1", "2", "3", "4"},
		`"pk" = 'a' AND sk >= 3`:                            {"3", "4"},
		`pk = 'a' AND sk BETWEEN 1 AND 2`:                   {"1", "2"},
		`pk = 'a' AND 3 < sk`:                               {"4"},
		`pk = 'a' AND sk > 0 AND sk < 3`:                    {"1", "2"},
		`pk = 'a' AND sk IN [1, 4]`:                         {"1", "4"},
		`pk IN ('b', 'a') AND sk > 3`:                       {"9", "4"},
		`pk = 'a' AND (status = 's1' OR sk = 0)`:            {"0", "1", "3"},
		`pk = 'a' AND NOT status = 's1'`:                    {"0", "2", "4"},
		`pk = 'a' AND m.x = 2`:                              {"2"},
		`pk = 'a' AND contains(tags, '3')`:                  {"3"},
		`pk = 'a' AND begins_with(status, 's1')`:            {"1", "3"},
		`pk = 'a' AND size(tags) <> 2`:                      {},
		`pk = 'a' AND attribute_type(m, 'M') AND sk < 1`:    {"0"},
		`pk = 'b' AND status IS MISSING`:                    {"9"},
		`pk = 'a' AND status IS NOT MISSING AND sk = 1`:     {"1"},
		`pk = 'a' ORDER BY sk DESC`:                         {"4", "3", "2", "1", "0"},
		`sk >= 4 AND status IS MISSING`:                     {"9"}, // a scan
		`pk = 'a' AND sk = 1e0 AND m = {'x': 1}`:            {"1"},
		`pk = 'a' AND tags = <<'0', 't'>> AND sk >= -1`:     {"0"},
		`pk = 'it''s' OR pk = 'b' AND NOT (sk = 1 OR sk=2)`: {"9"},
	} {
		got, err := c.sql(t, `SELECT * FROM "orders" WHERE `+text)
		require.NoError(t, err, text)
		require.Equal(t, want, sorts(got), text)
	}
	got, err := c.sql(t, `select sk, m.x from orders where pk = ? and sk = ?`, s("a"), n(2))
	require.NoError(t, err)
	require.Equal(t, []obj{{"sk": n(2), "x": n(2)}}, got)
	got, err = c.sql(t, `SELECT sk FROM "orders"."byStatus" WHERE status = 's1' ORDER BY at`)
	require.NoError(t, err)
	require.Equal(t, []string{"3", "1"}, sorts(got))
}

func TestPartiQL_goesOnWithATokenOfTheSameStatement(t *testing.T) {
	t.Parallel()
	c := filled(t)
	in := &sdk.ExecuteStatementInput{Statement: aws.String(`SELECT * FROM orders WHERE pk IN ['a', 'b']`),
		Limit: aws.Int32(2)}
	var got []string
	for pages := 0; ; pages++ {
		require.Less(t, pages, 5)
		out, err := c.db.ExecuteStatement(t.Context(), in)
		require.NoError(t, err)
		got = append(got, sorts(out.Items)...)
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
		require.NotEmpty(t, out.LastEvaluatedKey)
		other := &sdk.ExecuteStatementInput{Statement: aws.String(`SELECT * FROM orders`), NextToken: out.NextToken}
		_, err = c.db.ExecuteStatement(t.Context(), other)
		wantError(t, err, "ValidationException", "NextToken does not match request")
	}
	require.Equal(t, []string{"0", "1", "2", "3", "4", "9"}, got)
}

func TestPartiQL_writesOneItem(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.orders(t)
	do := func(text string, parameters ...types.AttributeValue) []obj {
		t.Helper()
		got, err := c.sql(t, text, parameters...)
		require.NoError(t, err, text)
		return got
	}
	require.Empty(t, do(`INSERT INTO orders VALUE {'pk': 'a', 'sk': ?, 'n': 1, 'l': [1, TRUE, null], 'set': <<1, 2>>}`,
		n(1)))
	_, err := c.sql(t, `INSERT INTO orders VALUE {'pk': 'a', 'sk': 1}`)
	var duplicate *types.DuplicateItemException
	require.True(t, errors.As(err, &duplicate), "%v", err)
	require.Equal(t, "Duplicate primary key exists in table", duplicate.ErrorMessage())
	const key = ` WHERE pk = 'a' AND sk = 1`
	number := func(v ...string) types.AttributeValue { return &types.AttributeValueMemberNS{Value: v} }
	list := func(v ...types.AttributeValue) types.AttributeValue { return &types.AttributeValueMemberL{Value: v} }
	changed := do(`UPDATE orders SET n = n + ? SET x = 'new' SET "set" = set_add("set", <<3>>) REMOVE l[0]`+key+
		` AND n = 1 RETURNING MODIFIED NEW *`, n(5))
	require.Equal(t, []obj{{"n": n(6), "x": s("new"), "set": number("1", "2", "3"),
		"l": list(&types.AttributeValueMemberBOOL{Value: true})}}, changed)
	got := do(`SELECT * FROM orders` + key)
	require.Equal(t, n(6), got[0]["n"])
	require.Equal(t, number("1", "2", "3"), got[0]["set"])
	require.Len(t, got[0]["l"].(*types.AttributeValueMemberL).Value, 2)
	got = do(`UPDATE orders SET n = 0, l = list_append(l, [7]) SET "set" = set_delete("set", <<1>>)` + key +
		` RETURNING ALL OLD *`)
	require.Equal(t, n(6), got[0]["n"])
	for _, text := range []string{`UPDATE orders SET n = 1` + key + ` AND n = 9`,
		`DELETE FROM orders` + key + ` AND n = 9`,
		`UPDATE orders SET n = 1 WHERE pk = 'a' AND sk = 404`} {
		_, err = c.sql(t, text)
		wantError(t, err, "ConditionalCheckFailedException", "The conditional request failed")
	}
	got = do(`DELETE FROM orders` + key + ` RETURNING ALL OLD *`)
	require.Equal(t, n(0), got[0]["n"])
	require.Empty(t, do(`DELETE FROM orders`+key+` AND n = 9`), "nothing to delete is no failure")
}

func TestPartiQL_isRefusedInTheWordsOfAWS(t *testing.T) {
	t.Parallel()
	c := filled(t)
	const (
		bad   = "Statement wasn't well formed, can't be processed: "
		keyed = "Where clause does not contain a mandatory equality on all key attributes"
		order = " when using ORDER BY clause."
	)
	for text, message := range map[string]string{
		`SELECTT * FROMM orders`:                 bad + "Expected data manipulation",
		`SELECT * FROM orders WHERE`:             bad + "Unexpected end of statement",
		`SELECT * FROM SELECT`:                   bad + "Unexpected keyword",
		`SELECT * FROM orders orders`:            bad + "Unexpected term",
		`SELECT * FROM orders WHERE pk = ?`:      "Number of parameters in request and statement don't match.",
		`UPDATE orders SET n = 1 WHERE pk = 'a'`: keyed,
		`DELETE FROM orders`:                     keyed,
		`SELECT * FROM orders ORDER BY sk`:       "Must have WHERE clause in the statement" + order,
		`SELECT * FROM orders WHERE sk = 1 ORDER BY x`: "Must have at least one non-optional hash key condition " +
			"in WHERE clause" + order,
		`SELECT * FROM orders WHERE pk='a' ORDER BY x`: "Variable reference x in ORDER BY clause must be " +
			"part of the primary key",
		`SELECT * FROM orders WHERE pk = 1`: invalidValues + "Condition parameter type does not match schema type",
		`DELETE FROM orders WHERE pk = 'a' AND sk = 1 RETURNING ALL NEW *`: "Invalid returning clause: " +
			"RETURNING ALL NEW *. Only RETURNING ALL OLD * is allowed in DELETE statements.",
	} {
		_, err := c.sql(t, text)
		wantError(t, err, "ValidationException", message)
	}
	_, err := c.sql(t, `SELECT * FROM nowhere`)
	wantError(t, err, "ResourceNotFoundException", "Requested resource not found")
}

func TestPartiQL_batchesAnswerStatementByStatement(t *testing.T) {
	t.Parallel()
	c := filled(t)
	batch := func(texts ...string) ([]types.BatchStatementResponse, error) {
		in := &sdk.BatchExecuteStatementInput{}
		for _, text := range texts {
			in.Statements = append(in.Statements, types.BatchStatementRequest{Statement: aws.String(text)})
		}
		out, err := c.db.BatchExecuteStatement(t.Context(), in)
		if err != nil {
			return nil, err
		}
		return out.Responses, nil
	}
	got, err := batch(`SELECT sk FROM orders WHERE pk = 'a' AND sk = 1`, `SELECT * FROM nowhere WHERE pk = 'a'`,
		`SELECT * FROM orders WHERE pk = 'a'`, `SELECT * FROM orders WHERE pk = 'a' AND sk = 2 AND status = 'no'`, `SELECT`)
	require.NoError(t, err)
	require.Equal(t, obj{"sk": n(1)}, got[0].Item)
	require.Equal(t, "orders", *got[0].TableName)
	require.Equal(t, types.BatchStatementErrorCodeEnumResourceNotFound, got[1].Error.Code)
	require.Equal(t, "Select statements within BatchExecuteStatement must specify the primary key in the where clause.",
		*got[2].Error.Message)
	require.Nil(t, got[3].Item)
	require.Nil(t, got[3].Error)
	require.Equal(t, types.BatchStatementErrorCodeEnumValidationError, got[4].Error.Code)
	got, err = batch(`INSERT INTO orders VALUE {'pk': 'n', 'sk': 1}`, `INSERT INTO orders VALUE {'pk': 'a', 'sk': 1}`,
		`UPDATE orders SET x = 1 WHERE pk = 'n' AND sk = 2`, `DELETE FROM orders WHERE pk = 'a' AND sk = 4`)
	require.NoError(t, err)
	require.Nil(t, got[0].Error)
	require.Equal(t, types.BatchStatementErrorCodeEnumDuplicateItem, got[1].Error.Code)
	require.Equal(t, types.BatchStatementErrorCodeEnumConditionalCheckFailed, got[2].Error.Code)
	require.Nil(t, got[3].Error)
	_, err = batch(`SELECT * FROM orders WHERE pk = 'a' AND sk = 1`, `DELETE FROM orders WHERE pk = 'a' AND sk = 2`)
	wantError(t, err, "ValidationException", "Read and write requests together in the same batch is not supported.")
	_, err = batch(`UPDATE orders SET x = 1 WHERE pk = 'a' AND sk = 2`, `DELETE FROM orders WHERE pk = 'a' AND sk = 2`)
	wantError(t, err, "ValidationException", "Provided list of item keys contains duplicates")
}

func TestPartiQL_transactionsAreAllOrNothing(t *testing.T) {
	t.Parallel()
	c := filled(t)
	transact := func(token string, texts ...string) ([]types.ItemResponse, error) {
		in := &sdk.ExecuteTransactionInput{ClientRequestToken: aws.String(token)}
		for _, text := range texts {
			in.TransactStatements = append(in.TransactStatements, types.ParameterizedStatement{Statement: aws.String(text)})
		}
		out, err := c.db.ExecuteTransaction(t.Context(), in)
		if err != nil {
			return nil, err
		}
		return out.Responses, nil
	}
	const exists = `EXISTS(SELECT * FROM orders WHERE pk = 'a' AND sk = 0 AND status = 's0')`
	insert := `INSERT INTO orders VALUE {'pk': 'n', 'sk': 1}`
	_, err := transact("1", insert, `INSERT INTO orders VALUE {'pk': 'a', 'sk': 1}`)
	wantError(t, err, "TransactionCanceledException", "Transaction cancelled, please refer cancellation reasons for "+
		"specific reasons [None, DuplicateItem]")
	for range 2 { // the second time by its token
		got, err := transact("2", insert, exists, `UPDATE orders SET x = 1 WHERE pk = 'a' AND sk = 2`)
		require.NoError(t, err)
		require.Len(t, got, 3)
	}
	_, err = transact("2", insert)
	wantError(t, err, "IdempotentParameterMismatchException",
		"Request with the same client token is already in use with different parameters.")
	_, err = transact("3", `DELETE FROM orders WHERE pk = 'n' AND sk = 1`,
		`EXISTS(SELECT * FROM orders WHERE pk = 'a' AND sk = 0 AND status = 's1')`)
	wantError(t, err, "TransactionCanceledException", "Transaction cancelled, please refer cancellation reasons for "+
		"specific reasons [None, ConditionalCheckFailed]")
	got, err := transact("4", `SELECT sk FROM orders WHERE pk = 'n' AND sk = 1`,
		`SELECT x FROM orders WHERE pk = 'a' AND sk = 2`, `SELECT * FROM orders WHERE pk = 'a' AND sk = 77`)
	require.NoError(t, err)
	require.Equal(t, obj{"sk": n(1)}, got[0].Item)
	require.Equal(t, obj{"x": n(1)}, got[1].Item)
	require.Nil(t, got[2].Item)
	_, err = transact("5", `UPDATE orders SET x = 1 WHERE pk = 'a' AND sk = 2 RETURNING ALL OLD *`)
	wantError(t, err, "ValidationException",
		"Validation failed in TransactStatements[0]: RETURNING clause is not supported in ExecuteTransaction.")
}
