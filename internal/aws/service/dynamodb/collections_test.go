package dynamodb_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"
)

func TestItemCollectionMetrics_areTheSizeOfWhatHasThePartitionKey(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.orders(t)
	const size = types.ReturnItemCollectionMetricsSize
	it := obj{"pk": s("a"), "sk": n(1), "at": n(1)}
	want := types.ItemCollectionMetrics{ItemCollectionKey: obj{"pk": s("a")}, SizeEstimateRangeGB: []float64{0, 1}}
	put, err := c.db.PutItem(t.Context(), &sdk.PutItemInput{TableName: aws.String("orders"), Item: it,
		ReturnItemCollectionMetrics: size})
	require.NoError(t, err)
	require.Equal(t, &want, put.ItemCollectionMetrics)
	key := obj{"pk": s("a"), "sk": n(1)}
	update, err := c.db.UpdateItem(t.Context(), &sdk.UpdateItemInput{TableName: aws.String("orders"), Key: key,
		ReturnItemCollectionMetrics: size})
	require.NoError(t, err)
	require.Equal(t, &want, update.ItemCollectionMetrics)
	remove, err := c.db.DeleteItem(t.Context(), &sdk.DeleteItemInput{TableName: aws.String("orders"), Key: key,
		ReturnItemCollectionMetrics: size})
	require.NoError(t, err)
	require.Equal(t, &want, remove.ItemCollectionMetrics)
	two := obj{"pk": s("a"), "sk": n(2)}
	batch, err := c.db.BatchWriteItem(t.Context(), &sdk.BatchWriteItemInput{ReturnItemCollectionMetrics: size,
		RequestItems: map[string][]types.WriteRequest{"orders": {
			{PutRequest: &types.PutRequest{Item: it}}, {PutRequest: &types.PutRequest{Item: two}}}}})
	require.NoError(t, err)
	collections := map[string][]types.ItemCollectionMetrics{"orders": {want}}
	require.Equal(t, collections, batch.ItemCollectionMetrics, "each collection once")
	transaction, err := c.db.TransactWriteItems(t.Context(), &sdk.TransactWriteItemsInput{
		ReturnItemCollectionMetrics: size, TransactItems: []types.TransactWriteItem{
			{Delete: &types.Delete{TableName: aws.String("orders"), Key: two}}}})
	require.NoError(t, err)
	require.Equal(t, collections, transaction.ItemCollectionMetrics)
	none, err := c.db.PutItem(t.Context(), &sdk.PutItemInput{TableName: aws.String("orders"), Item: it})
	require.NoError(t, err)
	require.Nil(t, none.ItemCollectionMetrics)
}

func TestItemCollectionMetrics_areOfTablesWithLocalIndexesOnly(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.create(t, &sdk.CreateTableInput{TableName: aws.String("plain"), AttributeDefinitions: definitions("pk:S"),
		KeySchema: schema("pk")})
	put, err := c.db.PutItem(t.Context(), &sdk.PutItemInput{TableName: aws.String("plain"), Item: obj{"pk": s("a")},
		ReturnItemCollectionMetrics: types.ReturnItemCollectionMetricsSize})
	require.NoError(t, err)
	require.Nil(t, put.ItemCollectionMetrics)
}

// The texts are recorded on AWS: github.com/nubo-db/dynamodb-conformance, tests/tier3/error-messages.
func TestConstraints_areWordedAsAWSDoes(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.orders(t)
	table, detected := aws.String("orders"), "1 validation error detected: Value"
	_, err := c.db.Query(t.Context(), &sdk.QueryInput{TableName: table, Limit: aws.Int32(0)})
	wantError(t, err, "ValidationException", detected+" at 'Limit' failed to satisfy constraint: "+
		"Member must have value greater than or equal to 1")
	_, err = c.db.Query(t.Context(), &sdk.QueryInput{TableName: table, Select: "NO"})
	wantError(t, err, "ValidationException", detected+" 'NO' at 'select' failed to satisfy constraint: Member must "+
		"satisfy enum value set: [SPECIFIC_ATTRIBUTES, COUNT, ALL_ATTRIBUTES, ALL_PROJECTED_ATTRIBUTES]")
	_, err = c.db.TransactGetItems(t.Context(), &sdk.TransactGetItemsInput{TransactItems: []types.TransactGetItem{}})
	wantError(t, err, "ValidationException", detected+" '[]' at 'transactItems' failed to satisfy constraint: "+
		"Member must have length greater than or equal to 1")
	var writes []types.WriteRequest
	keys := types.KeysAndAttributes{}
	for i := range 101 {
		key := obj{"pk": s("a"), "sk": n(i)}
		keys.Keys = append(keys.Keys, key)
		if i < 26 {
			writes = append(writes, types.WriteRequest{DeleteRequest: &types.DeleteRequest{Key: key}})
		}
	}
	_, err = c.db.BatchWriteItem(t.Context(), &sdk.BatchWriteItemInput{
		RequestItems: map[string][]types.WriteRequest{"orders": writes}})
	wantError(t, err, "ValidationException", detected+" '{orders=[26 elements]}' at 'requestItems' failed to satisfy "+
		"constraint: Map value must satisfy constraint: [Member must have length less than or equal to 25, "+
		"Member must have length greater than or equal to 1]")
	_, err = c.db.BatchGetItem(t.Context(), &sdk.BatchGetItemInput{
		RequestItems: map[string]types.KeysAndAttributes{"orders": keys}})
	wantError(t, err, "ValidationException", detected+" at 'RequestItems.orders.member.Keys' failed to satisfy "+
		"constraint: Member must have length less than or equal to 100")
}

func TestCreateTable_looksAtHowManyAttributesItsKeyHas(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	make := func(keys ...types.KeySchemaElement) error {
		_, err := c.db.CreateTable(t.Context(), &sdk.CreateTableInput{TableName: aws.String("keyed"), KeySchema: keys,
			AttributeDefinitions: definitions("pk:S"), BillingMode: types.BillingModePayPerRequest})
		return err
	}
	wantError(t, make(schema("pk", "pk")...), "ValidationException",
		"Invalid KeySchema: Some index key attribute have no definition")
	var shown []string
	for _, e := range schema("pk", "sk", "x") {
		shown = append(shown, fmt.Sprintf("KeySchemaElement(attributeName=%s, keyType=%s)", *e.AttributeName, e.KeyType))
	}
	wantError(t, make(schema("pk", "sk", "x")...), "ValidationException", "1 validation error detected: Value '["+
		strings.Join(shown, ", ")+"]' at 'keySchema' failed to satisfy constraint: Member must have length less than or "+
		"equal to 2")
}

func TestTagsOfAnotherAccount_areNobodysBusiness(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	arn := "arn:aws:dynamodb:us-east-1:999999999999:table/orders"
	_, err := c.db.ListTagsOfResource(t.Context(), &sdk.ListTagsOfResourceInput{ResourceArn: &arn})
	wantError(t, err, "AccessDeniedException", "User: arn:aws:iam::000000000000:root is not authorized to perform: "+
		"dynamodb:ListTagsOfResource on resource: "+arn)
}
