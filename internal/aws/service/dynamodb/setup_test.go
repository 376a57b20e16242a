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
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/aws/service/dynamodb"
	streams "github.com/pipelab/pipelab/internal/aws/service/dynamodbstreams"
)

// cloud is an emulated cloud with DynamoDB and its streams.
type cloud struct {
	*awstest.Cloud
	db      *sdk.Client
	streams *dynamodbstreams.Client
}

func newCloud(t testing.TB) cloud {
	t.Helper()
	c := awstest.New(t,
		// The order does not matter: either may find the other's log.
		streams.New, dynamodb.New)
	return cloud{c, sdk.NewFromConfig(c.Config()), dynamodbstreams.NewFromConfig(c.Config())}
}

type obj = map[string]types.AttributeValue

func s(v string) types.AttributeValue { return &types.AttributeValueMemberS{Value: v} }
func n(v any) types.AttributeValue    { return &types.AttributeValueMemberN{Value: fmt.Sprint(v)} }

func definitions(names ...string) []types.AttributeDefinition {
	var out []types.AttributeDefinition
	for _, d := range names { // "name:N"
		name, kind, _ := strings.Cut(d, ":")
		out = append(out, types.AttributeDefinition{AttributeName: aws.String(name),
			AttributeType: types.ScalarAttributeType(kind)})
	}
	return out
}

func schema(hash string, sort ...string) []types.KeySchemaElement {
	out := []types.KeySchemaElement{{AttributeName: aws.String(hash), KeyType: types.KeyTypeHash}}
	for _, r := range sort {
		out = append(out, types.KeySchemaElement{AttributeName: aws.String(r), KeyType: types.KeyTypeRange})
	}
	return out
}

func all() *types.Projection { return &types.Projection{ProjectionType: types.ProjectionTypeAll} }

// create makes a table and waits until it is active.
func (c cloud) create(t testing.TB, in *sdk.CreateTableInput) *types.TableDescription {
	t.Helper()
	if in.ProvisionedThroughput == nil {
		in.BillingMode = types.BillingModePayPerRequest
	}
	out, err := c.db.CreateTable(context.Background(), in)
	require.NoError(t, err)
	require.Equal(t, types.TableStatusCreating, out.TableDescription.TableStatus)
	c.Advance(time.Second)
	return out.TableDescription
}

// orders is a table with sort key, a sparse global and a local index.
func (c cloud) orders(t testing.TB) {
	t.Helper()
	c.create(t, &sdk.CreateTableInput{
		TableName: aws.String("orders"), AttributeDefinitions: definitions("pk:S", "sk:N", "status:S", "at:N"),
		KeySchema: schema("pk", "sk"),
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{IndexName: aws.String("byStatus"),
			KeySchema:  schema("status", "at"),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeInclude, NonKeyAttributes: []string{"total"}}}},
		LocalSecondaryIndexes: []types.LocalSecondaryIndex{{IndexName: aws.String("byTime"), KeySchema: schema("pk", "at"),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly}}},
		StreamSpecification: &types.StreamSpecification{StreamEnabled: aws.Bool(true),
			StreamViewType: types.StreamViewTypeNewAndOldImages},
	})
}

func (c cloud) put(t testing.TB, table string, it obj) {
	t.Helper()
	_, err := c.db.PutItem(context.Background(), &sdk.PutItemInput{TableName: aws.String(table), Item: it})
	require.NoError(t, err)
}

func wantError(t testing.TB, err error, code, message string) {
	t.Helper()
	var api smithy.APIError
	require.Error(t, err)
	require.True(t, errors.As(err, &api), "not an API error: %v", err)
	require.Equal(t, code, api.ErrorCode(), api.ErrorMessage())
	require.Equal(t, message, api.ErrorMessage())
}
