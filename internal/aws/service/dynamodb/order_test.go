package dynamodb_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func TestExclusiveStartKey_isLookedAtBeforeTheTable(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	for message, value := range map[string]types.AttributeValue{
		"The parameter cannot be converted to a numeric value: x": n("x"),
		"The provided starting key is invalid: " + invalidValues +
			"Null attribute value types must have the value of true": &types.AttributeValueMemberNULL{},
	} {
		_, err := c.db.Scan(t.Context(), &sdk.ScanInput{TableName: aws.String("nowhere"),
			ExclusiveStartKey: obj{"pk": value}})
		wantError(t, err, "ValidationException", message)
		_, err = c.db.Query(t.Context(), &sdk.QueryInput{TableName: aws.String("nowhere"),
			ExclusiveStartKey: obj{"pk": value}})
		wantError(t, err, "ValidationException", message)
	}
}

func TestTransactGetItems_refusesAnEmptyKeyWithoutCancelling(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.orders(t)
	_, err := c.db.TransactGetItems(t.Context(), &sdk.TransactGetItemsInput{TransactItems: []types.TransactGetItem{
		{Get: &types.Get{TableName: aws.String("orders"), Key: obj{"pk": s(""), "sk": n(1)}}}}})
	wantError(t, err, "ValidationException", "One or more parameter values are not valid. The AttributeValue for a key "+
		"attribute cannot contain an empty string value. Key: pk")
}
