package dynamodb_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// sorts lists the sort keys of items.
func sorts(items []map[string]types.AttributeValue) []string {
	out := []string{}
	for _, it := range items {
		out = append(out, it["sk"].(*types.AttributeValueMemberN).Value)
	}
	return out
}

func TestQuery_selectsByEveryKeyCondition(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.orders(t)
	for _, v := range []string{"-10", "-9.5", "0", "2", "10", "1e3"} {
		c.put(t, "orders", obj{"pk": s("a"), "sk": n(v)})
	}
	c.put(t, "orders", obj{"pk": s("b"), "sk": n(1)})
	for text, want := range map[string][]string{
		"pk = :a":                            {"-10", "-9.5", "0", "2", "10", "1000"},
		"pk = :a AND sk = :lo":               {"-9.5"},
		"pk = :a AND sk < :lo":               {"-10"},
		"pk = :a AND sk <= :lo":              {"-10", "-9.5"},
		"pk = :a AND sk > :hi":               {"1000"},
		"sk >= :hi AND pk = :a":              {"10", "1000"},
		"pk = :a AND sk BETWEEN :lo AND :hi": {"-9.5", "0", "2", "10"},
	} {
		values := obj{":a": s("a")}
		for name, v := range map[string]types.AttributeValue{":lo": n("-9.5"), ":hi": n("10")} {
			if strings.Contains(text, name) {
				values[name] = v
			}
		}
		in := &sdk.QueryInput{TableName: aws.String("orders"), KeyConditionExpression: aws.String(text),
			ExpressionAttributeValues: values}
		out, err := c.db.Query(t.Context(), in)
		require.NoError(t, err, text)
		require.Equal(t, want, sorts(out.Items), text)
		in.ScanIndexForward = aws.Bool(false)
		out, err = c.db.Query(t.Context(), in)
		require.NoError(t, err, text)
		back := sorts(out.Items)
		for i, v := range want {
			require.Equal(t, v, back[len(back)-1-i], text)
		}
	}
}

func TestQuery_readsSparseIndexWithProjection(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.orders(t)
	for i := range 6 {
		it := obj{"pk": s(fmt.Sprint("p", i)), "sk": n(i), "at": n(10 - i), "total": n(i), "note": s("x")}
		if i%2 == 0 {
			it["status"] = s("open")
		}
		c.put(t, "orders", it)
	}
	in := &sdk.QueryInput{TableName: aws.String("orders"), IndexName: aws.String("byStatus"),
		KeyConditionExpression: aws.String("#s = :s"), ExpressionAttributeNames: map[string]string{"#s": "status"},
		ExpressionAttributeValues: obj{":s": s("open")}}
	out, err := c.db.Query(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, []string{"4", "2", "0"}, sorts(out.Items), "ordered by the index's sort key")
	require.NotContains(t, out.Items[0], "note")
	require.Contains(t, out.Items[0], "total")
	_, err = c.db.UpdateItem(t.Context(), &sdk.UpdateItemInput{TableName: aws.String("orders"),
		Key:              obj{"pk": s("p2"), "sk": n(2)},
		UpdateExpression: aws.String("REMOVE #s"), ExpressionAttributeNames: map[string]string{"#s": "status"}})
	require.NoError(t, err)
	out, err = c.db.Query(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, []string{"4", "0"}, sorts(out.Items))
}

func TestUpdateTable_backfillsANewIndex(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.orders(t)
	c.put(t, "orders", obj{"pk": s("a"), "sk": n(1), "city": s("Ghent")})
	c.put(t, "orders", obj{"pk": s("a"), "sk": n(2), "city": n(7)}) // of another type: left out
	out, err := c.db.UpdateTable(t.Context(), &sdk.UpdateTableInput{TableName: aws.String("orders"),
		AttributeDefinitions: definitions("city:S"),
		GlobalSecondaryIndexUpdates: []types.GlobalSecondaryIndexUpdate{{Create: &types.CreateGlobalSecondaryIndexAction{
			IndexName: aws.String("byCity"), KeySchema: schema("city"), Projection: all()}}}})
	require.NoError(t, err)
	require.Equal(t, types.TableStatusUpdating, out.TableDescription.TableStatus)
	got, err := c.db.Scan(t.Context(), &sdk.ScanInput{TableName: aws.String("orders"), IndexName: aws.String("byCity")})
	require.NoError(t, err)
	require.EqualValues(t, 1, got.Count)
}

// Source: github.com/nubo-db/dynamodb-conformance, tests/tier2/updateTable/gsi.test.ts, recorded on AWS.
func TestUpdateTable_deletesAnIndexWithKeysOfItsOwn(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.create(t, &sdk.CreateTableInput{TableName: aws.String("places"), AttributeDefinitions: definitions("pk:S"),
		KeySchema: schema("pk")})
	change := func(u types.GlobalSecondaryIndexUpdate, defined ...types.AttributeDefinition) *types.TableDescription {
		out, err := c.db.UpdateTable(t.Context(), &sdk.UpdateTableInput{TableName: aws.String("places"),
			AttributeDefinitions: defined, GlobalSecondaryIndexUpdates: []types.GlobalSecondaryIndexUpdate{u}})
		require.NoError(t, err)
		c.Advance(time.Second)
		return out.TableDescription
	}
	create := types.GlobalSecondaryIndexUpdate{Create: &types.CreateGlobalSecondaryIndexAction{
		IndexName: aws.String("byCity"), KeySchema: schema("city"), Projection: all()}}
	remove := types.GlobalSecondaryIndexUpdate{Delete: &types.DeleteGlobalSecondaryIndexAction{
		IndexName: aws.String("byCity")}}
	for _, kind := range []string{"S", "N"} { // the name is free again, with a key of another type
		change(create, definitions("pk:S", "city:"+kind)...)
		got := change(remove)
		require.Equal(t, types.IndexStatusDeleting, got.GlobalSecondaryIndexes[0].IndexStatus)
		after, err := c.db.DescribeTable(t.Context(), &sdk.DescribeTableInput{TableName: aws.String("places")})
		require.NoError(t, err)
		require.Empty(t, after.Table.GlobalSecondaryIndexes)
		require.Equal(t, definitions("pk:S"), after.Table.AttributeDefinitions)
		c.put(t, "places", obj{"pk": s("a"), "city": &types.AttributeValueMemberBOOL{Value: true}})
	}
}

func TestQuery_stopsAtOneMegabyteBeforeTheFilter(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.orders(t)
	body := s(strings.Repeat("x", 300*1024))
	for i := range 6 {
		c.put(t, "orders", obj{"pk": s("a"), "sk": n(i), "body": body})
		c.Advance(time.Second) // 1,000 units a second are what a partition takes
	}
	out, err := c.db.Query(t.Context(), &sdk.QueryInput{TableName: aws.String("orders"),
		KeyConditionExpression: aws.String("pk = :a"),
		FilterExpression:       aws.String("attribute_exists(nope)"), ExpressionAttributeValues: obj{":a": s("a")},
		ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal})
	require.NoError(t, err)
	require.EqualValues(t, 0, out.Count)
	require.EqualValues(t, 4, out.ScannedCount)
	require.Equal(t, obj{"pk": s("a"), "sk": n(3)}, out.LastEvaluatedKey)
	require.Equal(t, 150.5, *out.ConsumedCapacity.CapacityUnits, "1,200 KB and a little, eventually consistent")
}

func TestPages_joinedAreTheUnpagedAnswer(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.orders(t)
	for i := range 40 {
		c.put(t, "orders", obj{"pk": s(fmt.Sprint("p", i%5)), "sk": n(i * 37 % 41), "status": s("open"), "at": n(i % 3)})
	}
	whole, err := c.db.Scan(t.Context(), &sdk.ScanInput{TableName: aws.String("orders")})
	require.NoError(t, err)
	require.Len(t, whole.Items, 40)
	rapid.Check(t, func(rt *rapid.T) {
		size := rapid.Int32Range(1, 45).Draw(rt, "limit")
		segments := rapid.Int32Range(1, 7).Draw(rt, "segments")
		seen := map[string]int{}
		for segment := range segments {
			in := &sdk.ScanInput{TableName: aws.String("orders"), Limit: &size, Segment: &segment, TotalSegments: &segments}
			for {
				out, err := c.db.Scan(t.Context(), in)
				require.NoError(rt, err)
				for _, it := range out.Items {
					seen[fmt.Sprint(it["pk"].(*types.AttributeValueMemberS).Value, sorts([]map[string]types.AttributeValue{it}))]++
				}
				if in.ExclusiveStartKey = out.LastEvaluatedKey; in.ExclusiveStartKey == nil {
					break
				}
			}
		}
		require.Len(rt, seen, 40)
		for k, times := range seen {
			require.Equal(rt, 1, times, k)
		}
	})
	rapid.Check(t, func(rt *rapid.T) {
		in := &sdk.QueryInput{TableName: aws.String("orders"), IndexName: aws.String("byStatus"),
			KeyConditionExpression: aws.String("#s = :s"), ExpressionAttributeNames: map[string]string{"#s": "status"},
			ExpressionAttributeValues: obj{":s": s("open")}, ScanIndexForward: aws.Bool(rapid.Bool().Draw(rt, "forward"))}
		unpaged, err := c.db.Query(t.Context(), in)
		require.NoError(rt, err)
		in.Limit = aws.Int32(rapid.Int32Range(1, 45).Draw(rt, "limit"))
		var paged []map[string]types.AttributeValue
		for {
			out, err := c.db.Query(t.Context(), in)
			require.NoError(rt, err)
			paged = append(paged, out.Items...)
			if in.ExclusiveStartKey = out.LastEvaluatedKey; in.ExclusiveStartKey == nil {
				break
			}
		}
		require.Equal(rt, unpaged.Items, paged)
	})
}
