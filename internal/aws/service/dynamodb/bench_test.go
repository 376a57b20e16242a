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

// BenchmarkPutItem is the cost of the handler in a table that grows.
func BenchmarkPutItem(b *testing.B) {
	c := newCloud(b)
	c.orders(b)
	i := 0
	for b.Loop() {
		i++
		_, err := c.Host.Invoke(b.Context(), gateway.Call{Principal: gateway.ServicePrincipal("test.amazonaws.com", ident.DefaultAccount),
			Scope: ident.Scope{Account: ident.DefaultAccount, Region: ident.DefaultRegion}, Service: "dynamodb", Operation: "PutItem",
			Input: &sdk.PutItemInput{TableName: aws.String("orders"), Item: obj{"pk": s(fmt.Sprint("p", i%1000)), "sk": n(i),
				"status": s("open"), "at": n(i), "total": n("12.50")}}})
		require.NoError(b, err)
	}
}
