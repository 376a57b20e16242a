package dynamodb

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"
)

// Which writes a fault strikes is the same in each run: tables are asked for in one
// order, as the handler does.
func TestSplitWrites_asksForTablesInOneOrder(t *testing.T) {
	t.Parallel()
	in := &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{}}
	var names []string
	for i := range 9 {
		names = append(names, fmt.Sprint("table", i))
		in.RequestItems[names[i]] = make([]types.WriteRequest, 1)
	}
	var asked []string
	kept, merge := splitWrites(in, func(table string) bool {
		asked = append(asked, table)
		return len(asked) == 3
	})
	require.Equal(t, names, asked)
	require.Len(t, kept.RequestItems, 8)
	out := &dynamodb.BatchWriteItemOutput{}
	merge(out)
	require.Equal(t, map[string][]types.WriteRequest{"table2": in.RequestItems["table2"]}, out.UnprocessedItems)
}
