package dynamodb_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"
)

const invalidValues = "One or more parameter values were invalid: "

// when is a condition of the old kind.
func when(op types.ComparisonOperator, values ...types.AttributeValue) types.Condition {
	return types.Condition{ComparisonOperator: op, AttributeValueList: values}
}

func ss(members ...string) types.AttributeValue { return &types.AttributeValueMemberSS{Value: members} }

func TestScanFilter_hasEveryOperator(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.orders(t)
	c.put(t, "orders", obj{"pk": s("a"), "sk": n(1), "x": s("apple"), "y": ss("red", "green")})
	c.put(t, "orders", obj{"pk": s("a"), "sk": n(2), "x": s("pear")})
	c.put(t, "orders", obj{"pk": s("a"), "sk": n(3), "y": ss("blue")})
	for _, k := range []struct {
		attribute string
		is        types.Condition
		want      []string
	}{
		{"x", when("EQ", s("pear")), []string{"2"}},
		{"x", when("NE", s("pear")), []string{"1", "3"}},
		{"sk", when("LT", n(2)), []string{"1"}},
		{"sk", when("LE", n(2)), []string{"1", "2"}},
		{"sk", when("GT", n(2)), []string{"3"}},
		{"sk", when("GE", n(2)), []string{"2", "3"}},
		{"sk", when("BETWEEN", n(2), n(3)), []string{"2", "3"}},
		{"sk", when("IN", n(1), n(3)), []string{"1", "3"}},
		{"x", when("NULL"), []string{"3"}},
		{"x", when("NOT_NULL"), []string{"1", "2"}},
		{"x", when("BEGINS_WITH", s("app")), []string{"1"}},
		{"x", when("CONTAINS", s("ea")), []string{"2"}},
		{"y", when("CONTAINS", s("red")), []string{"1"}},
		{"y", when("NOT_CONTAINS", s("red")), []string{"2", "3"}},
		{"y", when("EQ", ss("green", "red")), []string{"1"}},
	} {
		out, err := c.db.Scan(t.Context(), &sdk.ScanInput{TableName: aws.String("orders"),
			ScanFilter: map[string]types.Condition{k.attribute: k.is}})
		require.NoError(t, err, k)
		require.Equal(t, k.want, sorts(out.Items), k)
	}
	both := map[string]types.Condition{"sk": when("LE", n(2)), "x": when("NULL")}
	for operator, want := range map[types.ConditionalOperator][]string{"": {}, "AND": {}, "OR": {"1", "2", "3"}} {
		out, err := c.db.Scan(t.Context(), &sdk.ScanInput{TableName: aws.String("orders"), ScanFilter: both,
			ConditionalOperator: operator})
		require.NoError(t, err)
		require.Equal(t, want, sorts(out.Items), operator)
	}
}

func TestOldConditions_areCheckedInTheWordsOfAWS(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.orders(t)
	for message, is := range map[string]types.Condition{
		invalidValues + "Invalid number of argument(s) for the EQ ComparisonOperator":      when("EQ", n(1), n(2)),
		invalidValues + "Invalid number of argument(s) for the NULL ComparisonOperator":    when("NULL", n(1)),
		invalidValues + "Invalid number of argument(s) for the BETWEEN ComparisonOperator": when("BETWEEN", n(1)),
		invalidValues + "Invalid number of argument(s) for the IN ComparisonOperator":      when("IN"),
		invalidValues + "AttributeValues inside AttributeValueList must be of same type":   when("IN", n(1), s("a")),
		invalidValues + "ComparisonOperator LT is not valid for SS AttributeValue type":    when("LT", ss("a")),
		invalidValues + "ComparisonOperator BEGINS_WITH is not valid for N AttributeValue type": when("BEGINS_WITH",
			n(1)),
		"The BETWEEN condition was provided a range where the lower bound is greater than the upper bound": when(
			"BETWEEN", n(2), n(1)),
	} {
		_, err := c.db.Scan(t.Context(), &sdk.ScanInput{TableName: aws.String("orders"),
			ScanFilter: map[string]types.Condition{"x": is}})
		wantError(t, err, "ValidationException", message)
	}
	one := map[string]types.Condition{"x": when("NULL")}
	_, err := c.db.Scan(t.Context(), &sdk.ScanInput{TableName: aws.String("orders"), ScanFilter: one,
		ConditionalOperator: "OR"})
	wantError(t, err, "ValidationException",
		"ConditionalOperator can only be used when Filter or Expected has two or more elements")
	_, err = c.db.Scan(t.Context(), &sdk.ScanInput{TableName: aws.String("orders"), ConditionalOperator: "OR"})
	wantError(t, err, "ValidationException", "ConditionalOperator cannot be used without Filter or Expected")
	_, err = c.db.Scan(t.Context(), &sdk.ScanInput{TableName: aws.String("orders"), ScanFilter: one,
		AttributesToGet: []string{"a"}, FilterExpression: aws.String("a = b"), ConditionalOperator: "OR"})
	wantError(t, err, "ValidationException", "Can not use both expression and non-expression parameters in the same "+
		"request: Non-expression parameters: {AttributesToGet, ScanFilter, ConditionalOperator} "+
		"Expression parameters: {FilterExpression}")
}

func TestKeyConditions_areAsGoodAsAKeyConditionExpression(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.orders(t)
	for i := range 5 {
		c.put(t, "orders", obj{"pk": s("a"), "sk": n(i), "x": n(i % 2)})
	}
	of := when("EQ", s("a"))
	for _, k := range []struct {
		is   types.Condition
		want []string
	}{
		{when("EQ", n(2)), []string{"2"}},
		{when("LT", n(2)), []string{"0", "1"}},
		{when("GE", n(3)), []string{"3", "4"}},
		{when("BETWEEN", n(1), n(2)), []string{"1", "2"}},
	} {
		out, err := c.db.Query(t.Context(), &sdk.QueryInput{TableName: aws.String("orders"),
			KeyConditions: map[string]types.Condition{"pk": of, "sk": k.is}})
		require.NoError(t, err)
		require.Equal(t, k.want, sorts(out.Items))
	}
	out, err := c.db.Query(t.Context(), &sdk.QueryInput{TableName: aws.String("orders"),
		KeyConditions: map[string]types.Condition{"pk": of}, ScanIndexForward: aws.Bool(false),
		QueryFilter: map[string]types.Condition{"x": when("EQ", n(1))}, AttributesToGet: []string{"sk"}})
	require.NoError(t, err)
	require.Equal(t, []map[string]types.AttributeValue{{"sk": n(3)}, {"sk": n(1)}}, out.Items)
	out, err = c.db.Query(t.Context(), &sdk.QueryInput{TableName: aws.String("orders"),
		KeyConditions: map[string]types.Condition{"pk": of}, FilterExpression: aws.String("x = :one"),
		ExpressionAttributeValues: obj{":one": n(1)}})
	require.NoError(t, err, "KeyConditions may stand beside a FilterExpression")
	require.Equal(t, []string{"1", "3"}, sorts(out.Items))
}

func TestKeyConditions_areRefusedInTheWordsOfAWS(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.orders(t)
	type conditions = map[string]types.Condition
	of := when("EQ", s("a"))
	for message, is := range map[string]conditions{
		"Conditions can be of length 1 or 2 only":                             {},
		"Query condition missed key schema element: pk":                       {"sk": when("EQ", n(1))},
		"Query condition missed key schema element: sk":                       {"pk": of, "x": when("EQ", n(1))},
		"Query key condition not supported":                                   {"pk": when("LT", s("a"))},
		"Attempted conditional constraint is not an indexable operation":      {"pk": of, "sk": when("NE", n(1))},
		invalidValues + "Condition parameter type does not match schema type": {"pk": of, "sk": when("EQ", s("1"))},
	} {
		_, err := c.db.Query(t.Context(), &sdk.QueryInput{TableName: aws.String("orders"), KeyConditions: is})
		wantError(t, err, "ValidationException", message)
	}
	_, err := c.db.Query(t.Context(), &sdk.QueryInput{TableName: aws.String("orders"),
		KeyConditions: conditions{"pk": of}, QueryFilter: conditions{"sk": when("EQ", n(1))}})
	wantError(t, err, "ValidationException",
		"QueryFilter can only contain non-primary key attributes: Primary key attribute: sk")
	_, err = c.db.Query(t.Context(), &sdk.QueryInput{TableName: aws.String("orders"),
		KeyConditions: conditions{"pk": of}, KeyConditionExpression: aws.String("pk = :a")})
	wantError(t, err, "ValidationException", "Can not use both expression and non-expression parameters in the same "+
		"request: Non-expression parameters: {KeyConditions} Expression parameters: {KeyConditionExpression}")
}

func TestExpected_decidesAboutWrites(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.orders(t)
	type expected = map[string]types.ExpectedAttributeValue
	key := obj{"pk": s("a"), "sk": n(1)}
	put := func(operator types.ConditionalOperator, e expected) error {
		_, err := c.db.PutItem(t.Context(), &sdk.PutItemInput{TableName: aws.String("orders"),
			Item: obj{"pk": s("a"), "sk": n(1), "v": n(1), "w": n(2)}, Expected: e, ConditionalOperator: operator})
		return err
	}
	absent := types.ExpectedAttributeValue{Exists: aws.Bool(false)}
	require.NoError(t, put("", expected{"pk": absent}))
	wantError(t, put("", expected{"pk": absent}), "ConditionalCheckFailedException", "The conditional request failed")
	right, wrong := types.ExpectedAttributeValue{Value: n(1)}, types.ExpectedAttributeValue{Value: n(9)}
	require.NoError(t, put("", expected{"v": right}))
	require.NoError(t, put("OR", expected{"v": wrong, "w": {ComparisonOperator: "GT", Value: n(1)}}))
	wantError(t, put("AND", expected{"v": right, "w": wrong}), "ConditionalCheckFailedException",
		"The conditional request failed")
	_, err := c.db.DeleteItem(t.Context(), &sdk.DeleteItemInput{TableName: aws.String("orders"), Key: key,
		Expected: expected{"v": {Exists: aws.Bool(true), Value: n(9)}}})
	wantError(t, err, "ConditionalCheckFailedException", "The conditional request failed")
	_, err = c.db.UpdateItem(t.Context(), &sdk.UpdateItemInput{TableName: aws.String("orders"), Key: key,
		Expected: expected{"v": right}, AttributeUpdates: map[string]types.AttributeValueUpdate{"v": {Value: n(5)}}})
	require.NoError(t, err)
	for message, e := range map[string]types.ExpectedAttributeValue{
		"Value and AttributeValueList cannot be used together for Attribute: v": {Value: n(1),
			AttributeValueList: []types.AttributeValue{n(1)}},
		"Exists and ComparisonOperator cannot be used together for Attribute: v": {Exists: aws.Bool(true),
			ComparisonOperator: "EQ", Value: n(1)},
		"Value or AttributeValueList must be used with ComparisonOperator: EQ for Attribute: v": {ComparisonOperator: "EQ"},
		"AttributeValueList can only be used with a ComparisonOperator for Attribute: v": {
			AttributeValueList: []types.AttributeValue{n(1)}},
		"Value must be provided when Exists is null for Attribute: v": {},
		"Value must be provided when Exists is true for Attribute: v": {Exists: aws.Bool(true)},
		"Value cannot be used when Exists is false for Attribute: v":  {Exists: aws.Bool(false), Value: n(1)},
	} {
		wantError(t, put("", expected{"v": e}), "ValidationException", invalidValues+message)
	}
}

func TestAttributeUpdates_putAddAndDelete(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.orders(t)
	type updates = map[string]types.AttributeValueUpdate
	update := func(sk int, u updates) (obj, error) {
		out, err := c.db.UpdateItem(t.Context(), &sdk.UpdateItemInput{TableName: aws.String("orders"),
			Key: obj{"pk": s("a"), "sk": n(sk)}, AttributeUpdates: u, ReturnValues: types.ReturnValueAllNew})
		if err != nil {
			return nil, err
		}
		return out.Attributes, nil
	}
	list := func(v ...types.AttributeValue) types.AttributeValue { return &types.AttributeValueMemberL{Value: v} }
	got, err := update(1, updates{"x": {Value: s("new")}, "n": {Action: "ADD", Value: n(2)},
		"set": {Action: "ADD", Value: ss("a", "b")}, "l": {Action: "ADD", Value: list(n(1))}})
	require.NoError(t, err)
	require.Equal(t, obj{"pk": s("a"), "sk": n(1), "x": s("new"), "n": n(2), "set": ss("a", "b"), "l": list(n(1))}, got)
	got, err = update(1, updates{"x": {Action: "DELETE"}, "n": {Action: "ADD", Value: n(-5)},
		"set": {Action: "DELETE", Value: ss("a")}, "l": {Action: "ADD", Value: list(n(1))}})
	require.NoError(t, err)
	require.Equal(t, obj{"pk": s("a"), "sk": n(1), "n": n(-3), "set": ss("b"), "l": list(n(1), n(1))}, got)
	_, err = update(2, updates{"x": {Action: "DELETE"}})
	require.NoError(t, err)
	out, err := c.db.Scan(t.Context(), &sdk.ScanInput{TableName: aws.String("orders")})
	require.NoError(t, err)
	require.Equal(t, []string{"1"}, sorts(out.Items), "DELETE alone makes no item")
	for message, u := range map[string]types.AttributeValueUpdate{
		"Type mismatch for attribute to update":                                              {Action: "ADD", Value: ss("a")},
		invalidValues + "Only DELETE action is allowed when no attribute value is specified": {Action: "PUT"},
		invalidValues + "DELETE action with value is not supported for the type N":           {Action: "DELETE", Value: n(1)},
		invalidValues + "ADD action is not supported for the type S":                         {Action: "ADD", Value: s("a")},
	} {
		_, err := update(1, updates{"n": u})
		wantError(t, err, "ValidationException", message)
	}
	_, err = update(1, updates{"pk": {Value: s("b")}})
	wantError(t, err, "ValidationException",
		invalidValues+"Cannot update attribute pk. This attribute is part of the key")
	_, err = c.db.UpdateItem(t.Context(), &sdk.UpdateItemInput{TableName: aws.String("orders"),
		Key: obj{"pk": s("a"), "sk": n(1)}, AttributeUpdates: updates{"n": {Value: n(1)}},
		UpdateExpression: aws.String("REMOVE n")})
	wantError(t, err, "ValidationException", "Can not use both expression and non-expression parameters in the same "+
		"request: Non-expression parameters: {AttributeUpdates} Expression parameters: {UpdateExpression}")
}
