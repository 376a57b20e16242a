package dynamodb

import (
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
)

// splitWrites takes writes out of a call (gateway.Batched).
func splitWrites(in *dynamodb.BatchWriteItemInput, hit func(string) bool) (*dynamodb.BatchWriteItemInput,
	func(*dynamodb.BatchWriteItemOutput)) {
	failed, rest := map[string][]types.WriteRequest{}, map[string][]types.WriteRequest{}
	for _, table := range slices.Sorted(maps.Keys(in.RequestItems)) {
		kept, struck := gateway.Struck(in.RequestItems[table], tableName(&table), hit)
		if len(kept) > 0 {
			rest[table] = kept
		}
		for _, i := range struck {
			failed[table] = append(failed[table], in.RequestItems[table][i])
		}
	}
	if len(failed) == 0 {
		return in, nil
	}
	merge := func(out *dynamodb.BatchWriteItemOutput) {
		if out.UnprocessedItems == nil {
			out.UnprocessedItems = map[string][]types.WriteRequest{}
		}
		for table, requests := range failed {
			out.UnprocessedItems[table] = append(out.UnprocessedItems[table], requests...)
		}
	}
	if len(rest) == 0 {
		return nil, merge
	}
	kept := *in
	kept.RequestItems = rest
	return &kept, merge
}
