package dynamodb_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
)

// BenchmarkPutItem is the cost of a call through the gateway, in tables that
// grow as it goes on.
func BenchmarkPutItem(b *testing.B) {
	for _, table := range []string{"plain", "orders"} { // the latter has two indexes and a stream
		b.Run(table, func(b *testing.B) {
			c := newCloud(b)
			c.orders(b)
			c.create(b, &sdk.CreateTableInput{TableName: aws.String("plain"), AttributeDefinitions: definitions("pk:S", "sk:N"),
				KeySchema: schema("pk", "sk")})
			i := 0
			for b.Loop() {
				i++
				_, err := c.Host.Invoke(b.Context(),
					gateway.Call{Principal: gateway.RootOf(ident.DefaultAccount),
						Scope: ident.Scope{Account: ident.DefaultAccount, Region: ident.DefaultRegion}, Service: "dynamodb",
						Operation: "PutItem",
						Input: &sdk.PutItemInput{TableName: aws.String(table), Item: obj{"pk": s(fmt.Sprint("p", i%1000)), "sk": n(i),
							"status": s(fmt.Sprint("s", i%1000)), "at": n(i), "total": n("12.50")}}})
				require.NoError(b, err)
			}
		})
	}
}
