package dynamodb

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
)

func TestTransactWriteItems_forgetsTokensThatExpired(t *testing.T) {
	t.Parallel()
	var s *Service
	c := awstest.New(t, func(h *gateway.Host) gateway.Service {
		s = New(h).(*Service)
		return s
	})
	client := sdk.NewFromConfig(c.Config())
	_, err := client.CreateTable(t.Context(), &sdk.CreateTableInput{TableName: aws.String("tab"),
		BillingMode:          types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("k"), AttributeType: "S"}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("k"), KeyType: "HASH"}}})
	require.NoError(t, err)
	c.Advance(time.Minute)
	write := func(token, value string) error {
		_, err := client.TransactWriteItems(t.Context(), &sdk.TransactWriteItemsInput{ClientRequestToken: &token,
			TransactItems: []types.TransactWriteItem{{Put: &types.Put{TableName: aws.String("tab"),
				Item: map[string]types.AttributeValue{"k": &types.AttributeValueMemberS{Value: value}}}}}})
		return err
	}
	rows := func() (tokens, order int) {
		require.NoError(t, s.host.Store.View(func(tx *store.Tx) error {
			s.tokens.ScanAll(tx, func(ident.Scope, string, token) bool { tokens++; return true })
			s.stale.ScanAll(tx, func(ident.Scope, string, string) bool { order++; return true })
			return nil
		}))
		return tokens, order
	}
	for i := range 35 {
		require.NoError(t, write(fmt.Sprint("old", i), "a"))
	}
	var other *types.IdempotentParameterMismatchException
	require.ErrorAs(t, write("old3", "b"), &other)
	c.Advance(11 * time.Minute)
	require.NoError(t, write("old3", "b"), "the token has expired")
	for i := range 4 {
		require.NoError(t, write(fmt.Sprint("new", i), "a"))
	}
	tokens, order := rows()
	require.Equal(t, 5, tokens)
	require.Equal(t, 5, order)
}
