package dynamodb_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"
)

// big is an item that costs 100 write units.
func big(pk string, sk int) obj {
	return obj{"pk": s(pk), "sk": n(sk), "b": s(strings.Repeat("x", 100*1024-100))}
}

func putItem(c cloud, table string, it obj) error {
	_, err := c.db.PutItem(context.Background(), &sdk.PutItemInput{TableName: aws.String(table), Item: it})
	return err
}

func reasons(t *testing.T, err error) string {
	t.Helper()
	var provisioned *types.ProvisionedThroughputExceededException
	var onDemand *types.ThrottlingException
	var list []types.ThrottlingReason
	if errors.As(err, &provisioned) {
		list = provisioned.ThrottlingReasons
	} else {
		require.ErrorAs(t, err, &onDemand)
		list = onDemand.ThrottlingReasons
	}
	require.Len(t, list, 1)
	return *list[0].Reason + " " + *list[0].Resource
}

func TestPartition_takesAThousandWriteUnitsASecond(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"on demand", "provisioned"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t)
			in := &sdk.CreateTableInput{TableName: aws.String("tab"), AttributeDefinitions: definitions("pk:S", "sk:N"),
				KeySchema: schema("pk", "sk")}
			if mode == "provisioned" {
				in.ProvisionedThroughput = &types.ProvisionedThroughput{ReadCapacityUnits: aws.Int64(40000),
					WriteCapacityUnits: aws.Int64(40000)}
			}
			c.create(t, in)
			for i := range 10 {
				require.NoError(t, putItem(c, "tab", big("hot", i)))
			}
			got := reasons(t, putItem(c, "tab", big("hot", 10)))
			require.Equal(t, "TableWriteKeyRangeThroughputExceeded arn:aws:dynamodb:us-east-1:000000000000:table/tab", got)
			require.NoError(t, putItem(c, "tab", big("cold", 0)), "another key has a partition of its own")
			c.Advance(200 * time.Millisecond)
			require.NoError(t, putItem(c, "tab", big("hot", 11)), "a fifth of a second gives 200 units")
			require.NoError(t, putItem(c, "tab", big("hot", 12)))
			require.Error(t, putItem(c, "tab", big("hot", 13)))
			c.Advance(time.Hour)
			for i := range 10 {
				require.NoError(t, putItem(c, "tab", big("hot", i)), "a partition saves nothing for bursts")
			}
			require.Error(t, putItem(c, "tab", big("hot", 14)))
		})
	}
}

func TestPartition_takesThreeThousandReadUnitsASecond(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.create(t, &sdk.CreateTableInput{TableName: aws.String("tab"), AttributeDefinitions: definitions("pk:S", "sk:N"),
		KeySchema: schema("pk", "sk")})
	for i := range 9 {
		require.NoError(t, putItem(c, "tab", big("hot", i)))
	}
	query := func() error { // 900 KB, consistently read: 225 units
		_, err := c.db.Query(t.Context(), &sdk.QueryInput{TableName: aws.String("tab"),
			KeyConditionExpression:    aws.String("pk = :p"),
			ExpressionAttributeValues: obj{":p": s("hot")}, ConsistentRead: aws.Bool(true), Select: types.SelectCount})
		return err
	}
	for i := range 14 { // 13 × 225 leave 75, which the 14th overdraws
		require.NoError(t, query(), i)
	}
	require.Contains(t, reasons(t, query()), "TableReadKeyRangeThroughputExceeded")
}

func TestIndex_blocksTheTablesWrites(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	index := func(write int64) *types.ProvisionedThroughput {
		return &types.ProvisionedThroughput{ReadCapacityUnits: aws.Int64(1), WriteCapacityUnits: aws.Int64(write)}
	}
	c.create(t, &sdk.CreateTableInput{TableName: aws.String("tab"), AttributeDefinitions: definitions("pk:S", "sk:N",
		"kind:S"), KeySchema: schema("pk", "sk"),
		ProvisionedThroughput: index(1000),
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{IndexName: aws.String("byKind"), KeySchema: schema("kind"),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly}, ProvisionedThroughput: index(1)}}})
	write := func(i int) error {
		return putItem(c, "tab", obj{"pk": s(fmt.Sprint("k", i)), "sk": n(i), "kind": s("a")})
	}
	for i := range 300 { // what one unit a second saves in five minutes
		require.NoError(t, write(i))
	}
	got := reasons(t, write(300))
	require.Equal(t,
		"IndexWriteProvisionedThroughputExceeded arn:aws:dynamodb:us-east-1:000000000000:table/tab/index/byKind", got)
	require.NoError(t, putItem(c, "tab", obj{"pk": s("k300"), "sk": n(300)}), "an item that is not in the index")
	_, err := c.db.GetItem(t.Context(), &sdk.GetItemInput{TableName: aws.String("tab"),
		Key: obj{"pk": s("k300"), "sk": n(300)}})
	require.NoError(t, err, "reads draw on other units")
}

// Suites that are recorded on AWS load new tables of five units without being throttled;
// five minutes is what is documented of unused capacity:
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/burst-adaptive-capacity.html
func TestTable_savesFiveMinutesOfItsCapacity(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.create(t, &sdk.CreateTableInput{TableName: aws.String("tab"), AttributeDefinitions: definitions("pk:S", "sk:N"),
		KeySchema: schema("pk", "sk"),
		ProvisionedThroughput: &types.ProvisionedThroughput{ReadCapacityUnits: aws.Int64(5),
			WriteCapacityUnits: aws.Int64(5)}})
	for range 2 {
		for i := range 15 { // 100 units each
			require.NoError(t, putItem(c, "tab", big(fmt.Sprint("k", i), i)))
		}
		require.Contains(t, reasons(t, putItem(c, "tab", big("more", 0))), "TableWriteProvisionedThroughputExceeded")
		c.Advance(time.Second)
		require.NoError(t, putItem(c, "tab", big("more", 0)), "five units have come back, which one write overdraws")
		require.Error(t, putItem(c, "tab", big("more", 1)))
		c.Advance(time.Hour)
	}
}

func TestIndex_hasHotKeysToo(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.create(t, &sdk.CreateTableInput{TableName: aws.String("tab"), AttributeDefinitions: definitions("pk:S", "sk:N",
		"kind:S"), KeySchema: schema("pk", "sk"),
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{IndexName: aws.String("byKind"), KeySchema: schema("kind"),
			Projection: all()}}})
	write := func(i int) error {
		it := big(fmt.Sprint("k", i), i)
		it["kind"] = s("a")
		return putItem(c, "tab", it)
	}
	for i := range 10 {
		require.NoError(t, write(i))
	}
	require.Contains(t, reasons(t, write(10)), "IndexWriteKeyRangeThroughputExceeded")
}
