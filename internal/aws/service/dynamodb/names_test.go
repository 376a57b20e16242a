package dynamodb_test

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"
	"github.com/stretchr/testify/require"
)

const (
	tooShort = "Member must have length greater than or equal to 3"
	noMatch  = "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
	mapKeys  = "Map keys must satisfy constraint: [Member must have length less than or equal to 255, Member must have " +
		"length greater than or equal to 3, " + noMatch + "]"
)

func badName(name, path, demand string) string {
	return "1 validation error detected: Value '" + name + "' at '" + path + "' failed to satisfy constraint: " + demand
}

func TestTableNames_areLookedAtBeforeAnythingElse(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	long := strings.Repeat("a", 256)
	put := func(name string) error {
		// Beside the name, the way of returning values is no way and the item has no key.
		_, err := c.db.PutItem(t.Context(), &sdk.PutItemInput{TableName: &name, Item: obj{}, ReturnValues: "INVALID"})
		return err
	}
	get := func(name string) error {
		_, err := c.db.TransactGetItems(t.Context(), &sdk.TransactGetItemsInput{TransactItems: []types.TransactGetItem{
			{Get: &types.Get{TableName: aws.String("right"), Key: obj{}}}, {Get: &types.Get{TableName: &name, Key: obj{}}}}})
		return err
	}
	write := func(name string) error {
		_, err := c.db.TransactWriteItems(t.Context(), &sdk.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
			{ConditionCheck: &types.ConditionCheck{TableName: &name, Key: obj{}, ConditionExpression: aws.String("a")}}}})
		return err
	}
	batchGet := func(name string) error {
		_, err := c.db.BatchGetItem(t.Context(), &sdk.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
			name: {Keys: []obj{{}}}}})
		return err
	}
	batchWrite := func(name string) error {
		_, err := c.db.BatchWriteItem(t.Context(), &sdk.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{
			name: {{PutRequest: &types.PutRequest{Item: obj{}}}}}})
		return err
	}
	const other = "arn:aws:dynamodb:us-east-1:000000000000:table/"
	cases := []struct {
		name, table string
		call        func(table string) error
		message     string
	}{
		{"short", "ab", put, badName("ab", "tableName", tooShort)},
		{"long", long, put, badName(long, "tableName", "Member must have length less than or equal to 255")},
		{"bad characters", "bad table!@#", put, badName("bad table!@#", "tableName", noMatch)},
		{"both", "x!", put, "2 validation errors detected: Value 'x!' at 'tableName' failed to satisfy constraint: " +
			noMatch + "; Value 'x!' at 'tableName' failed to satisfy constraint: " + tooShort},
		{"by ARN", other + "ab", put, badName(other+"ab", "tableName", tooShort)},
		{"transacted read", "ab", get, badName("ab", "transactItems.2.member.get.tableName", tooShort)},
		{"transacted write", "ab", write, badName("ab", "transactItems.1.member.conditionCheck.tableName", tooShort)},
		{"batch of reads", "ab", batchGet, badName("{ab=...}", "requestItems", mapKeys)},
		{"batch of writes", "a b c", batchWrite, badName("{a b c=...}", "requestItems", mapKeys)},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			wantError(t, tc.call(tc.table), "ValidationException", tc.message)
		})
	}
	t.Run("right", func(t *testing.T) {
		_, err := c.db.DescribeTable(t.Context(), &sdk.DescribeTableInput{TableName: aws.String(long[1:])})
		var absent *types.ResourceNotFoundException
		require.ErrorAs(t, err, &absent)
	})
}

func TestManagement_namesItsTable(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	for name, call := range map[string]func(context.Context, *string) error{
		"CreateTable": func(ctx context.Context, table *string) error {
			_, err := c.db.CreateTable(ctx, &sdk.CreateTableInput{TableName: table, KeySchema: schema("pk")}, unchecked)
			return err
		},
		"DescribeTable": func(ctx context.Context, table *string) error {
			_, err := c.db.DescribeTable(ctx, &sdk.DescribeTableInput{TableName: table}, unchecked)
			return err
		},
		"DeleteTable": func(ctx context.Context, table *string) error {
			_, err := c.db.DeleteTable(ctx, &sdk.DeleteTableInput{TableName: table}, unchecked)
			return err
		},
		"UpdateTimeToLive": func(ctx context.Context, table *string) error {
			_, err := c.db.UpdateTimeToLive(ctx, &sdk.UpdateTimeToLiveInput{TableName: table,
				TimeToLiveSpecification: &types.TimeToLiveSpecification{}}, unchecked)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			wantError(t, call(t.Context(), nil), "ValidationException",
				"The parameter 'TableName' is required but was not present in the request")
			wantError(t, call(t.Context(), aws.String("ab")), "ValidationException", badName("ab", "tableName", tooShort))
		})
	}
}

// unchecked leaves out the client's own look at its input, as clients without one do.
func unchecked(o *sdk.Options) {
	o.APIOptions = append(o.APIOptions, func(s *middleware.Stack) error {
		_, err := s.Initialize.Remove("OperationInputValidation")
		return err
	})
}
