package dynamodb_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/gateway"
)

func TestCreateTable_isCreatingThenActive(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	in := &sdk.CreateTableInput{TableName: aws.String("tab"), AttributeDefinitions: definitions("pk:S"),
		KeySchema:   schema("pk"),
		BillingMode: types.BillingModePayPerRequest}
	_, err := c.db.CreateTable(t.Context(), in)
	require.NoError(t, err)
	_, err = c.db.CreateTable(t.Context(), in)
	wantError(t, err, "ResourceInUseException", "Table already exists: tab")
	_, err = c.db.PutItem(t.Context(), &sdk.PutItemInput{TableName: aws.String("tab"), Item: obj{"pk": s("a")}})
	wantError(t, err, "ResourceNotFoundException", "Requested resource not found")
	c.Advance(time.Second)
	out, err := c.db.DescribeTable(t.Context(), &sdk.DescribeTableInput{TableName: aws.String("tab")})
	require.NoError(t, err)
	require.Equal(t, types.TableStatusActive, out.Table.TableStatus)
	_, err = c.db.DeleteTable(t.Context(), &sdk.DeleteTableInput{TableName: aws.String("tab")})
	require.NoError(t, err)
	c.Advance(time.Second)
	_, err = c.db.DescribeTable(t.Context(), &sdk.DescribeTableInput{TableName: aws.String("tab")})
	wantError(t, err, "ResourceNotFoundException", "Requested resource not found: Table: tab not found")
	_, err = c.db.CreateTable(t.Context(), in)
	require.NoError(t, err, "the name is free again")
}

func TestItems_roundTripEveryType(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.orders(t)
	it := obj{"pk": s("a"), "sk": n("1"), "bin": &types.AttributeValueMemberB{Value: []byte{0, 255}},
		"null": &types.AttributeValueMemberNULL{Value: true}, "yes": &types.AttributeValueMemberBOOL{Value: true},
		"ss":   &types.AttributeValueMemberSS{Value: []string{"x", "y"}},
		"ns":   &types.AttributeValueMemberNS{Value: []string{"1", "2.5"}},
		"bs":   &types.AttributeValueMemberBS{Value: [][]byte{{1}, {2}}},
		"list": &types.AttributeValueMemberL{Value: []types.AttributeValue{s(""), n("-0.5")}},
		"map":  &types.AttributeValueMemberM{Value: obj{"k": s("v")}}}
	c.put(t, "orders", it)
	out, err := c.db.GetItem(t.Context(), &sdk.GetItemInput{TableName: aws.String("orders"),
		Key: obj{"pk": s("a"), "sk": n("1.0")}})
	require.NoError(t, err)
	require.Equal(t, it, out.Item)
	d, err := c.db.DescribeTable(t.Context(), &sdk.DescribeTableInput{TableName: aws.String("orders")})
	require.NoError(t, err)
	require.EqualValues(t, 1, *d.Table.ItemCount)
}

func TestUpdateItem_countsAndReturnsWhatItTouched(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.orders(t)
	up := func(expression string, values obj, ret types.ReturnValue) obj {
		out, err := c.db.UpdateItem(t.Context(), &sdk.UpdateItemInput{TableName: aws.String("orders"),
			Key: obj{"pk": s("a"), "sk": n(1)}, UpdateExpression: aws.String(expression),
			ExpressionAttributeValues: values, ReturnValues: ret})
		require.NoError(t, err)
		return out.Attributes
	}
	require.Equal(t, obj{"n": n(5)}, up("ADD n :v", obj{":v": n(5)}, types.ReturnValueUpdatedNew))
	require.Equal(t, obj{"n": n(5)}, up("SET n = n - :v", obj{":v": n("0.1")}, types.ReturnValueUpdatedOld))
	require.Equal(t, obj{"pk": s("a"), "sk": n(1), "n": n("4.9")}, up("REMOVE absent", nil, types.ReturnValueAllNew))
}

func TestPutItem_returnsTheItemThatFailedTheCondition(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.orders(t)
	c.put(t, "orders", obj{"pk": s("a"), "sk": n(1), "v": n(7)})
	_, err := c.db.PutItem(t.Context(), &sdk.PutItemInput{TableName: aws.String("orders"),
		Item:                                obj{"pk": s("a"), "sk": n(1)},
		ConditionExpression:                 aws.String("attribute_not_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld})
	var failed *types.ConditionalCheckFailedException
	require.ErrorAs(t, err, &failed)
	require.Equal(t, "The conditional request failed", failed.ErrorMessage())
	require.Equal(t, n(7), failed.Item["v"])
}

func TestConsumedCapacity_followsSizesAndIndexes(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.orders(t)
	in := &sdk.PutItemInput{TableName: aws.String("orders"), ReturnConsumedCapacity: types.ReturnConsumedCapacityIndexes,
		Item: obj{"pk": s("a"), "sk": n(1), "status": s("open"), "at": n(3), "body": s(strings.Repeat("x", 3200))}}
	out, err := c.db.PutItem(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, 6.0, *out.ConsumedCapacity.CapacityUnits, "4 for 3.2 KB, 1 for each index")
	require.Equal(t, 4.0, *out.ConsumedCapacity.Table.CapacityUnits)
	require.Equal(t, 1.0, *out.ConsumedCapacity.GlobalSecondaryIndexes["byStatus"].CapacityUnits)
	require.Equal(t, 1.0, *out.ConsumedCapacity.LocalSecondaryIndexes["byTime"].CapacityUnits)
	in.Item["status"] = s("paid")
	out, err = c.db.PutItem(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, 2.0, *out.ConsumedCapacity.GlobalSecondaryIndexes["byStatus"].CapacityUnits, "the entry moves")
	require.NotContains(t, out.ConsumedCapacity.LocalSecondaryIndexes, "byTime", "the entry stays as it is")
	got, err := c.db.GetItem(t.Context(), &sdk.GetItemInput{TableName: aws.String("orders"),
		Key:                    obj{"pk": s("a"), "sk": n(1)},
		ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal})
	require.NoError(t, err)
	require.Equal(t, 0.5, *got.ConsumedCapacity.CapacityUnits)
}

func TestProvisionedThroughput_throttlesAndRefills(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.create(t, &sdk.CreateTableInput{TableName: aws.String("tab"), AttributeDefinitions: definitions("pk:S"),
		KeySchema: schema("pk"),
		ProvisionedThroughput: &types.ProvisionedThroughput{ReadCapacityUnits: aws.Int64(1),
			WriteCapacityUnits: aws.Int64(1)}})
	put := func() error {
		_, err := c.db.PutItem(t.Context(), &sdk.PutItemInput{TableName: aws.String("tab"),
			Item: obj{"pk": s("a"), "b": s(strings.Repeat("x", 99*1024))}})
		return err
	}
	require.NoError(t, put(), "a second's worth of 1 WCU; the write costs 100 and overdraws")
	c.Advance(time.Hour)
	for range 3 { // saved are 300 seconds' worth and no more
		require.NoError(t, put())
	}
	wantError(t, put(), "ProvisionedThroughputExceededException",
		"The level of configured provisioned throughput for the table was exceeded. "+
			"Consider increasing your provisioning level with the UpdateTable API.")
	c.Advance(time.Second)
	require.NoError(t, put())
}

func TestFaults_throttleOneTable(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.orders(t)
	c.Host.Faults.Add(gateway.Fault{Kind: gateway.FaultThrottle, Service: "dynamodb", Operation: "PutItem",
		Resource: "orders", Count: 1})
	in := &sdk.PutItemInput{TableName: aws.String("orders"), Item: obj{"pk": s("a"), "sk": n(1)}}
	_, err := c.db.PutItem(t.Context(), in)
	var throttled *types.ProvisionedThroughputExceededException
	require.ErrorAs(t, err, &throttled)
	_, err = c.db.PutItem(t.Context(), in)
	require.NoError(t, err)
}

// A program that looks why a transaction was cancelled finds a reason for each item.
func TestFaults_cancelledTransactionsHaveReasons(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.orders(t)
	c.Host.Faults.Add(gateway.Fault{Kind: gateway.FaultError, Service: "dynamodb", Operation: "TransactWriteItems",
		Count: 1, Error: "TransactionCanceledException", Status: 400})
	var items []types.TransactWriteItem
	for i := range 3 {
		items = append(items,
			types.TransactWriteItem{Put: &types.Put{TableName: aws.String("orders"), Item: obj{"pk": s("a"), "sk": n(i)}}})
	}
	_, err := c.db.TransactWriteItems(t.Context(), &sdk.TransactWriteItemsInput{TransactItems: items})
	var cancelled *types.TransactionCanceledException
	require.ErrorAs(t, err, &cancelled)
	require.Equal(t,
		"Transaction cancelled, please refer cancellation reasons for specific reasons [TransactionConflict, None, None]",
		cancelled.ErrorMessage())
	require.Len(t, cancelled.CancellationReasons, 3)
	require.Equal(t, "TransactionConflict", aws.ToString(cancelled.CancellationReasons[0].Code))
	require.Equal(t, "None", aws.ToString(cancelled.CancellationReasons[2].Code))
	_, err = c.db.TransactWriteItems(t.Context(), &sdk.TransactWriteItemsInput{TransactItems: items})
	require.NoError(t, err)
}

func TestBatchWriteItem_givesFailedEntriesBack(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.orders(t)
	c.Host.Faults.Add(gateway.Fault{Kind: gateway.FaultEntries, Service: "dynamodb", Resource: "orders", Skip: 1,
		Count: 1})
	var writes []types.WriteRequest
	for i := range 3 {
		writes = append(writes, types.WriteRequest{PutRequest: &types.PutRequest{Item: obj{"pk": s("a"), "sk": n(i)}}})
	}
	out, err := c.db.BatchWriteItem(t.Context(),
		&sdk.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{"orders": writes}})
	require.NoError(t, err)
	require.Equal(t, map[string][]types.WriteRequest{"orders": {writes[1]}}, out.UnprocessedItems)
	keys := []map[string]types.AttributeValue{{"pk": s("a"), "sk": n(0)}, {"pk": s("a"), "sk": n(1)},
		{"pk": s("a"), "sk": n(2)}}
	got, err := c.db.BatchGetItem(t.Context(),
		&sdk.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{"orders": {Keys: keys}}})
	require.NoError(t, err)
	require.Len(t, got.Responses["orders"], 2)
}

func TestTransactWriteItems_isAllOrNothing(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.orders(t)
	c.put(t, "orders", obj{"pk": s("stock"), "sk": n(0), "left": n(1)})
	buy := func(order int, token *string) error {
		_, err := c.db.TransactWriteItems(t.Context(), &sdk.TransactWriteItemsInput{ClientRequestToken: token,
			TransactItems: []types.TransactWriteItem{
				{Put: &types.Put{TableName: aws.String("orders"), Item: obj{"pk": s("order"), "sk": n(order)}}},
				{Update: &types.Update{TableName: aws.String("orders"), Key: obj{"pk": s("stock"), "sk": n(0)},
					UpdateExpression: aws.String("SET #l = #l - :one"), ConditionExpression: aws.String("#l >= :one"),
					ExpressionAttributeNames: map[string]string{"#l": "left"}, ExpressionAttributeValues: obj{":one": n(1)}}},
			}})
		return err
	}
	require.NoError(t, buy(1, aws.String("token")))
	require.NoError(t, buy(1, aws.String("token")), "a repeated token writes nothing")
	wantError(t, buy(2, aws.String("token")), "IdempotentParameterMismatchException",
		"Request with the same client token is already in use with different parameters.")
	err := buy(2, nil)
	var canceled *types.TransactionCanceledException
	require.ErrorAs(t, err, &canceled)
	require.Equal(t,
		"Transaction cancelled, please refer cancellation reasons for specific reasons [None, ConditionalCheckFailed]",
		canceled.ErrorMessage())
	require.Equal(t, "ConditionalCheckFailed", *canceled.CancellationReasons[1].Code)
	out, err := c.db.TransactGetItems(t.Context(), &sdk.TransactGetItemsInput{TransactItems: []types.TransactGetItem{
		{Get: &types.Get{TableName: aws.String("orders"), Key: obj{"pk": s("stock"), "sk": n(0)}}},
		{Get: &types.Get{TableName: aws.String("orders"), Key: obj{"pk": s("order"), "sk": n(2)}}}}})
	require.NoError(t, err)
	require.Equal(t, n(0), out.Responses[0].Item["left"])
	require.Empty(t, out.Responses[1].Item)
	c.Advance(10 * time.Minute)
	require.Error(t, buy(1, aws.String("token")), "after ten minutes the token is forgotten")
}
