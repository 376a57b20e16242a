package esm_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/stretchr/testify/require"
)

type item = map[string]dtypes.AttributeValue

func str(v string) dtypes.AttributeValue { return &dtypes.AttributeValueMemberS{Value: v} }

// table makes a table with a stream and returns the stream's ARN.
func (c *cloud) table(client *dynamodb.Client) *string {
	c.t.Helper()
	out, err := client.CreateTable(c.t.Context(), &dynamodb.CreateTableInput{
		TableName: aws.String("tab"), BillingMode: dtypes.BillingModePayPerRequest,
		AttributeDefinitions: []dtypes.AttributeDefinition{{AttributeName: aws.String("pk"),
			AttributeType: dtypes.ScalarAttributeTypeS}},
		KeySchema: []dtypes.KeySchemaElement{{AttributeName: aws.String("pk"), KeyType: dtypes.KeyTypeHash}},
		StreamSpecification: &dtypes.StreamSpecification{StreamEnabled: aws.Bool(true),
			StreamViewType: dtypes.StreamViewTypeNewAndOldImages},
	})
	require.NoError(c.t, err)
	c.Advance(time.Second)
	return out.TableDescription.LatestStreamArn
}

func (c *cloud) save(client *dynamodb.Client, it item) {
	c.t.Helper()
	_, err := client.PutItem(c.t.Context(), &dynamodb.PutItemInput{TableName: aws.String("tab"), Item: it})
	require.NoError(c.t, err)
	c.settle()
}

func TestDynamoDB_deliversExactEvent(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	db := dynamodb.NewFromConfig(c.Config())
	arn := c.table(db)
	c.mapping(func(in *input) { in.EventSourceArn = arn })
	c.save(db, item{"pk": str("a<1>"), "n": &dtypes.AttributeValueMemberN{Value: "1.50"},
		"b": &dtypes.AttributeValueMemberB{Value: []byte{1, 2}},
		"m": &dtypes.AttributeValueMemberM{Value: item{"l": &dtypes.AttributeValueMemberL{Value: []dtypes.AttributeValue{
			&dtypes.AttributeValueMemberBOOL{Value: true}, &dtypes.AttributeValueMemberNULL{Value: true}}}}},
		"ss": &dtypes.AttributeValueMemberSS{Value: []string{"x"}}})
	require.Len(t, c.fn.events(), 1)
	var got map[string][]map[string]any
	require.NoError(t, json.Unmarshal([]byte(c.fn.events()[0].raw), &got))
	rec := got["Records"][0]
	data := rec["dynamodb"].(map[string]any)
	require.NotEmpty(t, rec["eventID"])
	require.NotZero(t, data["SizeBytes"])
	// Python and others tell 1542392340.0, which AWS sends, from 1542392340.
	require.Contains(t, c.fn.events()[0].raw, fmt.Sprintf(`"ApproximateCreationDateTime":%d.0,`, c.Clock.Now().Unix()))
	require.NotEmpty(t, data["SequenceNumber"])
	delete(rec, "eventID")
	delete(data, "SizeBytes")
	delete(data, "SequenceNumber")
	b, err := json.Marshal(rec)
	require.NoError(t, err)
	require.JSONEq(t,
		fmt.Sprintf(
			`{"eventName":"INSERT","eventVersion":"1.1","eventSource":"aws:dynamodb","awsRegion":"us-east-1","eventSourceARN":%q,
		"dynamodb":{"ApproximateCreationDateTime":%d,"Keys":{"pk":{"S":"a<1>"}},"StreamViewType":"NEW_AND_OLD_IMAGES",
		"NewImage":{"pk":{"S":"a<1>"},"n":{"N":"1.5"},"b":{"B":"AQI="},"m":{"M":{"l":{"L":[{"BOOL":true},{"NULL":true}]}}},
			"ss":{"SS":["x"]}}}}`,
			*arn, c.Clock.Now().Unix()), string(b))
}

func TestDynamoDB_filtersRetriesAndRestarts(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	db := dynamodb.NewFromConfig(c.Config())
	arn := c.table(db)
	c.save(db, item{"pk": str("old")})
	tries := 0
	c.fn.handle(func(e event) (any, error) {
		if tries++; tries < 3 {
			return nil, errUser
		}
		return nil, nil
	})
	c.mapping(func(in *input) {
		in.EventSourceArn, in.StartingPosition = arn, types.EventSourcePositionLatest
		in.FilterCriteria = filters(`{"eventName":["INSERT"],"dynamodb":{"NewImage":{"kind":{"S":["order"]}}}}`)
	})
	c.pass(20 * time.Minute) // any iterator expires
	c.save(db, item{"pk": str("1"), "kind": str("order")})
	c.save(db, item{"pk": str("1"), "kind": str("order"), "v": str("2")})
	c.save(db, item{"pk": str("2"), "kind": str("note")})
	c.pass(time.Minute)
	require.Equal(t, [][]string{{"INSERT"}, {"INSERT"}, {"INSERT"}}, c.fn.batches())
	c.fn.Stop()
	c.save(db, item{"pk": str("3"), "kind": str("order")})
	require.NoError(t, c.fn.Start(t.Context()))
	c.pass(time.Minute)
	require.Len(t, c.fn.batches(), 4)
	require.Equal(t, "3", c.fn.events()[3].Records[0].DynamoDB.NewImage["pk"]["S"])
}

func TestDynamoDB_partialFailures(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	db := dynamodb.NewFromConfig(c.Config())
	arn := c.table(db)
	for i := range 4 {
		c.save(db, item{"pk": str(fmt.Sprint(i))})
	}
	failed := false
	c.fn.handle(func(e event) (any, error) {
		if failed {
			return map[string]any{}, nil
		}
		failed = true
		return map[string]any{"batchItemFailures": []any{map[string]string{
			"itemIdentifier": e.Records[2].DynamoDB.SequenceNumber}}}, nil
	})
	c.mapping(report, func(in *input) { in.EventSourceArn = arn })
	c.pass(time.Minute)
	ev := c.fn.events()
	require.Len(t, ev, 2)
	require.Equal(t, "2", ev[1].Records[0].DynamoDB.NewImage["pk"]["S"])
	require.Len(t, ev[1].Records, 2)
	out, err := c.lambda.ListEventSourceMappings(t.Context(), &lambda.ListEventSourceMappingsInput{})
	require.NoError(t, err)
	require.Equal(t, "OK", *out.EventSourceMappings[0].LastProcessingResult)
}
